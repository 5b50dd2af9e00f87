import pidusage from 'pidusage'
import { definePlugin, z, type Usage, type UsageSampler } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    pidusage: z.input<typeof options>
  }
}

/**
 * The shortest span a CPU share is taken over, in milliseconds. The system counts CPU time in steps of 10 ms: over less than this
 * they would show.
 */
const LEAST_SPAN_MS = 250
/**
 * How long pidusage keeps what it knows of a process that nobody asks about any more, in milliseconds; above all an open descriptor
 * of /proc/PID/stat. Its own default, a minute, would keep those of all processes that have ended since. Never 0 (it recurses until
 * no descriptor is left), nor so short that it closes one it is about to read.
 */
const KEEP_MS = 10_000

type Reading = ReadonlyMap<number, Usage>

/** Where the CPU share of a process is counted from, in milliseconds of CPU time and of the process's age, and the last one taken. */
interface Baseline {
  readonly cpuMs: number
  readonly ageMs: number
  readonly percent: number | undefined
}

/**
 * Memory and CPU of the sessions' own processes (not of their children) by the pidusage package.
 *
 * Of its figures only the running totals are used: its CPU share is counted from whoever asked last, and is 0 when there was nobody.
 * So the first share of a process is unknown here. What is gone is left out, and so is what has no memory: it has ended and was not
 * collected, or its program is only just being loaded.
 *
 * On Linux it holds one descriptor for each process that is measured, and gives it back at most 15 s after the last time (40 s where
 * something else in the host uses pidusage, too). `pidusage.clear()` would lose them all: nothing here calls it.
 */
class PidusageSampler implements UsageSampler {
  readonly #baselines = new Map<number, Baseline>()
  /** Who is being read. Two readings of one process at a time would open two descriptors, of which pidusage loses one. */
  readonly #underWay = new Map<number, Promise<Reading>>()

  async sample(pids: readonly number[]): Promise<Reading> {
    const fresh = [...new Set(pids)].filter((pid) => !this.#underWay.has(pid))
    if (fresh.length > 0) {
      const reading = this.#read(fresh)
      for (const pid of fresh) this.#underWay.set(pid, reading)
    }
    const readings = new Set(pids.map((pid) => this.#underWay.get(pid)!))
    const found = new Map((await Promise.all(readings)).flatMap((reading) => [...reading]))
    const usages = new Map<number, Usage>()
    for (const pid of pids) {
      const usage = found.get(pid)
      if (usage) usages.set(pid, usage)
    }
    return usages
  }

  forget(pid: number): void {
    this.#baselines.delete(pid)
    this.#underWay.delete(pid)
  }

  async #read(pids: readonly number[]): Promise<Reading> {
    const usages = new Map<number, Usage>()
    try {
      const found = await statusesOf(pids)
      for (const pid of pids) {
        const status = found[pid]
        if (!status || status.memory === 0) this.#baselines.delete(pid)
        // Unless it was forgotten meanwhile: nobody would forget it again.
        else if (this.#underWay.has(pid)) usages.set(pid, this.#usageOf(pid, status))
      }
    } finally {
      for (const pid of pids) this.#underWay.delete(pid)
    }
    return usages
  }

  #usageOf(pid: number, { memory, ctime, elapsed }: pidusage.Status): Usage {
    const cpuPercent = this.#shareOf(pid, ctime, elapsed)
    return { memoryBytes: memory, ...(cpuPercent !== undefined && { cpuPercent }) }
  }

  #shareOf(pid: number, cpuMs: number, ageMs: number): number | undefined {
    const last = this.#baselines.get(pid)
    // One that is younger than it was is another process of the same number.
    const span = last && ageMs >= last.ageMs ? ageMs - last.ageMs : undefined
    if (last && span !== undefined && span < LEAST_SPAN_MS) return last.percent
    const percent = last && span !== undefined ? ((cpuMs - last.cpuMs) / span) * 100 : undefined
    this.#baselines.set(pid, { cpuMs, ageMs, percent })
    return percent
  }
}

/** In one reading; who is gone is null or missing. */
async function statusesOf(pids: readonly number[]): Promise<Readonly<Record<number, pidusage.Status | null | undefined>>> {
  try {
    return await pidusage([...pids], { maxage: KEEP_MS })
  } catch (error) {
    // When nobody of them is there, that may come as an error. Any other is for the pool to report.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return {}
    throw error
  }
}

export default definePlugin({
  name: 'pidusage',
  apply(kernel) {
    kernel.strategy('metrics', 'pidusage', {
      description: "Memory (RSS) and CPU of each session's process, by the pidusage package.",
      options,
      create: () => new PidusageSampler(),
    })
  },
})
