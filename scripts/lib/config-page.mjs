/** @typedef {import('../../src/kernel/config-json-schema.ts').JsonSchema} JsonSchema */

/** How the fields that choose a strategy are headed. */
const KINDS = ['driver', 'balancer', 'scaler', 'health', 'metrics', 'limits', 'admission', 'queue', 'evictor', 'restart', 'store', 'gateway']

/**
 * The text of docs/reference/configuration.md.
 * @param {JsonSchema} schema of a whole configuration
 */
export function configPage({ properties = {}, required = [] }) {
  const { $schema: _schema, ...fields } = properties
  const groups = Object.entries(fields).filter(([name, { properties: own }]) => own && !KINDS.includes(name))
  return `# Configuration

<!-- Written by \`npm run docs\` from the schemas in the source. -->

What \`createPool\` takes, and a \`greenroom.config.ts\`, \`.js\` or \`.json\` gives. Durations are milliseconds, or text such as \`'30s'\`, \`'15m'\`, \`'4h'\`;
sizes are bytes, or text such as \`'512MB'\`. An unknown or impossible field is refused with \`CONFIG_INVALID\`, which names it. \`greenroom init\` writes
a configuration with all of the pool's own fields.

In a \`greenroom.config.json\`, \`"$schema": "./node_modules/greenroom/greenroom.config.schema.json"\` has editors complete and explain the fields.

## Fields

${table(fields, required)}
${groups.map(([name, { description, properties: own, required: needed }]) => `\n## \`${name}\`\n\n${description ?? ''}\n\n${table(own ?? {}, needed)}`).join('\n')}
${KINDS.map((kind) => section(kind, fields[kind] ?? {})).join('\n')}`
}

/** @param {string} kind @param {JsonSchema} field */
function section(kind, field) {
  const strategies = kind === 'limits'
    ? Object.entries(field.properties ?? {}).map(([name, schema]) => /** @type {const} */ ([name, schema]))
    : (field.anyOf ?? []).flatMap((schema) => (schema.properties?.['use'] ? [/** @type {const} */ ([String(schema.properties['use']['const']), schema])] : []))
  const parts = strategies.map(([name, { description, properties = {}, required = [] }]) => {
    const { use: _use, ...options } = properties
    const rows = Object.keys(options).length > 0 ? `\n\n${table(options, required)}` : ''
    return `### \`${kind}\`: \`${name}\`\n\n${description ?? ''}${rows}\n`
  })
  return `\n## \`${kind}\`\n\n${field.description ?? ''}\n\n${parts.join('\n')}`
}

/** @param {Record<string, JsonSchema>} fields @param {readonly string[]} [required] */
function table(fields, required = []) {
  const rows = Object.entries(fields).flatMap(([name, schema]) => rowsOf(name, schema, required.includes(name)))
  return ['| field | type | default | what it does |', '|---|---|---|---|', ...rows].join('\n')
}

/** @param {string} name @param {JsonSchema} schema @param {boolean} isRequired @returns {string[]} */
function rowsOf(name, schema, isRequired) {
  const { text, standard } = split(schema)
  const row = `| \`${name}\` | ${typeOf(schema)} | ${isRequired ? 'required' : standard} | ${escaped(text)} |`
  return KINDS.includes(name) || ['size', 'timeouts'].includes(name) ? [row] : [row, ...within(name, schema)]
}

/** The fields of an object, of each of the objects that it may be, and of each in a list: every one once. @param {string} name @param {JsonSchema} schema */
function within(name, schema) {
  const rows = objectsIn(schema, name).flatMap(({ path, properties: { use, ...properties }, required }) => {
    const whose = use ? `Of \`${String(use['const'])}\`: ` : ''
    return Object.entries(properties).flatMap(([own, inner]) =>
      rowsOf(`${path}.${own}`, { ...inner, description: `${whose}${inner.description ?? ''}` }, required.includes(own)))
  })
  return [...new Set(rows)]
}

/** @param {JsonSchema} schema @param {string} path @returns {{ path: string, properties: Record<string, JsonSchema>, required: readonly string[] }[]} */
function objectsIn({ properties, required = [], anyOf = [], oneOf = [], items }, path) {
  return [
    ...(properties ? [{ path, properties, required }] : []),
    ...[...anyOf, ...oneOf].flatMap((one) => objectsIn(one, path)),
    ...(items ? objectsIn(items, `${path}[]`) : []),
  ]
}

/** Descriptions end with what the default is, where there is one. @param {JsonSchema} schema */
function split({ description = '', default: value }) {
  const stated = /^(.*?)\s*Default:? ([^.]*(?:\.[^.\s][^.]*)*)\.$/s.exec(description)
  const standard = stated?.[2] ?? (value === undefined ? '' : JSON.stringify(value))
  return { text: (stated?.[1] ?? description).replace(/\s*Required\.$/, ''), standard: escaped(standard) }
}

/** @param {JsonSchema} schema @returns {string} */
function typeOf(schema) {
  const { type, unit, anyOf, oneOf, enum: values, const: value, items, $ref: reference } = schema
  if (reference !== undefined) return `[\`${kindIn(reference)}\`](#${kindIn(reference)})`
  if (value !== undefined) return `\`${JSON.stringify(value).replaceAll('"', "'")}\``
  if (Array.isArray(values)) return values.map((one) => `\`'${String(one)}'\``).join(', ')
  if (unit === 'ms') return 'duration'
  if (unit === 'bytes') return 'size'
  if (anyOf) return [...new Set(anyOf.map((one) => (one.properties?.['use'] ? 'object' : Array.isArray(one['enum']) ? 'name' : typeOf(one))))].join(' or ')
  if (oneOf) return 'object'
  if (type === 'array') return `list of ${items ? typeOf(items) : 'anything'}`
  const names = { integer: 'whole number', string: 'text', boolean: 'true or false', number: 'number', object: 'object' }
  return typeof type === 'string' ? (names[/** @type {keyof typeof names} */ (type)] ?? type) : 'anything'
}

/** What a reference to a choice of strategies is to. @param {string} reference */
function kindIn(reference) {
  return reference.split('/').at(-1) ?? reference
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
