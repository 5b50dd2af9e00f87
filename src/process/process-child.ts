import type { Readable, Writable } from 'node:stream'
import type { Child, ExitInfo } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { afterLastOutput } from './last-output.ts'
import { isGroupAlive, signalProcess, signalProcessGroup } from './process-group.ts'
import { StderrTail } from './stderr-tail.ts'
import type { SessionTree } from './tree/session-tree.ts'
import type { SessionTrees } from './tree/session-trees.ts'

/** How long the news of an exit may wait for output that was written before it. */
const LAST_OUTPUT_MS = 100

type CountedReadable = Readable & { readonly bytesRead: number }

export interface ChildPipes {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
}

export interface ProcessChildOptions {
  /** The value of GREENROOM_SESSION in its environment, which every descendant inherits. */
  readonly marker: string
  readonly clock: Clock
  readonly trees: SessionTrees
  /** True when its id has become another's; asked before every signal. Default: that can't be unseen, as for a child of this very process. */
  readonly isReused?: () => boolean
}

/** A process in a group of its own. Whoever starts it says so with `begin`, and that it has ended with `end`. */
export class ProcessChild implements Child {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly exited: Promise<ExitInfo>
  readonly marker: string
  readonly #stdout: CountedReadable
  readonly #stderrPipe: CountedReadable
  readonly #stderr = new StderrTail()
  #stderrReader: ((chunk: Buffer) => Buffer) | undefined
  readonly #clock: Clock
  readonly #trees: SessionTrees
  readonly #isReused: () => boolean
  #settle!: (exit: ExitInfo) => void
  #pid: number | undefined
  #tree: SessionTree | undefined
  #exit: ExitInfo | undefined
  #gone = false
  #groupGone = false
  #ending: Promise<void> | undefined

  constructor({ stdin, stdout, stderr }: ChildPipes, { marker, clock, trees, isReused = () => false }: ProcessChildOptions) {
    // The pipes of a child are sockets, which count what they read; their declared type does not say so.
    this.#stdout = stdout as CountedReadable
    this.#stderrPipe = stderr as CountedReadable
    this.stdin = stdin
    this.stdout = stdout
    this.marker = marker
    this.#clock = clock
    this.#trees = trees
    this.#isReused = isReused
    // INV 29: a pipe that breaks is no exception of the host. Its process is gone or going, which `exited` tells.
    for (const pipe of [stdin, stdout, stderr]) pipe.on('error', ignore)
    // Always read, so that a process that floods stderr never waits for us.
    stderr.on('data', (chunk: Buffer) => this.#stderr.push(this.#stderrReader ? this.#stderrReader(chunk) : chunk))
    // INV 19: it exists from the spawn on. INV 16: it settles once, with code and signal.
    this.exited = new Promise((resolve) => (this.#settle = resolve))
  }

  /** It runs. `startTime` is absent where it can't be read cheaply. */
  begin(pid: number, startTime: number | undefined): void {
    this.#pid = pid
    this.#tree = this.#trees.plant({
      pid, startTime, marker: this.marker,
      owns: () => ({ ownsPid: !this.#gone && !this.#isReused(), ownsGroup: !this.#groupGone }),
      kill: () => void this.signalGroup('SIGKILL'),
    })
  }

  /** It has ended, or never was; what it wrote before is waited for. */
  end(exit: ExitInfo): void {
    if (this.#gone) return
    // From this moment on its pid may become another's: INV 15.
    this.#gone = true
    this.#groupGone = this.#pid === undefined || this.#isReused() || !isGroupAlive(this.#pid)
    const settle = (): void => {
      this.#exit = exit
      this.#settle(exit)
    }
    if (this.#pid === undefined) settle()
    else afterLastOutput([this.#stdout, this.#stderrPipe], this.#clock, LAST_OUTPUT_MS, settle)
  }

  get pid(): number | undefined {
    return this.#pid
  }

  get bytesRead(): number {
    return this.#stdout.bytesRead
  }

  get stderrBytes(): number {
    return this.#stderrPipe.bytesRead
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  stderrTail(): string {
    return this.#stderr.text()
  }

  readStderr(reader: (chunk: Buffer) => Buffer): void {
    this.#stderrReader = reader
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#pid !== undefined && !this.#gone && !this.#isReused() && signalProcess(this.#pid, signal)
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    if (this.#groupGone || this.#pid === undefined) return false
    const received = !this.#isReused() && signalProcessGroup(this.#pid, signal)
    // An empty group stays empty, and its number may be used again: never look at it a second time. INV 15.
    if (!received && this.#gone) this.#groupGone = true
    return received
  }

  noteTree(): Promise<void> {
    return this.#tree?.note() ?? Promise.resolve()
  }

  signalTree(signal: NodeJS.Signals): Promise<void> {
    this.signalGroup(signal)
    return this.#tree?.signalEscaped(signal) ?? Promise.resolve()
  }

  endTree(): Promise<void> {
    return this.#tree ? (this.#ending ??= this.#trees.end(this.#tree)) : Promise.resolve()
  }
}

function ignore(): void {}
