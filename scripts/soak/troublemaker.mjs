// The program of the soak: it answers lines of JSON, and does what a message says before or instead of it.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** @param {unknown} value */
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, what, ms } = /** @type {{ id: string, what: string, ms: number }} */ (JSON.parse(line))
  const answer = () => say({ id, type: 'answer', what })
  switch (what) {
    case 'stream':
      for (let n = 0; n < 50; n++) say({ id, event: n })
      return answer()
    case 'descend':
      // A descendant in a session of its own, that nobody ends but the pool.
      spawn('setsid', ['sleep', '1000'], { stdio: 'ignore' }).once('spawn', answer)
      return
    case 'babble':
      process.stderr.write('x'.repeat(200_000))
      return answer()
    case 'crash': return void process.kill(process.pid, 'SIGSEGV')
    case 'exit': return process.exit(0)
    case 'stop': return void process.kill(process.pid, 'SIGSTOP')
    case 'stubborn':
      process.on('SIGTERM', () => undefined)
      return answer()
    case 'unasked':
      answer()
      return void setTimeout(() => say({ unasked: true }), 5)
    default: return void setTimeout(answer, ms)
  }
})
