import type { DriverSession } from './driver-session.ts'

/**
 * Sessions that cases have left in order, for other cases of the suite that run at the same time: a program that takes long to start is started
 * once for several promises. It holds nothing when no case runs, so cases that are run one after the other have sessions of their own.
 */
export class SessionLot {
  readonly #free: DriverSession[] = []
  #running = 0

  /** A case begins. */
  enter(): void {
    this.#running++
  }

  /** A case is over; with the last one all sessions are. */
  async exit(): Promise<void> {
    if (--this.#running > 0) return
    for (const session of this.#free.splice(0)) await session.kill()
  }

  /** A session that nobody else uses, and that has had turns already. */
  take(): DriverSession | undefined {
    return this.#free.pop()
  }

  /** Takes the session over, if it is in order: the next case must not suffer from it. */
  give(session: DriverSession): boolean {
    if (!session.isInOrder) return false
    this.#free.push(session)
    return true
  }
}
