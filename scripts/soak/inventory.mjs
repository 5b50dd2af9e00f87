// What a process holds: to be compared before and after.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * @typedef {object} Inventory
 * @property {number} rssBytes
 * @property {number} heapBytes
 * @property {number} descriptors
 * @property {number} listeners
 * @property {number} timers
 * @property {number} processes
 */

/** pidusage gives its descriptors of processes that are gone back some 15 s after the last reading; what it loses is closed after 45 s. */
const SAMPLER_MS = 50_000

/**
 * After the garbage has been collected, and what was about to end has ended.
 * @returns {Promise<Inventory>}
 */
export async function takeInventory() {
  const quiet = performance.now() + SAMPLER_MS
  while (performance.now() < quiet && descriptors().some((path) => path.endsWith('/stat'))) await new Promise((resolve) => setTimeout(resolve, 500))
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    globalThis.gc?.()
  }
  const { rss, heapUsed } = process.memoryUsage()
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    descriptors: descriptors().length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    processes: sessionProcesses().length,
  }
}

/** What the open descriptors are of. */
function descriptors() {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)]
    } catch {
      // The one by which the list was read.
      return []
    }
  })
}

/** Everything that has the mark of a session in its environment. */
export function sessionProcesses() {
  return readdirSync('/proc').map(Number).filter((pid) => {
    if (!(pid > 0) || pid === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes('GREENROOM_SESSION=')
    } catch {
      return false
    }
  })
}
