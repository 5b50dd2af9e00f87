import { type Admission, type AdmissionRefusal, type AdmissionReport, type AcquireRequest, type Random, randomInt } from '../../contracts/index.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { call, rule, show } from './rules.ts'
import { anyRequest } from './sessions.ts'

const OUTCOMES: readonly AdmissionReport['outcome'][] = ['done', 'done', 'done', 'late', 'lost']
/** Callers of one step of a history, and how far the load goes up at the looks. */
const MANY = 1_000

/** The cases that every admission strategy must pass. */
export function admissionContract(source: StrategySource<'admission'>): ContractCase[] {
  const { cases, add } = suiteOf('admission', source, 'virtual')

  add('lets the first caller in', async (bench) => {
    const admission = await bench.make()
    const refusal = admit(admission, request(), 0)
    rule(refusal === undefined, () => `Nobody was in flight, nothing had happened yet, and it refused: ${show(refusal)}`)
  })

  add('refuses in words, with a finite pause, or lets in', async (bench) => {
    const random = seededRandom(1)
    const admission = await bench.make()
    for (let step = 0; step < MANY; step++) {
      admit(admission, anyRequest(step, random), [0, 1, 10, 1_000, 1e9][randomInt(random, 5)]!)
      finish(admission, anyReport(random))
    }
  })

  // INV 12
  add('always lets somebody in when nobody is in flight, whatever happened before', async (bench) => {
    for (const latencyMs of [0, 1, 1e9]) {
      for (const outcome of OUTCOMES) {
        const admission = await bench.make()
        for (let n = 0; n < MANY; n++) finish(admission, { latencyMs, inFlight: 1 + (n % 500), outcome })
        const refusal = admit(admission, request(), 0)
        rule(refusal === undefined, () => `After ${MANY} callers who were through in ${latencyMs} ms (${outcome}) nobody was in flight, and it refused: ${show(refusal)}. `
          + 'It would refuse for ever: nobody is there from whom it could learn better')
      }
    }
  })

  add('does not refuse with fewer in flight what it lets in with more', async (bench) => {
    const random = seededRandom(2)
    const admission = await bench.make()
    for (let round = 0; round < 50; round++) {
      for (let n = 0; n < 20; n++) finish(admission, anyReport(random))
      let refusedAt: number | undefined
      for (let inFlight = 0; inFlight <= MANY; inFlight += 10) {
        const refused = admit(admission, request(), inFlight) !== undefined
        rule(refused || refusedAt === undefined, `It lets a caller in with ${inFlight} in flight, and had refused the same one with ${refusedAt}`)
        if (refused) refusedAt ??= inFlight
      }
    }
  })

  add('keeps the figures of its own pool only', async (bench) => {
    const [mine, others] = [await bench.make(), await bench.make()]
    const before = limitOf(mine)
    for (let n = 0; n < MANY; n++) finish(others, { latencyMs: 10 + n, inFlight: MANY, outcome: 'done' })
    const after = limitOf(mine)
    rule(before === after, `It let in up to ${before} callers, and ${after} after what happened in another pool`)
  })

  add('takes its chance and time from its context: the same again is decided the same', async (bench) => {
    const play = async (): Promise<boolean[]> => {
      const random = seededRandom(3)
      const admission = await bench.make()
      return Array.from({ length: MANY }, (_, n) => {
        finish(admission, anyReport(random))
        return admit(admission, anyRequest(n, random), randomInt(random, 100)) === undefined
      })
    }
    const [first, second] = [await play(), await play()]
    rule(first.every((one, n) => one === second[n]), 'The same callers were decided otherwise the second time, on the same seed and at the same time: '
      + 'take chance from context.random and time from context.clock')
  })
  return cases
}

function request(): AcquireRequest {
  return Object.freeze({ tenant: 'acme', key: undefined, priority: 0 })
}

function anyReport(random: Random): AdmissionReport {
  const latencyMs = [0, 1, 100, 60_000, 86_400_000][randomInt(random, 5)]!
  return Object.freeze({ latencyMs, inFlight: 1 + randomInt(random, 300), outcome: OUTCOMES[randomInt(random, OUTCOMES.length)]! })
}

/** How many it lets in; `MANY` when that is no limit. */
function limitOf(admission: Admission): number {
  let inFlight = 0
  while (inFlight < MANY && admit(admission, request(), inFlight) === undefined) inFlight++
  return inFlight
}

function admit(admission: Admission, who: AcquireRequest, inFlight: number): AdmissionRefusal | undefined {
  const verdict: unknown = call('admit()', () => admission.admit(who, Object.freeze({ inFlight })))
  if (verdict === undefined) return undefined
  const { reason, retryAfterMs } = (verdict ?? {}) as Partial<Record<keyof AdmissionRefusal, unknown>>
  rule(typeof reason === 'string' && reason !== '', () => `admit() returned ${show(verdict)}: it must return undefined, or { reason } with a text for people, and at once`)
  const isPause = retryAfterMs === undefined || (typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) && retryAfterMs >= 0)
  rule(isPause, () => `retryAfterMs is ${show(retryAfterMs)}: it must be a number of milliseconds, or left out`)
  return verdict as AdmissionRefusal
}

function finish(admission: Admission, report: AdmissionReport): void {
  call('finished()', () => admission.finished(report))
}
