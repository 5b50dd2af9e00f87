import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { endChild, SESSION_MARKER, type Child, type SpawnSpec } from '../../src/kit.ts'
import { HostProcesses } from '../../src/process/host-processes.ts'
import type { ProcessChild } from '../../src/process/process-child.ts'
import { until, withinHang } from '../support/driver-harness.ts'
import { isRunning } from '../support/is-running.ts'

const folder = mkdtempSync(join(tmpdir(), 'greenroom-spawn-'))
afterAll(() => rmSync(folder, { recursive: true }))

const STUBBORN = fileURLToPath(new URL('../fixtures/stubborn.mjs', import.meta.url))

describe.each([['directly', false], ['by the keeper', true]] as const)('started %s:', (_how, keeper) => {
  const problems: string[] = []
  const processes = new HostProcesses({ clock: systemClock, report: (problem, where) => void problems.push(`${where}: ${String(problem)}`) })
  const { spawner } = processes
  beforeAll(() => processes.open({ stateDir: false, keeper }))
  afterAll(async () => {
    await processes.close()
    expect(problems).toEqual([])
  })

  const script = (code: string, more: Partial<SpawnSpec> = {}): Child => spawner.spawn({ command: process.execPath, args: ['-e', code], ...more })

  function collect(child: Child): { text: string } {
    const seen = { text: '' }
    child.stdout.on('data', (chunk: Buffer) => (seen.text += chunk.toString()))
    return seen
  }

  async function failure(spec: SpawnSpec): Promise<string> {
    const child = spawner.spawn(spec)
    const exit = await withinHang(child.exited)
    expect(exit).toMatchObject({ code: null, signal: null, error: expect.any(Error) as Error })
    expect(child.exit).toBe(exit)
    expect([child.pid, child.bytesRead, child.stderrTail(), child.signal('SIGTERM'), child.signalGroup('SIGTERM')]).toEqual([undefined, 0, '', false, false])
    return exit.error!.message
  }

  describe('a started process', () => {
    it('talks over its pipes and tells its exit code', async () => {
      const child = script('process.stdin.pipe(process.stdout); process.stdin.on("end", () => process.exitCode = 5)')
      const seen = collect(child)
      child.stdin.end('hello')
      expect(child.exit).toBeUndefined()
      expect(await withinHang(child.exited)).toEqual({ code: 5, signal: null })
      expect(child.exit).toEqual({ code: 5, signal: null })
      expect(seen.text).toBe('hello')
      expect(child.bytesRead).toBe(5)
    })

    it('tells the signal that killed it, and takes none after its end', async () => {
      const child = script('setInterval(() => {}, 1000)')
      expect(child.signal('SIGKILL')).toBe(true)
      expect(await withinHang(child.exited)).toEqual({ code: null, signal: 'SIGKILL' })
      expect(child.signal('SIGKILL')).toBe(false)
      expect(child.signalGroup('SIGKILL')).toBe(false)
      expect(child.signalGroup('SIGKILL')).toBe(false)
    })

    it('has the allow-list environment, and a marker of its own', async () => {
      const children = [1, 2].map(() => script('console.log(JSON.stringify(process.env))', { env: { MINE: '1', [SESSION_MARKER]: 'forged' } })) as ProcessChild[]
      const texts = children.map(collect)
      await withinHang(Promise.all(children.map((child) => child.exited)))
      const [first, second] = texts.map(({ text }) => JSON.parse(text) as Record<string, string>)
      expect(first).toMatchObject({ MINE: '1', PATH: process.env['PATH'] })
      expect(first).not.toHaveProperty('GREENROOM_TEST_RUN')
      expect(first![SESSION_MARKER]).toBe(children[0]!.marker)
      expect(first![SESSION_MARKER]).not.toBe(second![SESSION_MARKER])
    })

    it('leads a process group of its own and runs in its folder', async () => {
      const child = script('console.log(process.cwd()); require("child_process").execSync("ps -o pgid= -p " + process.pid, { stdio: "inherit" })', { cwd: folder })
      const seen = collect(child)
      await withinHang(child.exited)
      expect(seen.text.trim().split(/\s+/)).toEqual([folder, String(child.pid)])
    })

    it('delivers all it wrote before its exit is told', async () => {
      for (let round = 0; round < 5; round++) {
        const child = script('require("fs").writeSync(1, "x".repeat(60000)); process.kill(process.pid, "SIGKILL")')
        const seen = collect(child)
        await withinHang(child.exited)
        expect(seen.text.length).toBe(60_000)
      }
    })

    it('is told to be gone though a grandchild holds its pipes open, with all it wrote', async () => {
      const child = spawner.spawn({ command: process.execPath, args: [STUBBORN, 'grandchild'] })
      const seen = collect(child)
      await until(() => seen.text.includes('ready'))
      child.signal('SIGKILL')
      expect(await withinHang(child.exited)).toEqual({ code: null, signal: 'SIGKILL' })
      const grandchild = Number.parseInt(seen.text, 10)
      expect(process.kill(grandchild, 0)).toBe(true)
      expect(child.signalGroup('SIGKILL')).toBe(true)
      await until(() => !isRunning(grandchild))
    })

    it('is told to be gone though a grandchild floods its pipes', async () => {
      const flood = `require('child_process').spawn('yes', { stdio: ['ignore', 'inherit', 'inherit'] }).on('spawn', () => process.exit(0))`
      const child = script(flood)
      child.stdout.resume()
      expect(await withinHang(child.exited)).toEqual({ code: 0, signal: null })
      expect(child.signalGroup('SIGKILL')).toBe(true)
    })

    it('is told to be gone though its consumer pauses at every chunk', async () => {
      const child = script('process.stdout.write("x".repeat(200000)); setInterval(() => {}, 1000)')
      child.stdout.on('data', () => child.stdout.pause())
      await until(() => child.stdout.isPaused())
      child.signal('SIGKILL')
      expect((await withinHang(child.exited)).signal).toBe('SIGKILL')
    })

    it('never makes an exception of a pipe that breaks', async () => {
      const child = script('process.exit(0)')
      let problems = 0
      child.stdin.on('error', () => problems++)
      child.stdin.write('x'.repeat(10_000_000))
      await withinHang(child.exited)
      await until(() => problems === 1 || child.stdin.destroyed)
      expect(problems).toBeLessThanOrEqual(1)
      child.stdin.write('more')
      child.stdin.end()
      await until(() => child.stdin.destroyed)
    })

    it('may flood stderr for ever: it is read, and only its tail is kept', async () => {
      const child = script('const line = "e".repeat(99) + "\\n"; for (let i = 0; i < 100000; i++) require("fs").writeSync(2, line); require("fs").writeSync(2, "the end\\n")')
      child.stdout.resume()
      expect(await withinHang(child.exited)).toEqual({ code: 0, signal: null })
      expect(child.stderrTail().endsWith('e\nthe end\n')).toBe(true)
      expect(child.stderrTail().length).toBeLessThanOrEqual(8_192)
    })
  })

  describe('a command that can not be started', () => {
    it('says which one was not found, and where it was looked for', async () => {
      expect(await failure({ command: 'no-such-program' })).toBe('"no-such-program" could not be started: it was not found on PATH. Install it, or give its full path')
      expect(await failure({ command: './no-such-file' })).toContain('there is no such file')
    })

    it('says when it is the working directory that is missing, or none', async () => {
      expect(await failure({ command: 'node', cwd: join(folder, 'absent') })).toContain('absent" does not exist')
      writeFileSync(join(folder, 'file'), '')
      expect(await failure({ command: 'node', cwd: join(folder, 'file') })).toContain('file" is not a directory')
      expect(await failure({ command: 'node', cwd: join(folder, 'file', 'below') })).toMatch(/below" can't be used .*ENOTDIR/)
    })

    it('says when the file may not be executed', async () => {
      const file = join(folder, 'plain')
      writeFileSync(file, 'echo')
      chmodSync(file, 0o644)
      expect(await failure({ command: file })).toContain('may not be executed (EACCES)')
    })

    it('says what is wrong with arguments that no process can get', async () => {
      expect(await failure({ command: 'node', args: ['a\0b'] })).toMatch(/"node" could not be started: .*null bytes/)
      expect(await failure({ command: '' })).toContain('could not be started')
      expect(await failure({ command: 'node', args: ['x'.repeat(4_000_000)] })).toContain('too long (E2BIG)')
    })

    it('takes what is written to it and gives nothing', async () => {
      const child = spawner.spawn({ command: 'no-such-program' })
      child.stdin.write('x')
      child.stdin.end()
      expect(await child.stdout.toArray()).toEqual([])
      expect(await withinHang(endChild(child, { clock: systemClock, stepMs: 1_000 }))).toMatchObject({ exit: { code: null } })
    })
  })
})
