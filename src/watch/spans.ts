/** Time-outs share a timer with those of the same span, and every span keeps its own for as long as it lasts: so there are only so many. */
const SPANS = 1_000

/** `span`, rounded up to a thousandth of `whole`. */
export function roundedSpan(span: number, whole: number): number {
  const grid = whole / SPANS
  return whole === Infinity ? Infinity : Math.min(whole, Math.ceil(span / grid) * grid)
}
