import { describe, expect, it } from 'vitest'
import type { InMemoryAnswer } from '../../src/testing/index.ts'
import { rejection, scene, watched } from './scene.ts'

const ASK = { op: 'ask', method: 'permission', params: { tool: 'rm' } }

async function asked(lease: { request<T>(message: unknown): Promise<T> }): Promise<unknown> {
  return (await lease.request<InMemoryAnswer>(ASK)).asked
}

describe('a request of the session itself', () => {
  it("is answered by the lease's handler for its method, with what the handler gives or throws", async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    const seen: unknown[] = []
    lease.handle('permission', (params, { method, signal }) => {
      seen.push(params, method, signal.aborted)
      return { allow: true }
    })
    expect(await asked(lease)).toEqual({ allow: true })
    expect(seen).toEqual([{ tool: 'rm' }, 'permission', false])
    lease.handle('permission', async () => 'later')
    expect(await asked(lease)).toBe('later')
    lease.handle('permission', () => {
      throw new Error('not today')
    })
    expect(await asked(lease)).toEqual({ problem: new Error('not today') })
  })

  it("gets the driver's default answer when the lease has no handler for it; '*' is one for all the others", async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    lease.handle('other', () => 'no')
    expect(await asked(lease)).toBe('nobody')
    lease.handle('*', (_params, { method }) => `any ${method}`)
    expect(await asked(lease)).toBe('any permission')
  })

  it('finds handlers that came with the acquire, also one that waited, and with a request', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const handlers = { permission: () => 'yes' }
    expect(await pool.request({ ...ASK }, { handlers })).toMatchObject({ asked: 'yes' })
    const first = await pool.acquire({ handlers })
    const second = watched(pool.acquire({ handlers: { permission: () => 'second' } }))
    expect(await asked(first)).toBe('yes')
    first.release()
    await clock.settle()
    expect(await asked(second.value!)).toBe('second')
  })

  it("never reaches another caller's handler: the handlers go with the lease", async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    const first = await pool.acquire({ key: 'k', handlers: { permission: () => 'first' } })
    first.release()
    await clock.settle()
    expect(await asked(await pool.acquire({ key: 'k' }))).toBe('nobody')
  })

  it('of a shared session goes to the owner of its turn; without a turn it has no certain owner', async () => {
    const { pool, control } = await scene({ isolation: 'none', size: { max: 1 } }, { capabilities: { concurrency: 2 } })
    const a = await pool.acquire({ handlers: { permission: () => 'a' } })
    const b = await pool.acquire({ handlers: { permission: () => 'b' } })
    expect(a.sessionId).toBe(b.sessionId)
    expect(await Promise.all([asked(b), asked(a)])).toEqual(['b', 'a'])
    const program = control.program(a.sessionId)
    expect(await program.ask('permission')).toBe('nobody')
    b.release()
    expect(await program.ask('permission')).toBe('a')
  })

  it("that takes longer than timeouts.answer, or whose lease ends meanwhile, gets the driver's default answer", async () => {
    const { pool, clock, problems, control } = await scene({ timeouts: { answer: '1m', silence: false } })
    const lease = await pool.acquire({ key: 'k' })
    const signals: AbortSignal[] = []
    lease.handle('permission', (_params, { signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    const late = watched(asked(lease))
    await clock.advance(60_000)
    expect(late.value).toBe('nobody')
    expect(problems).toEqual([{ problem: expect.objectContaining({ message: expect.stringContaining('permission within 1m') }), where: expect.stringContaining('handler') }])
    const over = watched(control.program(lease.sessionId).ask('permission'))
    await clock.settle()
    lease.release()
    await clock.settle()
    expect(over.value).toBe('nobody')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('that comes while nobody holds the session is contamination', async () => {
    const { pool, clock, control } = await scene({ size: { min: 1 } })
    const answer = watched(control.program(pool.getSessionMetrics()[0]!.sessionId).ask('permission'))
    await clock.advance(1)
    expect(answer.value).toBe('nobody')
    expect(pool.decisions().filter(({ kind }) => kind === 'end').map(({ reason }) => reason)).toEqual(['contaminated'])
  })

  it('needs handlers that are functions', async () => {
    const { pool } = await scene()
    expect((await rejection(pool.acquire({ handlers: { permission: 'yes' as never } }))).code).toBe('ARGUMENT_INVALID')
    const lease = await pool.acquire()
    expect(() => lease.handle('permission', 'yes' as never)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }))
    lease.release()
    expect(() => lease.handle('permission', () => 'yes')).toThrow(expect.objectContaining({ code: 'LEASE_REVOKED' }))
  })
})

describe('the silence time-out', () => {
  it('pauses while the session waits for its caller', async () => {
    const { pool, clock } = await scene({ timeouts: { silence: '10s', answer: false } })
    const lease = await pool.acquire()
    lease.handle('permission', () => new Promise((resolve) => void clock.setTimer(() => resolve('at last'), 60_000)))
    const answer = watched(asked(lease))
    await clock.advance(60_000)
    expect(answer.value).toBe('at last')
  })

  it('pauses while the driver says that the session works in silence, and only then', async () => {
    const { pool, clock } = await scene({ timeouts: { silence: '10s' } })
    const lease = await pool.acquire()
    const quiet = watched(lease.request({ op: 'quiet', ms: 60_000 }))
    await clock.advance(60_000)
    expect(quiet.state).toBe('resolved')
    const silent = watched(lease.request({ op: 'read', ms: 60_000 }))
    await clock.advance(60_000)
    expect(silent.code).toBe('SESSION_SILENT')
  })
})
