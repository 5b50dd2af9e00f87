import { type Clock, definePlugin, duration, type Evictor, type KeyPast, type Scarce, type SessionView, z } from 'greenroom/kit'
import { KeyMemory } from './common/key-memory.ts'
import { leastOf } from './common/least.ts'
import { sizesOf } from './common/sizes.ts'
import { type Absence, Absences } from './learned/absences.ts'
import { HABITS, KeyHabits, TypicalTime, UNKNOWN_HABITS } from './learned/habits.ts'
import { HazardModel } from './learned/hazard-model.ts'

const options = z.strictObject({
  horizon: duration({ min: 1 }).default(300_000)
    .describe('A session is worth the chance that its key comes back within this time: about as long as it is kept. Default 5m.'),
  keys: z.int().min(1).default(10_000).describe('Of how many keys the habits are kept, the most recently used ones. Default 10000.'),
})

declare module 'greenroom/kit' {
  interface EvictorOptions {
    learned: z.input<typeof options>
  }
}

interface KeyRecord {
  readonly habits: KeyHabits
  usedSince: number
  /** Nothing is known of it but, maybe, what was known when it was parked. */
  isNew: boolean
  /** `undefined` while it is used. */
  absence: Absence | undefined
}

/**
 * The chance that a key comes back soon, learned from how long keys were away so far, and those that never came back: from all keys first, and by
 * what each is like as it becomes known. Sessions without a key are judged like keys of which nothing is known. O(n).
 */
class Learned implements Evictor {
  readonly #clock: Clock
  readonly #horizonMs: number
  readonly #keys: KeyMemory<KeyRecord>
  readonly #typical = { gap: new TypicalTime(), use: new TypicalTime() }
  readonly #model = new HazardModel(HABITS)
  readonly #absences = new Absences(this.#model)

  constructor(clock: Clock, { horizon, keys }: z.output<typeof options>) {
    this.#clock = clock
    this.#horizonMs = horizon
    this.#keys = new KeyMemory(keys)
  }

  used(session: SessionView): void {
    const now = this.#clock.now()
    this.#absences.watch(now)
    const { record, forgotten } = this.#keys.use(session, () => ({ habits: new KeyHabits(), usedSince: now, isNew: true, absence: undefined }))
    if (forgotten?.absence) this.#absences.forget(forgotten.absence)
    if (!record?.absence) return
    this.#absences.end(record.absence, now)
    record.habits.cameBack(now - record.absence.sinceMs, this.#typical)
    record.absence = undefined
    record.usedSince = now
  }

  idled(session: SessionView): void {
    const now = this.#clock.now()
    this.#absences.watch(now)
    const record = this.#keys.get(session)
    if (!record || record.absence) return
    if (record.isNew && session.past) this.#remember(record, session.past, now)
    record.isNew = false
    record.habits.wasUsed(now - record.usedSince, this.#typical)
    record.absence = this.#absences.begin(now, record.habits.describe(this.#typical))
  }

  left(session: SessionView): void {
    this.idled(session)
  }

  choose(idle: readonly SessionView[], scarce: Scarce = 'places'): SessionView {
    const now = this.#clock.now()
    this.#absences.watch(now)
    const size = sizesOf(idle, scarce)
    return leastOf(idle, (session) => {
      const habits = this.#keys.get(session)?.absence?.habits ?? UNKNOWN_HABITS
      const age = Math.max(0, now - session.lastUsedAt) + this.#horizonMs / 2
      const expected = (this.#model.rate(habits, age / 1_000) * this.#horizonMs) / 1_000
      return -Math.expm1(-expected) / size(session)
    })
  }

  /** It was parked, maybe by another host. */
  #remember({ habits, usedSince }: KeyRecord, past: KeyPast, now: number): void {
    habits.remember(past)
    habits.cameBack(this.#clock.wallTime() - (now - usedSince) - past.lastUsedAt, this.#typical)
  }
}

export default definePlugin({
  name: 'learned',
  apply(kernel) {
    kernel.strategy('evictor', 'learned', {
      description: 'The session whose key is least likely to come back soon, for its memory, as was learned from all keys and from its own.',
      options,
      create: (given, { clock }) => new Learned(clock, given),
    })
  },
})
