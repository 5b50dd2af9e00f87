import {
  type Clock, messageOf, nestedStrategy, z, type HealthCheck, type HealthOptions, type HealthSubject, type HealthVerdict, type NestedStrategy,
  type StrategyChoice, type StrategyContext,
} from 'greenroom/kit'

/** What a config gives. */
export interface CombinedOptions {
  of: readonly StrategyChoice<HealthOptions>[]
}

export const combinedOptions = z.strictObject({
  of: z.array(nestedStrategy('health')).min(1)
    .describe('The checks that look, one after the other, each by name or with its options. They share health.timeout: the quick ones first. Required.'),
})

/** Asks several checks in turn, until one finds something wrong. Those that find nothing out don't count. */
class All implements HealthCheck {
  readonly #checks: readonly HealthCheck[]

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = checks
  }

  async check(subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    const verdicts: HealthVerdict[] = []
    for (const check of this.#checks) {
      signal.throwIfAborted()
      const verdict = await look(check, subject, signal)
      if (verdict.healthy === false) return verdict
      verdicts.push(verdict)
    }
    return summed(verdicts, true)
  }
}

/**
 * Asks several checks in turn, until one finds the session healthy. One that has not answered within its share of the time does not keep the
 * next from being asked, and is listened to still. Those that find nothing out don't count.
 */
class Any implements HealthCheck {
  readonly #checks: readonly HealthCheck[]
  readonly #clock: Clock

  constructor(checks: readonly HealthCheck[], clock: Clock) {
    this.#checks = checks
    this.#clock = clock
  }

  async check(subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const shareMs = subject.timeoutMs / this.#checks.length
    const verdicts: HealthVerdict[] = []
    let found: HealthVerdict | undefined
    let settle!: () => void
    const settled = new Promise<void>((resolve) => (settle = resolve))
    const looks: Promise<void>[] = []
    for (const check of this.#checks) {
      signal.throwIfAborted()
      const looked = look(check, { ...subject, timeoutMs: shareMs }, either).then((verdict) => {
        verdicts.push(verdict)
        if (verdict.healthy !== true) return
        found ??= verdict
        settle()
      })
      looks.push(looked)
      await this.#within(shareMs, Promise.race([looked, settled]))
      if (found) break
    }
    await Promise.race([settled, Promise.all(looks)])
    over.abort(new Error('another check has found the session healthy'))
    return found ?? summed(verdicts, false)
  }

  #within(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(resolve, ms)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** The verdict of all, when none of them has settled it. */
function summed(verdicts: readonly HealthVerdict[], healthy: boolean): HealthVerdict {
  const found = verdicts.filter((verdict) => verdict.healthy !== undefined)
  const said = found.length > 0 ? found : verdicts
  return { healthy: found.length > 0 ? healthy : undefined, reason: said.map(({ reason }) => reason).join('; ') }
}

/** A rejection is a verdict, too: unhealthy. */
async function look(check: HealthCheck, subject: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
  try {
    return await check.check(subject, signal)
  } catch (problem) {
    return { healthy: false, reason: messageOf(problem) }
  }
}

function makeAll(of: readonly NestedStrategy<'health'>[], context: StrategyContext): Promise<HealthCheck[]> {
  return Promise.all(of.map((check) => check.make(context)))
}

/** Healthy when none of them finds anything wrong. */
export async function all(of: readonly NestedStrategy<'health'>[], context: StrategyContext): Promise<HealthCheck> {
  return new All(await makeAll(of, context))
}

/** Healthy as soon as one of them finds it so. */
export async function any(of: readonly NestedStrategy<'health'>[], context: StrategyContext): Promise<HealthCheck> {
  return new Any(await makeAll(of, context), context.clock)
}
