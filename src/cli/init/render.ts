import { isFields, type Field, type Value } from './fields.ts'

/** A TypeScript config with every comment. Fields without a value are there as comments. */
export function renderTypeScript(fields: readonly Field[]): string {
  return `// The configuration of greenroom. Every field may be left out, save the driver; the values here are the defaults.
import { defineConfig } from 'greenroom'

export default defineConfig({
${renderFields(fields, '  ', '\n')}})
`
}

/** Where editors find what the fields mean: JSON has no comments. */
const SCHEMA = './node_modules/greenroom/greenroom.config.schema.json'

/** A JSON config. */
export function renderJson(fields: readonly Field[]): string {
  return `${JSON.stringify({ $schema: SCHEMA, ...toObject(fields) }, undefined, 2)}\n`
}

function renderFields(fields: readonly Field[], indent: string, gap: string): string {
  return fields.map((field) => `${indent}// ${field.comment}\n${renderField(field, indent)}\n`).join(gap)
}

function renderField({ name, value, example }: Field, indent: string): string {
  if (value === undefined) return `${indent}// ${name}: ${example ?? ''},`
  if (isFields(value)) return `${indent}${name}: {\n${renderFields(value, `${indent}  `, '')}${indent}},`
  return `${indent}${name}: ${literal(value)},`
}

function literal(value: Value): string {
  if (typeof value === 'string') return value.includes("'") ? JSON.stringify(value) : `'${value}'`
  if (typeof value === 'object') return `[${value.map(literal).join(', ')}]`
  return String(value)
}

function toObject(fields: readonly Field[]): Record<string, unknown> {
  const entries = fields.filter(({ value }) => value !== undefined)
  return Object.fromEntries(entries.map(({ name, value }) => [name, isFields(value) ? toObject(value) : value]))
}
