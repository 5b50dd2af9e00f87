import { Readable, Writable } from 'node:stream'
import type { Child, Clock, ExitInfo, SpawnSpec, Timer } from '../contracts/index.ts'
import type { Behaviour, Step } from './behaviour.ts'

/** A process that is none: it starts, ends and dies as its behaviour says. What it says and remembers is its program's part. */
export class InMemoryChild implements Child {
  readonly pid: number | undefined
  readonly spec: SpawnSpec
  readonly behaviour: Behaviour
  readonly stdin: Writable
  readonly stdout: Readable = new Readable({ read() {} })
  readonly exited: Promise<ExitInfo>
  /** Signals it received, in order. */
  readonly signals: NodeJS.Signals[] = []
  bytesRead = 0
  stderr = ''
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  #exit: ExitInfo | undefined
  #settleExit!: (exit: ExitInfo) => void
  #onExit: (() => void) | undefined

  constructor(pid: number, spec: SpawnSpec, behaviour: Behaviour, clock: Clock) {
    this.spec = spec
    this.behaviour = behaviour
    this.#clock = clock
    this.exited = new Promise((resolve) => (this.#settleExit = resolve))
    this.stdin = new Writable({
      write: (_chunk, _encoding, done) => done(),
      final: (done) => {
        this.after(this.behaviour.eofMs, () => this.end({ code: 0, signal: null }))
        done()
      },
    })
    const unstartable = behaviour.start.fails === true && behaviour.startFailure === 'unstartable'
    this.pid = unstartable ? undefined : pid
    if (unstartable) this.after(behaviour.start.ms, () => this.end({ code: null, signal: null, error: new Error(`spawn ${spec.command} ENOENT`) }))
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  get stderrBytes(): number {
    return Buffer.byteLength(this.stderr)
  }

  get alive(): boolean {
    return this.#exit === undefined
  }

  stderrTail(): string {
    return this.stderr
  }

  signal(signal: NodeJS.Signals): boolean {
    if (!this.alive || this.pid === undefined) return false
    this.signals.push(signal)
    if (signal === 'SIGKILL') this.after(this.behaviour.killMs, () => this.end({ code: null, signal }))
    else if (signal === 'SIGTERM') this.after(this.behaviour.termMs, () => this.end({ code: null, signal }))
    return true
  }

  signalGroup(signal: NodeJS.Signals): boolean {
    return this.signal(signal)
  }

  /** It dies by a signal, unasked. */
  crash(signal: NodeJS.Signals = 'SIGSEGV'): void {
    this.end({ code: null, signal })
  }

  /** It ends by itself. */
  end(exit: ExitInfo): void {
    if (!this.alive) return
    this.#exit = exit
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#onExit?.()
    this.#settleExit(exit)
  }

  /** Who keeps the books hears of the end first. */
  set onExit(callback: () => void) {
    this.#onExit = callback
  }

  /** Runs `action` after `ms`, if the process is still alive then. */
  after(ms: number, action: () => void): void {
    if (ms === Infinity) return
    const act = (): void => {
      if (this.alive) action()
    }
    if (ms === 0) return queueMicrotask(act)
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }

  /** Resolves or rejects as the step says. A process that dies meanwhile leaves it open for ever, as a careless driver would. */
  step(name: string, { ms, fails = false }: Step): Promise<void> {
    return new Promise((resolve, reject) => {
      this.after(ms, () => {
        this.bytesRead++
        if (fails) reject(new Error(`the program's ${name} failed`))
        else resolve()
      })
    })
  }
}
