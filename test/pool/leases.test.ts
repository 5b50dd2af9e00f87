import { describe, expect, it } from 'vitest'
import { GreenroomError, type Lease } from '../../src/contracts/index.ts'
import { notesOf, rejection, scene, states, watched, type Watched, write } from './scene.ts'

describe('a lease', () => {
  it('can do nothing any more after its release, and its second release harms nobody (INV 3)', async () => {
    const { pool } = await scene({ size: { max: 1 } })
    const first = await pool.acquire({ key: 'k' })
    first.release()
    const second = await pool.acquire({ key: 'k' })
    first.release()
    first.destroy()
    await first[Symbol.asyncDispose]()
    expect((await rejection(first.request(write('late')))).code).toBe('LEASE_REVOKED')
    expect(await notesOf(second)).toEqual([])
    expect(second.signal.aborted).toBe(false)
    expect(pool.getPoolStats().activeSessions).toBe(1)
  })

  it('tells through its signal that it is over, whenever one looks', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    const { signal } = lease
    const other = await pool.acquire()
    lease.release()
    other.destroy('enough')
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'LEASE_REVOKED' })
    expect(other.signal.reason).toMatchObject({ code: 'LEASE_REVOKED', message: expect.stringContaining('enough') })
  })

  it('is released at the end of a scope and of use(), also when the work throws', async () => {
    const { pool, clock } = await scene({ size: { max: 1 } })
    {
      await using lease = await pool.acquire()
      await lease.request({ op: 'read' })
    }
    await expect(pool.use(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    await clock.settle()
    expect(pool.getPoolStats().activeSessions).toBe(0)
    expect((await rejection(pool.use({}, undefined as never))).code).toBe('ARGUMENT_INVALID')
  })

  it('ends at once when its session crashes: every request hears of exit and stderr (INV 16)', async () => {
    const { pool, clock, control } = await scene({}, { capabilities: { concurrency: 3 } })
    const lease = await pool.acquire({ key: 'k' })
    const asked = [1, 2].map(() => watched(lease.request({ op: 'hang' })))
    const stream = watched(lease.stream({ op: 'hang' }).result)
    const { child } = control.program(lease.sessionId)
    child.stderr = 'out of cheese'
    child.crash('SIGKILL')
    await clock.settle()
    expect([...asked, stream].map(({ code }) => code)).toEqual(['SESSION_CRASHED', 'SESSION_CRASHED', 'SESSION_CRASHED'])
    expect(asked[0]!.error).toMatchObject({ exit: { code: null, signal: 'SIGKILL', stderr: 'out of cheese' }, sessionId: lease.sessionId })
    expect((await rejection(lease.request({ op: 'read' }))).code).toBe('SESSION_CRASHED')
    expect(pool.getPoolStats().crashes).toBe(1)
  })

  it('does not take a clean exit for a crash', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    expect((await rejection(lease.request({ op: 'exit', code: 0 }))).code).toBe('SESSION_EXITED')
    const next = await pool.acquire()
    expect((await rejection(next.request({ op: 'exit', code: 3 }))).code).toBe('SESSION_CRASHED')
    expect(pool.getPoolStats().crashes).toBe(1)
  })

  it('is executed at most once: a request whose session dies is not sent to another (INV 28)', async () => {
    const { pool, clock, programs } = await scene()
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'write', value: 'pay', ms: 10 }))
    await clock.settle()
    programs[0]!.child.crash()
    await clock.advance(5_000)
    expect(asked.code).toBe('SESSION_CRASHED')
    expect(programs.flatMap(({ everWritten }) => everWritten)).toEqual(['pay'])
  })

  it('that is taken back gives nobody a place in its session, though others could share it', async () => {
    const { pool, clock } = await scene(
      { size: { spare: 0 }, timeouts: { active: 1_000, silence: false } }, { capabilities: { concurrency: 2 }, behaviour: { cancelMs: Infinity } },
    )
    const lease = await pool.acquire({ key: 'k' })
    watched(lease.request({ op: 'hang' }))
    const next = new Promise<Watched<Lease>>((resolve) => {
      lease.signal.addEventListener('abort', () => resolve(watched(pool.acquire({ key: 'k' }))))
    })
    await clock.advance(3_000)
    expect((await next).value!.sessionId).not.toBe(lease.sessionId)
  })

  it('is taken back after timeouts.active, whatever its holder awaits, and its session is ended (INV 6)', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 }, timeouts: { active: 1_000, silence: false } })
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }))
    const stream = lease.stream({ op: 'hang' })
    const loop = watched((async () => {
      for await (const _ of stream) await new Promise(() => undefined)
    })())
    await clock.advance(1_000)
    expect(asked.code).toBe('LEASE_TIMEOUT')
    expect(loop.code).toBe('SESSION_BUSY')
    expect(lease.signal.reason).toMatchObject({ code: 'LEASE_TIMEOUT' })
    expect(states(pool)).toEqual([])
  })

  it('is revoked before its session is ended on purpose (INV 4)', async () => {
    const seen: unknown[] = []
    const { pool } = await scene({}, {
      apply: ({ hooks }) => hooks.state.tap('test', (_session, _from, to) => {
        if (to === 'ending') seen.push(lease?.signal.aborted)
      }),
    })
    const lease = await pool.acquire()
    await pool.closeWhere(({ id }) => id === lease.sessionId)
    expect(seen).toEqual([true])
    expect(lease.signal.reason).toMatchObject({ code: 'SESSION_ENDED' })
  })

  it('may be closed anew by whoever hears that it is over', async () => {
    const { pool, clock, problems } = await scene({}, {
      apply: ({ hooks }) => hooks.state.tap('test', (_session, _from, to) => {
        if (to === 'ending') void pool.close()
      }),
    })
    const lease = await pool.acquire()
    lease.signal.addEventListener('abort', () => void pool.closeWhere(() => true))
    const closed = watched(pool.closeWhere(({ id }) => id === lease.sessionId))
    await clock.advance(30_000)
    expect(closed.state).toBe('resolved')
    expect(problems).toEqual([])
    expect(pool.getPoolStats()).toMatchObject({ size: 0, state: 'closed' })
  })
})

