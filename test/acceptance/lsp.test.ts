import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Lease, PoolConfig } from 'greenroom'
import { describe, expect, it } from 'vitest'
import { isAlive, openPool, pidOf, until, type RealPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BASH_SERVER = createRequire(import.meta.url).resolve('bash-language-server/out/cli.js')

interface Named {
  name: string
}

function openServers(options: object, config: Partial<PoolConfig> = {}): Promise<RealPool> {
  const settings = { bashIde: { shellcheckPath: '', enableSourceErrorDiagnostics: true } }
  const driver = { use: 'lsp' as const, command: process.execPath, args: [BASH_SERVER, 'start'], settings, ...options }
  return openPool({ size: { max: 3, spare: 0 }, timeouts: { start: '60s', acquire: '60s' }, ...config, driver })
}

/** Workspaces `tenant/key` below a new folder, each with a script that has one function. */
async function workspaces(functions: Record<string, string>): Promise<string> {
  const root = await realpath(await tempFolder())
  for (const [workspace, name] of Object.entries(functions)) {
    await mkdir(join(root, workspace), { recursive: true })
    await writeFile(join(root, workspace, 'lib.sh'), `${name}() {\n  echo hello\n}\n`)
  }
  return root
}

type Caller = Pick<Lease, 'request'>

function show(lease: Caller, uri: string, text: string): Promise<unknown> {
  return lease.request({ notify: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'shellscript', version: 1, text } } })
}

async function symbolsIn(lease: Caller, uri: string): Promise<string[]> {
  return (await lease.request<Named[]>({ method: 'textDocument/documentSymbol', params: { textDocument: { uri } } })).map(({ name }) => name)
}

/** All functions the server knows; it looks for them after it is ready. */
async function functionsOf(lease: Caller): Promise<string[]> {
  let names: string[] = []
  await until(async () => {
    names = (await lease.request<Named[]>({ method: 'workspace/symbol', params: { query: '' } })).map(({ name }) => name)
    return names.length > 0
  })
  return names
}

