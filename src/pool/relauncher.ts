import { type Birth, GreenroomError } from '../contracts/index.ts'
import { endChild } from '../process/ending.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Opener } from './opener.ts'
import type { Session } from './session.ts'

/**
 * Puts another process into a session that has served nobody yet: for programs that can restore a parked state only as they start. The old
 * process is gone before the new one is started, so that there is never one too many (INV 9).
 */
export class Relauncher {
  readonly #env: PoolEnvironment
  readonly #opener: Opener

  constructor(env: PoolEnvironment, opener: Opener) {
    this.#env = env
    this.#opener = opener
  }

  /** Resolves when the new process is ready. When it rejects, the session is of no use any more. */
  async relaunch(session: Session, birth: Birth): Promise<void> {
    const { clock, settings, statistics } = this.#env
    session.relaunching = true
    session.channel = undefined
    const { step } = await endChild(session.child, { clock, stepMs: settings.timeouts.close, immediate: true })
    if (session.ending.aborted) throw session.ending.reason
    if (step === 'lost') throw new GreenroomError('START_FAILED', `process ${session.pid} does not end, not even by SIGKILL`, { sessionId: session.id })
    session.child = this.#opener.spawn(session.id, birth)
    // INV 27: what its predecessor used says nothing of it.
    session.usage = undefined
    statistics.started++
    const { channel, gone } = await this.#opener.open(session)
    gone.throwIfAborted()
    session.channel = channel
    session.relaunching = false
  }
}
