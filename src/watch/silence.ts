import { type Child, GreenroomError, formatDuration, type SessionState } from '../contracts/index.ts'
import type { Timeout, Timeouts } from '../kernel/timeouts.ts'
import type { PoolEnvironment } from '../pool/environment.ts'
import type { Retirer } from '../pool/retirer.ts'
import type { RosterListener } from '../pool/roster.ts'
import type { Session } from '../pool/session.ts'
import type { TurnListener } from '../pool/settler.ts'

/** Looks within one time-out: a silence is noticed at the latest a quarter after it is due. */
const LOOKS = 4

/** What is known of a session that works, or worked lately. */
interface Watched {
  timeout: Timeout
  /** Bytes of output up to the last look. */
  output: number
  /** -1: the time until the first look may be shorter than that between two. */
  quietLooks: number
}

/**
 * Ends sessions that say nothing while they should be working (INV 17). It costs a look now and then, and nothing per message: it
 * compares how many bytes have come, of stdout and of stderr, where many programs tell what they are at. Looks go on between requests
 * that follow each other: a time-out for each would cost more than its watch. A consumer who does not read makes the program wait, and so
 * does one who is asked something: that silence is not the program's. Nor is it any while the driver says that the program works without
 * a word.
 */
export class SilenceWatch implements TurnListener, RosterListener {
  readonly #env: PoolEnvironment
  readonly #retirer: Retirer
  readonly #timeouts: Timeouts
  readonly #watched = new Map<Session, Watched>()

  constructor(env: PoolEnvironment, retirer: Retirer, background: Timeouts) {
    this.#env = env
    this.#retirer = retirer
    this.#timeouts = background
  }

  turnBegun(session: Session): void {
    const { silence } = this.#env.settings.timeouts
    if (silence === Infinity) return
    const watched = this.#watched.get(session)
    if (watched) {
      watched.quietLooks = -1
      watched.output = outputOf(session.child)
      return
    }
    this.#watched.set(session, { timeout: this.#arm(session), output: outputOf(session.child), quietLooks: 0 })
  }

  changed(session: Session, _from: SessionState | undefined, to: SessionState): void {
    const watched = to === 'ending' ? this.#watched.get(session) : undefined
    if (!watched) return
    this.#timeouts.remove(watched.timeout)
    this.#watched.delete(session)
  }

  #arm(session: Session): Timeout {
    return this.#timeouts.add(this.#env.settings.timeouts.silence / LOOKS, this.#look, session)
  }

  readonly #look = (session: Session): void => {
    const watched = this.#watched.get(session)
    if (!watched) return
    if (session.turnCount === 0) return void this.#watched.delete(session)
    const { child } = session
    const output = outputOf(child)
    if (output !== watched.output || child.stdout.isPaused() || session.isQuiet) {
      watched.output = output
      watched.quietLooks = 0
    } else if (++watched.quietLooks >= LOOKS) {
      this.#watched.delete(session)
      return this.#silent(session)
    }
    watched.timeout = this.#arm(session)
  }

  #silent(session: Session): void {
    const error = new GreenroomError(
      'SESSION_SILENT',
      `session ${session.id} said nothing for ${formatDuration(this.#env.settings.timeouts.silence)} (timeouts.silence) while it should have been working`,
      { sessionId: session.id },
    )
    void this.#retirer.retire(session, 'silent', error)
  }
}

function outputOf({ bytesRead, stderrBytes = 0 }: Child): number {
  return bytesRead + stderrBytes
}
