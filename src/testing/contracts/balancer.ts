import type { SessionView } from '../../contracts/index.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import { addChooserCases, chosen, type Chooser } from './chooser.ts'
import type { ContractCase } from './contract-case.ts'
import { rule } from './rules.ts'
import { anyRequest, session } from './sessions.ts'

const ROUNDS = 4_000
/** Standard deviations: a fair choice is off by more once in two million times. */
const SPREAD = 5

/** What the balancer's suite is about. */
export type BalancerContract = StrategySource<'balancer'> & {
  /**
   * False for a balancer that prefers one of several equal sessions on purpose, as one does that keeps the load on few. Default true: equal
   * ones get equal chances.
   */
  readonly spreads?: boolean
}

const balancer: Chooser<'balancer'> = {
  method: 'pick',
  choose: (strategy, candidates, n) => strategy.pick(candidates, anyRequest(n, seededRandom(n))),
}

/** The cases that every balancer must pass. */
export function balancerContract(contract: BalancerContract): ContractCase[] {
  const { cases, add } = suiteOf('balancer', contract, 'virtual')
  addChooserCases(add, balancer)
  if (contract.spreads === false) return cases

  // INV 25
  add('gives equal sessions equal chances', async (bench) => {
    const equals = Array.from({ length: 8 }, (_, n) => session(n))
    mustBeFair(await picks(await bench.make(), equals), equals, 'all alike')
  })

  add('gives equal sessions equal chances whoever stands beside them', async (bench) => {
    // Whoever looks for the next idle one from somewhere on finds those behind a row of busy ones more often.
    const idle = new Set([0, 1, 7, 12])
    const sessions = Array.from({ length: 16 }, (_, n) => (idle.has(n) ? session(n) : session(n, { state: 'leased', outstanding: 2, leaseCount: 3 })))
    const counts = await picks(await bench.make(), sessions)
    for (const state of ['idle', 'leased'] as const) mustBeFair(counts, sessions.filter((one) => one.state === state), `${state}, and alike`)
  })

  add('gives a session that is as good as the others again its share again', async (bench) => {
    const strategy = await bench.make()
    const others = Array.from({ length: 4 }, (_, n) => session(n))
    const busy = session(4, { state: 'leased', outstanding: 3 })
    for (let n = 0; n < 500; n++) chosen(balancer, strategy, [busy, ...others], n)
    const recovered = session(4)
    const counts = await picks(strategy, [...others.slice(0, 2), recovered, ...others.slice(2)])
    const share = counts.get(recovered.id) ?? 0
    rule(
      share >= ROUNDS / 5 / 2,
      `Of ${ROUNDS} picks among five equal sessions, the one that had been busy before got ${share}: what is remembered of a session must wear off`,
    )
  })
  return cases
}

async function picks(strategy: Parameters<typeof balancer.choose>[0], sessions: readonly SessionView[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let n = 0; n < ROUNDS; n++) {
    const { id } = chosen(balancer, strategy, sessions, n)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

function mustBeFair(counts: ReadonlyMap<string, number>, equals: readonly SessionView[], which: string): void {
  const shares = equals.map(({ id }) => counts.get(id) ?? 0)
  const fair = shares.reduce((sum, share) => sum + share, 0) / equals.length
  const most = SPREAD * Math.sqrt(fair)
  rule(
    shares.every((share) => Math.abs(share - fair) <= most),
    () => `Sessions that are ${which} were picked ${shares.join(', ')} times: choose among equals by context.random, `
      + 'or say that it prefers some on purpose ({ spreads: false })',
  )
}
