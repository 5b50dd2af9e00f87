import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, startCli } from '../support/cli.ts'
import { httpHost, until } from '../support/http-host.ts'
import { tempFolder } from '../support/temp-folder.ts'

const COUNTER = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  for (const i of [1, 2]) console.log(JSON.stringify({ i }))
  console.log(JSON.stringify({ done: true, said: JSON.parse(line) }))
})`
const COUNTING = { driver: { use: 'json-lines', command: process.execPath, args: ['-e', COUNTER], terminal: { done: true } } }

async function counting(more: object = {}): Promise<string> {
  const cwd = await tempFolder()
  await writeFile(join(cwd, 'greenroom.config.json'), JSON.stringify({ driver: { ...COUNTING.driver, ...more } }))
  return cwd
}

describe('greenroom run, with a pool of its own', () => {
  it('runs code and prints the answer as JSON', async () => {
    const { code, stdout, stderr } = await cli(['run', '6 * 7'], { cwd: await tempFolder() })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ value: 42 })
    expect(stdout.split('\n')).toHaveLength(2)
    expect(code).toBe(0)
  })

  it.each([[['run']], [['run', '-']]])('reads the message from stdin: %j', async (argv) => {
    const { stdout } = await cli(argv, { cwd: await tempFolder(), stdin: '{"code":"[1, 2].length"}\n' })
    expect(JSON.parse(stdout)).toMatchObject({ value: 2 })
  })

  it('prints indented JSON when asked to', async () => {
    const { stdout } = await cli(['run', '--pretty', '1'], { cwd: await tempFolder() })
    expect(stdout).toMatch(/^\{\n {2}"/)
  })

  it('prints every message, a line each', async () => {
    const { stdout, code } = await cli(['run', '--stream', '--json', '"hello"'], { cwd: await counting() })
    expect(stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([{ i: 1 }, { i: 2 }, { done: true, said: 'hello' }])
    expect(code).toBe(0)
  })

  it('prints what is passed through without being parsed as the JSON that it is', async () => {
    const cwd = await counting({ raw: true })
    const { stdout } = await cli(['run', '--stream', '--json', '"hello"'], { cwd })
    expect(stdout).toBe('{"i":1}\n{"i":2}\n{"done":true,"said":"hello"}\n')
    const pretty = await cli(['run', '--pretty', '--json', '"hello"'], { cwd })
    expect(pretty.stdout).toBe('{\n  "done": true,\n  "said": "hello"\n}\n')
  })

  it('sends text as text, and wants to know what bare text is for a driver that takes no code', async () => {
    const cwd = await counting()
    expect(JSON.parse((await cli(['run', '--text', '{"a":1}'], { cwd })).stdout)).toEqual({ done: true, said: '{"a":1}' })
    expect(await cli(['run', 'hello'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining('--json or --text') as string })
  })

  it('takes a config by name', async () => {
    const cwd = await counting()
    expect((await cli(['run', '--config', join(cwd, 'greenroom.config.json'), '{"x":1}'], { cwd: '/', env: { GREENROOM_URL: 'http://127.0.0.1:1' } })).stdout).toContain('{"x":1}')
  })

  it('ends with 1 when the program fails, and says why', async () => {
    const { code, stdout, stderr } = await cli(['run', 'process.exit(3)'], { cwd: await tempFolder() })
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^error SESSION_CRASHED: /)
  })

  it('ends with 1 when there is no answer in time', async () => {
    const { code, stderr } = await cli(['run', '--timeout', '2s', 'while (true) {}'], { cwd: await tempFolder() })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error REQUEST_TIMEOUT: /)
  })

  it('ends with 130 at Ctrl-C', async () => {
    const run = startCli(['run', '--stream', 'console.log("begun"); await new Promise(() => setInterval(() => {}, 1_000))'], { cwd: await tempFolder() })
    await run.printed(/begun/)
    run.signal('SIGINT')
    expect(await run.code).toBe(130)
    expect(run.stderr()).toBe('')
    expect(run.listeners()).toBe(0)
  })

  it('kills a program that does not stop, at the second Ctrl-C', async () => {
    const cwd = await tempFolder()
    const stubborn = "process.on('SIGTERM', () => {}); process.stdin.on('data', () => console.log('{}')); setInterval(() => {}, 1_000)"
    await writeFile(join(cwd, 'greenroom.config.json'), JSON.stringify({
      driver: { use: 'json-lines', command: process.execPath, args: ['-e', stubborn], terminal: { done: true } }, timeouts: { close: '10m', settle: '10m' },
    }))
    const run = startCli(['run', '--stream', '{}'], { cwd })
    await run.printed(/\{\}/)
    run.signal('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 600))
    run.signal('SIGINT')
    expect(await run.code).toBe(130)
  })
})

describe('greenroom run, with a server', () => {
  it('keeps the state of a key from run to run', async () => {
    const { url } = await httpHost()
    const who = ['--url', url, '--tenant', 'a', '--key', 'k']
    await cli(['run', ...who, 'globalThis.x = 41'])
    expect(JSON.parse((await cli(['run', ...who, 'x + 1'])).stdout)).toMatchObject({ value: 42 })
    expect(JSON.parse((await cli(['run', '--tenant', 'b', '--key', 'k', 'typeof x'], { env: { GREENROOM_URL: url } })).stdout)).toMatchObject({ value: 'undefined' })
  })

  it('prints every message, a line each, the answer last', async () => {
    const { url } = await httpHost()
    const { stdout } = await cli(['run', '--url', url, '--stream', 'console.log("one"); 1'])
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatchObject({ value: 1, stdout: 'one\n' })
  })

  it('ends with 1 and the error of the server', async () => {
    const { url } = await httpHost({}, { token: 's3cret' })
    const refused = await cli(['run', '--url', url, '1'])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error UNAUTHORIZED: /) as string })
    const env = { GREENROOM_TOKEN: 's3cret' }
    expect(await cli(['run', '--url', url, '1'], { env })).toMatchObject({ code: 0 })
    expect(await cli(['run', '--url', url, 'process.exit(3)'], { env })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error SESSION_CRASHED: /) as string })
    expect(await cli(['run', '--url', url, '--timeout', '1500ms', 'while (true) {}'], { env })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error REQUEST_TIMEOUT: /) as string })
  })

  it('ends with 1 when there is no server, and says what to do', async () => {
    const { code, stderr } = await cli(['run', '--url', 'http://127.0.0.1:1', '1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: cannot talk to http:\/\/127\.0\.0\.1:1 \(.+\): is the server running/)
  })

  it('ends with 1 when the server goes away before it has answered', async () => {
    const { url, gateway, pool } = await httpHost()
    const run = startCli(['run', '--url', url, 'while (true) {}'])
    await until(() => pool.getPoolStats().activeSessions === 1)
    await gateway.close(50)
    expect(await run.code).toBe(1)
    expect(run.stderr()).toContain('cannot talk to')
  })

  it('leaves at Ctrl-C, and the server stops working on it', async () => {
    const { url, pool } = await httpHost()
    const run = startCli(['run', '--url', url, 'while (true) {}'])
    await until(() => pool.getPoolStats().activeSessions === 1)
    run.signal('SIGINT')
    expect(await run.code).toBe(130)
    await until(() => pool.getPoolStats().activeSessions === 0)
  })
})
