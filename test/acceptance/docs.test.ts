import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ERROR_CODES } from 'greenroom/kit'
import { errorsPage } from '../../scripts/lib/errors-page.mjs'
import { codeBlocks, type CodeBlock } from '../support/markdown.ts'
import { Project, ROOT, run } from '../support/project.ts'
import { serve, type Served } from '../support/served.ts'

/** Shell lines that other tests run, or that cannot be run from within a test. */
const RUN_ELSEWHERE = new Set(['npm start', 'npm test', 'npm install greenroom'])

const pages = ['README.md', 'CHANGELOG.md', ...(await readdir(join(ROOT, 'docs'), { recursive: true }))
  .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
  .map((name) => join('docs', name))]
const blocks = pages.flatMap((page) => codeBlocks(page, readFileSync(join(ROOT, page), 'utf8')))
/** Programs that the others start, beside what those are compiled to. */
const started = blocks.filter(({ language }) => language === 'js')
const programs = blocks.filter(({ language }) => language === 'ts')
const shellLines = blocks.filter(({ language }) => language === 'sh').flatMap(commands)

describe('the documentation', () => {
  it('has only code blocks of kinds that are tested here', () => {
    expect(blocks.filter(({ language, flags }) => !['ts', 'js', 'sh', 'json'].includes(language) && !flags.has('output')).map(({ where }) => where)).toEqual([])
  })

  it('links only to files that exist', () => {
    const broken = pages.flatMap((page) => [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`))
    expect(broken).toEqual([])
  })

  it('names every bundled strategy in the README, beside its kind', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const rows = new Map([...readme.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, kind, row]) => [kind!, row!]))
    const strategies = [...readFileSync(join(ROOT, 'docs/reference/configuration.md'), 'utf8').matchAll(/^### `(\w+)`: `([\w-]+)`$/gm)]
    expect(strategies.length).toBeGreaterThan(40)
    expect(strategies.filter(([, kind, name]) => !rows.get(kind!)?.includes(`\`${name}\``)).map(([, kind, name]) => `${kind}: ${name}`)).toEqual([])
  })

  it('lists every error code as the source describes it (`npm run docs` writes the page)', () => {
    expect(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')).toBe(errorsPage(ERROR_CODES))
  })

  it.each(blocks.filter(({ language }) => language === 'json'))('has valid JSON at $where', ({ text }) => {
    expect(() => { JSON.parse(text) }).not.toThrow()
  })
})

describe('the programs of the documentation', () => {
  let project: Project

  beforeAll(async () => {
    project = await Project.linked()
    await Promise.all(programs.map((block) => project.write(fileOf(block), `${block.text}\nexport {}\n`)))
    await Promise.all(started.map((block) => project.write(join('out', fileOf(block)), block.text)))
    await project.write('tsconfig.json', JSON.stringify({
      compilerOptions: {
        target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'], strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true,
        verbatimModuleSyntax: true, allowImportingTsExtensions: true, rewriteRelativeImportExtensions: true, outDir: 'out', rootDir: '.',
      },
      include: ['pages'],
    }))
  })
  afterAll(() => project[Symbol.asyncDispose]())

  it('compile under strict types, all of them', async () => {
    const { code, stdout } = await project.tsc()
    expect(stdout).toBe('')
    expect(code).toBe(0)
  }, 120_000)

  it.each(programs.filter(({ flags }) => flags.has('run')))('run and print what they say they do: $where', async (block) => {
    const program = project.at(join('out', fileOf(block).replace(/\.ts$/, '.js')))
    const { code, stdout, stderr } = await run(process.execPath, [program], dirname(program))
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
    const expected = expectedOutput(block)
    if (expected !== undefined) expect(stdout).toBe(expected)
  }, 60_000)
})

describe('the shell commands of the documentation', () => {
  let server: Served
  let elsewhere: Project

  beforeAll(async () => {
    elsewhere = await Project.linked()
    server = await serve()
  }, 120_000)
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await elsewhere[Symbol.asyncDispose]()
  })

  it.each(shellLines.filter((line) => !RUN_ELSEWHERE.has(line)))('work as written: %s', async (line) => {
    const command = line
      .replaceAll(/(127\.0\.0\.1|localhost):4646/g, new URL(server.url).host)
      .replace(/^greenroom /, `'${process.execPath}' '${ROOT}dist/src/cli/bin.js' `)
    expect(command).not.toBe(line)
    const { code, stdout, stderr } = await run('bash', ['-c', command], elsewhere.path)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain('"error":')
  }, 60_000)

  it('give the answers the README tells of', async () => {
    const post = async (tenant: string, code: string): Promise<{ value?: unknown; error?: { message: string } }> => {
      const response = await fetch(`${server.url}/v1/requests`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tenant, key: 'readme', message: { code } }),
      })
      return ((await response.json()) as { result: { value?: unknown } }).result
    }
    expect(await post('a', 'globalThis.x = 41; x + 1')).toMatchObject({ value: 42 })
    expect(await post('a', 'x')).toMatchObject({ value: 41 })
    expect((await post('b', 'x')).error?.message).toBe('x is not defined')
  })
})

/** The commands of a block: its lines, joined where a backslash says so. */
function commands({ text }: CodeBlock): string[] {
  return text.replaceAll(/\\\n\s*/g, '').split('\n').map((line) => line.trim()).filter((line) => line !== '')
}

/** Where a block goes in the project: blocks of one page are in one folder, so that those with names can import each other. */
function fileOf({ where, flags }: CodeBlock): string {
  const [page, line] = where.split(':')
  return join('pages', page!.replace(/\.md$/, ''), flags.get('file') ?? `line-${line}.ts`)
}

/** What a program must print: the block that says so, else the comments behind its `console.log`s; undefined when neither is there. */
function expectedOutput({ where, flags, text }: CodeBlock): string | undefined {
  const page = where.split(':')[0]!
  const output = blocks.find((block) => block.where.startsWith(`${page}:`) && block.flags.get('output') === flags.get('file') && block.flags.has('output'))
  if (output) return output.text
  const comments = [...text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, comment]) => comment)
  return comments.length > 0 ? `${comments.join('\n')}\n` : undefined
}
