import type { ProcessUsage, UsageSampler } from '../../contracts/index.ts'
import { type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { becomes, call, pause, rule, settled, show } from './rules.ts'
import { NO_PID } from './sessions.ts'
import { TestProcesses } from './test-process.ts'

/** Longer than the span over which samplers take a share of the CPU. */
const SPAN_MS = 600
const MB = 2 ** 20
const BALLAST_MB = 100
const NOBODY = [NO_PID + 1, NO_PID + 2]
const FIGURES = ['memoryBytes', 'cpuMs', 'endedCpuMs', 'ageMs', 'startTime', 'cpuPercent'] as const

const SLEEPS = 'setInterval(() => {}, 1000)'
const SPINS = 'for (;;) {}'
const BALLAST = `globalThis.ballast = Buffer.alloc(${BALLAST_MB * MB}, 1)`

/** The cases that every usage sampler must pass. They measure real processes. */
export function metricsContract(source: StrategySource<'metrics'>): ContractCase[] {
  const { cases, add } = suiteOf('metrics', source, 'real')
  const test = (title: string, work: (sampler: CheckedSampler, processes: TestProcesses) => Promise<void>): void => add(title, async (bench) => {
    const processes = new TestProcesses()
    const sampler = new CheckedSampler(await bench.make())
    try {
      await work(sampler, processes)
    } finally {
      try {
        sampler.close()
      } finally {
        await processes.close()
      }
    }
  })

  test('measures a process that runs', async (sampler, processes) => {
    const { pid } = await processes.node(SLEEPS)
    await sampler.measured(pid)
    const itself = await sampler.sample([pid, process.pid])
    rule(itself.has(pid), 'A process that was measured a moment ago, and runs, was left out')
  })

  test('says nothing of nobody', async (sampler) => {
    await sampler.sample([])
  })

  test('leaves out who is gone, and who never was', async (sampler, processes) => {
    const [stays, goes] = [await processes.node(SLEEPS), await processes.node(SLEEPS)]
    await sampler.measured(stays.pid)
    await sampler.measured(goes.pid)
    await processes.kill(goes)
    const usages = await sampler.sample([goes.pid, ...NOBODY, stays.pid])
    for (const pid of [goes.pid, ...NOBODY]) rule(!usages.has(pid), () => `A process that is not there is said to use ${show(usages.get(pid))}: leave it out`)
    rule(usages.has(stays.pid), 'A process that runs was left out beside ones that are gone: one that cannot be read must not hide the others')
    await sampler.sample([goes.pid])
  })

  test('gives each process its own figures', async (sampler, processes) => {
    const [fat, thin] = [await processes.node(SLEEPS, BALLAST), await processes.node(SLEEPS)]
    await sampler.measured(fat.pid)
    await sampler.measured(thin.pid)
    const usages = await sampler.sample([thin.pid, fat.pid, thin.pid])
    const [much, little] = [usages.get(fat.pid)?.memoryBytes, usages.get(thin.pid)?.memoryBytes]
    if (much === undefined || little === undefined) return
    rule(much >= BALLAST_MB * MB, `A process that holds ${BALLAST_MB} MB is said to have ${much} bytes: memoryBytes is resident memory, in bytes`)
    rule(little < much, `A process that holds ${BALLAST_MB} MB more than another is said to have ${much} bytes, the other ${little}`)
  })

  // INV 27
  test('never gives 0 for what it does not know', async (sampler, processes) => {
    const spinning = await processes.node(SPINS)
    // It has used more than one of the steps in which a system counts.
    await pause(SPAN_MS)
    for (let n = 0; n < 3; n++) {
      const usage = (await sampler.sample([spinning.pid])).get(spinning.pid)
      mustWork(usage, `in sample ${n + 1}`)
      await pause(SPAN_MS)
    }
  })

  test('sees that time goes by: what a process has used never becomes less, and its start stays', async (sampler, processes) => {
    const spinning = await processes.node(SPINS)
    await sampler.measured(spinning.pid)
    let before: ProcessUsage = {}
    for (let n = 0; n < 3; n++) {
      const usage = (await sampler.sample([spinning.pid])).get(spinning.pid) ?? {}
      const shown = `${show(before)}, and ${SPAN_MS} ms later ${show(usage)}`
      for (const name of ['cpuMs', 'endedCpuMs', 'ageMs'] as const) {
        const [first, second] = [before[name], usage[name]]
        rule(first === undefined || second === undefined || second >= first, `${name} of a process went back: ${shown}`)
      }
      for (const name of ['cpuMs', 'ageMs'] as const) {
        const [first, second] = [before[name], usage[name]]
        rule(first === undefined || second === undefined || second > first, `${name} of a process that computes stood still: ${shown}`)
      }
      rule(before.startTime === undefined || usage.startTime === before.startTime, `startTime of a process changed: ${shown}. It names the process, so it must be the same each time`)
      before = usage
      await pause(SPAN_MS)
    }
  })

  test('gives those who ask at the same moment the same figures', async (sampler, processes) => {
    const [spinning, sleeping] = [await processes.node(SPINS), await processes.node(SLEEPS)]
    const pids = [spinning.pid, sleeping.pid]
    await sampler.sample(pids)
    await pause(SPAN_MS)
    const all = await Promise.all([pids, pids, [spinning.pid], pids].map((some) => sampler.sample(some)))
    for (const usages of all) mustWork(usages.get(spinning.pid), 'to one of several who asked at the same moment')
    const memories = all.map((usages) => usages.get(spinning.pid)?.memoryBytes).filter((bytes) => bytes !== undefined)
    rule(Math.max(...memories) <= 2 * Math.min(...memories) || memories.length === 0, `Those who asked at the same moment were told ${memories.join(', ')} bytes of one process`)
  })

  test('forgets, whoever it is told to forget, and measures on', async (sampler, processes) => {
    const { pid } = await processes.node(SLEEPS)
    sampler.forget(NOBODY[0]!)
    sampler.forget(pid)
    await sampler.measured(pid)
    const running = sampler.sample([pid])
    sampler.forget(pid)
    await running
    sampler.forget(pid)
    await sampler.measured(pid)
  })

  test('measures proportional memory, if it does, of those who are there', async (sampler, processes) => {
    const { pid } = await processes.node(SLEEPS, BALLAST)
    const shares = await sampler.proportional([pid, ...NOBODY])
    for (const nobody of NOBODY) rule(!shares.has(nobody), 'A process that is not there is said to have proportional memory: leave it out')
    const share = shares.get(pid)
    rule(share === undefined || share >= BALLAST_MB * MB, `A process that holds ${BALLAST_MB} MB for itself is said to have ${show(share)} bytes of proportional memory`)
  })
  return cases
}

/** What a process that computes without a pause must be said to use, where anything is. */
function mustWork(usage: ProcessUsage | undefined, when: string): void {
  for (const name of ['cpuPercent', 'cpuMs'] as const) {
    const figure = usage?.[name]
    rule(figure === undefined || figure > 0, `${name} of a process that computes without a pause is 0 ${when}: leave it out until it is known`)
  }
}

/** Checks whatever it says. */
class CheckedSampler {
  readonly #sampler: UsageSampler

  constructor(sampler: UsageSampler) {
    this.#sampler = sampler
  }

  async sample(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUsage>> {
    const usages: unknown = await settled('sample()', () => this.#sampler.sample([...pids]))
    rule(usages instanceof Map, () => `sample() resolved to ${show(usages)}: it must be a Map by pid`)
    for (const [pid, usage] of usages as ReadonlyMap<number, ProcessUsage>) {
      rule(pids.includes(pid), `sample() told of process ${pid}, of which nobody asked`)
      for (const name of FIGURES) {
        const figure: unknown = usage[name]
        const isFigure = typeof figure === 'number' && Number.isFinite(figure) && figure >= 0
        rule(figure === undefined || isFigure, () => `${name} is ${show(figure)}: it must be a finite number that is not negative, or absent`)
      }
      rule(usage.memoryBytes !== 0, 'memoryBytes is 0, which is no process: leave the figure out when it is not known, or the process when it is gone')
    }
    return usages as ReadonlyMap<number, ProcessUsage>
  }

  /** Resolves when something is known of the process. */
  async measured(pid: number): Promise<void> {
    const known = await becomes(async () => {
      const usage = (await this.sample([pid])).get(pid)
      return usage !== undefined && FIGURES.some((name) => usage[name] !== undefined)
    })
    rule(known, 'Nothing became known of a process that runs, however often it was measured')
  }

  async proportional(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (!this.#sampler.proportional) return new Map()
    const shares: unknown = await settled('proportional()', () => this.#sampler.proportional!([...pids]))
    rule(shares instanceof Map, () => `proportional() resolved to ${show(shares)}: it must be a Map of bytes by pid`)
    for (const share of (shares as Map<unknown, unknown>).values()) rule(typeof share === 'number' && share > 0, () => `proportional() says ${show(share)}: leave out what is not known`)
    return shares as ReadonlyMap<number, number>
  }

  forget(pid: number): void {
    call('forget()', () => this.#sampler.forget?.(pid))
  }

  close(): void {
    call('close()', () => this.#sampler.close?.())
  }
}
