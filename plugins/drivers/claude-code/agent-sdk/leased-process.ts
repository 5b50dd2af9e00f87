import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { type Child, type Clock, type Lease } from 'greenroom/kit'
import type { AgentSdkProcess } from './process.ts'

/** How long what it has said last may be on its way after its end; a descendant may keep its output open for ever. */
const LAST_WORDS_MS = 1_000

/** A process that is there for the SDK at once, and is a session's as soon as the pool has one: what is written before waits for it. */
export class LeasedProcess extends EventEmitter implements AgentSdkProcess {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  killed = false
  readonly #waiting = new AbortController()
  #lease: Lease | undefined
  #child: Child | undefined
  #signal: NodeJS.Signals = 'SIGTERM'
  #over = false

  /** Aborted when it is wanted no more before it was there. */
  get waiting(): AbortSignal {
    return this.#waiting.signal
  }

  /** The pool has a session. */
  begin(lease: Lease, child: Child, clock: Clock): void {
    this.#lease = lease
    this.#child = child
    // What can't be written any more is of no concern: its exit tells all.
    child.stdin.on('error', () => undefined)
    this.stdin.pipe(child.stdin)
    child.stdout.pipe(this.stdout)
    void child.exited.then(({ code, signal }) => {
      const end = (): void => {
        late.cancel()
        this.#exit(code, signal)
      }
      const late = clock.setTimer(end, LAST_WORDS_MS)
      if (child.stdout.readableEnded || child.stdout.destroyed) end()
      else child.stdout.once('close', end).once('end', end)
    })
    if (this.#waiting.signal.aborted) this.end()
  }

  /** There will be none. */
  fail(problem: unknown): void {
    if (this.killed || this.#waiting.signal.aborted) return this.#exit(null, this.#signal)
    if (this.#over) return
    this.#over = true
    this.stdout.end()
    if (this.listenerCount('error') > 0) this.emit('error', problem instanceof Error ? problem : new Error(String(problem)))
  }

  kill(signal: NodeJS.Signals): boolean {
    if (this.#over) return false
    this.killed = true
    this.#signal = signal
    this.#child?.signal(signal)
    this.end()
    return true
  }

  /** The SDK gives it up: the pool ends it, with its tree, and what becomes of it is no crash. */
  end(): void {
    if (this.#lease) this.#lease.destroy('the Agent SDK has given it up')
    else this.#waiting.abort()
  }

  #exit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#over) return
    this.#over = true
    this.exitCode = code
    this.signalCode = signal
    this.stdout.end()
    this.emit('exit', code, signal)
  }
}
