// A process and its two pipes, with those who wait for its answers in the order they asked: what the floors are made of.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('echo-lines.mjs', import.meta.url))

/** @param {readonly string[]} [command] the program: by default one that parses each line and writes it anew */
export function openLineProcess([command = process.execPath, ...args] = [process.execPath, PROGRAM]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdout.setEncoding('utf8')
  /** @type {((answer: unknown) => void)[]} */
  const waiting = []
  /** @type {string[]} */
  let begun = []
  child.stdout.on('data', (/** @type {string} */ chunk) => {
    let start = 0
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      const last = chunk.slice(start, end)
      const line = begun.length === 0 ? last : begun.join('') + last
      begun = []
      start = end + 1
      waiting.shift()?.(JSON.parse(line))
    }
    if (start < chunk.length) begun.push(chunk.slice(start))
  })
  return {
    /** @param {unknown} message @param {(answer: unknown) => void} answered */
    ask(message, answered) {
      child.stdin.write(`${JSON.stringify(message)}\n`)
      waiting.push(answered)
    },
    close() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      return gone
    },
  }
}
