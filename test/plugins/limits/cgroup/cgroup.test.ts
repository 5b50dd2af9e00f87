import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import cgroup from '../../../../plugins/limits/cgroup.ts'
import { Groups, removeGroup } from '../../../../plugins/limits/cgroup/groups.ts'
import { systemClock } from '../../../../src/kernel/system-clock.ts'
import { createKernel } from '../../../support/kernel-harness.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { isAlive, openPool, pidOf, until } from '../../../support/real-pool.ts'
import { greenroomErrorOf } from '../../../support/rejection.ts'
import { problemsWith, sessionView } from '../../../support/strategies.ts'
import { tempFolder } from '../../../support/temp-folder.ts'

/** A folder that looks like a group that may be divided. What is in it are plain files: the system does nothing about them. */
async function likeness(controllers = 'cpu memory pids'): Promise<string> {
  const folder = await tempFolder()
  writeFileSync(join(folder, 'cgroup.controllers'), controllers)
  writeFileSync(join(folder, 'cgroup.subtree_control'), controllers)
  return folder
}

/** The limit as a pool makes it, and its hooks. */
async function make(options: object) {
  const kernel = createKernel()
  await kernel.host.apply([cgroup])
  const checked = await kernel.registry.definition('limit', 'cgroup')!.options.parseAsync(options)
  const limit = await kernel.registry.create({ kind: 'limit', name: 'cgroup', options: checked }, kernel.context)
  return { ...kernel, limit, spawned: (sessionId: string) => kernel.hooks.spawn.call({ command: 'cat', args: ['-u'] }, { sessionId }) }
}

const poolGroups = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('greenroom-'))

