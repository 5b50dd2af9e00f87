import { definePlugin, formatSize, size, z, type Limit, type LimitVerdict, type SessionView, type Usage } from 'greenroom/kit'

const options = z
  .strictObject({
    soft: size({ min: 1 }).optional().describe('Bytes of resident memory from which a session is ended at its release, at once when it is idle.'),
    hard: size({ min: 1 }).optional().describe('Bytes of resident memory from which a session is ended now; its lease gets SESSION_MEMORY_LIMIT.'),
  })
  .refine(({ soft, hard }) => soft !== undefined || hard !== undefined, { error: 'give soft, hard or both' })
  .refine(({ soft = 0, hard = Infinity }) => soft <= hard, { error: 'soft must not be more than hard' })

declare module 'greenroom/kit' {
  interface LimitOptions {
    memory: z.input<typeof options>
  }
}

class MemoryLimit implements Limit {
  readonly #soft: number
  readonly #hard: number

  constructor({ soft = Infinity, hard = Infinity }: { soft?: number | undefined; hard?: number | undefined }) {
    this.#soft = soft
    this.#hard = hard
  }

  judge(_session: SessionView, { memoryBytes }: Usage): LimitVerdict {
    // Unknown is not small (INV 27).
    if (memoryBytes === undefined) return { action: 'ok' }
    const used = formatSize(memoryBytes)
    if (memoryBytes >= this.#hard) return { action: 'end', code: 'SESSION_MEMORY_LIMIT', reason: `it used ${used}, its hard limit is ${formatSize(this.#hard)} (limits.memory.hard)` }
    if (memoryBytes >= this.#soft) return { action: 'recycle', reason: `it used ${used}, its soft limit is ${formatSize(this.#soft)} (limits.memory.soft)` }
    return { action: 'ok' }
  }
}

export default definePlugin({
  name: 'memory-limit',
  apply(kernel) {
    kernel.strategy('limit', 'memory', {
      description: 'Ends sessions that use too much resident memory: at their release (soft), or now (hard).',
      options,
      create: (given) => new MemoryLimit(given),
    })
  },
})
