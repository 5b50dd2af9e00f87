import { registerBundled } from './bundled.ts'
import { configJsonSchema, type DescribedStrategy, type JsonSchema } from './kernel/config-json-schema.ts'
import { createContainer } from './kernel/container.ts'
import { createHooks } from './kernel/hooks.ts'
import { PluginHost } from './kernel/plugin-host.ts'
import { StrategyRegistry } from './kernel/strategy-registry.ts'
import { STRATEGY_KINDS } from './kernel/strategy-methods.ts'
import { systemClock } from './kernel/system-clock.ts'

/** The JSON Schema of a configuration with the bundled strategies, all of which are loaded for it. */
export async function describeConfig(): Promise<JsonSchema> {
  const registry = new StrategyRegistry()
  registerBundled(registry)
  const host = new PluginHost({ hooks: createHooks(), container: createContainer(), registry, clock: systemClock })
  const strategies: DescribedStrategy[] = []
  for (const kind of STRATEGY_KINDS) {
    for (const name of registry.names(kind)) {
      await host.load(kind, name)
      const { description, options } = registry.definition(kind, name)!
      strategies.push({ kind, name, description, options })
    }
  }
  return configJsonSchema(strategies)
}
