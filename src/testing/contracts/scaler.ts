import { type Random, randomInt, type ScaleDecision, type Scaler, type ScaleTrigger, type ScaleView } from '../../contracts/index.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { call, rule, show } from './rules.ts'

const TRIGGERS: readonly ScaleTrigger[] = ['waiter', 'taken', 'gone', 'ready', 'tick', 'manual']
/** Figures at which nobody would grow or shrink a pool on their account. */
const CALM = { cpu: 50, memoryOfEach: 100 * 2 ** 20 }

/** The cases that every scaler must pass. */
export function scalerContract(source: StrategySource<'scaler'>): ContractCase[] {
  const { cases, add } = suiteOf('scaler', source, 'virtual')

  add('decides on a finite target, with a reason, whatever it sees', async (bench) => {
    const scaler = await bench.make()
    const random = seededRandom(1)
    for (let round = 0; round < 600; round++) decide(scaler, anyView(random), TRIGGERS[round % TRIGGERS.length])
    decide(scaler, viewOf({ min: 0, max: 1, spare: 0 }))
  })

  add('decides at once, not later', async (bench) => {
    const scaler = await bench.make()
    const decision: unknown = call('decide()', () => scaler.decide(viewOf({}), 'tick'))
    const isDecision = typeof decision === 'object' && decision !== null && 'target' in decision
    rule(isDecision, () => `decide() returned ${show(decision)}: it must return { target, reason } itself, so what it needs must be at hand before`)
  })

  // INV 27
  add('decides nothing from figures that are not known', async (bench) => {
    // All are in use and nobody waits: by demand the size is right.
    const busy = viewOf({ busy: 8, max: 100, spare: 0, ...calm(8) })
    const target = async (view: ScaleView): Promise<number> => decide(await bench.make(), view).target
    const known = await target(busy)
    const [least, most] = [Math.min(known, busy.size), Math.max(known, busy.size)]
    const noCpu = { meanCpuPercent: undefined, totalCpuPercent: undefined }
    const noMemory = { meanMemoryBytes: undefined, totalMemoryBytes: undefined }
    for (const unknown of [noCpu, noMemory, { ...noCpu, ...noMemory }]) {
      const view = { ...busy, ...unknown }
      const decided = await target(view)
      const names = Object.keys(unknown).join(' and ')
      const seen = `With ${names} not known its target is ${decided}; with calm figures it is ${known}, and there are ${busy.size}, all in use.`
      rule(decided >= least && decided <= most, `${seen} Unknown is neither 0 nor a lot: keep the size until there are figures`)
    }
  })

  add('wants a session when there is none and somebody waits', async (bench) => {
    for (const trigger of TRIGGERS) {
      const { target } = decide(await bench.make(), viewOf({ waiting: 1, spare: 0, min: 0, max: 10 }), trigger)
      rule(target >= 1, `With no session and a caller who waits its target is ${target} (asked for '${trigger}'): nobody else would start one, so it must be 1 at least`)
    }
  })

  add('never wants fewer because more callers wait', async (bench) => {
    const random = seededRandom(2)
    for (let round = 0; round < 20; round++) {
      const view = anyView(random)
      let fewer = -Infinity
      for (const waiting of [0, 1, 2, 5, 20, 1_000]) {
        const { target } = decide(await bench.make(), { ...view, waiting })
        rule(target >= fewer, () => `With ${waiting} callers waiting its target is ${target}, with fewer it was ${fewer}. All else was ${show(view)}`)
        fewer = target
      }
    }
  })

  add('has no effect by being asked: the same question at the same time has the same answer', async (bench) => {
    const scaler = await bench.make()
    const random = seededRandom(3)
    for (let round = 0; round < 20; round++) {
      const view = anyView(random)
      const { target } = decide(scaler, view)
      for (let again = 0; again < 50; again++) {
        const answer = decide(scaler, view).target
        rule(answer === target, `Asked again at the same moment its target went from ${target} to ${answer}: it is asked at every change of demand, so count time by the clock, not questions`)
      }
      await bench.clock.advance(60_000)
    }
  })

  add('takes its chance and time from its context: the same again gives the same decisions', async (bench) => {
    const decisions = async (): Promise<number[]> => {
      const scaler = await bench.make({ seed: 4 })
      const random = seededRandom(5)
      return Array.from({ length: 200 }, (_, n) => decide(scaler, anyView(random), TRIGGERS[n % TRIGGERS.length]).target)
    }
    const [first, second] = [await decisions(), await decisions()]
    rule(first.every((target, index) => target === second[index]), 'It decided differently the second time, on the same seed and at the same time: '
      + 'take chance from context.random and time from context.clock')
  })
  return cases
}

