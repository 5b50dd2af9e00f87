// The least that a pool of processes can do: each works on one request at a time, and who finds none free waits in a line. It knows no
// time-out, no crash and no owner.
import { openLineProcess } from './line-process.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openPipes(processes)

/**
 * @param {number} processes
 * @param {readonly string[]} [command]
 * @returns {import('./pool.d.mts').RequestingPool}
 */
export function openPipes(processes, command) {
  const all = Array.from({ length: processes }, () => openLineProcess(command))
  const free = [...all]
  /** @type {((worker: ReturnType<typeof openLineProcess>) => void)[]} */
  const waiting = []
  return {
    request: (message) => new Promise((resolve) => {
      const send = (/** @type {ReturnType<typeof openLineProcess>} */ worker) => worker.ask(message, (answer) => {
        const next = waiting.shift()
        if (next) next(worker)
        else free.push(worker)
        resolve(answer)
      })
      const worker = free.pop()
      if (worker) send(worker)
      else waiting.push(send)
    }),
    close: () => Promise.all(all.map((worker) => worker.close())),
  }
}
