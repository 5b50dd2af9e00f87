import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createPool } from 'greenroom'
import { agentSdk, type AgentSdk, type AgentSdkProcess } from 'greenroom/plugins/drivers/claude-code/agent-sdk'
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

function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}
