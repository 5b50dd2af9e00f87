import { GreenroomError, type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec } from 'greenroom/kit'
import type { Fingerprints } from './fingerprint.ts'

/** Starts what queries of the SDK want. It speaks to none of it: the SDK does. */
export class RawDriver implements Driver {
  readonly capabilities: DriverCapabilities = { bindsAtSpawn: true }
  readonly #fingerprints: Fingerprints
  readonly #children = new Map<string, Child>()

  constructor(fingerprints: Fingerprints) {
    this.#fingerprints = fingerprints
  }

  /** The tenant is a fingerprint. */
  spawnSpec(birth?: Birth): SpawnSpec {
    return this.#fingerprints.specOf(birth?.tenant ?? '')
  }

  async open(child: Child, { sessionId }: ChannelContext): Promise<Channel> {
    await child.started
    this.#children.set(sessionId, child)
    void child.exited.then(() => this.#children.delete(sessionId))
    return {
      turn() {
        throw new GreenroomError('MESSAGE_INVALID', 'Only the Agent SDK can speak to this session')
      },
    }
  }

  /** The process of a session that is there. */
  childOf(sessionId: string): Child | undefined {
    return this.#children.get(sessionId)
  }
}
