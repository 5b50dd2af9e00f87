import {
  messageOf, nestedStrategy, z, type HealthCheck, type HealthOptions, type HealthSubject, type HealthVerdict, type NestedStrategy, type StrategyChoice,
  type StrategyContext,
} from 'greenroom/kit'

/** What a config gives. */
export interface CombinedOptions {
  of: readonly StrategyChoice<HealthOptions>[]
}

export const combinedOptions = z.strictObject({
  of: z.array(nestedStrategy('health')).min(1)
    .describe('The checks that look, one after the other, each by name or with its options. They share health.timeout: the quick ones first. Required.'),
})

/** Asks several checks in turn, until one comes to the verdict that settles it. Those that find nothing out don't count. */
class Combined implements HealthCheck {
  readonly #checks: readonly HealthCheck[]
  readonly #settling: boolean

  constructor(checks: readonly HealthCheck[], settling: boolean) {
    this.#checks = checks
    this.#settling = settling
  }

  async check(subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    const verdicts: HealthVerdict[] = []
    for (const check of this.#checks) {
      signal.throwIfAborted()
      const verdict = await look(check, subject, signal)
      if (verdict.healthy === this.#settling) return verdict
      verdicts.push(verdict)
    }
    const found = verdicts.filter(({ healthy }) => healthy !== undefined)
    const said = found.length > 0 ? found : verdicts
    return { healthy: found.length > 0 ? !this.#settling : undefined, reason: said.map(({ reason }) => reason).join('; ') }
  }
}

/** A rejection is a verdict, too: unhealthy. */
async function look(check: HealthCheck, subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
  try {
    return await check.check(subject, signal)
  } catch (problem) {
    return { healthy: false, reason: messageOf(problem) }
  }
}

/** @param settling The verdict of one that is the verdict of all. */
export async function combine(of: readonly NestedStrategy<'health'>[], context: StrategyContext, settling: boolean): Promise<HealthCheck> {
  return new Combined(await Promise.all(of.map((check) => check.make(context))), settling)
}
