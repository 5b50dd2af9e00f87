import type { Scarce, SessionView } from 'greenroom/kit'

/**
 * What each of the sessions takes up of what is scarce, as a multiple of the mean: one place each, or its memory. A session that was not measured
 * takes up the mean of those that were. Where only resident memory is known, it is taken in the proportion that it has to proportional memory in
 * the others. O(n) once, then O(1).
 */
export function sizesOf(sessions: readonly SessionView[], scarce: Scarce): (session: SessionView) => number {
  if (scarce === 'places') return () => 1
  let resident = 0
  let proportional = 0
  for (const { usage } of sessions) {
    if (usage?.memoryBytes === undefined || usage.proportionalBytes === undefined) continue
    resident += usage.memoryBytes
    proportional += usage.proportionalBytes
  }
  const proportion = resident > 0 ? proportional / resident : 1
  const bytesOf = ({ usage }: SessionView): number | undefined => {
    return usage?.proportionalBytes ?? (usage?.memoryBytes === undefined ? undefined : usage.memoryBytes * proportion)
  }
  let total = 0
  let count = 0
  for (const session of sessions) {
    const bytes = bytesOf(session)
    if (bytes === undefined) continue
    total += bytes
    count++
  }
  const mean = total / count
  // INV 27: of what is not known nothing follows. A size of 0 would make a session priceless.
  return (session) => (mean > 0 ? Math.max((bytesOf(session) ?? mean) / mean, 1e-6) : 1)
}
