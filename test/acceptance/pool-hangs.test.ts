import { describe, expect, it } from 'vitest'
import { evaluate, FOREVER, isAlive, openPool, pidOf, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

describe('a session that is stopped', () => {
  it('under a request is found by its silence, and replaced, while others work on', async () => {
    const { pool, endings } = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 }, timeouts: { silence: '1500ms' } })
    const [silent, other] = await Promise.all([pool.acquire({ key: 'silent' }), pool.acquire({ key: 'other' })])
    await evaluate(silent, 'globalThis.x = 1')
    const pid = pidOf(pool, silent)
    const request = greenroomErrorOf(() => silent.request({ code: FOREVER }))
    process.kill(pid, 'SIGSTOP')
    let over = false
    void request.then(() => (over = true))
    let count = 0
    while (!over) expect(await evaluate(other, `globalThis.count = ${++count}`)).toBe(count)

    const error = await request
    expect(error).toMatchObject({ code: 'SESSION_SILENT', sessionId: silent.sessionId })
    expect(error.message).toContain('1.5s (timeouts.silence)')
    await until(() => !isAlive(pid))
    expect(endings.get(silent.sessionId)).toBe('silent')
    expect(await pool.use({ key: 'silent' }, (lease) => evaluate(lease, 'typeof x'))).toBe('undefined')
    expect(await evaluate(other, 'count')).toBe(count)
  })

  it('is not mistaken for one that works for long and says so', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 }, timeouts: { silence: '1s' } })
    const code = 'for (let n = 0; n < 15; n++) { console.log(n); await new Promise((resolve) => setTimeout(resolve, 100)) } "done"'
    expect(await pool.use({ key: 'k' }, (lease) => evaluate(lease, code))).toBe('done')
  })

  it('while it is idle is found by the health check, and replaced', async () => {
    const { pool, pids, endings } = await openPool({
      driver: 'node-repl', size: { min: 2, max: 4, spare: 0 }, health: { every: '100ms', timeout: '700ms' },
    })
    await pool.ready()
    const [stopped] = pids
    const { sessionId } = pool.getSessionMetrics().find(({ pid }) => pid === stopped)!
    process.kill(stopped!, 'SIGSTOP')
    await until(() => endings.get(sessionId) === 'unhealthy')
    await until(() => !isAlive(stopped!) && pool.getPoolStats().idleSessions === 2)
    expect(pool.getPoolStats().requests).toBe(0)
    expect(pool.decisions().some(({ kind, reason }) => kind === 'end' && reason.includes('no answer within 700 ms'))).toBe(true)
  })

  it('is ended by close() within its bound, leased or idle', async () => {
    const { pool, pids } = await openPool({ driver: 'node-repl', size: { min: 2, max: 2, spare: 0 }, timeouts: { close: '200ms' } })
    await pool.ready()
    const lease = await pool.acquire()
    const request = greenroomErrorOf(() => lease.request({ code: FOREVER }))
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    await pool.close()
    expect((await request).code).toBe('POOL_CLOSED')
    expect([...pids].filter(isAlive)).toEqual([])
  })
})

