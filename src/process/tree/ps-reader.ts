import { execFile } from 'node:child_process'
import type { Clock } from '../../contracts/clock.ts'
import type { ProcessEntry } from './process-entry.ts'
import type { ProcessReader } from './proc-reader.ts'

/** How long `ps` may take. */
const LONGEST_MS = 5_000
const MOST_BYTES = 64 * 2 ** 20

/** Other Unixes, macOS among them, by `ps`. It tells no environment, so that marks can't be seen. */
export class PsReader implements ProcessReader {
  readonly limitations = [
    'marks in environments can not be read: a descendant that left its group and lost its parent is not found',
    'processes are told apart to the second of their start only',
  ]
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async read(): Promise<ProcessEntry[]> {
    return parse(await this.#run())
  }

  #run(): Promise<string> {
    return new Promise((resolve, reject) => {
      const args = ['-A', '-o', 'pid=,ppid=,pgid=,state=,lstart=']
      const options = { env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }, maxBuffer: MOST_BYTES, encoding: 'utf8' } as const
      const ps = execFile('ps', args, options, (error, output) => {
        deadline.cancel()
        if (error) reject(new Error(`the processes can not be listed by ps: ${error.message}`, { cause: error }))
        else resolve(output)
      })
      const deadline = this.#clock.setTimer(() => ps.kill('SIGKILL'), LONGEST_MS)
    })
  }
}

function parse(output: string): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const line of output.split('\n')) {
    const [pid, ppid, pgid, state = '', ...started] = line.trim().split(/\s+/)
    const startTime = Date.parse(`${started.join(' ')} UTC`)
    if (Number.isNaN(startTime)) continue
    entries.push({
      pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), sid: 0, startTime, alive: !/^[ZX]/.test(state), stopped: /^[Tt]/.test(state), marker: undefined,
    })
  }
  return entries
}
