import type { Balancer, StrategyContext } from 'greenroom/kit'
import type { Metric } from '../metrics/metric.ts'
import type { OutlierOptions } from '../outliers/options.ts'
import { OutlierEjection } from '../outliers/outlier-ejection.ts'
import type { Selector } from '../selectors/selector.ts'

interface Parts {
  readonly selector: Selector
  readonly metric?: Metric
  readonly outliers: OutlierOptions | undefined
}

/** A balancer from its parts. It hears only of what its parts want to hear. */
export function compose({ selector, metric, outliers }: Parts, context: StrategyContext): Balancer {
  const balancer: Balancer = metric?.ended
    ? {
        pick: (candidates, request) => selector.pick(candidates, request),
        ended: (session, outcome, durationMs) => metric.ended!(session, outcome, durationMs),
      }
    : selector
  return outliers ? new OutlierEjection(balancer, outliers, context) : balancer
}
