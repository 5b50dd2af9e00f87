import { STRATEGY_KINDS } from './strategy-methods.ts'
import { z, type StrategyKind } from '../contracts/index.ts'
import { configSchema, healthLoopSchema, metricsLoopSchema, queueLoopSchema } from './config-schema.ts'
import { DEFAULT_NAMES, NAME_OPTIONAL } from './resolve-config.ts'

/** A JSON Schema, as far as it is looked into here. */
export interface JsonSchema {
  [keyword: string]: unknown
  type?: string | readonly string[]
  description?: string
  /** Of a number, or a text with a unit: `ms` or `bytes`. */
  unit?: string
  properties?: Record<string, JsonSchema>
  required?: readonly string[]
  anyOf?: readonly JsonSchema[]
  oneOf?: readonly JsonSchema[]
  items?: JsonSchema
  $ref?: string
  $defs?: Record<string, JsonSchema>
}

export interface DescribedStrategy {
  readonly kind: StrategyKind
  readonly name: string
  readonly description: string
  readonly options: z.ZodType
}

/** What the pool itself takes beside a strategy's own options. */
const LOOPS: Readonly<Partial<Record<StrategyKind, z.ZodType>>> = { health: healthLoopSchema, metrics: metricsLoopSchema, queue: queueLoopSchema }
/** Kinds that `false` switches off. */
const SWITCHABLE: ReadonlySet<StrategyKind> = new Set<StrategyKind>(['health', 'metrics'])

/** The JSON Schema of `greenroom.config.json`, for editors: what these strategies and the pool itself take. */
export function configJsonSchema(strategies: readonly DescribedStrategy[]): JsonSchema {
  const schema = toJsonSchema(configSchema)
  // Plugins are code, which JSON has none of.
  const { plugins: _plugins, ...fields } = schema.properties!
  const properties: Record<string, JsonSchema> = { $schema: { type: 'string', description: 'Where this schema is, for editors.' }, ...fields }
  for (const kind of STRATEGY_KINDS) {
    const ofKind = strategies.filter((strategy) => strategy.kind === kind)
    const field = kind === 'limit' ? 'limits' : kind
    properties[field] = { ...properties[field], ...(kind === 'limit' ? limits(ofKind) : choice(kind, ofKind)) }
  }
  const nested = STRATEGY_KINDS.filter((kind) => JSON.stringify(properties).includes(JSON.stringify(definitionOf(kind))))
  const $defs = Object.fromEntries(nested.map((kind) => [kind, { anyOf: named(strategies.filter((strategy) => strategy.kind === kind)) }]))
  return { ...schema, title: 'The configuration of a greenroom pool', properties, required: ['driver'], $defs }
}

function choice(kind: StrategyKind, strategies: readonly DescribedStrategy[]): JsonSchema {
  const loop = LOOPS[kind] ? toJsonSchema(LOOPS[kind]).properties : {}
  const unnamed = NAME_OPTIONAL.has(kind) ? (DEFAULT_NAMES as Partial<Record<StrategyKind, string>>)[kind] : undefined
  return { anyOf: [...named(strategies, loop, unnamed), ...(SWITCHABLE.has(kind) ? [{ const: false }] : [])] }
}

/** The ways to name one of these strategies: its name alone, if it needs no options, or with them. */
function named(strategies: readonly DescribedStrategy[], loop?: JsonSchema['properties'], unnamed?: string): JsonSchema[] {
  return [
    { enum: strategies.filter(({ options }) => toJsonSchema(options).required === undefined).map(({ name }) => name) },
    ...strategies.map((strategy) => withOptions(strategy, loop, strategy.name === unnamed)),
  ]
}

function withOptions({ name, description, options }: DescribedStrategy, loop: JsonSchema['properties'], nameOptional: boolean): JsonSchema {
  const { $schema: _schema, properties, required = [], ...rest } = toJsonSchema(options)
  return {
    ...rest,
    description,
    properties: { use: { const: name }, ...properties, ...loop },
    required: nameOptional ? required : ['use', ...required],
  }
}

function limits(strategies: readonly DescribedStrategy[]): JsonSchema {
  const options = strategies.map(({ name, description, options: schema }) => {
    const { $schema: _schema, ...rest } = toJsonSchema(schema)
    return [name, { ...rest, description }] as const
  })
  return { type: 'object', properties: Object.fromEntries(options), additionalProperties: false }
}

/** Of what is written in a config, not of what comes out. What only code can check is left to it. */
function toJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: ({ jsonSchema }) => tidy(jsonSchema as Record<string, unknown>) }) as JsonSchema
}

/** Without what says nothing to who writes a config. */
function tidy(schema: Record<string, unknown>): void {
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum']
  delete schema['readOnly']
  delete schema['propertyNames']
  // No format of JSON Schema; the pattern beside it says the same.
  if (schema['format'] === 'starts_with') delete schema['format']
  const { strategy } = schema
  if (strategy === undefined) return
  // A strategy in the options of another: said once for all of them.
  delete schema['strategy']
  delete schema['type']
  schema['$ref'] = definitionOf(strategy as StrategyKind)
}

function definitionOf(kind: StrategyKind): string {
  return `#/$defs/${kind}`
}
