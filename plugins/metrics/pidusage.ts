import pidusage from 'pidusage'
import { definePlugin, z, type Clock, type ProcessUsage, type UsageSampler } from 'greenroom/kit'
import { closeLostDescriptors } from './pidusage/lost-descriptors.ts'
import { proportionalMemory } from './procfs/proportional-memory.ts'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface MetricsOptions {
    pidusage: z.input<typeof options>
  }
}

/**
 * How long pidusage keeps what it knows of a process that nobody asks about any more, in milliseconds; above all an open descriptor
 * of /proc/PID/stat. Its own default, a minute, would keep those of all processes that have ended since. Never 0 (it recurses until
 * no descriptor is left), nor so short that it closes one it is about to read.
 */
const KEEP_MS = 10_000
/**
 * Who was gone is not asked about for so long, in milliseconds. Its number may be another process's by now, and pidusage would look for
 * it in the old one's file until it forgets that; every question puts that off.
 */
const REST_MS = 20_000
/** What pidusage knows of a process it has given back by then, whoever else uses it: any descriptor that is open yet is lost. In milliseconds. */
const LOST_MS = 45_000
/**
 * Processes that pidusage is asked about at a time. All answers of one question come in the same few turns of the event loop: a thousand at
 * once hold it up for 5 ms, 256 for 2, at the same CPU. Fewer cost more, as the threads that read go to sleep in between: 64 half as much again.
 */
const SLICE = 256
/** Lost descriptors are looked for among all that the host has open: not more often than this, in milliseconds, however many processes end. */
const SEARCH_EVERY_MS = 15_000

type Reading = ReadonlyMap<number, ProcessUsage>

const NOTHING: Promise<Reading> = Promise.resolve(new Map())

/**
 * Memory and CPU times of processes by the pidusage package.
 *
 * Of its figures only the running totals are used: its CPU share is counted from whoever asked last, and is 0 when there was nobody.
 * What is gone is left out, and so is what has no memory: it has ended and was not collected, or its program is only just being loaded.
 * It does not tell what descendants used that have ended.
 *
 * On Linux it holds one descriptor for each process that is measured, and gives it back at most 15 s after the last time (40 s where
 * something else in the host uses pidusage, too). `pidusage.clear()` would lose them all: nothing here calls it. One that pidusage itself loses,
 * since the process ended between its opening the file and its first reading it, is closed here.
 */
class PidusageSampler implements UsageSampler {
  /** Who is being read. Two readings of one process at a time would open two descriptors, of which pidusage loses one. */
  readonly #underWay = new Map<number, Promise<Reading>>()
  /** Who was gone, and until when nobody asks about it; the earliest first. */
  readonly #resting = new Map<number, number>()
  /** Who was gone, and until when pidusage may yet give its descriptor back of its own accord; the earliest first. */
  readonly #lost = new Map<number, number>()
  #nextSearchAt = -Infinity
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async sample(pids: readonly number[]): Promise<Reading> {
    this.#wake()
    const fresh = [...new Set(pids)].filter((pid) => !this.#underWay.has(pid) && !this.#resting.has(pid))
    if (fresh.length > 0) {
      const reading = this.#read(fresh)
      for (const pid of fresh) this.#underWay.set(pid, reading)
    }
    // Nearly always: nobody else asks at the same time.
    if (fresh.length === pids.length) return this.#underWay.get(pids[0]!) ?? NOTHING
    const readings = await Promise.all(pids.map((pid) => this.#underWay.get(pid) ?? NOTHING))
    const usages = new Map<number, ProcessUsage>()
    for (const [n, pid] of pids.entries()) {
      const usage = readings[n]!.get(pid)
      if (usage) usages.set(pid, usage)
    }
    return usages
  }

  proportional(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return proportionalMemory(pids)
  }

  close(): void {
    if (this.#lost.size > 0) this.#clock.setTimer(() => closeLostDescriptors([...this.#lost.keys()]), LOST_MS, { background: true })
  }

  async #read(pids: readonly number[]): Promise<Reading> {
    const usages = new Map<number, ProcessUsage>()
    try {
      for (let from = 0; from < pids.length; from += SLICE) {
        const slice = pids.slice(from, from + SLICE)
        const found = await statusesOf(slice)
        for (const pid of slice) this.#take(pid, found[pid], usages)
      }
    } finally {
      for (const pid of pids) this.#underWay.delete(pid)
    }
    return usages
  }

  #take(pid: number, status: pidusage.Status | null | undefined, usages: Map<number, ProcessUsage>): void {
    if (!status) return this.#note(pid)
    this.#lost.delete(pid)
    if (status.memory > 0) usages.set(pid, { memoryBytes: status.memory, cpuMs: status.ctime, ageMs: status.elapsed })
  }

  /** It is gone. */
  #note(pid: number): void {
    const now = this.#clock.now()
    this.#resting.set(pid, now + REST_MS)
    // Asked about again, it is the last of them.
    this.#lost.delete(pid)
    this.#lost.set(pid, now + LOST_MS)
  }

  #wake(): void {
    const now = this.#clock.now()
    takeUntil(this.#resting, now)
    if (now < this.#nextSearchAt) return
    const lost = takeUntil(this.#lost, now)
    if (lost.length === 0) return
    closeLostDescriptors(lost)
    this.#nextSearchAt = now + SEARCH_EVERY_MS
  }
}

/** Takes out those whose time is over: they come first. */
function takeUntil(times: Map<number, number>, now: number): number[] {
  const taken: number[] = []
  for (const [pid, until] of times) {
    if (until > now) break
    times.delete(pid)
    taken.push(pid)
  }
  return taken
}

/** Who is gone is null or missing. */
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
      description: 'Memory (RSS) and CPU of the sessions, by the pidusage package. Works on every system.',
      options,
      create: (_options, { clock }) => new PidusageSampler(clock),
    })
  },
})
