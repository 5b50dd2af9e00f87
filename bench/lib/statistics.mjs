// Figures of many measurements.

/** The middle one, of an even number the upper of the two. @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5)
}

/** The value that a share of them is not above; NaN of none. @param {ArrayLike<number>} values @param {number} share from 0 to 1 */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}

/** The median of each figure of several rounds that measured the same ones. @param {readonly Readonly<Record<string, number>>[]} rounds */
export function medians(rounds) {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] ?? NaN))]))
}