describe('language servers in a pool', () => {
  it('are warm before they are claimed; each knows the workspace of its key, and no other', async () => {
    const root = await workspaces({ 'acme/api': 'serve_api', 'acme/web': 'serve_web' })
    const { pool, pids } = await openServers({ workspace: join(root, '{tenant}', '{key}') }, { size: { min: 1, max: 3, spare: 1 } })
    await pool.ready()
    for (const key of ['api', 'web']) {
      await pool.use({ tenant: 'acme', key }, async (lease) => expect(await functionsOf(lease)).toEqual([`serve_${key}`]))
    }
    const again = await pool.acquire({ tenant: 'acme', key: 'api' })
    expect(again.served).toBe('same-key')
    const uri = pathToFileURL(join(root, 'acme/api/new.sh')).href
    await show(again, uri, 'unsaved() {\n  :\n}\n')
    expect(await symbolsIn(again, uri)).toEqual(['unsaved'])
    again.release()
    expect(await pool.use({ tenant: 'acme', key: 'api' }, (lease) => symbolsIn(lease, uri))).toEqual(['unsaved'])
    await pool.close()
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it('are shared by as many callers of a key as may be', async () => {
    const { pool } = await openServers({ concurrency: 3 })
    const leases = await Promise.all([1, 2, 3].map(() => pool.acquire({ key: 'shared' })))
    expect(new Set(leases.map(({ sessionId }) => sessionId)).size).toBe(1)
    await Promise.all(leases.map((lease, n) => show(lease, `file:///nowhere/${n}.sh`, `f${n}() {\n  :\n}\n`)))
    expect(await Promise.all(leases.map((lease, n) => symbolsIn(lease, `file:///nowhere/${n}.sh`)))).toEqual([['f0'], ['f1'], ['f2']])
    for (const lease of leases) lease.release()
  })

  it('tell their lease what is wrong with a document, and harm nobody when it is gone by then', async () => {
    const { pool, endings } = await openServers({})
    const lease = await pool.acquire({ key: 'k' })
    const heard: { method: string; params: { uri: string; diagnostics: unknown[] } }[] = []
    lease.onMessage((message) => void heard.push(message as (typeof heard)[number]))
    await show(lease, 'file:///nowhere/a.sh', 'source ./no-such.sh\n')
    await until(() => heard.some(({ params }) => params.diagnostics?.length === 1))
    lease.release()
    const next = await pool.acquire({ key: 'k' })
    await show(next, 'file:///nowhere/b.sh', 'source ./no-such.sh\n')
    next.release()
    const last = await pool.acquire({ key: 'k' })
    expect(await symbolsIn(last, 'file:///nowhere/b.sh')).toEqual([])
    expect(last.sessionId).toBe(lease.sessionId)
    last.release()
    expect(endings.size).toBe(0)
  })

  it('can be lent again when a request was given up, once it has come to its end', async () => {
    const { pool, endings } = await openServers({}, { timeouts: { settle: '60s', start: '60s', acquire: '60s' } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    process.kill(pid, 'SIGSTOP')
    const abort = new AbortController()
    const request = lease.request({ method: 'workspace/symbol', params: { query: '' } }, { signal: abort.signal })
    abort.abort()
    expect((await greenroomErrorOf(() => request)).code).toBe('REQUEST_ABORTED')
    lease.release()
    process.kill(pid, 'SIGCONT')
    const again = await pool.acquire({ key: 'k' })
    expect([again.served, await symbolsIn(again, 'file:///nowhere/a.sh')]).toEqual(['same-key', []])
    again.release()
    expect(endings.size).toBe(0)
  })

  it('fail their request at once when they crash, and within the silence time-out when they hang; the next one works', async () => {
    const { pool, endings } = await openServers({}, { timeouts: { silence: '400ms', start: '60s', acquire: '60s' } })
    const request = (lease: Caller): Promise<unknown> => lease.request({ method: 'workspace/symbol', params: { query: '' } })
    for (const [signal, code] of [['SIGKILL', 'SESSION_CRASHED'], [undefined, 'SESSION_SILENT']] as const) {
      const lease = await pool.acquire({ key: 'k' })
      const pid = pidOf(pool, lease)
      process.kill(pid, 'SIGSTOP')
      const failure = greenroomErrorOf(() => request(lease))
      if (signal) process.kill(pid, signal)
      expect((await failure).code).toBe(code)
    }
    expect(await pool.use({ key: 'k' }, request)).toEqual([])
    expect([...endings.values()]).toEqual(['crashed', 'silent'])
  })

  it('answer health checks, also before they are claimed', async () => {
    const { pool, endings } = await openServers({ workspace: '/nowhere/{key}' }, { size: { min: 1, max: 1, spare: 0 }, health: { every: '20ms', timeout: '30s' } })
    await pool.ready()
    let checks = 0
    await until(() => {
      if (pool.getPoolStats().checking > 0) checks++
      return checks > 3
    })
    expect(await pool.use({ key: 'k' }, (lease) => symbolsIn(lease, 'file:///nowhere/a.sh'))).toEqual([])
    expect(endings.size).toBe(0)
  })

  it('need a workspace that nobody can choose for another', async () => {
    const root = await workspaces({ 'acme/api': 'serve_api' })
    const { pool } = await openServers({ workspace: join(root, '{tenant}', '{key}') })
    for (const key of ['../acme/api', '..', undefined]) {
      const error = await greenroomErrorOf(() => pool.acquire({ tenant: 'globex', ...(key !== undefined && { key }) }))
      expect(error.code).toBe('ARGUMENT_INVALID')
    }
  })

  it('keep what one tenant has shown them from every other', async () => {
    const SECRET = 'swordfish_4711'
    const root = await workspaces({ 'a/code': SECRET, 'b/code': 'mine' })
    const { pool } = await openServers({ workspace: join(root, '{tenant}', '{key}') })
    const shown = pathToFileURL(join(root, 'a/code/unsaved.sh')).href
    const a = await pool.acquire({ tenant: 'a', key: 'code' })
    await show(a, shown, `# ${SECRET}\n${SECRET}_open() {\n  :\n}\n`)
    expect(JSON.stringify([await functionsOf(a), await symbolsIn(a, shown)])).toContain(`${SECRET}_open`)
    a.release()

    const b = await pool.acquire({ tenant: 'b', key: 'code' })
    await functionsOf(b)
    const document = { textDocument: { uri: shown }, position: { line: 1, character: 3 } }
    const own = { textDocument: { uri: pathToFileURL(join(root, 'b/code/lib.sh')).href }, position: { line: 0, character: 1 } }
    const seen = await Promise.all([
      b.request({ method: 'workspace/symbol', params: { query: '' } }),
    ])
    for (const params of [document, own]) {
      for (const method of ['textDocument/hover', 'textDocument/definition', 'textDocument/completion', 'textDocument/documentSymbol', 'textDocument/references']) {
        const context = { includeDeclaration: true }
        seen.push(await b.request({ method, params: { ...params, context } }).catch((error: unknown) => error))
      }
    }
    // The path of A's document is B's own question.
    expect(JSON.stringify(seen)).not.toContain(SECRET)
    expect(JSON.stringify(seen)).toContain('mine')
    b.release()
  })
})
