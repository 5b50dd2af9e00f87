import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { endChild, type Child, type Clock } from 'greenroom/kit'
import type { AgentSdkProcess } from './process.ts'

/** A child in the form the SDK wants. */
export class OwnedProcess extends EventEmitter implements AgentSdkProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly #child: Child
  readonly #ladder: { readonly clock: Clock; readonly stepMs: number }
  #killed = false

  constructor(child: Child, ladder: { readonly clock: Clock; readonly stepMs: number }) {
    super()
    this.#child = child
    this.#ladder = ladder
    this.stdin = child.stdin
    this.stdout = child.stdout
    void child.exited.then(({ code, signal, error }) => {
      // INV 18: its tools have groups of their own, and outlive it.
      void child.endTree?.()
      if (!error) this.emit('exit', code, signal)
      else if (this.listenerCount('error') > 0) this.emit('error', error)
    })
  }

  get killed(): boolean {
    return this.#killed
  }

  get exitCode(): number | null {
    return this.#child.exit?.code ?? null
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#child.exit?.signal ?? null
  }

  kill(signal: NodeJS.Signals): boolean {
    this.#killed = this.#child.signal(signal)
    return this.#killed
  }

  async end(): Promise<void> {
    await endChild(this.#child, this.#ladder)
    await this.#child.endTree?.()
  }
}
