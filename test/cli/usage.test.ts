import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cli } from '../support/cli.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

describe('greenroom', () => {
  it('prints its version', async () => {
    expect(await cli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each([[[]], [['serve']], [['run']], [['stats']], [['init']], [['doctor']]])('helps with %j: examples and exit codes', async (command) => {
    const { code, stdout, stderr } = await cli([...command, '--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toContain(`Usage: greenroom ${command.join('')}`)
    expect(stdout).toMatch(/^ {2}\$ greenroom /m)
    for (const meaning of ['0    done', '1    failed', '2    wrong usage', '130  interrupted']) expect(stdout).toContain(meaning)
  })

  it.each([
    ['nothing', [], 'Usage: greenroom'],
    ['an unknown command', ['serv'], 'Did you mean serve?'],
    ['an unknown option', ['serve', '--prot', '1'], 'Did you mean --port?'],
    ['a bad port', ['serve', '--port', '99999'], 'Give a whole number from 0 to 65535.'],
    ['a port that is no number', ['serve', '--port', '0x50'], 'Give a whole number'],
    ['a duration without a unit', ['run', '--timeout', '5', '1'], "such as '500ms', '30s' or '5m'"],
    ['an address that is none', ['stats', '--url', 'localhost:4646'], 'http://127.0.0.1:4646'],
    ['a driver that is not there', ['init', '--driver', 'magic'], 'node-repl, python-repl, shell, json-lines, json-rpc, mcp, lsp, acp, claude-code'],
    ['a period that is none', ['stats', '--watch', '0'], 'Give seconds'],
    ['too many arguments', ['stats', 'now'], 'too many arguments'],
    ['two forms of message', ['run', '--json', '--text', '1'], 'not both'],
    ['a message that is not JSON', ['run', '--json', '6 * 7'], 'the message is not JSON'],
    ['an empty message', ['run', '--no-config'], 'the message is empty'],
    ['a server and a config', ['run', '--url', 'http://127.0.0.1:1', '--config', 'x.json', '1'], 'not both'],
  ])('ends with 2 for %s, and says why', async (_what, argv, why) => {
    const { code, stdout, stderr } = await cli(argv)
    expect(stderr).toContain(why)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('ends with 2 when the environment names no server', async () => {
    const { code, stderr } = await cli(['stats'], { env: { GREENROOM_URL: 'nowhere' } })
    expect(code).toBe(2)
    expect(stderr).toContain('GREENROOM_URL')
  })

  it('does not wait for a message that nobody types', async () => {
    const { code, stderr } = await cli(['run'], { isTTY: true })
    expect(code).toBe(2)
    expect(stderr).toContain('there is no message')
  })
})
