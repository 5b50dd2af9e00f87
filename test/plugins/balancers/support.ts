import type { Balancer, Plugin, Random, SessionView, StrategyContext } from '../../../src/contracts/index.ts'
import { seededRandom } from '../../../src/kernel/system-random.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, sessionView } from '../../support/strategies.ts'

export const REQUEST = { tenant: 'a', key: undefined, priority: 0 }

export type MutableSession = { -readonly [Field in keyof SessionView]: SessionView[Field] }

const pluginOf = async (use: string): Promise<Plugin> => ((await import(`../../../plugins/balancers/${use}.ts`)) as { default: Plugin }).default

/** A bundled balancer, made from its options as a pool makes it. */
export async function makeBalancer(
  use: string, options: object = {}, random: Random = seededRandom(1), more: Partial<StrategyContext> = {},
): Promise<{ balancer: Balancer; clock: ManualClock }> {
  const { strategy, clock } = await makeStrategy('balancer', use, await pluginOf(use), options, { random, ...more })
  return { balancer: strategy, clock }
}

/** Sessions s0, s1, … with so many requests under way. */
export const withLoads = (...loads: number[]): MutableSession[] => loads.map((load, n) => sessionView({ id: `s${n}`, outstanding: load, load }))

/** How often each is picked. */
export function countPicks(balancer: Balancer, candidates: readonly SessionView[], rounds: number, request = REQUEST): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const { id } = balancer.pick(candidates, request)
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}
