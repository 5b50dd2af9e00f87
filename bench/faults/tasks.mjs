// What a worker of any of the pools can be asked to do.
import { spawn } from 'node:child_process'

const forever = () => new Promise(() => void setInterval(() => undefined, 1_000))

/** A program that runs until it is killed, started so that it is hard to find. */
const LASTING = {
  child: ['sleep', '1000'],
  setsid: ['setsid', 'sleep', '1000'],
  daemon: ['sh', '-c', '(setsid sh -c "sleep 1000 & exec sleep 1000" &)'],
}

/** @param {{ do: string, what?: string }} task */
export async function perform({ do: action, what = 'child' }) {
  if (action === 'hang') return forever()
  if (action === 'exit') process.exit(0)
  if (action === 'start') {
    const [command, ...args] = LASTING[/** @type {keyof typeof LASTING} */ (what)]
    spawn(/** @type {string} */ (command), args, { stdio: 'ignore' })
    // Whatever is between it and its last form.
    await new Promise((resolve) => void setTimeout(resolve, 300))
  }
  if (action === 'deaf') {
    for (const signal of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(signal, () => undefined)
    setInterval(() => undefined, 1_000)
  }
  if (action === 'noise') for (let n = 0; n < 800; n++) await new Promise((resolve) => void process.stderr.write('e'.repeat(65_536), resolve))
  return process.pid
}
