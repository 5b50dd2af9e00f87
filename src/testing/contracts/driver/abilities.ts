import type { Channel, DriverCapabilities } from '../../../contracts/index.ts'
import { systemClock } from '../../../kernel/system-clock.ts'
import { Bench } from '../bench.ts'
import { pause } from '../rules.ts'
import { DriverStage } from './driver-stage.ts'
import type { DriverContract } from './options.ts'
import { SILENT_PROGRAM } from './wrong-programs.ts'

/** A handshake that needs nothing of the program is over by then. */
const NO_HANDSHAKE_MS = 500

const OPTIONAL = ['cancel', 'ping', 'reset', 'bind', 'park', 'resume', 'goodbye'] as const satisfies readonly (keyof Channel)[]

/** What a driver can do. */
export interface Abilities {
  readonly capabilities: DriverCapabilities
  /** The optional parts of its channel that are there. */
  readonly channel: ReadonlySet<(typeof OPTIONAL)[number]>
  /** It waits for the program to say something before it takes it for ready. */
  readonly handshake: boolean
  /** Why nothing could be seen: then there are no cases for what it can do, and one that fails. */
  readonly problem?: unknown
}

/** Looks what the driver can do: runs its program once. Never rejects. */
export async function abilitiesOf(contract: DriverContract): Promise<Abilities> {
  const bench = new Bench('driver', contract, systemClock)
  try {
    const stage = await DriverStage.of(bench)
    try {
      const [channel, handshake] = await Promise.all([partsOf(stage), hasHandshake(stage)])
      return { capabilities: stage.driver.capabilities, channel, handshake }
    } finally {
      await stage.close()
    }
  } catch (problem) {
    return { capabilities: {}, channel: new Set(), handshake: false, problem }
  } finally {
    await bench.close()
  }
}

async function partsOf(stage: DriverStage): Promise<Abilities['channel']> {
  const { channel } = await stage.openUnbound()
  return new Set(OPTIONAL.filter((name) => typeof channel[name] === 'function'))
}

async function hasHandshake(stage: DriverStage): Promise<boolean> {
  const session = stage.start(SILENT_PROGRAM)
  let over = false
  const opening = session.open().catch(() => undefined).then(() => (over = true))
  await Promise.race([opening, pause(NO_HANDSHAKE_MS)])
  return !over
}
