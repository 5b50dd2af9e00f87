/** A fenced code block of a Markdown file. */
export interface CodeBlock {
  /** `README.md:41`, for messages. */
  readonly where: string
  readonly language: string
  /** The rest of the info string: `run`, `file=a.ts`, `output=a.ts`. */
  readonly flags: ReadonlyMap<string, string>
  readonly text: string
}

/** All fenced blocks of a file, in order. Every one must name its language: what is not named cannot be tested. */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  const lines = markdown.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const info = /^```(.*)$/.exec(lines[index]!)?.[1]
    if (info === undefined) continue
    const end = lines.indexOf('```', index + 1)
    if (end < 0) throw new Error(`${file}:${index + 1}: this code block has no end`)
    const [language = '', ...flags] = info.trim().split(/\s+/)
    blocks.push({
      where: `${file}:${index + 1}`,
      language,
      flags: new Map(flags.map((flag) => [flag.split('=')[0]!, flag.split('=')[1] ?? ''])),
      text: `${lines.slice(index + 1, end).join('\n')}\n`,
    })
    index = end
  }
  return blocks
}
