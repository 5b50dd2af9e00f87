import type { Random } from '../contracts/index.ts'

/** Real chance. */
export const systemRandom: Random = { next: () => Math.random() }

/**
 * Chance that repeats: equal seeds give equal sequences, on every machine.
 *
 * The generator is xoshiro128++ (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), 2021);
 * its state is filled from both halves of the seed by Weyl sequences through MurmurHash3's 32-bit finalizer, so that neighbouring seeds
 * have nothing in common. Each number has 53 random bits.
 *
 * @param seed Any safe integer.
 */
export function seededRandom(seed: number): Random {
  const next = xoshiro128(stateOf(seed))
  return {
    next() {
      const high = next() >>> 5
      const low = next() >>> 6
      return (high * 2 ** 26 + low) / 2 ** 53
    },
  }
}

/** The raw generator: unsigned 32-bit integers. The state must not be all zeros. */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [s0, s1, s2, s3] = state
  return () => {
    const result = (rotateLeft((s0 + s3) | 0, 7) + s0) >>> 0
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotateLeft(s3, 11)
    return result
  }
}

function stateOf(seed: number): [number, number, number, number] {
  // mix is a bijection, so that no two seeds have the same state, and none has one of zeros only.
  const low = seed | 0
  const high = Math.floor(seed / 2 ** 32) | 0
  return [mix(low + 0x9e37_79b9), mix(high + 0x3c6e_f372), mix(high + 0xdaa6_6d2b), mix(low + 0x78dd_e6e4)]
}

function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35)
  return value ^ (value >>> 16)
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
