import { describe, expect, it } from 'vitest'
import { notesOf, scene, watched, write } from './scene.ts'

describe('affinity', () => {
  it('brings a key back to its own live session, with its state', async () => {
    const { pool } = await scene()
    const first = await pool.acquire({ key: 'chat' })
    await first.request(write('hello'))
    first.release()
    const again = await pool.acquire({ key: 'chat' })
    expect(again.sessionId).toBe(first.sessionId)
    expect(again.served).toBe('same-key')
    expect(again.generation).toBe(first.generation + 1)
    expect(await notesOf(again)).toEqual(['hello'])
  })

  it('takes the same key of two tenants for two keys', async () => {
    const { pool } = await scene()
    const a = await pool.acquire({ tenant: 'a', key: 'chat' })
    const b = await pool.acquire({ tenant: 'b', key: 'chat' })
    expect(b.sessionId).not.toBe(a.sessionId)
  })

  it('has acquires of one key wait for each other, in their order, and starts no second session', async () => {
    const { pool, clock } = await scene({ size: { spare: 3 } })
    const first = await pool.acquire({ key: 'k' })
    const second = watched(pool.acquire({ key: 'k' }))
    const third = watched(pool.acquire({ key: 'k' }))
    await clock.advance(1_000)
    expect([second.state, third.state]).toEqual(['pending', 'pending'])
    first.release()
    await clock.settle()
    expect([second.state, third.state]).toEqual(['resolved', 'pending'])
    second.value!.release()
    await clock.settle()
    expect(third.value!.sessionId).toBe(first.sessionId)
    expect(pool.getSessionMetrics().filter(({ key }) => key === 'k')).toHaveLength(1)
  })

  it('has several acquires of a new key wait for one start', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 } }, { behaviour: { start: { ms: 100 } } })
    const waiting = [1, 2, 3].map(() => watched(pool.acquire({ key: 'k' })))
    await clock.advance(100)
    expect(waiting.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending'])
    expect(pool.getPoolStats().started).toBe(1)
  })

  it('gives the place of a caller who gave up for a key to the next in its line', async () => {
    const { pool, clock } = await scene({ size: { spare: 0 } }, { behaviour: { start: { ms: 100 } } })
    const impatient = watched(pool.acquire({ key: 'k', timeout: 50 }))
    const patient = watched(pool.acquire({ key: 'k' }))
    await clock.advance(100)
    expect(impatient.code).toBe('ACQUIRE_TIMEOUT')
    expect(patient.state).toBe('resolved')
  })

  it('serves who waits for a key whose session died from a spare that is idle, without a start', async () => {
    const { pool, clock, control } = await scene({ size: { max: 2, spare: 1 } })
    const lease = await pool.acquire({ key: 'k' })
    await clock.advance(10)
    const next = watched(pool.acquire({ key: 'k' }))
    control.program(lease.sessionId).child.crash()
    await clock.settle()
    expect(next.state).toBe('resolved')
    expect(next.value!.served).toBe('spare')
  })

  it('waits for the end of a key\'s dying session before the key gets another', async () => {
    const { pool, clock, control } = await scene({ size: { spare: 1 } }, { behaviour: { eofMs: 1_000 } })
    const lease = await pool.acquire({ key: 'k' })
    await clock.settle()
    lease.destroy()
    const next = watched(pool.acquire({ key: 'k' }))
    await clock.advance(999)
    expect(next.state).toBe('pending')
    await clock.advance(1)
    expect(next.state).toBe('resolved')
    expect(control.program(lease.sessionId).child.alive).toBe(false)
  })

  it('shares a key\'s session as far as the driver multiplexes, and no further', async () => {
    const { pool, clock } = await scene({}, { capabilities: { concurrency: 2 } })
    const one = await pool.acquire({ key: 'k' })
    const two = await pool.acquire({ key: 'k' })
    const three = watched(pool.acquire({ key: 'k' }))
    await clock.advance(100)
    expect(two.sessionId).toBe(one.sessionId)
    expect(three.state).toBe('pending')
    two.release()
    await clock.settle()
    expect(three.value!.sessionId).toBe(one.sessionId)
  })

  it('does not lend a shared session to a second caller before it was prepared for the first', async () => {
    const { pool, clock, programs } = await scene({}, { capabilities: { concurrency: 2, bind: true }, behaviour: { bind: { ms: 100 } } })
    const one = watched(pool.acquire({ key: 'k' }))
    const two = watched(pool.acquire({ key: 'k' }))
    await clock.advance(99)
    expect([one.state, two.state]).toEqual(['pending', 'pending'])
    await clock.advance(1)
    expect([one.state, two.state]).toEqual(['resolved', 'resolved'])
    expect(two.value!.sessionId).toBe(one.value!.sessionId)
    expect(programs[0]!.bindings).toEqual([{ tenant: 'default', key: 'k' }])
  })

  it('promises each of a shared session\'s leases one request, however many its neighbour makes', async () => {
    const { pool, clock } = await scene({}, { capabilities: { concurrency: 2 }, behaviour: { answerMs: 10 } })
    const one = await pool.acquire({ key: 'k' })
    const two = await pool.acquire({ key: 'k' })
    const asked = [one, one, two].map((lease) => watched(lease.request({ op: 'read' })))
    await clock.advance(10)
    expect(asked.map(({ state, code }) => code ?? state)).toEqual(['resolved', 'SESSION_BUSY', 'resolved'])
  })

  it('lends no place that a neighbour\'s second request takes up', async () => {
    const { pool, clock } = await scene({}, { capabilities: { concurrency: 2 }, behaviour: { answerMs: 10 } })
    const one = await pool.acquire({ key: 'k' })
    const asked = [one, one].map((lease) => watched(lease.request({ op: 'read' })))
    const two = watched(pool.acquire({ key: 'k' }))
    await clock.advance(9)
    expect(two.state).toBe('pending')
    await clock.advance(1)
    expect(asked.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    expect(two.state).toBe('resolved')
  })
})
