import type { ExitInfo } from '../../contracts/child.ts'
import type { Clock } from '../../contracts/clock.ts'
import { ProcessChild } from '../process-child.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import type { SessionTrees } from '../tree/session-trees.ts'
import { EarlySocket } from './early-socket.ts'
import { introduction, type SpawnOrder } from './protocol.ts'

/** Signals that a process that has not begun yet is spared its beginning for. */
const ENDING: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])

export interface KeptChildOptions {
  readonly order: SpawnOrder
  /** Makes of what kept it from being started what to do about it. */
  readonly explain: (thrown: unknown) => Error
  readonly marker: string
  readonly clock: Clock
  readonly trees: SessionTrees
  readonly table: ProcessTable
}

/**
 * A process that a keeper starts. It can be written to at once; it gets that when it has begun. Its pipes lead straight from here to the
 * process: they outlive the keeper.
 */
export class KeptChild extends ProcessChild {
  readonly order: SpawnOrder
  readonly started: Promise<void>
  /** Known since it has begun, where it can be read. */
  startTime: number | undefined
  /** Called when it is told to end before it has begun. */
  onDoom: (() => void) | undefined
  readonly #explain: (thrown: unknown) => Error
  readonly #sockets: readonly [EarlySocket, EarlySocket, EarlySocket]
  #doomed = false
  #known!: () => void

  constructor({ order, explain, marker, clock, trees, table }: KeptChildOptions) {
    const sockets = [new EarlySocket({ readable: false }), new EarlySocket({ readable: true }), new EarlySocket({ readable: true })] as const
    const [stdin, stdout, stderr] = sockets
    super({ stdin, stdout, stderr }, { marker, clock, trees, isReused: () => isReused(this.pid, this.startTime, table) })
    this.order = order
    this.#explain = explain
    this.#sockets = sockets
    this.started = new Promise((resolve) => (this.#known = resolve))
  }

  /**
   * Connects its pipes to the keeper that listens at `path`.
   * @throws Error what the system says, such as too many open files (EMFILE).
   */
  async connect(path: string): Promise<void> {
    await Promise.all(this.#sockets.map((socket, stream) => new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('its pipes were closed before it began')))
      socket.introduce(path, introduction(this.order.token, stream as 0 | 1 | 2), resolve)
    })))
  }

  override get bytesRead(): number {
    return this.#sockets[1].received
  }

  override begin(pid: number, startTime: number | undefined): void {
    this.startTime = startTime
    super.begin(pid, startTime)
    for (const socket of this.#sockets) socket.release()
    this.#known()
    if (!this.#doomed) return
    this.signalGroup('SIGKILL')
    void this.exited.then(() => this.endTree())
  }

  override end(exit: ExitInfo): void {
    const [stdin, stdout] = this.#sockets
    stdin.destroy()
    super.end(exit)
    this.#known()
    // What nobody reads must not keep the pipe open.
    process.nextTick(() => stdout.resume())
  }

  /** It never began, and never will. */
  fail(thrown: unknown): void {
    const [, stdout, stderr] = this.#sockets
    // Nothing will come out of them: let that be read, as from any process.
    for (const socket of [stdout, stderr]) socket.push(null)
    this.end({ code: null, signal: null, error: this.#explain(thrown) })
  }

  readStdout(reader: (chunk: Buffer) => void): void {
    this.#sockets[1].readWith(reader)
  }

  override signal(signal: NodeJS.Signals): boolean {
    return this.#doom(signal) || super.signal(signal)
  }

  override signalGroup(signal: NodeJS.Signals): boolean {
    return this.#doom(signal) || super.signalGroup(signal)
  }

  #doom(signal: NodeJS.Signals): boolean {
    if (this.pid !== undefined || this.exit !== undefined || !ENDING.has(signal)) return false
    this.#doomed = true
    this.onDoom?.()
    return true
  }
}

/** INV 15: the keeper has collected it before we hear of its end, so that its id may be another's for that moment. */
function isReused(pid: number | undefined, startTime: number | undefined, table: ProcessTable): boolean {
  if (pid === undefined || startTime === undefined) return false
  try {
    const now = table.identify(pid)
    return now !== undefined && now.startTime !== startTime
  } catch {
    // Too many open files, say: an id is not reused within the few milliseconds in which that can be.
    return false
  }
}
