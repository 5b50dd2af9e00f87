import { describe, expect, it } from 'vitest'
import { GreenroomError } from 'greenroom'
import { evaluate, FOREVER, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** A program of a few words. */
const shell = (script: string) => ({ use: 'json-lines', command: 'sh', args: ['-c', script] }) as const

describe('a session that is killed', () => {
  it('is replaced when it was idle, and nobody hears of it', async () => {
    const real = await openPool({ driver: 'node-repl', size: { min: 2, max: 4, spare: 0 } })
    const { pool, pids } = real
    await pool.ready()
    const [victim, bystander] = pids
    process.kill(victim!, 'SIGKILL')
    await until(() => pool.getPoolStats().crashes === 1 && pool.getPoolStats().idleSessions === 2)
    expect(isAlive(victim!)).toBe(false)
    expect(pool.getSessionMetrics().map(({ pid }) => pid)).toContain(bystander)
    expect(pool.getPoolStats()).toMatchObject({ size: 2, started: 3, crashes: 1, breaker: 'closed', requests: 0 })
  })

  it('while it is leased ends its lease and request at once, and the next acquire of the key works', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 } })
    const { pool, endings } = real
    const [lease, other] = await Promise.all([pool.acquire({ key: 'k' }), pool.acquire({ key: 'other' })])
    await Promise.all([evaluate(lease, 'globalThis.x = 1'), evaluate(other, 'globalThis.x = 2')])
    const pid = pidOf(pool, lease)
    const request = greenroomErrorOf(() => lease.request({ code: FOREVER }))
    const stream = greenroomErrorOf(async () => {
      for await (const _event of other.stream({ code: `console.log(1); ${FOREVER}` })) {
        process.kill(pid, 'SIGKILL')
        other.release()
      }
    })

    const error = await request
    expect(error).toMatchObject({ code: 'SESSION_CRASHED', sessionId: lease.sessionId, exit: { code: null, signal: 'SIGKILL' } })
    expect(error.message).toContain('SIGKILL')
    expect(lease.signal.reason).toBe(error)
    expect(await greenroomErrorOf(() => lease.request({ code: '1' }))).toBe(error)
    expect((await stream).code).toBe('LEASE_REVOKED')
    lease.release()
    expect(endings.get(lease.sessionId)).toBe('crashed')

    expect(await pool.use({ key: 'k' }, (next) => evaluate(next, 'typeof x'))).toBe('undefined')
    expect(await pool.use({ key: 'other' }, (next) => evaluate(next, 'x'))).toBe(2)
    expect(pool.getPoolStats()).toMatchObject({ crashes: 1, activeSessions: 0 })
  })

  it('takes those along who wait for its key to a fresh session', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 } })
    const { pool } = real
    const lease = await pool.acquire({ key: 'k' })
    const add = (n: number): string => `globalThis.count = (globalThis.count ?? 0) + ${n}`
    const waiting = [1, 2, 3].map((n) => pool.use({ key: 'k' }, (next) => evaluate(next, add(n))))
    process.kill(pidOf(pool, lease), 'SIGKILL')
    expect(await Promise.all(waiting)).toEqual([1, 3, 6])
  })

  it('together with all others is replaced, and everybody who waits is served without a new call', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 }, timeouts: { acquire: '60s' } })
    const { pool, pids } = real
    const leases = await Promise.all([1, 2, 3, 4].map((n) => pool.acquire({ tenant: `t${n}` })))
    const failing = leases.map((lease) => greenroomErrorOf(() => lease.request({ code: FOREVER })))
    const waiting = Array.from({ length: 12 }, (_, n) => pool.use({ tenant: `t${n}` }, (lease) => evaluate(lease, String(n))))
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    expect((await Promise.all(failing)).map(({ code }) => code)).toEqual(new Array(4).fill('SESSION_CRASHED'))
    expect(await Promise.all(waiting)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    // All of one blow: one failure, no breaker.
    expect(pool.getPoolStats()).toMatchObject({ crashes: 4, breaker: 'closed' })
  })
})

