import { z } from 'zod'
import { GreenroomError } from './errors.ts'
import type { StrategyContext, StrategyInstances, StrategyKind } from './plugin.ts'

type Make<Kind extends StrategyKind> = (context: StrategyContext) => Promise<StrategyInstances[Kind]>

/** A strategy that another one's options name. */
export class NestedStrategy<Kind extends StrategyKind = StrategyKind> {
  readonly kind: Kind
  /** As it was given: its name, or an object { use: name, …options }. */
  readonly given: unknown
  #make: Make<Kind> | undefined

  constructor(kind: Kind, given: unknown) {
    this.kind = kind
    this.given = given
  }

  /** Makes it; to be called in `create`, with the context that came there. */
  make(context: StrategyContext): Promise<StrategyInstances[Kind]> {
    if (this.#make) return this.#make(context)
    const advice = 'only options of a config have them; a pool, or a contract suite, sees to that'
    return Promise.reject(new GreenroomError('PLUGIN_INVALID', `A nested ${this.kind} was made before its own options had been checked: ${advice}`))
  }

  /** For greenroom itself: its name is known and its options were checked, and this is how to make it. */
  resolved(make: Make<Kind>): void {
    this.#make = make
  }
}

/**
 * A strategy in the options of another, by name or with options, as configs name it: `of: z.array(nestedStrategy('scaler'))`. Its name and
 * options are checked with the rest of the config. It comes out as a {@link NestedStrategy}. For the types of configs write it out, in an
 * interface: `interface MyOptions { of: readonly StrategyChoice<ScalerOptions>[] }`.
 */
export function nestedStrategy<Kind extends StrategyKind>(kind: Kind): z.ZodType<NestedStrategy<Kind>> {
  const expected = `expected the name of a ${kind}, or an object { use: name, …options }`
  return z
    .custom(isChoice, { error: expected })
    .meta({ type: ['string', 'object'], strategy: kind, description: `The name of a ${kind}, or an object { use: name, …options }` })
    .transform((given) => new NestedStrategy(kind, given))
}

function isChoice(value: unknown): boolean {
  if (typeof value === 'string') return true
  return typeof value === 'object' && value !== null && typeof (value as { use?: unknown }).use === 'string'
}
