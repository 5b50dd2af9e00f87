import type { TurnSink } from 'greenroom/kit'
import { Transcript, type ReplOutput } from '../node-repl/transcript.ts'

/** The output of one turn. */
export interface TurnOutput {
  /** After what was put out in the background since the turn before. */
  stdout: string
  stderr: string
  /** Set when there was more output than `maxOutput`. */
  truncated?: boolean
}

/**
 * What a session puts out: events and transcript of the running turn, or kept for the next one when none runs. It cannot reach
 * anybody else: without a reset, an interpreter stays with the tenant and key that made it (INV 2). Beyond `limit` characters a turn,
 * and as many between two, it is dropped.
 */
export class SessionOutput {
  readonly #limit: number
  #turn: { readonly sink: TurnSink; readonly transcript: Transcript } | undefined
  #held: ReplOutput[] = []
  #heldLength = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  begin(sink: TurnSink): void {
    this.#turn = { sink, transcript: new Transcript(this.#limit) }
    const held = this.#held
    this.#held = []
    this.#heldLength = 0
    for (const output of held) this.add(output)
  }

  add(output: ReplOutput): void {
    if (!this.#turn) return this.#hold(output)
    const taken = this.#turn.transcript.add(output)
    if (taken) this.#turn.sink.event(taken)
  }

  /** The turn is over; what comes from now on is the next one's. */
  end(): TurnOutput {
    const { stdout, stderr, truncated } = this.#turn?.transcript.result({}) ?? { stdout: '', stderr: '' }
    this.#turn = undefined
    return { stdout, stderr, ...(truncated && { truncated }) }
  }

  #hold(output: ReplOutput): void {
    const text = output.text.slice(0, this.#limit - this.#heldLength)
    if (text === '') return
    this.#heldLength += text.length
    this.#held.push({ ...output, text })
  }
}
