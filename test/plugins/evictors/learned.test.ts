import { describe, expect, it } from 'vitest'
import { HazardModel } from '../../../plugins/evictors/learned/hazard-model.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import { sessionView } from '../../support/strategies.ts'
import { live, makeEvictor, MB, MINUTE, type MutableSession } from './support.ts'

describe('the evictor learned', () => {
  it('chooses the least recently used while it has seen nothing', async () => {
    const { evictor, clock } = await makeEvictor('learned')
    clock.advance(60 * MINUTE)
    for (const order of [[30, 10, 20], [10, 20, 30], [20, 30, 10]]) {
      expect(evictor.choose(order.map((lastUsedAt) => sessionView({ id: `at ${lastUsedAt}`, lastUsedAt: lastUsedAt * MINUTE, key: 'k' }))).id).toBe('at 10')
    }
  })

  it('keeps keys that come back soon rather than those that were used last', async () => {
    const scene = await makeEvictor('learned')
    const gaps = { a1: 3 * MINUTE, a2: 3 * MINUTE, a3: 3 * MINUTE, b1: 90 * MINUTE, b2: 90 * MINUTE, b3: 90 * MINUTE }
    const { a1, b1 } = live(scene, gaps, 900 * MINUTE)
    scene.use(a1!)
    scene.use(b1!)
    scene.clock.advance(MINUTE)
    expect(scene.evictor.choose([a1!, b1!])).toBe(b1)
  })

  it('knows the habits of a key that was parked from what was known of it then', async () => {
    const scene = await makeEvictor('learned')
    const gaps = { a1: 3 * MINUTE, a2: 3 * MINUTE, a3: 3 * MINUTE, b1: 90 * MINUTE, b2: 90 * MINUTE, b3: 90 * MINUTE }
    live(scene, gaps, 900 * MINUTE)
    const resumed = (key: string, gapMs: number): MutableSession => {
      const lastUsedAt = scene.clock.wallTime() - gapMs
      return scene.session(key, { past: { uses: 21, firstUsedAt: lastUsedAt - 20 * gapMs, lastUsedAt } })
    }
    const soon = scene.use(resumed('soon', 3 * MINUTE))
    const late = scene.use(resumed('late', 90 * MINUTE))
    const once = scene.use(scene.session('once', { past: { uses: 1, firstUsedAt: 0, lastUsedAt: scene.clock.wallTime() - 90 * MINUTE } }))
    scene.clock.advance(MINUTE)
    expect([scene.evictor.choose([soon, late]), scene.evictor.choose([soon, once])]).toEqual([late, once])
  })

  it('learns from keys that never come back, too: those used as they were go first', async () => {
    const scene = await makeEvictor('learned')
    const lasting = Array.from({ length: 5 }, (_, n) => scene.session(`lasting ${n}`))
    // Short uses are followed by others, long ones by none.
    for (let round = 0; round < 60; round++) {
      for (const session of lasting) scene.use(session, 2_000)
      scene.use(scene.session(`once ${round}`), 4 * MINUTE)
      scene.clock.advance(2 * MINUTE)
    }
    const before = scene.use(scene.session('new, used shortly'), 2_000)
    const after = scene.use(scene.session('new, used for long'), 4 * MINUTE)
    scene.clock.advance(MINUTE)
    expect(scene.evictor.choose([before, after])).toBe(after)
  })

  it('goes by the chance to return within `horizon`: an early one now, or one that comes later and surely', async () => {
    const choose = async (horizon: number) => {
      const scene = await makeEvictor('learned', { horizon })
      for (let round = 0; round < 150; round++) {
        // Of those used for a short time few come back, and at once; of those used for long all do, after forty minutes.
        const quick = scene.use(scene.session(`quick ${round}`), 1_000)
        const slow = scene.use(scene.session(`slow ${round}`), 2 * MINUTE)
        scene.clock.advance(30_000)
        if (round % 4 === 0) scene.use(quick, 1_000)
        scene.clock.advance(40 * MINUTE)
        scene.use(slow, 2 * MINUTE)
      }
      const slow = scene.use(scene.session('slow'), 2 * MINUTE)
      const quick = scene.use(scene.session('quick'), 1_000)
      return scene.evictor.choose([slow, quick]).key
    }
    expect(await choose(1_000)).toBe('slow')
    expect(await choose(60 * MINUTE)).toBe('quick')
  })

  it('remembers the habits of `keys` keys, those that were used last', async () => {
    const choose = async (keys: number) => {
      const scene = await makeEvictor('learned', { keys })
      const { a1, b1 } = live(scene, { a1: 3 * MINUTE, a2: 3 * MINUTE, b1: 90 * MINUTE, b2: 90 * MINUTE }, 1_800 * MINUTE)
      scene.use(a1!)
      scene.use(b1!)
      for (let n = 0; n < 3; n++) scene.use(scene.session(`other ${n}`))
      scene.clock.advance(MINUTE)
      return scene.evictor.choose([a1!, b1!])
    }
    expect((await choose(7)).key).toBe('b1')
    expect((await choose(1)).key).toBe('a1')
  })

  it('gives up the larger of two that are as likely to return, where memory is scarce', async () => {
    const { evictor, clock } = await makeEvictor('learned')
    clock.advance(10 * MINUTE)
    const sessions = [
      sessionView({ id: 'small', lastUsedAt: MINUTE, usage: { memoryBytes: 50 * MB } }),
      sessionView({ id: 'unknown', lastUsedAt: MINUTE + 1 }),
      sessionView({ id: 'large', lastUsedAt: MINUTE + 2, usage: { memoryBytes: 500 * MB, proportionalBytes: 400 * MB } }),
    ]
    expect(evictor.choose(sessions, 'memory').id).toBe('large')
    expect(evictor.choose(sessions, 'places').id).toBe('small')
    expect(evictor.choose(sessions.slice(0, 2), 'memory').id).toBe('small')
  })

  it('learns from keys whose sessions are ended all the same, and lets those without a key be', async () => {
    const scene = await makeEvictor('learned')
    for (let round = 0; round < 300; round++) {
      scene.use(scene.session(undefined))
      for (const key of round % 30 === 0 ? ['a', 'b'] : ['a']) {
        const session = scene.session(key)
        scene.begin(session)
        scene.evictor.left?.(session)
      }
      scene.clock.advance(3 * MINUTE)
    }
    const [a, b] = [scene.use(scene.session('a')), scene.use(scene.session('b'))]
    scene.clock.advance(MINUTE)
    expect(scene.evictor.choose([a, b])).toBe(b)
  })

  it('makes up for a long rest bit by bit', async () => {
    const scene = await makeEvictor('learned')
    for (let n = 0; n < 300; n++) scene.use(scene.session(`key ${n}`), 100)
    scene.clock.advance(48 * 60 * MINUTE)
    const session = scene.session('new')
    for (let n = 0; n < 150; n++) scene.use(session, 100)
    expect(scene.evictor.choose([session])).toBe(session)
  })
})

