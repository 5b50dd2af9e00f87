import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { codeBlocks } from '../support/markdown.ts'
import { ensureBuild, ROOT, run } from '../support/project.ts'

/** What a newcomer must see, example by example. */
const PROMISES: Readonly<Record<string, readonly RegExp[]>> = {
  'interpreter': [
    /ada\/primes.*first\.length +→ 5/,
    /ada\/scratch.*typeof first +→ undefined/,
    /bob\/primes.*typeof first +→ undefined/,
    /bob\/primes.*while \(true\) \{\} +→ REQUEST_TIMEOUT/,
    /ada\/primes.*first\.at\(-1\) +→ 11/,
    /ada\/squares.*root +→ 42/,
    /bob\/squares.*root +→ NameError: name 'root' is not defined/,
    /ada\/squares.*while True.*→ interrupted; until then it had printed "counting\\n"/,
    /ada\/squares.*root > 42 +→ true/,
  ],
  'mcp-memory': [/acme reads +\[ 'launch date' \]/, /globex reads \[\]/, /belongs to acme/, /belongs to globex/],
  'acp-agent': [
    /ada\/work +spare +We build a boat +→ Pleased to meet you\. +end_turn/,
    /bob\/work .*What do you know\? +→ Pleased to meet you\. /,
    /ada\/work .*What did I say\? +→ You said before: We build a boat /,
    /delete old\.txt +→ Deleted/,
    /delete new\.txt +→ Then I leave it/,
    /2 processes for 3 conversations, 1 of which is parked/,
  ],
  'claude-code': [
    /ada\/boat +started .*We build a boat\. +→ Pleased to meet you\./,
    /ada\/boat +same-key .*What did I say\? +→ You said before: We build a boat\./,
    /cy\/plan .*What do you know\? +→ Pleased to meet you\./,
    /bob\/garden .*What did I say\? +→ You said before: The roses need water\./,
    /2 processes for 3 conversations, 1 of which is parked/,
  ],
  'language-server': [/api \(spare\) serve\.sh defines serve, port/, /web .*build\.sh defines build/, /line 2: Source command/, /api \(same-key\).*serve/, /acme\/web/],
  'custom-balancer': [/most-recent +requests per session: 0, 2, 4/, /least-loaded +requests per session: \d, \d, \d/],
  'custom-scaler': [/1 lease, +3 sessions/, /3 leases, 6 sessions/, /in steps of 3/],
  'plugin-template': [/after globex +sessions of acme, globex/, /after initech +sessions of acme, initech/],
  'http': [/one answer: .*42/s, /event: result/, /a mistake: 400/, /server: SIGINT: shutting down/, /server: closed/],
}

/** No test asks a model that costs money. */
const NO_KEY = { ANTHROPIC_API_KEY: '' }

const names = readdirSync(join(ROOT, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)

describe('the examples', () => {
  beforeAll(ensureBuild, 120_000)

  it('are all tested here', () => {
    expect(names.sort()).toEqual(Object.keys(PROMISES).sort())
  })

  it.each(names)('%s runs by the command of its README and shows what it is for', async (name) => {
    const readme = readFileSync(join(ROOT, 'examples', name, 'README.md'), 'utf8')
    const command = codeBlocks(name, readme).find(({ language }) => language === 'sh')!.text.trim()
    expect(command).toBe(`npm run example -- ${name}`)
    const { code, stdout, stderr } = await run('bash', ['-c', command], ROOT, NO_KEY)
    expect({ code, stderr: withoutNpm(stderr) }).toEqual({ code: 0, stderr: '' })
    for (const promise of PROMISES[name]!) expect(stdout).toMatch(promise)
  }, 60_000)

  it('name the examples there are when asked for another', async () => {
    const { code, stderr } = await run(process.execPath, ['scripts/example.mjs', 'nope'], ROOT)
    expect(code).toBe(2)
    expect(stderr).toContain('interpreter')
  })
})

/** npm's remarks about the user's settings, and the build of sources that have changed, are no output of the example. */
function withoutNpm(stderr: string): string {
  return stderr.split('\n').filter((line) => !/^npm |^greenroom: building/.test(line)).join('\n')
}
