/** Ages, in seconds, at which the rate may bend: between them it is a power of the age. */
const BENDS = [60, 300, 1_800, 7_200]
/** What is known before anything was seen: a key that has been away for t comes back within the next t with a chance of a quarter or so. */
const PRIOR_SCALE = 0.3
/** How far off that may be: standard deviations of the weights. Smaller ones trust what was seen later. */
const DEVIATION = { level: 1, shape: 0.5, habit: 0.5, habitByAge: 0.25 }
/** Returns after which what was learned from the oldest ones has faded: with each, the weights may have drifted a little. */
const REMEMBERED_RETURNS = 2_000
const LONGEST_STEP = 2
const NEWTON_STEPS = 20

/**
 * At which rate keys come back, by how long they have been away and by their habits: a log-linear hazard, learned as it is seen. Its weights are
 * known as a normal distribution, and each observation moves them by what it says, weighed against all before (assumed density filtering, with
 * Laplace's approximation). So a few hundred absences are enough, and before the first the rate falls with the age: the least recently used is
 * the least likely to return. O(weights²) an observation, O(weights) a question, whatever has been seen.
 */
export class HazardModel {
  readonly #habits: number
  readonly #mean: Float64Array
  readonly #covariance: Float64Array[]
  readonly #prior: Float64Array
  readonly #inputs: Float64Array

  /** @param habits How many figures describe the habits of a key. */
  constructor(habits: number) {
    this.#habits = habits
    const { level, shape, habit, habitByAge } = DEVIATION
    const deviations = [
      level, ...new Array<number>(1 + BENDS.length).fill(shape), ...new Array<number>(habits).fill(habit), ...new Array<number>(habits).fill(habitByAge),
    ]
    this.#prior = Float64Array.from(deviations, (deviation) => deviation ** 2)
    this.#mean = new Float64Array(deviations.length)
    this.#inputs = new Float64Array(deviations.length)
    this.#covariance = deviations.map((_, at) => {
      const row = new Float64Array(deviations.length)
      row[at] = this.#prior[at]!
      return row
    })
  }

  /** Returns per second of a key with these habits that has been away for so many seconds. */
  rate(habits: readonly number[], ageSeconds: number): number {
    return Math.exp(clamp(prior(ageSeconds) + dot(this.#mean, this.#describe(habits, ageSeconds)), 20))
  }

  /** A key with these habits, away for about so many seconds, was watched for so many, and came back at the end of it or didn't. */
  observe(habits: readonly number[], ageSeconds: number, watchedSeconds: number, returned: boolean): void {
    const inputs = this.#describe(habits, ageSeconds)
    const gains = this.#covariance.map((row) => dot(row, inputs))
    const variance = Math.max(Number.EPSILON, dot(gains, inputs))
    const before = dot(this.#mean, inputs)
    const expected = (value: number): number => watchedSeconds * Math.exp(clamp(prior(ageSeconds) + value, 20))
    const value = mostLikely(before, variance, expected, returned ? 1 : 0)
    const weight = expected(value)
    const shrink = weight / (1 + weight * variance)
    for (const [at, row] of this.#covariance.entries()) {
      const gain = gains[at]!
      this.#mean[at]! += (gain * (value - before)) / variance
      for (let other = 0; other < row.length; other++) row[other]! -= shrink * gain * gains[other]!
      const widest = this.#prior[at]!
      if (returned && row[at]! < widest) row[at]! += widest / REMEMBERED_RETURNS ** 2
    }
  }

  #describe(habits: readonly number[], ageSeconds: number): Float64Array {
    const inputs = this.#inputs
    const age = Math.log((ageSeconds + 1) / 300)
    inputs[0] = 1
    inputs[1] = age
    for (const [n, bend] of BENDS.entries()) inputs[2 + n] = Math.max(0, Math.log((ageSeconds + 1) / bend))
    const first = 2 + BENDS.length
    for (let n = 0; n < this.#habits; n++) {
      inputs[first + n] = habits[n]!
      inputs[first + this.#habits + n] = (habits[n]! * age) / 2
    }
    return inputs
  }
}

/** The logarithm of the rate that is believed in at first. */
function prior(ageSeconds: number): number {
  return Math.log(PRIOR_SCALE / (ageSeconds + 30))
}

/** The value that a belief of so much variance moves to when `count` returns are seen where `expected` were. Newton's method. */
function mostLikely(before: number, variance: number, expected: (value: number) => number, count: number): number {
  let value = before
  for (let n = 0; n < NEWTON_STEPS; n++) {
    const rate = expected(value)
    const step = clamp((count - rate - (value - before) / variance) / (rate + 1 / variance), LONGEST_STEP)
    value += step
    if (Math.abs(step) < 1e-6) break
  }
  return value
}

function clamp(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value))
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!
  return sum
}
