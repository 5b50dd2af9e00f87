/**
 * The least count that is exceeded with a chance of at most 1 − `share`, when `mean` are expected and the variance is `dispersion` times the
 * mean: of the Poisson distribution for a dispersion of 1, else of the negative binomial one. Never more than `most`. O(result)
 */
export function countQuantile(share: number, mean: number, dispersion: number, most: number): number {
  if (mean <= 0) return 0
  if (mean >= most) return most
  const clustered = dispersion > 1.001
  const size = mean / (dispersion - 1)
  // In logarithms: the chance of none is 0 to a computer when many are expected.
  let logChance = clustered ? -size * Math.log(dispersion) : -mean
  let total = Math.exp(logChance)
  let count = 0
  while (total < share && count < most) {
    logChance += Math.log(clustered ? ((count + size) * (dispersion - 1)) / (dispersion * (count + 1)) : mean / (count + 1))
    total += Math.exp(logChance)
    count++
  }
  return count
}
