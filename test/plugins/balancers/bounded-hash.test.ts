import { describe, expect, it } from 'vitest'
import type { AcquireRequest, Balancer, SessionView } from '../../../src/contracts/index.ts'
import { sessionView } from '../../support/strategies.ts'
import { makeBalancer, type MutableSession, withLoads } from './support.ts'

const of = (tenant: string, key?: string): AcquireRequest => ({ tenant, key, priority: 0 })
const callers = Array.from({ length: 2_000 }, (_, n) => of(`tenant-${n % 40}`, n % 3 === 0 ? `key-${n}` : `other-${n}`))
const idle = (count: number, from = 0): MutableSession[] => Array.from({ length: count }, (_, n) => sessionView({ id: `pool-${from + n}` }))
const placesOf = (balancer: Balancer, candidates: readonly SessionView[]): string[] => callers.map((caller) => balancer.pick(candidates, caller).id)

describe('the balancer bounded-hash', () => {
  it('sends the same key to the same session, in whatever order they are, and in every pool', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const sessions = idle(20)
    const places = placesOf(balancer, sessions)
    expect(placesOf(balancer, [...sessions].reverse())).toEqual(places)
    expect(placesOf((await makeBalancer('bounded-hash')).balancer, sessions)).toEqual(places)
  })

  it('spreads keys evenly', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const counts = new Map<string, number>()
    for (const id of placesOf(balancer, idle(20))) counts.set(id, (counts.get(id) ?? 0) + 1)
    const fair = callers.length / 20
    expect(counts.size).toBe(20)
    for (const count of counts.values()) expect(Math.abs(count - fair)).toBeLessThan(5 * Math.sqrt(fair))
  })

  it('moves to a session that comes only the keys that it gets, about one in so many as there are', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const sessions = idle(19)
    const before = placesOf(balancer, sessions)
    const after = placesOf(balancer, [...sessions, ...idle(1, 19)])
    const moved = after.filter((id, n) => id !== before[n])
    expect(new Set(moved)).toEqual(new Set(['pool-19']))
    expect(Math.abs(moved.length - callers.length / 20)).toBeLessThan(5 * Math.sqrt(callers.length / 20))
  })

  it('moves from a session that goes only the keys that it had, to all the others', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const sessions = idle(20)
    const before = placesOf(balancer, sessions)
    const after = placesOf(balancer, sessions.filter(({ id }) => id !== 'pool-7'))
    const moved = after.filter((id, n) => id !== before[n])
    expect(after.every((id, n) => id === before[n] || before[n] === 'pool-7')).toBe(true)
    expect(new Set(moved).size).toBeGreaterThan(15)
  })

  it('tells keys of different tenants apart, and sends callers without a key by their tenant', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const sessions = idle(500)
    const at = (tenant: string, key?: string): string => balancer.pick(sessions, of(tenant, key)).id
    expect(at('a', 'x')).toBe(at('a', 'x'))
    expect(at('a')).toBe(at('a'))
    expect(new Set([at('a', 'x'), at('b', 'x'), at('a x'), at('a'), at('', 'a x')]).size).toBe(5)
  })

  it('keeps every session below its bound, by epsilon', async () => {
    for (const epsilon of [0, 0.25, 1, undefined]) {
      const { balancer } = await makeBalancer('bounded-hash', epsilon === undefined ? {} : { epsilon })
      const sessions = withLoads(...new Array<number>(10).fill(0))
      for (let n = 0; n < 200; n++) {
        const session = balancer.pick(sessions, of('everybody the same')) as MutableSession
        session.load++
        expect(session.load).toBeLessThanOrEqual(Math.ceil(((1 + (epsilon ?? 0.25)) * (n + 1)) / 10))
      }
      // The one it prefers, and only that or those after it, is full.
      expect(Math.max(...sessions.map(({ load }) => load))).toBe(Math.ceil(((1 + (epsilon ?? 0.25)) * 200) / 10))
    }
  })

  it('comes back to the same session when that has less to do again', async () => {
    const { balancer } = await makeBalancer('bounded-hash')
    const sessions = withLoads(0, 0, 0, 0)
    const home = balancer.pick(sessions, of('a')) as MutableSession
    home.load = 5
    const second = balancer.pick(sessions, of('a'))
    expect(second).not.toBe(home)
    expect(balancer.pick(sessions, of('a'))).toBe(second)
    home.load = 0
    expect(balancer.pick(sessions, of('a'))).toBe(home)
  })

  it('never moves a key when epsilon is very large', async () => {
    const { balancer } = await makeBalancer('bounded-hash', { epsilon: 1e9 })
    const sessions = withLoads(0, 0, 0)
    const home = balancer.pick(sessions, of('a')) as MutableSession
    home.load = 10_000
    expect(balancer.pick(sessions, of('a'))).toBe(home)
  })
})