describe('code that runs away', () => {
  it('ends at the time-out of its request; others are unharmed and the key keeps its state', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 4, spare: 0 } })
    const others = await Promise.all([1, 2].map((n) => pool.acquire({ key: `other ${n}` })))
    await pool.use({ key: 'k' }, (lease) => evaluate(lease, 'globalThis.x = 41'))

    const error = await pool.use({ key: 'k' }, (lease) => greenroomErrorOf(async () => {
      const runaway = lease.request({ code: 'while (true) {}' }, { timeout: '300ms' })
      expect(await Promise.all(others.map((other) => evaluate(other, '6 * 7')))).toEqual([42, 42])
      return runaway
    }))
    expect(error.code).toBe('REQUEST_TIMEOUT')
    await using again = await pool.acquire({ key: 'k' })
    expect([again.served, await evaluate(again, 'x + 1')]).toEqual(['same-key', 42])
    expect(pool.getPoolStats().started).toBe(3)
    for (const other of others) other.release()
  })

  it('ends when its caller aborts, and the same lease goes on', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 1, spare: 0 } })
    await using lease = await pool.acquire({ key: 'k' })
    await evaluate(lease, 'globalThis.x = 1')
    const caller = new AbortController()
    const request = greenroomErrorOf(() => lease.request({ code: 'while (true) {}' }, { signal: caller.signal }))
    caller.abort(new Error('changed my mind'))
    expect(await request).toMatchObject({ code: 'REQUEST_ABORTED', cause: { message: 'changed my mind' } })
    let answer: unknown
    await until(async () => {
      answer = await evaluate(lease, 'x').catch((error: { code?: unknown }) => error.code)
      return answer !== 'SESSION_BUSY'
    })
    expect(answer).toBe(1)
  })

  it('is bounded as a whole by the time-out of a one-shot request', async () => {
    const { pool } = await openPool({ driver: 'node-repl', size: { min: 1, max: 1 } })
    await pool.ready()
    const runaway = await greenroomErrorOf(() => pool.request({ code: 'while (true) {}' }, { key: 'k', timeout: '300ms' }))
    expect(runaway.code).toBe('REQUEST_TIMEOUT')
    await using _holder = await pool.acquire({ key: 'k' })
    const waiting = await greenroomErrorOf(() => pool.request({ code: '1' }, { key: 'k', timeout: '100ms' }))
    expect(waiting.code).toBe('ACQUIRE_TIMEOUT')
  })

  it('loses its lease after timeouts.active, at once, and its session with it', async () => {
    const timeouts = { active: '400ms', close: '300ms' } as const
    const { pool, endings } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, timeouts })
    const lease = await pool.acquire({ key: 'k' })
    const pid = pidOf(pool, lease)
    const error = await greenroomErrorOf(() => lease.request({ code: 'while (true) {}' }))
    expect(error.code).toBe('LEASE_TIMEOUT')
    expect(lease.signal.reason).toBe(error)
    expect(await greenroomErrorOf(() => lease.request({ code: '1' }))).toBe(error)
    await until(() => !isAlive(pid))
    expect(endings.get(lease.sessionId)).toBe('lease-timeout')
    expect(await pool.use({ key: 'k' }, ({ sessionId }) => sessionId)).not.toBe(lease.sessionId)
  })

  it('is ended when its program knows no way to stop, before anybody else gets its session', async () => {
    const program = 'while read line; do case $line in *slow*) sleep 1000;; esac; echo "$line"; done'
    const { pool, endings } = await openPool({
      driver: { use: 'json-lines', command: 'sh', args: ['-c', program] },
      size: { max: 2, spare: 0 }, timeouts: { settle: '100ms', close: '200ms' },
    })
    const lease = await pool.acquire({ key: 'k' })
    expect(await lease.request({ n: 1 })).toEqual({ n: 1 })
    expect((await greenroomErrorOf(() => lease.request({ slow: true }, { timeout: '50ms' }))).code).toBe('REQUEST_TIMEOUT')
    lease.release()
    expect(await pool.request({ n: 2 }, { key: 'k' })).toEqual({ n: 2 })
    expect(endings.get(lease.sessionId)).toBe('unsettled')
    expect(pool.getPoolStats().started).toBe(2)
  })
})

describe('a process that does not want to end', () => {
  it('is gone after close(), though it is deaf to the end of its input and to SIGTERM', async () => {
    const deaf = 'trap "" TERM; echo "{\\"ready\\":true}"; exec sleep 1000'
    const { pool, pids } = await openPool({
      driver: { use: 'json-lines', command: 'sh', args: ['-c', deaf], ready: { match: { ready: true } } },
      size: { min: 3, max: 3 }, timeouts: { close: '150ms' },
    })
    await pool.ready()
    const lease = await pool.acquire()
    await pool.close()
    expect(lease.signal.reason).toMatchObject({ code: 'POOL_CLOSED' })
    expect(pids.size).toBe(3)
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it.each([
    ['close()', 'CLOSED'],
    ['its crash', 'KILLED'],
    ['closeWhere()', 'CHOSEN'],
  ])('takes the children of its group along at %s', async (_what, how) => {
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, timeouts: { close: '2s' } })
    const lease = await pool.acquire({ key: 'k' })
    const grandchild = Number(await evaluate(lease, 'require("child_process").spawn("sleep", ["1000"], { stdio: "ignore" }).pid'))
    expect(isAlive(grandchild)).toBe(true)
    if (how === 'KILLED') process.kill(pidOf(pool, lease), 'SIGKILL')
    else if (how === 'CHOSEN') await pool.closeWhere(({ key }) => key === 'k')
    else await pool.close({ grace: 0 })
    await until(() => !isAlive(grandchild))
  })
})
