// One process, which is sent everything at once and answers in order.
import { openLineProcess } from './line-process.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export function open() {
  const { ask, close } = openLineProcess()
  return { request: (message) => new Promise((resolve) => ask(message, resolve)), close }
}
