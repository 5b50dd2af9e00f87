import type { PoolSettings } from '../contracts/index.ts'

/** Spares that the config asks for while so many sessions are busy: a number, or a share of all that are busy or spare. */
export function sparesAskedFor({ spare, spareShare }: PoolSettings['size'], busy: number): number {
  return Math.max(spare, Math.ceil((busy * spareShare) / (100 - spareShare)))
}
