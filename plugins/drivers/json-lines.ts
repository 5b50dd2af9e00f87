import {
  commandCapabilities, commandSpec, definePlugin,
  type Birth, type Channel, type ChannelContext, type Child, type Driver, type DriverCapabilities, type SpawnSpec, type z,
} from 'greenroom/kit'
import { JsonLinesChannel, patternsOf, type Patterns } from './json-lines/channel.ts'
import { options, type JsonLinesOptions } from './json-lines/options.ts'

declare module 'greenroom/kit' {
  interface DriverOptions {
    'json-lines': z.input<typeof options>
  }
}

/** Any program that reads a line of JSON and answers with one, or with many until a last one. */
class JsonLines implements Driver {
  readonly capabilities: DriverCapabilities
  readonly #options: JsonLinesOptions
  readonly #patterns: Patterns

  constructor(given: JsonLinesOptions) {
    this.capabilities = { ...commandCapabilities(given), concurrency: given.concurrency, resetGuarantees: given.reset?.guarantees ?? [] }
    this.#options = given
    this.#patterns = patternsOf(given)
  }

  spawnSpec(birth?: Birth): SpawnSpec {
    return commandSpec(this.#options, birth)
  }

  open(child: Child, context: ChannelContext): Promise<Channel> {
    return new JsonLinesChannel(child, context, this.#options, this.#patterns).opened()
  }
}

export default definePlugin({
  name: 'json-lines',
  apply(kernel) {
    kernel.strategy('driver', 'json-lines', {
      description: 'Any program that answers a line of JSON with a line, or with many until a last one.',
      options,
      create: (given) => new JsonLines(given),
    })
  },
})
