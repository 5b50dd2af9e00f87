import type { KeyPast } from 'greenroom/kit'

/** A key that has come back once says little: its mean counts as if it had come back so often before as all keys do. */
const BORROWED_GAPS = 2
/** Absences and uses over which the means of all keys are taken. */
const MEAN_OVER = 1_000
/** No habit is so far from that of the others that it may outweigh all else. */
const FARTHEST = 3

/** How many figures {@link KeyHabits.describe} gives. */
export const HABITS = 5
/** The habits of a key of which nothing is known: those of all. */
export const UNKNOWN_HABITS: readonly number[] = new Array<number>(HABITS).fill(0)

/** A mean of logarithms of seconds, which forgets. */
export class TypicalTime {
  #mean = 0
  #count = 0

  get value(): number {
    return this.#mean
  }

  add(log: number): void {
    this.#count = Math.min(this.#count + 1, MEAN_OVER)
    this.#mean += (log - this.#mean) / this.#count
  }
}

/** What is typical of all keys. */
export interface Typical {
  readonly gap: TypicalTime
  readonly use: TypicalTime
}

/** How long one key was away and in use, in logarithms of seconds: three minutes differ from one as three hours do. */
export class KeyHabits {
  #gaps = 0
  #gapSum = 0
  #lastGap = 0
  #uses = 0
  #useSum = 0
  #lastUse = 0

  /** What another host knew of it: each time it was away for as long as the others, as far as anybody knows. */
  remember({ uses, firstUsedAt, lastUsedAt }: KeyPast): void {
    const gaps = uses - 1
    if (gaps < 1) return
    this.#gaps += gaps
    this.#lastGap = logSeconds((lastUsedAt - firstUsedAt) / gaps)
    this.#gapSum += gaps * this.#lastGap
  }

  cameBack(afterMs: number, { gap }: Typical): void {
    this.#gaps++
    this.#lastGap = logSeconds(afterMs)
    this.#gapSum += this.#lastGap
    gap.add(this.#lastGap)
  }

  wasUsed(forMs: number, { use }: Typical): void {
    this.#uses++
    this.#lastUse = logSeconds(forMs)
    this.#useSum += this.#lastUse
    use.add(this.#lastUse)
  }

  /** The habits as figures about 0, each about as wide as the others; 0: like all keys. */
  describe({ gap, use }: Typical): readonly number[] {
    const figures = [
      Math.log(1 + this.#gaps) - 0.8,
      this.#gaps === 0 ? 0 : (this.#lastGap - gap.value) / 1.8,
      (this.#gapSum - this.#gaps * gap.value) / (this.#gaps + BORROWED_GAPS),
      this.#uses === 0 ? 0 : (this.#lastUse - use.value) / 1.7,
      this.#uses === 0 ? 0 : (this.#useSum / this.#uses - use.value) / 1.4,
    ]
    return figures.map((figure) => Math.max(-FARTHEST, Math.min(FARTHEST, figure)))
  }
}

function logSeconds(ms: number): number {
  return Math.log(1 + Math.max(0, ms) / 1_000)
}
