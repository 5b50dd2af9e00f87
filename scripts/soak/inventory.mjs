// What a process holds: to be compared before and after.
import { readdirSync, readFileSync } from 'node:fs'

/**
 * @typedef {object} Inventory
 * @property {number} rssBytes
 * @property {number} heapBytes
 * @property {number} descriptors
 * @property {number} listeners
 * @property {number} timers
 * @property {number} processes
 */

/**
 * After the garbage has been collected, and what was about to end has ended.
 * @returns {Promise<Inventory>}
 */
export async function takeInventory() {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    globalThis.gc?.()
  }
  const { rss, heapUsed } = process.memoryUsage()
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    processes: sessionProcesses().length,
  }
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
