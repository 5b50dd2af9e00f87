import { definePlugin, z, type Limit, type LimitVerdict, type SessionView, type Usage } from 'greenroom/kit'

const options = z.strictObject({
  max: z.int().min(1).describe('Processes that one session may have at a time, its own included.'),
  then: z.enum(['report', 'recycle', 'end']).default('end')
    .describe("What is done about more: 'report' it as a decision, 'recycle' the session at its release, 'end' it now. Default 'end'."),
})

declare module 'greenroom/kit' {
  interface LimitOptions {
    processes: z.input<typeof options>
  }
}

class ProcessesLimit implements Limit {
  readonly #max: number
  readonly #then: 'report' | 'recycle' | 'end'

  constructor({ max, then }: z.output<typeof options>) {
    this.#max = max
    this.#then = then
  }

  judge(_session: SessionView, { processes }: Usage): LimitVerdict {
    // INV 27: where descendants can't be seen, there may be any number.
    if (processes === undefined || processes <= this.#max) return { action: 'ok' }
    const reason = `it had ${processes} processes, its limit is ${this.#max} (limits.processes.max)`
    if (this.#then !== 'end') return { action: this.#then, reason }
    return { action: 'end', code: 'SESSION_LIMIT', reason, limit: { name: 'limits.processes.max', used: processes, allowed: this.#max } }
  }
}

export default definePlugin({
  name: 'processes-limit',
  apply(kernel) {
    kernel.strategy('limit', 'processes', {
      description: 'Ends, or reports, sessions that have too many processes at a time.',
      options,
      create: (given) => new ProcessesLimit(given),
    })
  },
})
