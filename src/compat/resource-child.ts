import { Readable, Writable } from 'node:stream'
import { type Child, type Clock, type ExitInfo, formatDuration, GreenroomError } from '../contracts/index.ts'
import { runWithDeadline } from '../kernel/deadline.ts'

/** What becomes of resources. None of them throws. */
export interface ResourceEvents<T> {
  createBegun(): unknown
  /** `begun` is what createBegun returned. */
  created(begun: unknown, resource: T): void
  createFailed(begun: unknown, error: unknown): void
  destroyBegun(resource: T): unknown
  destroyed(begun: unknown, resource: T): void
  destroyFailed(begun: unknown, resource: T, error: unknown): void
}

export interface ResourceMaker<T> {
  create(): PromiseLike<T> | T
  destroy(resource: T): unknown
  /** For one call of create(), and of destroy(). */
  readonly createMs: number
  readonly destroyMs: number
  readonly clock: Clock
  readonly events: ResourceEvents<T>
}

/**
 * A "process" that is none: it begins with create() and is gone when destroy() has ended, or has taken too long. So a resource takes up
 * its place among `max` from the first moment to the last (INV 9).
 */
export class ResourceChild<T> implements Child {
  /** Not the id of a process, but one that says: it could be started. */
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable = new Readable({ read() {} })
  readonly bytesRead = 0
  readonly exited: Promise<ExitInfo>
  #exit: ExitInfo | undefined
  #settleExit!: (exit: ExitInfo) => void
  #making: Promise<T> | undefined
  #leaving = false
  readonly #maker: ResourceMaker<T>

  constructor(pid: number, maker: ResourceMaker<T>) {
    this.pid = pid
    this.#maker = maker
    this.exited = new Promise((resolve) => (this.#settleExit = resolve))
    this.stdin = new Writable({
      final: (done) => {
        this.#leave()
        done()
      },
    })
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  /** Calls create(). When it takes too long, or `signal` is aborted first, it has failed; what it makes all the same is destroyed. */
  async make(signal: AbortSignal): Promise<T> {
    const { clock, createMs, events } = this.#maker
    const begun = events.createBegun()
    try {
      const resource = await runWithDeadline(
        () => (this.#making = new Promise((resolve) => resolve(this.#maker.create()))),
        createMs,
        clock,
        () => new GreenroomError('START_TIMEOUT', `create() took longer than ${formatDuration(createMs)} (createTimeoutMillis)`),
        signal,
      )
      events.created(begun, resource)
      return resource
    } catch (error) {
      events.createFailed(begun, error)
      throw error
    }
  }

  stderrTail(): string {
    return ''
  }

  /** There is one way to end a resource, whatever the signal. */
  signal(signal: NodeJS.Signals): boolean {
    if (signal === 'SIGTERM' || signal === 'SIGKILL') this.#leave()
    return this.#exit === undefined
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    return this.signal(signal)
  }

  #leave(): void {
    if (this.#leaving) return
    this.#leaving = true
    void this.#dispose().then(() => {
      this.#exit = { code: 0, signal: null }
      this.#settleExit(this.#exit)
    })
  }

  /** INV 20: neither a create() nor a destroy() that never ends holds up the pool. A late create() is followed by its destroy(). */
  async #dispose(): Promise<void> {
    const { clock, destroyMs } = this.#maker
    const making = this.#making
    if (!making) return
    const destruction = making.then((resource) => this.#destroy(resource), () => undefined)
    await runWithDeadline(() => destruction, 2 * destroyMs, clock, () => new Error('create() does not end')).catch(() => undefined)
  }

  async #destroy(resource: T): Promise<void> {
    const { clock, destroyMs, events } = this.#maker
    const begun = events.destroyBegun(resource)
    const tooLong = (): Error => new Error(`destroy() took longer than ${formatDuration(destroyMs)} (destroyTimeoutMillis)`)
    try {
      await runWithDeadline(() => this.#maker.destroy(resource), destroyMs, clock, tooLong)
      events.destroyed(begun, resource)
    } catch (error) {
      events.destroyFailed(begun, resource, error)
    }
  }
}
