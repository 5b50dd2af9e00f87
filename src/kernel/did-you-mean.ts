/** Which of the known words was probably meant; `undefined` when none is near. Case and punctuation do not count. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const wanted = bare(word)
  let best: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, bare(candidate))
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/**
 * Optimal string alignment distance (Damerau-Levenshtein without edits of a transposed pair): insertions, deletions, substitutions and
 * swaps of neighbours. O(a·b) time, three rows of memory.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
