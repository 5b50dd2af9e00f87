import type { ReplResult } from './channel.ts'

/** A piece of output, as it came. */
export interface ReplOutput {
  readonly type: 'stdout' | 'stderr'
  readonly text: string
}

/** The output of one turn, at most `limit` characters of it. */
export class Transcript {
  readonly #text = { stdout: '', stderr: '' }
  #room: number
  #truncated = false

  constructor(limit: number) {
    this.#room = limit
  }

  /** Adds a piece; returns what of it was taken, if anything was. */
  add(output: ReplOutput): ReplOutput | undefined {
    const { type, text } = output
    if (text.length > this.#room) this.#truncated = true
    const taken = text.slice(0, this.#room)
    this.#room -= taken.length
    this.#text[type] += taken
    if (taken === '') return undefined
    return taken === text ? output : { type, text: taken }
  }

  result(outcome: Omit<ReplResult, 'stdout' | 'stderr'>): ReplResult {
    return { ...outcome, ...this.#text, ...(this.#truncated && { truncated: true }) }
  }
}
