import { GreenroomError } from '../contracts/index.ts'
import { endChild } from '../process/ending.ts'
import type { PoolEnvironment } from './environment.ts'
import type { Opener } from './opener.ts'
import type { Session } from './session.ts'

/**
 * Puts another process into a session that has served nobody yet: for programs that can restore a parked state only as they start. The old
 * process, if there was one, is gone before the new one is started, so that there is never one too many (INV 9).
 */
export class Relauncher {
  readonly #env: PoolEnvironment
  readonly #opener: Opener

  constructor(env: PoolEnvironment, opener: Opener) {
    this.#env = env
    this.#opener = opener
  }

  /** With the parked state `token`, if there is one. Resolves when the new process is ready. When it rejects, the session is of no use any more. */
  async relaunch(session: Session, tenant: string, token: string | undefined): Promise<void> {
    const { bindsAtSpawn, clock, settings, statistics } = this.#env
    const isFirst = session.channel === undefined
    session.relaunching = true
    session.channel = undefined
    const { step } = await endChild(session.child, { clock, stepMs: settings.timeouts.close, immediate: true })
    if (session.ending.aborted) throw session.ending.reason
    if (step === 'lost') throw new GreenroomError('START_FAILED', `process ${session.pid} does not end, not even by SIGKILL`, { sessionId: session.id })
    const birth = token === undefined ? { tenant } : { tenant, token }
    session.child = this.#opener.spawn(session.id, token !== undefined || bindsAtSpawn ? birth : undefined)
    // INV 27: what its predecessor used says nothing of it.
    session.usage = undefined
    statistics.started++
    const startedAt = clock.now()
    const { channel, gone } = await this.#opener.open(session)
    gone.throwIfAborted()
    session.channel = channel
    const now = clock.now()
    statistics.startTook(now - startedAt, now)
    if (isFirst) session.readyAt = now
    session.relaunching = false
  }
}
