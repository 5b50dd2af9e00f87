import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Child, ExitInfo } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { afterLastOutput } from './last-output.ts'
import { signalProcess, signalProcessGroup } from './process-group.ts'
import { StderrTail } from './stderr-tail.ts'

/** How long the news of an exit may wait for output that was written before it. */
const LAST_OUTPUT_MS = 100

type CountedReadable = Readable & { readonly bytesRead: number }

/** A process that was started, in a group of its own. */
export class ProcessChild implements Child {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly exited: Promise<ExitInfo>
  /** The value of GREENROOM_SESSION in its environment, which every descendant inherits. */
  readonly marker: string
  readonly #stdout: CountedReadable
  readonly #stderr = new StderrTail()
  #exit: ExitInfo | undefined
  #gone = false
  #groupGone = false

  constructor(pid: number, child: ChildProcessWithoutNullStreams, marker: string, clock: Clock) {
    // The pipes of a child are sockets, which count what they read; their declared type does not say so.
    const stdout = child.stdout as CountedReadable
    const stderr = child.stderr as CountedReadable
    this.pid = pid
    this.stdin = child.stdin
    this.stdout = this.#stdout = stdout
    this.marker = marker
    // INV 29: a pipe that breaks is no exception of the host. Its process is gone or going, which `exited` tells.
    for (const pipe of [child.stdin, stdout, stderr]) pipe.on('error', ignore)
    // Always read, so that a process that floods stderr never waits for us.
    stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk))
    // INV 19: it exists from the spawn on. INV 16: it settles once, with code and signal.
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        // From this moment on its pid may become another's: INV 15.
        this.#gone = true
        afterLastOutput([stdout, stderr], clock, LAST_OUTPUT_MS, () => {
          this.#exit = { code, signal }
          resolve(this.#exit)
        })
      })
    })
  }

  get bytesRead(): number {
    return this.#stdout.bytesRead
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  stderrTail(): string {
    return this.#stderr.text()
  }

  signal(signal: NodeJS.Signals): boolean {
    return !this.#gone && signalProcess(this.pid, signal)
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    if (this.#groupGone) return false
    const received = signalProcessGroup(this.pid, signal)
    // An empty group stays empty, and its number may be used again: never look at it a second time. INV 15.
    if (!received && this.#gone) this.#groupGone = true
    return received
  }
}

function ignore(): void {}
