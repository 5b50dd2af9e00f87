/** What stands for a figure that is not known. Never 0: that would be a measurement. */
export const UNKNOWN = '–'

/** Columns aligned by spaces; those named in `right` to the right, as figures are. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], right: ReadonlySet<string> = new Set()): string {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]!.length)))
  const pad = (cell: string, column: number): string =>
    right.has(headings[column]!) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
  return [headings, ...rows].map((cells) => cells.map(pad).join('  ').trimEnd()).join('\n')
}
