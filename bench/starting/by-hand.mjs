// Processes without a pool.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../programs/starter.mjs', import.meta.url))

/** Starts one and waits until it is ready. @param {number} startMs */
export async function start(startMs) {
  const child = spawn(process.execPath, [PROGRAM, String(startMs)], { stdio: ['pipe', 'pipe', 'inherit'] })
  /** @type {((line: string) => void)[]} */
  const waiting = []
  let begun = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (/** @type {string} */ chunk) => {
    const lines = (begun + chunk).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) waiting.shift()?.(line)
  })
  const line = () => new Promise((resolve) => void waiting.push(resolve))
  await line()
  return {
    ask(/** @type {object} */ message) {
      child.stdin.write(`${JSON.stringify(message)}\n`)
      return line()
    },
    async end() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** What greenroom needs to know of the program. @param {number} startMs */
export function driver(startMs) {
  return { use: /** @type {const} */ ('json-lines'), command: process.execPath, args: [PROGRAM, String(startMs)], ready: { match: { ready: true } } }
}
