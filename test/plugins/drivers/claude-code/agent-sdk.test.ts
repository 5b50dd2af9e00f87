import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createPool, type Pool, type PoolConfig } from 'greenroom'
import { agentSdk, type AgentSdk, type AgentSdkOptions, type AgentSdkProcess } from 'greenroom/plugins/drivers/claude-code/agent-sdk'
import { describe, expect, it, onTestFinished } from 'vitest'
import { claudeWorld } from '../../../support/claude-code.ts'
import { isAlive, until } from '../../../support/real-pool.ts'
import { greenroomErrorOf } from '../../../support/rejection.ts'
import { tempFolder } from '../../../support/temp-folder.ts'

const { options } = await claudeWorld()
const STUBBORN = "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000); console.log('{}')"

async function openSdk(): Promise<AgentSdk & { close: () => Promise<void> }> {
  const sdk = agentSdk({ grace: '200ms' })
  const pool = await createPool({ driver: 'node-repl', size: { max: 1, spare: 0 }, plugins: [sdk.plugin] })
  const close = (): Promise<void> => pool.close({ grace: 0 })
  onTestFinished(close)
  return { ...sdk, close }
}

interface Started {
  readonly process: AgentSdkProcess
  readonly abort: () => void
  readonly exit: Promise<unknown[]>
  readonly lines: Record<string, unknown>[]
  readonly send: (message: object) => void
}

interface More {
  readonly env?: Record<string, string | undefined>
  readonly cwd?: string
  readonly signal?: AbortSignal
}

/** Does with a process what the SDK does. */
function start(sdk: AgentSdk, command: string, args: readonly string[], more: More = {}): Started {
  const controller = new AbortController()
  const process = sdk.spawnClaudeCodeProcess({ command, args, env: {}, signal: controller.signal, ...more })
  const lines: Record<string, unknown>[] = []
  createInterface({ input: process.stdout }).on('line', (line) => void lines.push(JSON.parse(line) as Record<string, unknown>))
  return {
    process, lines,
    abort: () => controller.abort(),
    exit: new Promise((resolve) => process.once('exit', (...how) => resolve(how))),
    send: (message) => void process.stdin.write(`${JSON.stringify(message)}\n`),
  }
}

describe('a process of the Agent SDK that a pool owns', () => {
  it('works as another does, and is ended with its tools when the pool is closed', async () => {
    const sdk = await openSdk()
    const cwd = await tempFolder()
    const env = { ...options.env, HOME: cwd, CLAUDE_CONFIG_DIR: cwd, TMPDIR: cwd, CLAUDE_CODE_TMPDIR: cwd, NOTHING: undefined }
    const args = ['-p', '--input-format=stream-json', '--output-format=stream-json', '--verbose', '--allowed-tools', 'Bash']
    const claude = start(sdk, options.command, args, { env, cwd })
    claude.send({ type: 'control_request', request_id: '1', request: { subtype: 'initialize' } })
    claude.send({ type: 'user', message: { role: 'user', content: 'say hello' } })
    await until(() => claude.lines.some(({ type, result }) => type === 'result' && result === 'hello'))
    claude.send({ type: 'user', message: { role: 'user', content: 'bash echo $$ > tool.pid; sleep 600' } })
    let tool = 0
    await until(() => (tool = pidIn(join(cwd, 'tool.pid'))) > 0)
    expect([isAlive(tool), claude.process.exitCode]).toEqual([true, null])
    await sdk.close()
    await claude.exit
    expect(isAlive(tool)).toBe(false)
  })

  it('is ended within the grace when the SDK gives it up, also when it does not want to', async () => {
    const sdk = await openSdk()
    const stubborn = start(sdk, process.execPath, ['-e', STUBBORN])
    await until(() => stubborn.lines.length > 0)
    stubborn.abort()
    expect(await stubborn.exit).toEqual([null, 'SIGKILL'])
    expect(stubborn.process.signalCode).toBe('SIGKILL')
    const late = start(sdk, process.execPath, ['-e', STUBBORN], { signal: AbortSignal.abort() })
    expect((await late.exit)[1]).toMatch(/SIG(TERM|KILL)/)
  })

  it('gets the signals that the SDK sends, and says how it ended', async () => {
    const sdk = await openSdk()
    const one = start(sdk, process.execPath, ['-e', 'process.stdin.resume(); console.log("{}")'])
    await until(() => one.lines.length > 0)
    expect([one.process.kill('SIGTERM'), one.process.killed]).toEqual([true, true])
    expect(await one.exit).toEqual([null, 'SIGTERM'])
    expect(one.process.kill('SIGTERM')).toBe(false)
    const two = start(sdk, process.execPath, ['-e', 'process.exit(7)'])
    expect([await two.exit, two.process.exitCode]).toEqual([[7, null], 7])
  })

  it('that cannot be started is an error event', async () => {
    const sdk = await openSdk()
    const none = start(sdk, '/there/is/no/such/program', [])
    const error = await new Promise<Error>((resolve) => none.process.on('error', resolve))
    expect(error.message).toContain('/there/is/no/such/program')
  })

  it('is not started where no pool would own it', async () => {
    const sdk = await openSdk()
    await sdk.close()
    for (const closed of [sdk, agentSdk()]) {
      expect((await greenroomErrorOf(() => start(closed, process.execPath, []))).code).toBe('POOL_CLOSED')
    }
  })
})

