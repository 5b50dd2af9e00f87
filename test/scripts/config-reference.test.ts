import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configPage } from '../../scripts/lib/config-page.mjs'
import { describeConfig } from '../../src/describe-config.ts'
import type { JsonSchema } from '../../src/kernel/config-json-schema.ts'
import { ROOT } from '../support/project.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Field {
  readonly path: string
  readonly description: string | undefined
}

/** All fields, also of the objects that a field may be, and of those in lists. */
function fieldsOf({ properties = {}, anyOf = [], oneOf = [], items, $defs = {} }: JsonSchema, path = ''): Field[] {
  return [
    ...Object.entries(properties).filter(([name]) => name !== 'use').flatMap(([name, field]) =>
      [{ path: `${path}${name}`, description: field.description }, ...fieldsOf(field, `${path}${name}.`)]),
    ...[...anyOf, ...oneOf, ...Object.values($defs), ...(items ? [items] : [])].flatMap((one) => fieldsOf(one, path)),
  ]
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
    expect(fieldsOf(schema).filter(({ description }) => description === undefined)).toEqual([])
  })

  it('says of a strategy in the options of another what it may be', async () => {
    const { properties, $defs } = await describeConfig()
    const most = properties!['scaler']!.anyOf!.find((one) => one.properties?.['use']?.['const'] === 'max')
    expect(most?.properties!['of']).toMatchObject({ type: 'array', items: { $ref: '#/$defs/scaler' } })
    const nested = $defs!['scaler']!.anyOf!
    expect(nested[0]).toMatchObject({ enum: expect.arrayContaining(['demand']) as unknown })
    expect(nested.map((one) => one.properties?.['use']?.['const'])).toEqual(expect.arrayContaining(['forecast', 'max', 'min']))
    // What the pool takes beside the options of its own check is none of a nested one's.
    expect([$defs!['health']!.anyOf!.filter((one) => 'every' in (one.properties ?? {})), Object.keys($defs!).sort()]).toEqual([[], ['health', 'metrics', 'scaler']])
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

  it('has every field of the schema', async () => {
    const schema = await describeConfig()
    const page = configPage(schema)
    // A field says of itself what no other does; where it ends with its default, that has a column of its own.
    const told = ({ path, description = '' }: Field): boolean =>
      [' |', '\n'].some((end) => page.includes(`${path.split('.').at(-1)}\`${end}`)) && page.includes(description.split(/\s*(?:Default|Required)/)[0]!.replaceAll('|', '\\|'))
    expect(fieldsOf(schema).filter(({ path }) => path !== '$schema').filter((field) => !told(field))).toEqual([])
  })

  it('tells name, type, default and meaning of a field', async () => {
    const page = configPage(await describeConfig())
    expect(page).toContain('| `idle` | `false` or duration | 15m | How long a session may lie idle; false: for ever. |')
    expect(page).toContain('| `memory` | size | no budget |')
    expect(page).toContain('| `command` | text | required |')
    expect(page).toContain('| `metric.percentile` | number | 95 | Of `latency-percentile`: Which percentile of the request times. |')
    expect(page).toContain('| `of` | list of [`scaler`](#scaler) | required | The scalers that are asked')
    expect(page).toContain('| `sizes[].from` | text | required | Time of day')
  })
})
