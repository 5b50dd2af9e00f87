import {
  nestedStrategy, z, type NestedStrategy, type ScaleDecision, type Scaler, type ScalerOptions, type ScaleTrigger, type ScaleView, type StrategyChoice,
  type StrategyContext,
} from 'greenroom/kit'

/** What a config gives. */
export interface CombinedOptions {
  of: readonly StrategyChoice<ScalerOptions>[]
}

export const combinedOptions = z.strictObject({
  of: z.array(nestedStrategy('scaler')).min(1).describe('The scalers that are asked, each by name or with its options. Required.'),
})

/** Asks several scalers, and decides as one of them. */
class Combined implements Scaler {
  readonly #scalers: readonly Scaler[]
  readonly #better: (target: number, than: number) => boolean

  constructor(scalers: readonly Scaler[], better: (target: number, than: number) => boolean) {
    this.#scalers = scalers
    this.#better = better
  }

  decide(view: ScaleView, trigger: ScaleTrigger): ScaleDecision {
    // All are asked every time: some learn from what they see.
    const decisions = this.#scalers.map((scaler) => scaler.decide(view, trigger))
    return decisions.reduce((best, decision) => (this.#better(decision.target, best.target) ? decision : best))
  }
}

/** One of several scalers' decisions: the first of those that no other is better than. */
export async function combine(
  of: readonly NestedStrategy<'scaler'>[], context: StrategyContext, better: (target: number, than: number) => boolean,
): Promise<Scaler> {
  return new Combined(await Promise.all(of.map((scaler) => scaler.make(context))), better)
}
