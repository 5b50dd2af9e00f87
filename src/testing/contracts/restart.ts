import { type Failure, type RestartDecision, type RestartPolicy } from '../../contracts/index.ts'
import { type Bench, type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { call, rule, show } from './rules.ts'

const FAILED_START: Failure = Object.freeze({ phase: 'start', readyForMs: 0 })
const EARLY_CRASH: Failure = Object.freeze({ phase: 'crash', readyForMs: 1 })
const LATE_CRASH: Failure = Object.freeze({ phase: 'crash', readyForMs: 86_400_000 })
const ATTEMPTS = 1_000
const LEAST_MS = 60_000
const DAY = 86_400_000
/** Enough for the longest of their first pauses to be near the longest there can be. */
const SEEDS = 30

/** The cases that every restart policy must pass. */
export function restartContract(source: StrategySource<'restart'>): ContractCase[] {
  const { cases, add } = suiteOf('restart', source, 'virtual')

  add('gives a finite pause after any failure', async (bench) => {
    for (const pauseMs of [0, 10, 5_000]) {
      const policy = await bench.make()
      for (let n = 0; n < ATTEMPTS; n++) {
        decide(policy, [FAILED_START, EARLY_CRASH, LATE_CRASH][n % 3])
        if (n % 7 === 0) call('ready()', () => policy.ready())
        if (n % 11 === 0) await bench.clock.advance(pauseMs)
      }
    }
  })

  // INV 7
  add('keeps a program that never starts from being started all the time', async (bench) => {
    const policy = await bench.make()
    let waited = 0
    for (let n = 0; n < ATTEMPTS; n++) {
      const pause = pauseOf(decide(policy, FAILED_START))
      waited += pause
      await bench.clock.advance(pause)
    }
    rule(
      waited >= LEAST_MS,
      `${ATTEMPTS} starts that failed at once, one after the other, took ${Math.round(waited)} ms of pauses: that is a spawn storm. `
      + `Let the pauses grow until such a series takes ${LEAST_MS} ms at least, or open the breaker`,
    )
  })

  add('begins anew after a session was ready and all was quiet for a day', async (bench) => {
    const first = await firstPauses(bench)
    const policy = await bench.make()
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 50; n++) await bench.clock.advance(pauseOf(decide(policy, FAILED_START)))
      call('ready()', () => policy.ready())
      await bench.clock.advance(DAY)
      mustBeLikeFirst(decide(policy, FAILED_START), first, 'after a day without any')
      call('ready()', () => policy.ready())
      await bench.clock.advance(DAY)
    }
  })

  add('takes a session that becomes ready for what it is: no failure', async (bench) => {
    const first = await firstPauses(bench)
    const policy = await bench.make()
    for (let n = 0; n < 200; n++) call('ready()', () => policy.ready())
    mustBeLikeFirst(decide(policy, FAILED_START), first, 'after sessions that had all become ready')
  })

  add('counts the failures of its own pool only', async (bench) => {
    const first = await firstPauses(bench)
    const [policy, other] = [await bench.make(), await bench.make()]
    for (let n = 0; n < 100; n++) decide(other, FAILED_START)
    mustBeLikeFirst(decide(policy, FAILED_START), first, 'while those before it were of another pool')
  })

  add('takes its chance and time from its context: the same again gives the same decisions', async (bench) => {
    const decisions = async (): Promise<string[]> => {
      const policy = await bench.make({ seed: 2 })
      return Array.from({ length: 50 }, () => JSON.stringify(decide(policy, FAILED_START)))
    }
    const [first, second] = [await decisions(), await decisions()]
    rule(first.every((decision, index) => decision === second[index]), 'It decided differently the second time, on the same seed and at the same time: '
      + 'take chance from context.random and time from context.clock')
  })
  return cases
}

/** The decision, which must be one. */
function decide(policy: RestartPolicy, failure: Failure = FAILED_START): RestartDecision {
  const decision = call('failed()', () => policy.failed(failure)) as RestartDecision | undefined
  const ms: unknown = decision?.action === 'retry' ? decision.delayMs : decision?.action === 'open' ? decision.cooldownMs : undefined
  rule(
    typeof ms === 'number' && ms >= 0 && ms < Infinity,
    () => `failed() returned ${show(decision)} for ${show(failure)}: it must be { action: 'retry', delayMs } or { action: 'open', cooldownMs, reason }, `
      + 'of a finite number of milliseconds, and not a promise',
  )
  const reasoned = decision?.action !== 'open' || (typeof decision.reason === 'string' && (decision.reason as string) !== '')
  rule(reasoned, () => `failed() returned ${show(decision)}: reason must say why the breaker opens, for people`)
  return decision!
}

function pauseOf(decision: RestartDecision): number {
  return decision.action === 'retry' ? decision.delayMs : decision.cooldownMs
}

/** What policies that have seen nothing make of a failure: the longest pause, and whether any opens the breaker. */
interface First {
  readonly longest: number
  readonly opens: boolean
}

async function firstPauses(bench: Bench<'restart'>): Promise<First> {
  const decisions: RestartDecision[] = []
  for (let seed = 0; seed < SEEDS; seed++) decisions.push(decide(await bench.make({ seed }), FAILED_START))
  return { longest: Math.max(...decisions.map(pauseOf)), opens: decisions.some(({ action }) => action === 'open') }
}

function mustBeLikeFirst(decision: RestartDecision, first: First, when: string): void {
  const asMild = decision.action === 'retry' ? true : first.opens
  const remedy = "what was long ago, another pool's, or followed by a session that became ready, must not count"
  rule(asMild, () => `The first failure ${when} opened the breaker, and a new policy's first does not: ${remedy}`)
  // With jitter, a first pause is anything up to some bound.
  rule(pauseOf(decision) <= first.longest * 4 + 1, () => `The pause after the first failure ${when} is ${pauseOf(decision)} ms, a new policy's first is up to ${first.longest} ms: ${remedy}`)
}