describe('a pool that serves the Agent SDK', () => {
  const LINES = "process.on('SIGTERM', () => process.exit(143)); process.stdin.on('end', () => process.exit(0)); process.stdin.pipe(process.stdout)"
  const echo = (sdk: AgentSdk, more: More = {}, ...args: string[]): Started => start(sdk, process.execPath, ['-e', LINES, '--', ...args], more)

  async function openPool(config: Partial<PoolConfig> = {}, given: AgentSdkOptions = { spares: 0 }): Promise<{ sdk: AgentSdk; pool: Pool }> {
    const sdk = agentSdk(given)
    const { size, ...others } = config
    const pool = await createPool({ driver: 'claude-agent-sdk', size: { max: 2, spare: 0, ...size }, timeouts: { close: '300ms' }, ...others, plugins: [sdk.plugin] })
    onTestFinished(() => pool.close({ grace: 0 }))
    sdk.serveFrom(pool)
    return { sdk, pool }
  }

  it('counts its processes, and lets queries wait for a place; what they write meanwhile is not lost', async () => {
    const { sdk, pool } = await openPool({ size: { max: 1 } })
    const [one, two] = [echo(sdk, {}, 'one'), echo(sdk, {}, 'two')]
    for (const query of [one, two]) query.send({ type: 'user' })
    await until(() => one.lines.length > 0)
    expect([pool.getPoolStats().size, pool.getPoolStats().waiting, two.lines, two.process.exitCode]).toEqual([1, 1, [], null])
    one.process.stdin.end()
    expect([await one.exit, one.process.exitCode]).toEqual([[0, null], 0])
    await until(() => two.lines.length > 0)
    two.abort()
    expect(await two.exit).toHaveLength(2)
    await until(() => pool.getPoolStats().size === 0)
    expect(pool.getPoolStats()).toMatchObject({ started: 2, crashes: 0, refusals: 0 })
    expect(pool.decisions().map(({ reason }) => reason).filter((reason) => reason.startsWith('destroyed'))).toHaveLength(1)
  })

  it('holds them to its limits', async () => {
    const { sdk, pool } = await openPool({ metrics: { use: 'pidusage', every: '50ms' }, limits: { memory: { hard: '100MB' } } })
    // Pages that are written to are nobody else's.
    const large = start(sdk, process.execPath, ['-e', 'setTimeout(() => (globalThis.held = Buffer.alloc(3e8, 1)), 200); setInterval(() => undefined, 1000)'])
    expect(await large.exit).toEqual([null, 'SIGKILL'])
    expect([large.process.signalCode, pool.decisions().some(({ reason }) => reason.includes('hard limit'))]).toEqual(['SIGKILL', true])
  })

  it('has one warm for the next query of the same kind, in nobody else\'s environment, and none for what only one can want', async () => {
    const { sdk, pool } = await openPool({ size: { max: 6 } }, { spares: 1 })
    const mine = { env: { WHOSE: 'mine' } }
    const warm = (): number => pool.getPoolStats().idleSessions
    const first = echo(sdk, mine)
    await until(() => warm() === 1)
    const second = echo(sdk, mine)
    second.send({ type: 'user' })
    await until(() => second.lines.length > 0)
    expect(pool.getPoolStats().acquires).toMatchObject({ started: 1, spare: 1 })
    await until(() => warm() === 1)
    const others = [echo(sdk, { env: { WHOSE: 'other' } }, '--resume', 'x'), echo(sdk, mine, '--session-id=y')]
    for (const other of others) other.send({ type: 'user' })
    await until(() => others.every(({ lines }) => lines.length > 0))
    expect([pool.getPoolStats().acquires.spare, warm(), pool.getPoolStats().size]).toEqual([1, 1, 5])
    for (const query of [first, second, ...others]) query.abort()
  })

  it('says how a query ends that is given up while it waits, or that it cannot serve', async () => {
    const { sdk, pool } = await openPool({ size: { max: 1 } })
    const first = echo(sdk)
    first.send({ type: 'user' })
    await until(() => first.lines.length > 0)
    // Now: the first one had to be started in time.
    await pool.reconfigure({ timeouts: { acquire: '100ms' } })
    const killed = echo(sdk)
    expect([killed.process.kill('SIGINT'), killed.process.killed, await killed.exit]).toEqual([true, true, [null, 'SIGINT']])
    expect(killed.process.kill('SIGINT')).toBe(false)
    const aborted = echo(sdk, { signal: AbortSignal.abort() })
    expect(await aborted.exit).toEqual([null, 'SIGTERM'])
    const late = echo(sdk)
    expect(await errorOf(late)).toMatchObject({ code: 'ACQUIRE_TIMEOUT' })
    expect(first.process.kill('SIGTERM')).toBe(true)
    await first.exit
    await until(() => pool.getPoolStats().size === 0)
    expect(pool.getPoolStats().crashes).toBe(0)
    expect(await errorOf(start(sdk, '/there/is/no/such/program', []))).toMatchObject({ code: expect.stringMatching(/^(ACQUIRE_TIMEOUT|BREAKER_OPEN)$/), message: expect.stringContaining('/there/is/no/such/program') })
  })

  it('takes no turns, and is no pool that would start what nobody wants', async () => {
    const { sdk, pool } = await openPool({ size: { max: 1 } })
    const query = echo(sdk)
    query.send({ type: 'user' })
    await until(() => query.lines.length > 0)
    const other = agentSdk()
    expect((await greenroomErrorOf(() => other.serveFrom(pool))).code).toBe('CONFIG_INVALID')
    const eager = await createPool({ driver: 'claude-agent-sdk', size: { max: 1, spare: 1 }, plugins: [other.plugin], restart: { maxCrashes: 1 } })
    onTestFinished(() => eager.close({ grace: 0 }))
    expect((await greenroomErrorOf(() => other.serveFrom(eager))).message).toContain('size.spare')
    query.abort()
  })

  it('serves the real program, sooner from a warm one', async () => {
    // Before the pool, so that it is removed when the spare that works in it is gone.
    const cwd = await tempFolder()
    const { sdk, pool } = await openPool({ size: { max: 3 }, timeouts: { start: '60s', acquire: '60s', close: '5s' } }, { spares: 1 })
    const env = { ...options.env, HOME: cwd, CLAUDE_CONFIG_DIR: cwd, TMPDIR: cwd, CLAUDE_CODE_TMPDIR: cwd }
    const ask = async (): Promise<number> => {
      const begun = performance.now()
      const claude = start(sdk, options.command, ['-p', '--input-format=stream-json', '--output-format=stream-json', '--verbose'], { env, cwd })
      claude.send({ type: 'control_request', request_id: '1', request: { subtype: 'initialize' } })
      claude.send({ type: 'user', message: { role: 'user', content: 'say hello' } })
      await until(() => claude.lines.some(({ type }) => type === 'assistant'))
      const tookMs = performance.now() - begun
      await until(() => claude.lines.some(({ type, result }) => type === 'result' && result === 'hello'))
      claude.process.stdin.end()
      expect(await claude.exit).toEqual([0, null])
      return tookMs
    }
    const cold = await ask()
    await until(() => pool.getPoolStats().idleSessions === 1)
    const warm = await ask()
    expect(pool.getPoolStats()).toMatchObject({ crashes: 0, acquires: { started: 1, spare: 1 } })
    console.log(`the first message of the model after ${Math.round(cold)} ms cold, ${Math.round(warm)} ms warm`)
  })
})

function errorOf({ process }: Started): Promise<Error> {
  return new Promise((resolve) => process.on('error', resolve))
}

function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}
