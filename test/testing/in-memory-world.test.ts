import { describe, expect, it } from 'vitest'
import { createInMemoryWorld, InMemoryDriver } from '../../src/testing/index.ts'
import { createSpawner } from '../../src/process/spawner.ts'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { rejection, scene, watched, write } from '../pool/scene.ts'

describe('an in-memory world', () => {
  it('makes a pool that works, without a process', async () => {
    const world = createInMemoryWorld()
    const pool = await world.createPool()
    expect(await pool.request(write('x'))).toEqual({ pid: world.children[0]!.pid, notes: ['x'] })
    await pool.close()
    expect(world.control).toMatchObject({ live: 0, peak: 2 })
    expect(world.clock.pending).toBe(0)
  })

  it('repeats itself exactly', async () => {
    const run = async () => {
      const { pool, clock } = await scene({ isolation: 'none', size: { min: 4 } })
      for (let round = 0; round < 20; round++) void pool.request({ op: 'read', ms: round * 7 % 50 }).catch(() => undefined)
      await clock.advance(500)
      return pool.decisions()
    }
    expect(await run()).toEqual(await run())
  })

  it('lets a test say how the next sessions behave, and look into each', async () => {
    const { pool, clock, control, children } = await scene({ size: { spare: 0 } })
    control.next({ answerMs: 10 }, { answerMs: 20 })
    const leases = await Promise.all([pool.acquire({ key: 'a' }), pool.acquire({ key: 'b' }), pool.acquire({ key: 'c' })])
    expect(children.map(({ behaviour }) => behaviour.answerMs)).toEqual([10, 20, 0])
    const slow = watched(leases[0]!.request({ op: 'read' }))
    await clock.advance(10)
    expect(slow.state).toBe('resolved')
    expect(control.program(leases[1]!.sessionId).child).toBe(children[1])
    expect(() => control.program('nobody')).toThrow('no session nobody')
  })

  it('takes messages of its own form only', async () => {
    const { pool } = await scene()
    const lease = await pool.acquire()
    for (const message of [undefined, 5, {}, { op: 'dance' }]) expect((await rejection(lease.request(message))).code).toBe('MESSAGE_INVALID')
    const stream = lease.stream({ op: 'stream', count: 0, everyMs: 1 })
    expect(await stream.result).toMatchObject({ notes: [] })
  })

  it('is deaf and dumb when it is dead', async () => {
    const { pool, programs } = await scene({ size: { spare: 0 } })
    await pool.acquire()
    const { child } = programs[0]!
    child.crash()
    child.crash()
    programs[0]!.say('psst')
    programs[0]!.break()
    expect([child.signal('SIGTERM'), child.signals, programs[0]!.unanswered]).toEqual([false, [], 0])
  })

  it('has a driver that knows its own children only', async () => {
    const world = createInMemoryWorld()
    const child = createSpawner({ clock: systemClock }).spawn({ command: process.execPath, args: ['-e', ''] })
    const driver = new InMemoryDriver({}, () => undefined)
    await expect(driver.open(child, {} as never)).rejects.toThrow('in-memory spawner')
    await child.exited
    expect(world.children).toEqual([])
  })
})
