import { definePlugin, formatSize, size, z, type Limit, type LimitVerdict, type SessionView, type Usage } from 'greenroom/kit'

const options = z
  .strictObject({
    soft: size({ min: 1 }).optional().describe('Bytes from which a session is ended at its release, at once when it is idle.'),
    hard: size({ min: 1 }).optional().describe('Bytes from which a session is ended now; its lease gets SESSION_MEMORY_LIMIT.'),
  })
  .refine(({ soft, hard }) => soft !== undefined || hard !== undefined, { error: 'give soft, hard or both' })
  .refine(({ soft = 0, hard = Infinity }) => soft <= hard, { error: 'soft must not be more than hard' })

declare module 'greenroom/kit' {
  interface LimitOptions {
    memory: z.input<typeof options>
  }
}

/**
 * Judges the memory of a session's whole tree. Resident memory counts what processes share once for each of them, so it is an upper
 * bound, and cheap: below the limit by it, nothing more is asked. From there on proportional memory decides, measured for this very
 * judgement; where it can't be had, resident memory does, and several processes must exceed the limit by it twice in a row: a process
 * that starts another seems to be there twice for an instant.
 */
class MemoryLimit implements Limit {
  readonly #soft: number
  readonly #hard: number
  readonly exactMemoryFrom: number
  readonly #suspects = new WeakSet<SessionView>()

  constructor({ soft = Infinity, hard = Infinity }: { soft?: number | undefined; hard?: number | undefined }) {
    this.#soft = soft
    this.#hard = hard
    this.exactMemoryFrom = Math.min(soft, hard)
  }

  judge(session: SessionView, { memoryBytes, proportionalBytes, processes = 1 }: Usage): LimitVerdict {
    // Unknown is not small (INV 27).
    if (memoryBytes === undefined) return { action: 'ok' }
    const isSuspect = memoryBytes >= this.exactMemoryFrom
    const wasSuspect = this.#suspects.delete(session)
    if (!isSuspect) return { action: 'ok' }
    this.#suspects.add(session)
    if (proportionalBytes === undefined && processes > 1 && !wasSuspect) return { action: 'ok' }
    return this.#judge(proportionalBytes ?? memoryBytes, processes)
  }

  #judge(bytes: number, processes: number): LimitVerdict {
    const used = `it used ${formatSize(bytes)}${processes > 1 ? ` in ${processes} processes` : ''}`
    if (bytes >= this.#hard) {
      return {
        action: 'end',
        code: 'SESSION_MEMORY_LIMIT',
        reason: `${used}, its hard limit is ${formatSize(this.#hard)} (limits.memory.hard)`,
        limit: { name: 'limits.memory.hard', used: bytes, allowed: this.#hard },
      }
    }
    if (bytes < this.#soft) return { action: 'ok' }
    return { action: 'recycle', reason: `${used}, its soft limit is ${formatSize(this.#soft)} (limits.memory.soft)` }
  }
}

export default definePlugin({
  name: 'memory-limit',
  apply(kernel) {
    kernel.strategy('limit', 'memory', {
      description: 'Ends sessions whose processes use too much memory together: at their release (soft), or now (hard).',
      options,
      create: (given) => new MemoryLimit(given),
    })
  },
})
