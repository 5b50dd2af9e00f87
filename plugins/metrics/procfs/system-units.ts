import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'

/** What the figures of /proc are counted in. */
export interface SystemUnits {
  readonly bytesPerPage: number
  readonly ticksPerSecond: number
}

/** Keys of the auxiliary vector (getauxval(3)). */
const PAGE_SIZE = 6n
const CLOCK_TICKS = 17n

const NARROW: readonly NodeJS.Architecture[] = ['arm', 'ia32', 'mips', 'mipsel']

/** On all systems but a few that are no more. */
const USUAL_TICKS = 100

/**
 * What the kernel told this very process at its start about its units: no `getconf` has to be run for it. A process that has changed its
 * user may not look there; then the size of a page is known from how many of them this process has.
 * @throws when neither can be read.
 */
export function readUnits(root = '/proc'): SystemUnits {
  const found = new Map(pairs(readOr(`${root}/self/auxv`, Buffer.alloc(0))))
  const bytesPerPage = found.get(PAGE_SIZE)
  return {
    bytesPerPage: bytesPerPage === undefined ? bytesPerPageOf(readFileSync(`${root}/self/statm`, 'latin1')) : Number(bytesPerPage),
    ticksPerSecond: Number(found.get(CLOCK_TICKS) ?? USUAL_TICKS),
  }
}

/** A power of two: what little the process has grown between the two readings does not matter. */
function bytesPerPageOf(statm: string): number {
  const pages = Number(statm.split(' ')[1])
  return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages))
}

function readOr(path: string, otherwise: Buffer): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return otherwise
  }
}

function pairs(vector: Buffer): [bigint, bigint][] {
  const word = NARROW.includes(process.arch) ? 4 : 8
  const read = (at: number): bigint => {
    const little = endianness() === 'LE'
    if (word === 4) return BigInt(little ? vector.readUInt32LE(at) : vector.readUInt32BE(at))
    return little ? vector.readBigUInt64LE(at) : vector.readBigUInt64BE(at)
  }
  const count = Math.floor(vector.length / (2 * word))
  return Array.from({ length: count }, (_, n) => [read(2 * n * word), read((2 * n + 1) * word)])
}
