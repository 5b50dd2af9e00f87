import { GreenroomError, type RequestOutcome, type TurnSink } from '../contracts/index.ts'
import { onAbort } from '../kernel/abort-callbacks.ts'
import type { Timeout } from '../kernel/timeouts.ts'
import type { Placed } from './dense-set.ts'
import type { PooledLease } from './lease.ts'
import type { LeaseHost } from './lease-host.ts'
import type { Session } from './session.ts'

/** Who hears of a turn's messages. */
export interface TurnConsumer {
  /** A message that is not the last. Absent when only the answer matters. */
  event?(message: unknown): void
  /** The terminal message. */
  answered(result: unknown): void
  rejected(error: Error): void
}

export interface TurnOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

/**
 * One message sent to a session and what comes back. It has two ends that may come in either order: the consumer's (answered,
 * or given up at once at an abort, a deadline or the session's end), and the program's (its terminal message). Only when the
 * program's end has come is the turn settled, and only then may the session be lent again (INV 1).
 */
export class Turn implements TurnSink, Placed {
  /** The program's terminal message has come. */
  settled = false
  /** The program has said that it works in silence. */
  isQuiet = false
  /** Among the turns of its session. */
  place = -1
  readonly owner: PooledLease
  readonly #host: LeaseHost
  readonly #session: Session
  readonly #consumer: TurnConsumer
  readonly #startedAt: number
  readonly #forgetSignal: (() => void) | undefined
  #timeout: Timeout | undefined
  #consumerDone = false

  private constructor(host: LeaseHost, owner: PooledLease, session: Session, consumer: TurnConsumer, options: TurnOptions) {
    this.#host = host
    this.owner = owner
    this.#session = session
    this.#consumer = consumer
    this.#startedAt = host.clock.now()
    if (options.timeoutMs !== Infinity) {
      this.#timeout = host.timeouts.add(options.timeoutMs, timedOut, this, this.#startedAt)
    }
    const { signal } = options
    this.#forgetSignal = signal && onAbort(signal, () => {
      this.giveUp(new GreenroomError('REQUEST_ABORTED', 'the caller aborted the request', { cause: signal.reason }), 'aborted')
    })
  }

  /**
   * Sends the message.
   * @throws what the driver throws when it refuses the message; nothing was sent then.
   */
  static begin(host: LeaseHost, owner: PooledLease, session: Session, message: unknown, consumer: TurnConsumer, options: TurnOptions): Turn {
    const turn = new Turn(host, owner, session, consumer, options)
    session.begun(turn)
    host.turnBegun(session, owner, turn)
    try {
      session.channel!.turn(message, turn)
    } catch (error) {
      if (turn.settled) {
        // It was sent, and has had its answer: nobody else is to hear of it.
        host.report(error, `driver's turn of session ${session.id}, after its answer`)
        return turn
      }
      turn.#consumerDone = true
      turn.#settle()
      turn.#detach('refused')
      host.turnSettled(session, owner)
      throw error instanceof GreenroomError
        ? error
        : new GreenroomError('MESSAGE_INVALID', `the driver could not send the message: ${String(error)}`, { cause: error })
    }
    return turn
  }

  event(message: unknown): void {
    if (!this.#consumerDone && !this.settled) this.#consumer.event?.(message)
  }

  quiet(on: boolean): void {
    this.isQuiet = on
  }

  done(result: unknown): void {
    if (this.settled) return
    const open = this.#settle()
    if (open) {
      this.#detach('answered')
      this.#consumer.answered(result)
    }
    this.#host.turnSettled(this.#session, this.owner)
  }

  fail(error: Error): void {
    if (this.settled) return
    const open = this.#settle()
    if (open) {
      this.#detach('failed')
      this.#consumer.rejected(error)
    }
    this.#host.turnSettled(this.#session, this.owner)
  }

  /** Ends it for the consumer, now. The program may still be working. */
  abandon(error: GreenroomError, outcome: RequestOutcome): void {
    if (this.#consumerDone) return
    this.#consumerDone = true
    this.#detach(outcome)
    this.#consumer.rejected(error)
  }

  /** Asks the program to stop; its terminal message is then due. */
  cancel(): void {
    if (this.settled) return
    try {
      this.#session.channel?.cancel?.(this)
    } catch (error) {
      this.#host.report(error, `driver's cancel of session ${this.#session.id}`)
    }
  }

  /** The program's end has come. Returns whether the consumer still waits. */
  #settle(): boolean {
    this.settled = true
    this.#session.settled(this)
    const open = !this.#consumerDone
    this.#consumerDone = true
    return open
  }

  #detach(outcome: RequestOutcome): void {
    if (this.#timeout) this.#host.timeouts.remove(this.#timeout)
    this.#forgetSignal?.()
    const now = this.#host.clock.now()
    this.#host.requestEnded(this.#session, this, outcome, now - this.#startedAt, now)
  }

  /** Ends it for the consumer, now, and asks the program to stop. */
  giveUp(error: GreenroomError, outcome: RequestOutcome): void {
    this.abandon(error, outcome)
    this.cancel()
  }
}

function timedOut(turn: Turn): void {
  turn.giveUp(new GreenroomError('REQUEST_TIMEOUT', 'the request was not answered within its time-out'), 'timed-out')
}
