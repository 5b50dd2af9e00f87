import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What a scenario is to reach. `value` is a ratio, or a figure with a unit.
 * @typedef {{ what: string, value: number, unit?: string, atLeast?: number, atMost?: number }} Aim
 */

/** Where the figures were taken. */
export function machine() {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return {
    greenroom: String(version), node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown CPU',
    memoryGiB: Math.round(totalmem() / 2 ** 30), system: `${process.platform} ${release()}`,
  }
}

/** @param {Aim} aim */
export function isMet({ value, atLeast = -Infinity, atMost = Infinity }) {
  return value >= atLeast && value <= atMost
}

/**
 * The rows as Markdown: the first column to the left, the others to the right.
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 */
export function table(heads, rows) {
  const widths = heads.map((head, column) => Math.max(head.length, 3, ...rows.map((row) => (row[column] ?? '').length)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.map(pad).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(heads), rule, ...rows.map(line)].join('\n')
}

/** @param {readonly Aim[]} aims */
export function aimsTable(aims) {
  return table(['aim', 'is', 'wanted', ''], aims.map((aim) => {
    const { what, value, unit = '×', atLeast, atMost } = aim
    const wanted = atLeast === undefined ? `≤ ${amount(atMost ?? NaN)} ${unit}` : `≥ ${amount(atLeast)} ${unit}`
    return [what, `${amount(value)} ${unit}`, wanted, isMet(aim) ? 'met' : 'MISSED']
  }))
}

/**
 * Prints what a scenario found, and writes it to bench/results/NAME.json, or where `out` says.
 * @param {string} name
 * @param {{ title: string, text: string, aims: readonly Aim[], rounds: number, data: object, out?: string | undefined }} found
 */
export function report(name, { title, text, aims, rounds, data, out = fileURLToPath(new URL(`../results/${name}.json`, import.meta.url)) }) {
  const where = machine()
  const on = `greenroom ${where.greenroom}, Node ${where.node}, ${where.cpus} × ${where.model}, ${where.memoryGiB} GiB`
  console.log(`${title}\n${rounds} ${rounds === 1 ? 'round' : 'rounds'}; ${on}\n\n${text}\n\n${aimsTable(aims)}`)
  mkdirSync(dirname(out), { recursive: true })
  const judged = aims.map((aim) => ({ ...aim, met: isMet(aim) }))
  writeFileSync(out, `${JSON.stringify({ scenario: name, machine: where, rounds, aims: judged, ...data }, undefined, 2)}\n`)
}

/** Three digits that say something; `–` for what was not measured. @param {number} value */
export function amount(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en')
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 1 || size === 0 ? value.toFixed(2) : String(Number(value.toPrecision(2)))
}
