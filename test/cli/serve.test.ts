import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startCli, type CliOptions, type CliRun } from '../support/cli.ts'
import { takenPort, until } from '../support/http-host.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Serving extends CliRun {
  readonly url: string
}

/** `greenroom serve` on a free port, shut down when the test has ended. */
async function serving(argv: readonly string[] = [], options: CliOptions = {}): Promise<Serving> {
  const run = startCli(['serve', '--port', '0', ...argv], { cwd: await tempFolder(), ...options })
  onTestFinished(async () => {
    run.signal('SIGTERM')
    await run.code
  })
  const [, url] = await run.printed(/at (http:\S+)[^]*Ctrl-C\n/)
  return { ...run, url: url! }
}

function ask(url: string, message: unknown, token?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) }
  return fetch(`${url}/v1/requests`, { method: 'POST', headers, body: JSON.stringify({ tenant: 'a', key: 'k', message }) })
}

async function activeSessions(url: string): Promise<number> {
  return ((await (await fetch(`${url}/v1/stats`)).json()) as { activeSessions: number }).activeSessions
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('greenroom serve', () => {
  it('serves a pool of node-repl sessions where there is no config, and says how to use it', async () => {
    const { url, stdout } = await serving()
    expect(stdout()).toContain('node-repl: up to 10 sessions')
    const [, body] = /^ {2}try {5}curl -s localhost:\d+\/v1\/requests -H 'content-type: application\/json' -d '(.*)'$/m.exec(stdout())!
    const answer = await fetch(`${url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body! })
    expect(await answer.json()).toMatchObject({ result: { value: 42 } })
  })

  it('serves the config it finds, with its port unless told another', async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'greenroom.config.json'), JSON.stringify({
      driver: { use: 'json-lines', command: process.execPath, args: ['-e', 'process.stdin.pipe(process.stdout)'] }, size: { max: 2 }, gateway: { port: await takenPort() },
    }))
    const { url, stdout } = await serving([], { cwd })
    expect(stdout()).toContain('json-lines: up to 2 sessions')
    expect(stdout()).toContain('config  greenroom.config.json')
    expect(await (await ask(url, { any: 'thing' })).json()).toMatchObject({ result: { any: 'thing' } })
  })

  it('serves node-repl beside a config when told to', async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'greenroom.config.json'), '{}')
    expect((await serving(['--no-config'], { cwd })).stdout()).toContain('node-repl')
  })

  it('takes the token from the environment, and shows how to send it but not what it is', async () => {
    const { url, stdout } = await serving(['--host', '0.0.0.0'], { env: { GREENROOM_TOKEN: 's3cret' } })
    expect(stdout()).toContain('authorization: Bearer $GREENROOM_TOKEN')
    expect(stdout()).not.toContain('s3cret')
    expect((await ask(url, { code: '1' })).status).toBe(401)
    expect((await ask(url, { code: '1' }, 's3cret')).status).toBe(200)
  })

  it('shuts down gracefully: requests under way are answered, then it says what it did', async () => {
    const { url, code, signal, stdout, listeners } = await serving()
    const answering = ask(url, { code: 'await new Promise((resolve) => setTimeout(resolve, 700)); 42' })
    await until(async () => await activeSessions(url) === 1)
    signal('SIGINT')
    // The same Ctrl-C again, as it comes through npm.
    signal('SIGINT')
    expect(await (await answering).json()).toMatchObject({ result: { value: 42 } })
    expect(await code).toBe(0)
    expect(stdout()).toMatch(/SIGINT: shutting down \d sessions?, 1 in use/)
    expect(stdout()).toMatch(/closed \d sessions? in /)
    expect(listeners()).toBe(0)
  })

  it('cuts off after the grace what does not end', async () => {
    const { url, code, signal } = await serving(['--grace', '100ms'])
    const cut = expect(ask(url, { code: 'while (true) {}' })).rejects.toThrow()
    await until(async () => await activeSessions(url) === 1)
    signal('SIGTERM')
    await cut
    expect(await code).toBe(0)
  })

  it('kills everything at a second Ctrl-C, and ends with 130', async () => {
    const { url, code, signal, stdout } = await serving(['--grace', '10m'])
    const answering = ask(url, { code: 'while (true) {}' }).catch(() => undefined)
    await until(async () => await activeSessions(url) === 1)
    const pids = ((await (await fetch(`${url}/v1/sessions`)).json()) as { sessions: { pid: number }[] }).sessions.map(({ pid }) => pid)
    signal('SIGINT')
    await pause(600)
    signal('SIGINT')
    expect(await code).toBe(130)
    expect(stdout()).toMatch(/SIGINT: killing \d session/)
    await answering
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('says what goes wrong behind the callers\' backs, a line each', async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'greenroom.config.json'), JSON.stringify({
      driver: { use: 'json-lines', command: process.execPath, args: ['-e', 'process.exit(3)'], ready: { match: { ready: true } } },
      size: { min: 1 }, restart: { maxCrashes: 2, initial: 1 },
    }))
    const { stderr } = await serving([], { cwd })
    await until(() => stderr().includes('the pool is not ready'))
    expect(stderr()).toContain('BREAKER_OPEN')
    expect(stderr()).toMatch(/^breaker: /m)
  })

  it.each([
    ['a config that is not there', ['--config', 'nowhere.json'], 'error CONFIG_NOT_FOUND: '],
    ['a host that needs a token', ['--host', '0.0.0.0'], 'error GATEWAY_FAILED: '],
  ])('ends with 1 for %s', async (_what, argv, why) => {
    const run = startCli(['serve', '--port', '0', ...argv], { cwd: await tempFolder() })
    expect(await run.code).toBe(1)
    expect(run.stderr()).toContain(why)
    expect(run.stderr()).not.toContain('    at ')
  })

  it('ends with 1 when the port is taken, and names it', async () => {
    const port = await takenPort()
    const run = startCli(['serve', '--port', String(port)], { cwd: await tempFolder() })
    expect(await run.code).toBe(1)
    expect(run.stderr()).toMatch(new RegExp(`error GATEWAY_FAILED: port ${port} .*--port`))
  })

  it('names every problem of a config', async () => {
    const cwd = await tempFolder()
    await writeFile(join(cwd, 'greenroom.config.json'), JSON.stringify({ driver: 'node-repl', balancer: 'last-loaded', size: { mix: 1 } }))
    const run = startCli(['serve', '--port', '0'], { cwd })
    expect(await run.code).toBe(1)
    expect(run.stderr()).toContain('error CONFIG_INVALID')
    expect(run.stderr()).toContain('least-loaded')
    expect(run.stderr()).toContain('mix')
  })

  it('obeys a Ctrl-C that comes while it starts', async () => {
    const run = startCli(['serve', '--port', '0'], { cwd: await tempFolder() })
    run.signal('SIGINT')
    expect(await run.code).toBe(0)
  })
})