describe('a request', () => {
  it('gives the program\'s answer, or its error, and leaves the session as it was', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire({ key: 'k' })
    expect(await lease.request(write('x'))).toMatchObject({ notes: ['x'] })
    const error = await rejection(lease.request({ op: 'fail' }))
    expect(error).toMatchObject({ code: 'REQUEST_FAILED', details: { notes: ['x'] } })
    expect(await notesOf(lease)).toEqual(['x'])
  })

  it('that the driver refuses sends nothing and keeps the session free', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    expect((await rejection(lease.request('what?'))).code).toBe('MESSAGE_INVALID')
    expect(await notesOf(lease)).toEqual([])
  })

  it('ends for its caller at once when it is aborted, and the session is lent again only when the program is done (INV 1)', async () => {
    const { pool, clock, control } = await scene({ size: { max: 1, spare: 0 }, timeouts: { settle: 500 } }, { behaviour: { cancelMs: 200 } })
    const lease = await pool.acquire({ key: 'k' })
    const controller = new AbortController()
    const asked = watched(lease.request({ op: 'hang' }, { signal: controller.signal }))
    controller.abort('enough')
    await clock.settle()
    expect(asked.code).toBe('REQUEST_ABORTED')
    expect((await rejection(lease.request({ op: 'read' }))).code).toBe('SESSION_BUSY')
    lease.release()
    const next = watched(pool.acquire({ key: 'k' }))
    await clock.advance(199)
    expect(next.state).toBe('pending')
    await clock.advance(1)
    expect(next.value!.sessionId).toBe(lease.sessionId)
    expect(control.program(lease.sessionId).unanswered).toBe(0)
  })

  it('that never reaches its terminal message costs its session, not the next caller (INV 1)', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 }, timeouts: { settle: 500 } }, { behaviour: { cancelMs: Infinity } })
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }, { timeout: 100 }))
    await clock.advance(100)
    expect(asked.code).toBe('REQUEST_TIMEOUT')
    lease.release()
    const next = watched(pool.acquire({ key: 'k' }))
    await clock.advance(500)
    expect(next.value!.sessionId).not.toBe(lease.sessionId)
    expect(pool.decisions().find(({ kind }) => kind === 'end')?.reason).toBe('unsettled')
  })

  it('whose answer comes after the abort does no harm', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { cancelMs: Infinity } })
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'read', ms: 300 }, { timeout: 100 }))
    await clock.advance(100)
    lease.release()
    const next = watched(pool.acquire({ key: 'k' }))
    await clock.advance(200)
    expect(asked.code).toBe('REQUEST_TIMEOUT')
    expect(next.value!.sessionId).toBe(lease.sessionId)
  })

  it('with a signal that was aborted already is not sent', async () => {
    const { pool, control } = await scene()
    const lease = await pool.acquire()
    const error = await rejection(lease.request(write('x'), { signal: AbortSignal.abort('no') }))
    expect(error).toMatchObject({ code: 'REQUEST_ABORTED', cause: 'no' })
    expect(control.program(lease.sessionId).everWritten).toEqual([])
  })

  it('of the pool bounds waiting and answering together', async () => {
    const { pool, clock } = await scene({ size: { max: 1, spare: 0 } }, { behaviour: { start: { ms: 60 }, answerMs: 60 } })
    const asked = watched(pool.request({ op: 'read' }, { timeout: 100 }))
    await clock.advance(99)
    expect(asked.state).toBe('pending')
    await clock.advance(1)
    expect(asked.code).toBe('REQUEST_TIMEOUT')
    const fine = watched(pool.request({ op: 'read' }, { timeout: '5s', signal: new AbortController().signal }))
    await clock.advance(1_000)
    expect(fine.value).toMatchObject({ notes: [] })
  })

  it('and what broke the protocol ends the session with the driver\'s reason', async () => {
    const { pool, clock, control } = await scene({}, { capabilities: { concurrency: 2 } })
    const lease = await pool.acquire({ key: 'k' })
    const asked = watched(lease.request({ op: 'hang' }))
    control.program(lease.sessionId).break()
    await clock.settle()
    expect(asked.code).toBe('PROTOCOL_ERROR')
    const other = await pool.acquire({ key: 'k' })
    const again = watched(other.request({ op: 'hang' }))
    control.program(other.sessionId).break(new GreenroomError('FRAME_TOO_LARGE', 'too much'))
    await clock.settle()
    expect(again.code).toBe('FRAME_TOO_LARGE')
  })
})

