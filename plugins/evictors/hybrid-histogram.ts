import { type Clock, definePlugin, duration, type Evictor, type Scarce, type SessionView, z } from 'greenroom/kit'
import { KeyMemory } from './common/key-memory.ts'
import { leastOf } from './common/least.ts'
import { sizesOf } from './common/sizes.ts'
import { type HistogramOptions, IdleTimes, type KeepWindow } from './histogram/idle-times.ts'

const percent = (is: number) => z.number().min(0).max(100).default(is)

const options = z.strictObject({
  bin: duration({ min: 1 }).default(60_000).describe('How finely idle times are told apart. Default 1m.'),
  range: duration({ min: 1 }).default(14_400_000).describe('Idle times longer than this are not foreseen. Default 4h.'),
  head: percent(5).describe('The percentile of the idle times from which on a key is expected. Default 5.'),
  tail: percent(99).describe('The percentile of the idle times after which a key is not expected any more. Default 99.'),
  spread: z.number().min(0).default(2)
    .describe('How irregular the idle times of a key may be to go by them: their variance divided by their mean, in bins. Default 2.'),
  fixed: duration().default(1_200_000).describe('How long a key is expected that is not known, or too irregular. Default 20m.'),
  keys: z.int().min(1).default(1_000).describe('Of how many keys the idle times are kept, the most recently used ones. Default 1000.'),
}).refine(({ bin, range }) => bin <= range, { error: 'must not be longer than range', path: ['bin'] })
  .refine(({ head, tail }) => head <= tail, { error: 'must not be more than tail', path: ['head'] })

declare module 'greenroom/kit' {
  interface EvictorOptions {
    'hybrid-histogram': z.input<typeof options>
  }
}

interface KeyRecord {
  readonly times: IdleTimes
  /** `Clock.now()` of the end of its last use; `undefined` while it is used. */
  awaySince: number | undefined
}

/**
 * The hybrid histogram policy of "Serverless in the Wild": by how long a key was away each time, it is expected within a window. What is not
 * expected any more goes first, the most overdue before the others; then what is not expected yet, the latest first; then the least recently
 * used. Where memory is scarce, times count by the size. O(n).
 */
class HybridHistogram implements Evictor {
  readonly #clock: Clock
  readonly #options: HistogramOptions
  readonly #unforeseen: KeepWindow
  readonly #keys: KeyMemory<KeyRecord>

  constructor(clock: Clock, { fixed, keys, ...histogram }: z.output<typeof options>) {
    this.#clock = clock
    this.#options = histogram
    this.#unforeseen = { from: 0, until: fixed }
    this.#keys = new KeyMemory(keys)
  }

  used(session: SessionView): void {
    const { record } = this.#keys.use(session, () => ({ times: new IdleTimes(this.#options), awaySince: undefined }))
    if (record?.awaySince === undefined) return
    record.times.add(this.#clock.now() - record.awaySince)
    record.awaySince = undefined
  }

  idled(session: SessionView): void {
    const record = this.#keys.get(session)
    if (record) record.awaySince ??= this.#clock.now()
  }

  left(session: SessionView): void {
    this.idled(session)
  }

  choose(idle: readonly SessionView[], scarce: Scarce = 'places'): SessionView {
    const now = this.#clock.now()
    const size = sizesOf(idle, scarce)
    const age = ({ lastUsedAt }: SessionView): number => Math.max(0, now - lastUsedAt)
    const windows = new Map(idle.map((session) => [session, this.#keys.get(session)?.times.window ?? this.#unforeseen]))
    const overdue = idle.filter((session) => age(session) > windows.get(session)!.until)
    if (overdue.length > 0) return leastOf(overdue, (session) => (windows.get(session)!.until - age(session)) * size(session))
    const early = idle.filter((session) => age(session) < windows.get(session)!.from)
    if (early.length > 0) return leastOf(early, (session) => (age(session) - windows.get(session)!.from) * size(session))
    return leastOf(idle, (session) => -age(session) * size(session))
  }
}

export default definePlugin({
  name: 'hybrid-histogram',
  apply(kernel) {
    kernel.strategy('evictor', 'hybrid-histogram', {
      description: 'The session whose key is not expected now, by how long each key was away before: for keys that come regularly.',
      options,
      create: (given, { clock }) => new HybridHistogram(clock, given),
    })
  },
})
