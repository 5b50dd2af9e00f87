import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/http-host.ts'
import { ensureBuild, ROOT, shellEnvironment } from '../support/project.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Program {
  readonly pid: number
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  stdout(): string
  stderr(): string
}

/** The built command line as a process that leads its own group, as a shell starts it. */
async function greenroom(argv: readonly string[], env: Record<string, string> = {}): Promise<Program> {
  ensureBuild()
  const child = spawn(process.execPath, [`${ROOT}dist/src/cli/bin.js`, ...argv], {
    cwd: await tempFolder(), env: { ...shellEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { written.stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { written.stderr += chunk.toString() })
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { pid: child.pid!, ended, stdout: () => written.stdout, stderr: () => written.stderr }
}

async function serving(): Promise<Program & { url: string }> {
  const program = await greenroom(['serve', '--port', '0'])
  await until(() => program.stdout().includes('Ctrl-C\n'))
  return { ...program, url: /http:\S+/.exec(program.stdout())![0] }
}

async function runForEver(url: string): Promise<number[]> {
  const body = JSON.stringify({ message: { code: 'while (true) {}' } })
  fetch(`${url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => undefined)
  await until(async () => ((await (await fetch(`${url}/v1/stats`)).json()) as { activeSessions: number }).activeSessions === 1)
  let pids: (number | undefined)[] = []
  // One that is still being started has no pid yet.
  await until(async () => {
    pids = ((await (await fetch(`${url}/v1/sessions`)).json()) as { sessions: { pid?: number }[] }).sessions.map(({ pid }) => pid)
    return !pids.includes(undefined)
  })
  return pids as number[]
}

describe('the greenroom program', () => {
  it('prints its version and ends', async () => {
    const { ended, stdout } = await greenroom(['--version'])
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stdout()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('ends with 2 for wrong usage and 1 for what failed', async () => {
    expect((await (await greenroom(['serv'])).ended).code).toBe(2)
    expect((await (await greenroom(['stats', '--url', 'http://127.0.0.1:1'])).ended).code).toBe(1)
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('shuts down gracefully at %s and leaves no session', async (signal) => {
    const { pid, ended, url, stdout } = await serving()
    await until(async () => ((await (await fetch(`${url}/v1/stats`)).json()) as { idleSessions: number }).idleSessions > 0)
    const { sessions } = (await (await fetch(`${url}/v1/sessions`)).json()) as { sessions: { pid: number }[] }
    process.kill(pid, signal)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stdout()).toContain(`${signal}: shutting down`)
    expect(stdout()).toContain('closed ')
    for (const session of sessions) expect(() => process.kill(session.pid, 0)).toThrow('ESRCH')
  })

  it('ends at once with 130 at the second Ctrl-C, and leaves no session', async () => {
    const { pid, ended, url } = await serving()
    const sessions = await runForEver(url)
    process.kill(pid, 'SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 800))
    process.kill(pid, 'SIGINT')
    expect(await ended).toEqual({ code: 130, signal: null })
    for (const session of sessions) expect(() => process.kill(session, 0)).toThrow('ESRCH')
  })

  it('stops quietly when nobody reads what it prints', async () => {
    const { url } = await serving()
    ensureBuild()
    const child = spawn(process.execPath, [`${ROOT}dist/src/cli/bin.js`, 'stats', '--url', url, '--watch', '0.1'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(stderr).toBe('')
  })
})