describe('a session that ends by itself', () => {
  it('with code 0 under a request fails that with SESSION_EXITED and is no crash', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 } })
    const { pool, endings } = real
    const lease = await pool.acquire({ key: 'k' })
    const error = await greenroomErrorOf(() => lease.request({ code: 'process.exit(0)' }))
    expect(error).toMatchObject({ code: 'SESSION_EXITED', exit: { code: 0, signal: null } })
    expect(endings.get(lease.sessionId)).toBe('exited')
    expect(await pool.use({ key: 'k' }, (next) => evaluate(next, '1'))).toBe(1)
    expect(pool.getPoolStats().crashes).toBe(0)
  })

  it('with another code crashes, and its last words are in the error', async () => {
    const real = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 } })
    const { pool } = real
    const code = 'require("fs").writeSync(2, "the disk is full\\n"); process.exit(9)'
    const error = await greenroomErrorOf(() => pool.request({ code }, { key: 'k' }))
    expect(error).toMatchObject({ code: 'SESSION_CRASHED', exit: { code: 9, signal: null } })
    expect(error.exit?.stderr).toContain('the disk is full')
    expect(error.message).toContain('the disk is full')
    expect(pool.getPoolStats().crashes).toBe(1)
  })

  it('answers first what it has answered', async () => {
    const real = await openPool({ driver: shell('read line; echo "[1]"; exit 4'), size: { max: 1, spare: 0 } })
    expect(await real.pool.request({}, { key: 'k' })).toEqual([1])
  })
})

describe('a session that says what nobody asked for', () => {
  // It echoes lines, and says something by itself at a signal: so that the test says when.
  const program = `
    process.on('SIGUSR2', () => console.log('{"boo":1}'))
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => console.log(line))`
  const driver = { use: 'json-lines', command: process.execPath, args: ['-e', program] } as const

  it('is ended when nobody holds it, and its key begins anew', async () => {
    const { pool, endings } = await openPool({ driver, size: { max: 2, spare: 0 } })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    expect(await lease.request({ n: 1 })).toEqual({ n: 1 })
    lease.release()
    process.kill(pid, 'SIGUSR2')
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('contaminated')
    const next = await pool.acquire({ key: 'k' })
    expect(next.sessionId).not.toBe(lease.sessionId)
    expect(await next.request({ n: 2 })).toEqual({ n: 2 })
  })

  it('says it to the lease that holds it, which goes on', async () => {
    const { pool } = await openPool({ driver, size: { max: 2, spare: 0 } })
    await using lease = await pool.acquire({ key: 'k' })
    expect(await lease.request({ n: 1 })).toEqual({ n: 1 })
    const heard = new Promise((resolve) => lease.onMessage(resolve))
    process.kill(pidOf(pool, lease), 'SIGUSR2')
    expect(await heard).toEqual({ boo: 1 })
    expect(await lease.request({ n: 2 })).toEqual({ n: 2 })
  })

  it('is ended at once when it breaks its protocol, and its caller is told what it said', async () => {
    const broken = 'read line; echo "Segmentation fault"; cat'
    const { pool, endings } = await openPool({ driver: shell(broken), size: { max: 1, spare: 0 } })
    const error = await greenroomErrorOf(() => pool.request({}, { key: 'k' }))
    expect([error.code, error.message]).toEqual(['PROTOCOL_ERROR', expect.stringContaining('Segmentation fault')])
    expect([...endings.values()]).toEqual(['protocol'])
  })
})