describe('the hazard that it learns', () => {
  it('comes to the rates that there are, by age and by habit', () => {
    const model = new HazardModel(1)
    const random = seededRandom(3)
    const truth = (habit: number, age: number): number => (0.02 * Math.exp(habit)) / Math.sqrt(age)
    for (let n = 0; n < 4_000; n++) {
      const habit = random.next() * 2 - 1
      const age = 10 ** (1 + 2 * random.next())
      const watched = age / 2
      model.observe([habit], age, watched, random.next() < 1 - Math.exp(-truth(habit, age) * watched))
    }
    for (const [habit, age] of [[-0.8, 20], [0, 100], [0.8, 100], [0, 500]] as const) {
      const ratio = model.rate([habit], age) / truth(habit, age)
      expect(ratio).toBeGreaterThan(0.75)
      expect(ratio).toBeLessThan(1.33)
    }
  })

  it('follows rates that change, however long it has learned before', () => {
    const model = new HazardModel(1)
    const random = seededRandom(4)
    const see = (rate: number, times: number): void => {
      for (let n = 0; n < times; n++) model.observe([0], 100, 50, random.next() < 1 - Math.exp(-rate * 50))
    }
    see(0.02, 20_000)
    expect(model.rate([0], 100)).toBeLessThan(0.024)
    see(0.002, 80_000)
    expect(model.rate([0], 100)).toBeLessThan(0.004)
  })

  it('stays finite, whatever it is told', () => {
    const model = new HazardModel(2)
    for (let n = 0; n < 2_000; n++) model.observe([n % 7 - 3, 3], n % 3 === 0 ? 0 : 1e7, n % 2 === 0 ? 1e-3 : 1e7, n % 5 !== 0)
    for (const age of [0, 1, 1e3, 1e9]) {
      const rate = model.rate([3, -3], age)
      expect(rate).toBeGreaterThan(0)
      expect(rate).toBeLessThan(Infinity)
    }
  })
})
