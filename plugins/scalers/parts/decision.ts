import type { ScaleDecision, ScaleView } from 'greenroom/kit'

/** The decision for so many sessions, for these reasons. */
export function atLeastMin({ min }: ScaleView, wanted: number, reasons: readonly string[]): ScaleDecision {
  const reason = reasons.join(', ') || 'no demand'
  return wanted < min ? { target: min, reason: `${reason}, and ${min} is the least (size.min)` } : { target: wanted, reason }
}
