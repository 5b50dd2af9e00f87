import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configPage } from '../../scripts/lib/config-page.mjs'
import { describeConfig } from '../../src/describe-config.ts'
import type { JsonSchema } from '../../src/kernel/config-json-schema.ts'
import { ROOT } from '../support/project.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Paths of all fields that say nothing of themselves. */
function silent({ properties = {}, anyOf = [] }: JsonSchema, path: string): string[] {
  const inFields = Object.entries(properties).flatMap(([name, field]) => {
    const own = field.description === undefined && name !== 'use' ? [`${path}${name}`] : []
    return [...own, ...silent(field, `${path}${name}.`)]
  })
  return [...inFields, ...anyOf.flatMap((one) => silent(one, path))]
}

describe('the schema of greenroom.config.json', () => {
  it('in the package is the one of the source: npm run docs writes it', async () => {
    expect(JSON.parse(read('greenroom.config.schema.json'))).toEqual(await describeConfig())
  })

  it('knows every bundled strategy by name, with its options, and explains every field', async () => {
    const schema = await describeConfig()
    const balancer = schema.properties!['balancer']!
    expect(balancer.anyOf![0]).toMatchObject({ enum: expect.arrayContaining(['least-loaded']) as unknown })
    const named = schema.properties!['driver']!.anyOf!.find(({ properties }) => properties?.['use']?.['const'] === 'json-lines')
    expect(named).toMatchObject({ required: ['use', 'command'], additionalProperties: false, properties: { command: { type: 'string' } } })
    expect(schema.properties!['timeouts']!.properties!['idle']).toMatchObject({ anyOf: [{ const: false }, { type: ['number', 'string'], unit: 'ms' }] })
    expect(silent(schema, '')).toEqual([])
  })

  it('lets the name be left out where the config does, and takes false where that switches off', async () => {
    const { properties } = await describeConfig()
    const required = (field: string, use: string): unknown =>
      properties![field]!.anyOf!.find((one) => one.properties?.['use']?.['const'] === use)?.required
    expect([required('health', 'ping'), required('balancer', 'least-loaded')]).toEqual([[], ['use']])
    const off = (field: string): boolean => properties![field]!.anyOf!.some((one) => one['const'] === false)
    expect([off('health'), off('metrics'), off('queue')]).toEqual([true, true, false])
  })
})

describe('docs/reference/configuration.md', () => {
  it('is the one of the source: npm run docs writes it', async () => {
    expect(read('docs/reference/configuration.md')).toBe(configPage(await describeConfig()))
  })

  it('tells name, type, default and meaning of a field', async () => {
    const page = configPage(await describeConfig())
    expect(page).toContain('| `idle` | `false` or duration | 15m | How long a session may lie idle; false: for ever. |')
    expect(page).toContain('| `memory` | size | no budget |')
    expect(page).toContain('| `command` | text | required |')
  })
})
