/** Things in the pool. */
export const SIZE = 10
/** Who come back again and again. */
export const BORROWERS = 100
/** So many come at once. */
export const CROWDS = [1_000, 10_000, 100_000]
