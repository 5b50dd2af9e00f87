/** A measurement at a time. */
export interface Point {
  /** In milliseconds. */
  readonly at: number
  readonly value: number
}

export interface Trend {
  /** Per millisecond: the median of the slopes between any two points (Theil–Sen), which up to 29 % of outliers do not change much. */
  readonly slope: number
  /** The slope is more than this with the confidence asked for. */
  readonly atLeast: number
}

/**
 * The trend of some points, and how sure it is: a one-sided confidence bound by Kendall's statistic (Sen 1968), for which nothing is assumed of
 * how the values scatter. The points must be in the order of their times, no two at the same. O(n² log n)
 *
 * @param confidence Above 0.5 and below 1.
 * @returns `undefined` of fewer points than any bound needs.
 */
export function trendOf(points: readonly Point[], confidence: number): Trend | undefined {
  const slopes = slopesBetween(points)
  const n = points.length
  const spread = quantile(confidence) * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const rank = Math.floor((slopes.length - spread) / 2)
  if (rank < 1) return undefined
  slopes.sort()
  const middle = slopes.length >> 1
  const slope = slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2
  return { slope, atLeast: slopes[rank - 1]! }
}

function slopesBetween(points: readonly Point[]): Float64Array {
  const slopes = new Float64Array((points.length * (points.length - 1)) / 2)
  let count = 0
  for (const [index, a] of points.entries()) {
    for (let other = index + 1; other < points.length; other++) {
      const b = points[other]!
      slopes[count++] = (b.value - a.value) / (b.at - a.at)
    }
  }
  return slopes
}

/** Of the standard normal distribution, above the median; off by 0.0005 at most (Abramowitz and Stegun 26.2.23). */
function quantile(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - probability))
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}
