import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AcquireOptions, Lease, PoolConfig } from 'greenroom'
import type { ClaudeCodeEvent, ClaudeCodePermission, ClaudeCodeResult } from 'greenroom/plugins/drivers/claude-code'
import { describe, expect, it } from 'vitest'
import { claudeWorld } from '../support/claude-code.ts'
import { startHost } from '../support/host-process.ts'
import { isAlive, openPool, pidOf, processesMarked, until, markOf, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { api, options } = await claudeWorld()

async function openClaude(config: Partial<PoolConfig> = {}, more: object = {}): Promise<RealPool & { root: string }> {
  const root = await tempFolder()
  const driver = { use: 'claude-code' as const, ...options, folders: { root }, ...more }
  return { root, ...await openPool({ size: { max: 2, spare: 0 }, timeouts: { start: '60s', acquire: '60s', ...config.timeouts }, ...config, driver }) }
}

const ask = async (lease: Pick<Lease, 'request'>, prompt: string): Promise<string> => (await lease.request<ClaudeCodeResult>({ prompt })).result ?? ''
const say = (pool: RealPool['pool'], who: AcquireOptions, prompt: string): Promise<string> => pool.use(who, (lease) => ask(lease, prompt))

describe('conversations with Claude Code', () => {
  it('are streamed, kept from lease to lease, and stopped when their caller leaves', async () => {
    const { pool, endings } = await openClaude()
    const who = { tenant: 'acme', key: 'chat' }
    await say(pool, who, 'say one')
    const lease = await pool.acquire(who)
    expect(lease.served).toBe('same-key')
    for await (const event of lease.stream<ClaudeCodeEvent>({ prompt: 'hang' })) {
      if (event.type === 'stream_event') break
    }
    lease.release()
    expect(await say(pool, who, 'recall')).toBe('say one\nhang\nrecall')
    expect([endings.size, pool.getPoolStats().started]).toEqual([0, 1])
    expect(api.open()).toBe(0)
  })

  it('outlive their process and their host in the store, and are resumed in a process that nobody had before', async () => {
    const [root, folder] = [await tempFolder(), await tempFolder()]
    const store = { use: 'sqlite' as const, path: join(folder, 'parked.db') }
    const open = (): Promise<RealPool> => openClaude({ size: { max: 1, spare: 0 }, store }, { folders: { root } })
    const before = await open()
    for (const tenant of ['a', 'b']) await say(before.pool, { tenant, key: 'chat' }, `say of ${tenant}`)
    // Only one fits: the other is parked.
    expect(before.pool.getPoolStats()).toMatchObject({ size: 1, parked: 1 })
    await before.pool.close()

    const after = await open()
    expect(after.pool.getPoolStats().parked).toBe(2)
    for (const tenant of ['a', 'b']) expect(await say(after.pool, { tenant, key: 'chat' }, 'recall')).toBe(`say of ${tenant}\nrecall`)
    expect([...before.endings.values()]).toEqual(['parked', 'parked'])
  }, 90_000)

  it('fail at once when the program dies, with its tools, and the next one works', async () => {
    const { pool } = await openClaude({}, { allowedTools: ['Bash(sleep *)'] })
    const lease = await pool.acquire({ key: 'k' })
    const mark = markOf(pidOf(pool, lease))!
    const failed = greenroomErrorOf(async () => {
      for await (const event of lease.stream<ClaudeCodeEvent>({ prompt: 'bash sleep 600' })) {
        if (event.type !== 'assistant') continue
        await until(() => processesMarked(new Set([mark])).length > 1)
        process.kill(pidOf(pool, lease), 'SIGKILL')
      }
    })
    expect(await failed).toMatchObject({ code: 'SESSION_CRASHED', exit: { signal: 'SIGKILL' } })
    await until(() => processesMarked(new Set([mark])).length === 0)
    expect(await say(pool, { key: 'k' }, 'say again')).toBe('again')
  })

  it('are ended when they are silent, but not while a tool runs or a permission is thought about', async () => {
    const { pool, endings } = await openClaude({ timeouts: { silence: '2s' } }, { allowedTools: ['Bash(sleep *)'] })
    const allow = async ({ tool_name }: ClaudeCodePermission): Promise<object> => {
      await new Promise((resolve) => setTimeout(resolve, 2_200))
      return tool_name === 'Bash' ? { behavior: 'allow' } : { behavior: 'deny' }
    }
    const lease = await pool.acquire({ key: 'k', handlers: { can_use_tool: allow } })
    const other = await pool.acquire({ tenant: 'other', key: 'k' })
    const [asked, quiet] = await Promise.all([ask(lease, 'bash touch x; echo made'), ask(other, 'bash sleep 2.2')])
    expect([asked, quiet]).toEqual(['made', expect.stringContaining('no output')])
    other.release()
    expect((await greenroomErrorOf(() => ask(lease, 'hang'))).code).toBe('SESSION_SILENT')
    expect([...endings.values()]).toEqual(['silent'])
  })

  it('are ended when work in the background speaks up while nobody holds them', async () => {
    const { pool, endings } = await openClaude({}, { allowedTools: ['Bash'], backgroundTasks: true })
    const go = join(await tempFolder(), 'go')
    await say(pool, { key: 'k' }, `tool Bash {"command":"until [ -e ${go} ]; do sleep 0.1; done","run_in_background":true}`)
    await writeFile(go, '')
    await until(() => endings.size === 1)
    expect([...endings.values()]).toEqual(['contaminated'])
  })
})

describe('a host of Claude Code that is killed', () => {
  it.runIf(process.platform === 'linux')('in the middle of a turn leaves neither the program behind nor its tools', async () => {
    const driver = { use: 'claude-code', ...options, folders: { root: await tempFolder() }, allowedTools: ['Bash(sleep *)'] }
    const host = startHost({ driver, size: { min: 1, max: 1, spare: 0 }, health: false, stateDir: false })
    const marks = new Set((await host.has('ready')).map((pid) => markOf(pid)!))
    host.tell('visit default k {"prompt":"bash sleep 600"}')
    await until(() => processesMarked(marks).length > 1)
    process.kill(host.pid, 'SIGKILL')
    await host.exited
    await until(() => processesMarked(marks).length === 0)
    // Nor does it go on spending money.
    await until(() => api.open() === 0)
  })
})

describe('a tenant of Claude Code', () => {
  const SECRET = 'swordfish-4711'

  it('finds nothing of another, wherever it looks', async () => {
    const { pool, pids, root } = await openClaude({ size: { max: 3, spare: 1 }, health: { every: '100ms', timeout: '30s' } }, { allowedTools: ['Read'] })
    let asked = 0
    // What "always allow" comes to.
    const always = ({ input, permission_suggestions: updatedPermissions }: ClaudeCodePermission): object => {
      asked++
      return { behavior: 'allow', updatedInput: input, updatedPermissions }
    }
    const handlers = { can_use_tool: always }
    const a = await pool.acquire({ tenant: 'a', key: 'chat', handlers })
    const places = ['planted.txt', '$HOME/planted.txt', '$TMPDIR/planted.txt', '$CLAUDE_CONFIG_DIR/CLAUDE.md']
    await ask(a, `bash echo ${SECRET} | tee ${places.join(' ')}; (while true; do sleep 1; done) & export PLANTED=${SECRET}`)
    for (let n = 0; n < 2; n++) await ask(a, 'bash touch ruled.txt')
    expect(asked).toBe(2)
    await a.request({ control: 'set_model', model: SECRET })
    expect(await ask(a, 'recall')).toContain(SECRET)
    a.release()

    const before = api.requests.length
    const b = await pool.acquire({ tenant: 'b', key: 'chat', handlers })
    const found = await ask(b, `bash set; env; pwd; ls -laR . "$HOME" "$TMPDIR" "$CLAUDE_CONFIG_DIR"; cat ${places.join(' ')}`)
    expect(found).toContain('No such file')
    b.release()
    const other = await pool.acquire({ tenant: 'b', key: 'other' })
    // What A allowed for ever is not allowed to B, who has no handler now.
    expect(await ask(other, 'bash touch ruled.txt')).toContain('denied')
    const told = [found, await ask(other, 'recall'), await other.request({ control: 'list_permission_rules' }), await other.request({ control: 'get_settings' })]
    expect(told.filter((text) => JSON.stringify(text).includes(SECRET))).toEqual([])
    other.release()
    // All that the model was sent for B: system prompt, memory, settings, conversation.
    expect(api.requests.slice(before).filter(({ text }) => text.includes(SECRET))).toEqual([])
    const [folderOfA] = readdirSync(root).filter((name) => name.startsWith('a-'))
    expect(readFileSync(join(root, folderOfA!, 'work', 'planted.txt'), 'utf8')).toContain(SECRET)
    await pool.close()
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it('has a spare of its own, started in its folder', async () => {
    const { pool, root } = await openClaude({ size: { max: 2, spare: 0 } })
    expect(await pool.warm(1, { tenant: 'acme' })).toBe(1)
    const lease = await pool.acquire({ tenant: 'acme' })
    expect(lease.served).toBe('spare')
    expect(await ask(lease, 'say hello')).toBe('hello')
    const [folder] = readdirSync(root)
    // What the model is told of its working directory.
    expect(api.requests.at(-1)!.text).toContain(join(root, folder!, 'work'))
    lease.release()
  })
})
