import { Readable, Writable } from 'node:stream'
import type { Child, ExitInfo } from '../contracts/child.ts'

/** What is left of a command that could not be started: pipes that lead nowhere, and the reason. */
export class UnstartedChild implements Child {
  readonly pid = undefined
  readonly stdin: Writable = new Writable({ write: (_chunk, _encoding, done) => done() })
  readonly stdout: Readable = Readable.from([])
  readonly bytesRead = 0
  readonly exited: Promise<ExitInfo>
  readonly marker: string
  #exit: ExitInfo | undefined

  constructor(reason: Promise<Error>, marker: string) {
    this.marker = marker
    this.exited = reason.then((error) => (this.#exit = { code: null, signal: null, error }))
  }

  get exit(): ExitInfo | undefined {
    return this.#exit
  }

  stderrTail(): string {
    return ''
  }

  signal(): boolean {
    return false
  }

  signalGroup(): boolean {
    return false
  }
}
