import { createHash } from 'node:crypto'
import { GreenroomError, type SpawnSpec } from 'greenroom/kit'
import type { AgentSdkSpawnOptions } from './process.ts'

/** Programs to start that nothing runs of now, of which is known what they were. */
const KEPT = 200
/** Of one conversation, so that no other query will ever have them. */
const OF_ONE = new Set(['--session-id', '--resume', '-r', '--resume-session-at', '--continue', '-c', '--fork-session', '--from-pr'])

/** What one query runs. */
export interface Wanted {
  /** Names the program with all that is fixed at its start: equal for queries that may have each other's process. */
  readonly fingerprint: string
  readonly spec: SpawnSpec
  /** Another query may want the same. */
  readonly isCommon: boolean
}

export function wantedOf({ command, args, cwd, env }: AgentSdkSpawnOptions): Wanted {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
  const fingerprint = createHash('sha256').update(JSON.stringify([command, args, cwd ?? null, set])).digest('hex')
  const spec: SpawnSpec = { command, args, ...(cwd !== undefined && { cwd }), env: Object.fromEntries(set) }
  return { fingerprint, spec, isCommon: !args.some((arg) => OF_ONE.has(arg.split('=', 1)[0]!)) }
}

/** What to start, by fingerprint: of all queries that run or wait, and of some that did. */
export class Fingerprints {
  readonly #known = new Map<string, { readonly wanted: Wanted; users: number }>()

  /** A query wants one; call `leave` when it does no more. */
  enter(wanted: Wanted): void {
    const users = this.#known.get(wanted.fingerprint)?.users ?? 0
    this.#known.delete(wanted.fingerprint)
    this.#known.set(wanted.fingerprint, { wanted, users: users + 1 })
  }

  leave({ fingerprint, isCommon }: Wanted): void {
    const known = this.#known.get(fingerprint)
    if (!known) return
    known.users--
    if (known.users === 0 && !isCommon) this.#known.delete(fingerprint)
    if (this.#known.size <= KEPT) return
    for (const [name, { users }] of this.#known) {
      if (users > 0) continue
      this.#known.delete(name)
      return
    }
  }

  /** @throws GreenroomError `START_FAILED` when it was forgotten. */
  specOf(fingerprint: string): SpawnSpec {
    const known = this.#known.get(fingerprint)
    if (known) return known.wanted.spec
    throw new GreenroomError('START_FAILED', 'No query of the Agent SDK wants this process: its pool is of no use to other callers, and needs size.min: 0 and size.spare: 0')
  }
}