describe('a program that does not start', () => {
  const restart = { initial: '1ms', longest: '20ms', maxCrashes: 3, cooldown: '1h' } as const
  const MISSING = { use: 'json-lines', command: 'no-such-program-anywhere' } as const
  const callers = [1, 2, 3, 4, 5, 6, 7, 8]
  /** As many at once as size.starting says, for each of the failures that are allowed. */
  const MOST_STARTS = 4 * 3

  /** The bottom of a chain of causes. */
  const rootOf = (error: Error): Error => (error.cause instanceof Error ? rootOf(error.cause) : error)

  it('because it is not there tells everybody who waits why, and is not tried for ever', async () => {
    const real = await openPool({ driver: MISSING, size: { min: 1, max: 8, starting: 4 }, restart })
    const { pool } = real
    const errors = await Promise.all(callers.map((n) => greenroomErrorOf(() => pool.acquire({ tenant: `t${n}` }))))
    for (const error of errors) {
      expect(error.code).toBe('BREAKER_OPEN')
      expect(error.cause).toMatchObject({ code: 'START_FAILED' })
      expect(error.message).toContain('"no-such-program-anywhere" could not be started: it was not found on PATH')
      expect(rootOf(error)).toMatchObject({ code: 'ENOENT' })
    }
    const { started, breaker, refusals, size } = pool.getPoolStats()
    expect({ breaker, refusals, size }).toEqual({ breaker: 'open', refusals: 8, size: 0 })
    expect(started).toBeLessThanOrEqual(MOST_STARTS)
    const late = await greenroomErrorOf(() => pool.acquire())
    expect(late.code).toBe('BREAKER_OPEN')
    expect(pool.getPoolStats().started).toBe(started)
    expect(pool.decisions().filter(({ kind }) => kind === 'breaker').map(({ reason }) => reason)).toEqual(['opened: 3 failures within 30s'])
  })

  it('fails ready() with the cause, and warm() and scale() too', async () => {
    const driver = { use: 'json-lines', command: '/no/such/file' } as const
    const { pool } = await openPool({ driver, size: { min: 1, max: 4, spare: 0 }, restart })
    const warmed = pool.warm(2)
    const [ready, scaled] = await Promise.all([greenroomErrorOf(() => pool.ready()), greenroomErrorOf(() => pool.scale(3))])
    expect([ready.code, ready.message]).toEqual(['BREAKER_OPEN', expect.stringContaining('there is no such file')])
    expect(scaled.code).toBe('BREAKER_OPEN')
    expect(await warmed).toBe(0)
  })

  it('because it crashes before it is ready gives its exit code and last words', async () => {
    const program = 'echo "no licence" >&2; exit 3'
    const driver = { ...shell(program), ready: { match: { ready: true } } }
    const real = await openPool({ driver, size: { max: 8, spare: 0, starting: 4 }, restart })
    const { pool } = real
    const [error] = await Promise.all(callers.map((n) => greenroomErrorOf(() => pool.acquire({ tenant: `t${n}` }))))
    expect(error).toMatchObject({ code: 'BREAKER_OPEN', message: expect.stringContaining('no licence') })
    const exit = { code: 3, signal: null, stderr: expect.stringContaining('no licence') }
    expect(error!.cause).toMatchObject({ code: 'START_FAILED', exit })
    expect(pool.getPoolStats().started).toBeLessThanOrEqual(MOST_STARTS)
  })

  it('because it never says that it is ready is given up after timeouts.start', async () => {
    const real = await openPool({
      driver: { use: 'json-lines', command: 'sleep', args: ['1000'], ready: { match: { ready: true } } },
      size: { max: 2, spare: 0 }, timeouts: { start: '100ms' }, restart: { ...restart, maxCrashes: 1 },
    })
    const error = await greenroomErrorOf(() => real.pool.acquire())
    expect([error.code, error.cause]).toEqual(['BREAKER_OPEN', expect.objectContaining({ code: 'START_TIMEOUT' })])
    await until(() => real.pids.size > 0 && [...real.pids].every((pid) => !isAlive(pid)))
  })

  it.each([
    ['crashes as soon as it runs', 'exit 7'],
    ['ends as soon as it runs, as if all were well', 'exit 0'],
  ])('because it %s is not started in a storm', async (_how, program) => {
    const real = await openPool({ driver: shell(program), size: { min: 2, max: 8, starting: 4 }, restart })
    const { pool } = real
    await until(() => (pool.getPoolStats().breaker === 'open' && pool.getPoolStats().size === 0) || pool.getPoolStats().started > 50)
    expect(pool.getPoolStats().started).toBeLessThanOrEqual(MOST_STARTS)
    expect((await greenroomErrorOf(() => pool.acquire())).code).toBe('BREAKER_OPEN')
  })

  it('is tried again after the break, by one start, and serves when that succeeds', async () => {
    // It works from its fifth start on.
    const program = 'echo x >> tries; [ $(wc -l < tries) -ge 5 ] || exit 1; echo "{\\"ready\\":true}"; exec cat'
    const folder = await tempFolder()
    const real = await openPool({
      driver: { ...shell(program), cwd: folder, ready: { match: { ready: true } } },
      size: { min: 1, max: 4, spare: 0, starting: 1 }, restart: { ...restart, cooldown: '50ms' },
    })
    const { pool } = real
    await until(() => pool.getPoolStats().idleSessions === 1)
    expect(pool.getPoolStats()).toMatchObject({ breaker: 'closed', started: 5 })
    expect(await pool.request({ hello: 1 })).toEqual({ hello: 1 })
    const story = pool.decisions().filter(({ kind }) => kind === 'breaker').map(({ reason }) => reason)
    expect(story).toEqual([
      'opened: 3 failures within 30s', 'half-open: one start is tried',
      'opened: 3 failures within 30s', 'half-open: one start is tried', 'closed: a session became ready',
    ])
  })

  it('gives an acquire that gives up the failure of the last start', async () => {
    const real = await openPool({ driver: MISSING, size: { max: 2, spare: 0 }, restart: { initial: '1h', longest: '1h' } })
    const error = await greenroomErrorOf(() => real.pool.acquire({ timeout: '200ms' }))
    expect(error).toMatchObject({ code: 'ACQUIRE_TIMEOUT', pool: { total: 0, active: 0, idle: 0 } })
    expect(error.cause).toBeInstanceOf(GreenroomError)
    expect(error.cause).toMatchObject({ code: 'START_FAILED' })
  })
})
