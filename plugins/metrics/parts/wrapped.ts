import {
  nestedStrategy, type MetricsOptions, type NestedStrategy, type StrategyChoice, type StrategyContext, type UsageSampler,
} from 'greenroom/kit'

/** What a config gives to metrics that are exported: who measures. */
export interface WrappedOptions {
  of?: StrategyChoice<MetricsOptions>
}

export const wrappedOptions = {
  of: nestedStrategy('metrics').prefault('pidusage').describe('Who measures the processes, by name or with options. Default pidusage.'),
}

/** Measures as another sampler does; `close` is called when that one was. */
export async function wrapped(of: NestedStrategy<'metrics'>, context: StrategyContext, close: () => void): Promise<UsageSampler> {
  const sampler = await of.make(context)
  return {
    sample: (pids) => sampler.sample(pids),
    // The pool goes by whether it is there.
    ...(sampler.proportional && { proportional: (pids) => sampler.proportional!(pids) }),
    forget: (pid) => sampler.forget?.(pid),
    close: () => {
      sampler.close?.()
      close()
    },
  }
}