describe('the limit cgroup', () => {
  it('makes a group for each session with the limits of the config, and has the session begin in it', async () => {
    const parent = await likeness()
    const { spawned, limit } = await make({ parent, memory: '100MB', memoryHigh: '80MB', cpu: 150, processes: 30 })
    const [pool] = poolGroups(parent)
    const group = join(parent, pool!, 's1')
    const spec = spawned('s1')
    expect(spec).toEqual({ command: '/bin/sh', args: ['-c', expect.stringContaining('exec "$@"'), 'greenroom', join(group, 'cgroup.procs'), 'cat', '-u'] })
    const files = Object.fromEntries(readdirSync(group).map((file) => [file, readFileSync(join(group, file), 'utf8')]))
    expect(files).toEqual({ 'memory.max': '104857600', 'memory.oom.group': '1', 'memory.high': '83886080', 'cpu.max': '150000 100000', 'pids.max': '30' })
    expect(readFileSync(join(parent, pool!, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu +memory +pids')
    expect(limit.judge(sessionView(), {}, { stdoutBytes: 0 })).toEqual({ action: 'ok' })
  })

  it('holds a throttled session to its percent, never to more than the config gives it', async () => {
    const parent = await likeness()
    const { spawned, limit } = await make({ parent, cpu: 50 })
    spawned('s1')
    const max = (): string => readFileSync(join(parent, poolGroups(parent)[0]!, 's1/cpu.max'), 'utf8')
    expect(limit.throttle!(sessionView(), 20)).toBe(true)
    expect(max()).toBe('20000 100000')
    limit.throttle!(sessionView(), 70)
    expect(max()).toBe('50000 100000')
    limit.throttle!(sessionView(), undefined)
    expect(max()).toBe('50000 100000')
    expect(limit.throttle!(sessionView({ id: 's2' }), 20)).toBe(false)
    const without = await make({ parent: await likeness('memory') })
    without.spawned('s1')
    expect(without.limit.throttle!(sessionView(), 20)).toBe(false)
  })

  it('says that the system has killed a session, where it has', async () => {
    const parent = await likeness()
    const { spawned, hooks, problems } = await make({ parent, memory: '100MB' })
    spawned('s1')
    const events = join(parent, poolGroups(parent)[0]!, 's1/memory.events')
    writeFileSync(events, 'max 12\noom 1\noom_kill 0\n')
    hooks.state.call(sessionView(), 'leased', 'ending', 'crashed')
    expect(problems).toEqual([])
    writeFileSync(events, 'max 12\noom 1\noom_kill 2\n')
    hooks.state.call(sessionView(), 'leased', 'ending', 'idle')
    expect(problems).toEqual([])
    hooks.state.call(sessionView(), 'leased', 'ending', 'crashed')
    expect(problems).toEqual([expect.stringMatching(/limits\.cgroup: .*s1 was killed by the system: it went over limits\.cgroup\.memory/)])
  })

  it('does nothing where only its plugin is used', async () => {
    const { host, hooks } = createKernel()
    await host.apply([cgroup])
    const spec = { command: 'cat' }
    expect(hooks.spawn.call(spec, { sessionId: 's1' })).toBe(spec)
    hooks.state.call(sessionView(), 'ending', 'gone', undefined)
    await host.close()
  })

  it('is refused where nothing is delegated, and so are options that make no sense', async () => {
    await expect(make({ parent: '/nowhere', memory: '100MB' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    for (const options of [{ memory: 5 }, { cpu: 0 }, { processes: 0 }, { parent: 'here' }, { swap: 1 }]) {
      expect(await problemsWith('limit', 'cgroup', cgroup, options)).not.toEqual([])
    }
  })
})

describe('a group that can not be removed', () => {
  it('is tried for five seconds, and reported', async () => {
    const [folder, clock, problems] = [await likeness(), new ManualClock(), [] as string[]]
    const removal = removeGroup(folder, clock, (_problem, where) => problems.push(where))
    for (let n = 0; n < 300; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(20)
    }
    await removal
    expect(problems).toEqual([`removing the cgroup ${folder}`])
  })

  it('is none when it is gone already', async () => {
    await removeGroup('/nowhere/at/all', systemClock, () => expect.unreachable())
  })
})

/** Where groups are made for real: without controllers, any cgroup v2 that root may write to will do. */
const mount = readFileSyncOr('/proc/self/mountinfo').split('\n').map((line) => line.split(' ')).find((fields) => fields.includes('cgroup2'))?.[4]
const real = mount !== undefined && process.getuid?.() === 0 && existsSync(join(mount, 'cgroup.subtree_control'))

function readFileSyncOr(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

describe.runIf(real)('real groups', () => {
  async function realFolder(): Promise<string> {
    const folder = join(mount!, `greenroom-test-${process.pid}-${Math.random().toString(36).slice(2)}`)
    mkdirSync(folder)
    onTestFinished(() => rmdirSync(folder))
    return folder
  }

  it('have a session in them with all it starts, also what hides from everybody, and go with it', async () => {
    const parent = await realFolder()
    const { pool } = await openPool({ driver: { use: 'json-lines', command: 'sh', args: ['-c', 'while read -r line; do env -i setsid /bin/sleep 1000 >/dev/null 2>&1 & echo $!; done'] }, size: { max: 2, spare: 0 }, limits: { cgroup: { parent } } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    const hidden = await lease.request<number>('hide')
    await until(() => readFileSync(`/proc/${hidden}/environ`, 'latin1') === '')
    expect(readFileSync(`/proc/${hidden}/cgroup`, 'utf8')).toContain(`/${lease.sessionId}\n`)
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`/${lease.sessionId}\n`)
    lease.destroy()
    await until(() => !isAlive(hidden) && readdirSync(join(parent, poolGroups(parent)[0]!)).every((name) => name !== lease.sessionId))
    await pool.close()
    expect(poolGroups(parent)).toEqual([])
  })

  it('are left alone by a session whose program can not be started, which says so', async () => {
    const parent = await realFolder()
    const { pool, problems } = await openPool({ driver: { use: 'json-lines', command: 'no-such-program', ready: { match: {} } }, size: { max: 1, spare: 0 }, limits: { cgroup: { parent } }, restart: { maxCrashes: 1 } })
    const error = await greenroomErrorOf(() => pool.acquire({ timeout: '5s' }))
    expect(String(error.message) + String(error.cause)).toMatch(/no-such-program/)
    await pool.close()
    problems.length = 0
    expect(poolGroups(parent)).toEqual([])
  })

  it('are killed and removed when the process that made them is gone', async () => {
    const parent = await realFolder()
    const abandoned = join(parent, 'greenroom-1073741824-5-pool')
    mkdirSync(join(abandoned, 's1'), { recursive: true })
    const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' })
    writeFileSync(join(abandoned, 's1/cgroup.procs'), String(sleeper.pid))
    const exited = once(sleeper, 'exit')
    const { pool } = await openPool({ driver: { use: 'json-lines', command: 'cat' }, size: { max: 1, spare: 0 }, limits: { cgroup: { parent } } })
    expect((await exited)[1]).toBe('SIGKILL')
    await until(() => !existsSync(abandoned))
    await pool.close()
  })

  it('are removed with all sessions of a pool that is closed, and once only', async () => {
    const path = join(await realFolder(), 'pool')
    const groups = new Groups({ path, controllers: new Set(), limits: [{ file: 'no.such.file', value: '1', optional: true }], clock: systemClock, report: () => expect.unreachable() })
    const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const exited = once(sleeper, 'exit')
    writeFileSync(groups.create('s1'), String(sleeper.pid))
    groups.create('s2')
    expect([groups.has('s1'), groups.has('s3')]).toEqual([true, false])
    await groups.remove('s3')
    await groups.close()
    expect((await exited)[1]).toBe('SIGKILL')
    expect(existsSync(path)).toBe(false)
  })
})