describe('a stream', () => {
  it('gives every message in order, the terminal one last, and sends nothing before it is looked at', async () => {
    const { pool, clock, control } = await scene()
    const lease = await pool.acquire()
    const stream = lease.stream({ op: 'stream', count: 3, everyMs: 10 })
    await clock.advance(100)
    expect(control.program(lease.sessionId).unanswered).toBe(0)
    const seen: unknown[] = []
    const loop = watched((async () => {
      for await (const message of stream) seen.push(message)
    })())
    await clock.advance(30)
    expect(loop.state).toBe('resolved')
    expect(seen).toEqual([{ left: 2 }, { left: 1 }, { left: 0 }, expect.objectContaining({ notes: [] })])
    expect(await stream.result).toEqual(seen[3])
  })

  it('asks the program to stop when its consumer leaves it', async () => {
    const { pool, clock } = await scene()
    const lease = await pool.acquire()
    const stream = lease.stream({ op: 'stream', count: 3, everyMs: 10 })
    const loop = watched((async () => {
      for await (const _ of stream) break
    })())
    await clock.advance(10)
    expect(loop.state).toBe('resolved')
    expect((await rejection(stream.result)).code).toBe('REQUEST_ABORTED')
    expect(await notesOf(lease)).toEqual([])
  })

  it('gives what has come before it tells of the failure', async () => {
    const { pool, clock, programs } = await scene()
    const lease = await pool.acquire()
    const stream = lease.stream({ op: 'stream', count: 5, everyMs: 10 })
    const seen: unknown[] = []
    const loop = watched((async () => {
      for await (const message of stream) seen.push(message)
    })())
    await clock.advance(20)
    programs[0]!.child.crash()
    await clock.settle()
    expect(seen).toHaveLength(2)
    expect(loop.code).toBe('SESSION_CRASHED')
    expect((await rejection(stream.result)).code).toBe('SESSION_CRASHED')
  })

  it('of a message that is refused rejects, and does not throw before', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    const stream = lease.stream('what?')
    await expect((async () => {
      for await (const _ of stream) expect.unreachable()
    })()).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    await expect(stream.result).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  })

  it('makes the program wait for a consumer who does not read, and goes on when he does', async () => {
    const { pool, clock, control } = await scene()
    const lease = await pool.acquire()
    const { stdout } = control.program(lease.sessionId).child
    const stream = lease.stream({ op: 'stream', count: 80, everyMs: 1 })
    const iterator = stream[Symbol.asyncIterator]()
    const first = watched(iterator.next())
    await clock.advance(1)
    expect(first.state).toBe('resolved')
    await clock.advance(62)
    expect(stdout.isPaused()).toBe(false)
    await clock.advance(10)
    expect(stdout.isPaused()).toBe(true)
    let seen = 1
    const rest = watched((async () => {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) seen++
    })())
    await clock.advance(100)
    expect(rest.state).toBe('resolved')
    expect(seen).toBe(81)
    expect(stdout.isPaused()).toBe(false)
  })
})
