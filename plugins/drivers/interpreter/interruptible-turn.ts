import { formatDuration, GreenroomError, type Clock, type Timer, type TurnSink } from 'greenroom/kit'

/**
 * Pauses between interrupts, the last one again and again. One may come to nothing: it hits a child that handles it, after which the
 * next command goes on. They grow, because many programs take a second one for "at once" while they tidy up after the first.
 */
const PAUSES_MS = [150, 250, 500, 1_000] as const
/** What takes no notice of its interrupts for so long after its time-out is ended. */
const OVERTIME_MS = 5_000

export interface InterruptibleTurnOptions {
  readonly sink: TurnSink
  readonly clock: Clock
  readonly timeoutMs: number | undefined
  /** Interrupts what runs; called again until the turn is over. */
  readonly interrupt: () => void
  /** It was interrupted at its time-out, and goes on. */
  readonly unstoppable: (error: GreenroomError) => void
}

/** A turn that is interrupted at its time-out, or when somebody asks for it, as soon as it has begun. */
export class InterruptibleTurn {
  readonly sink: TurnSink
  timedOut = false
  /** Its interruption was asked for. */
  cancelled = false
  readonly #clock: Clock
  readonly #interrupt: () => void
  readonly #unstoppable: (error: GreenroomError) => void
  readonly #deadline: Timer | undefined
  #next: Timer | undefined
  #overtime: Timer | undefined
  #begun = false
  #over = false
  #count = 0

  constructor({ sink, clock, timeoutMs, interrupt, unstoppable }: InterruptibleTurnOptions) {
    this.sink = sink
    this.#clock = clock
    this.#interrupt = interrupt
    this.#unstoppable = unstoppable
    if (timeoutMs !== undefined) this.#deadline = clock.setTimer(() => this.#timeOut(timeoutMs), timeoutMs, { background: true })
  }

  /** The program works on it: interrupts reach nothing else from now on. */
  begun(): void {
    if (this.#begun || this.#over) return
    this.#begun = true
    if (this.cancelled) this.#again()
  }

  cancel(): void {
    if (this.cancelled || this.#over) return
    this.cancelled = true
    if (this.#begun) this.#again()
  }

  /** Nothing of it runs any more. INV 15: no interrupt comes after this. */
  over(): void {
    this.#over = true
    this.#deadline?.cancel()
    this.#next?.cancel()
    this.#overtime?.cancel()
  }

  #again(): void {
    const pause = PAUSES_MS[Math.min(this.#count++, PAUSES_MS.length - 1)]!
    this.#next = this.#clock.setTimer(() => this.#again(), pause, { background: true })
    this.#interrupt()
  }

  #timeOut(timeoutMs: number): void {
    this.timedOut = true
    this.cancel()
    const text = `The request was interrupted after its time-out of ${formatDuration(timeoutMs)}, and went on: its session was ended`
    this.#overtime = this.#clock.setTimer(() => this.#unstoppable(new GreenroomError('REQUEST_TIMEOUT', text)), OVERTIME_MS, { background: true })
  }
}