/** The decision, which must be one. */
function decide(scaler: Scaler, view: ScaleView, trigger: ScaleTrigger = 'tick'): ScaleDecision {
  const decision = call(`decide() on ${show(view)}`, () => scaler.decide(Object.freeze(view), trigger)) as Partial<ScaleDecision> | undefined
  rule(
    typeof decision?.target === 'number' && Number.isFinite(decision.target),
    () => `decide() returned ${show(decision)} for ${show(view)}: target must be a finite number. A figure that is undefined makes NaN of what is counted with it`,
  )
  rule(typeof decision.reason === 'string' && decision.reason !== '', () => `decide() returned ${show(decision)}: reason must say why, for people`)
  return decision as ScaleDecision
}

/** The figures of so many sessions that are well. */
function calm(size: number): Partial<ScaleView> {
  const { cpu, memoryOfEach } = CALM
  return { meanCpuPercent: cpu, totalCpuPercent: size * cpu, meanMemoryBytes: memoryOfEach, totalMemoryBytes: size * memoryOfEach }
}

/** A view in which only what is given is more than nothing. */
function viewOf(fields: Partial<ScaleView>): ScaleView {
  const { starting = 0, busy = 0, idleBound = 0, idleSpare = 0, checking = 0 } = fields
  return {
    size: starting + busy + idleBound + idleSpare + checking, starting, busy, idleBound, idleSpare, idleSpareFresh: idleSpare, checking, waiting: 0,
    freeing: 0, shared: false, arrivals: 0, meanHoldMs: undefined, meanStartMs: undefined, min: 0, max: 10, spare: 1, meanCpuPercent: undefined,
    totalCpuPercent: undefined, meanMemoryBytes: undefined, totalMemoryBytes: undefined, ...fields,
  }
}

function anyView(random: Random): ScaleView {
  const few = (below: number): number => (randomInt(random, 2) === 0 ? 0 : randomInt(random, below))
  const idleSpare = few(20)
  const counts = { starting: few(5), busy: few(50), idleBound: few(20), idleSpare, checking: few(4) }
  const size = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const max = Math.max(1, size) + few(100)
  const measured = size > 0 && randomInt(random, 2) === 0
  const cpu = measured ? random.next() * 400 : undefined
  const memory = measured ? randomInt(random, 2 ** 30) : undefined
  return viewOf({
    ...counts,
    idleSpareFresh: randomInt(random, idleSpare + 1),
    waiting: few(1_000),
    min: randomInt(random, Math.min(10, max) + 1),
    max,
    spare: randomInt(random, Math.min(5, max) + 1),
    meanCpuPercent: cpu,
    totalCpuPercent: cpu && size * cpu,
    meanMemoryBytes: memory,
    totalMemoryBytes: memory && size * memory,
    freeing: few(counts.busy + 1),
    shared: randomInt(random, 2) === 0,
    arrivals: few(10_000),
    // Known as soon as the first lease is over, and the first session has been started.
    meanHoldMs: randomInt(random, 2) === 0 ? undefined : few(60_000),
    meanStartMs: randomInt(random, 2) === 0 ? undefined : few(10_000),
  })
}
