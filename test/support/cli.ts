import { Readable } from 'node:stream'
import type { CliIo, StopSignal } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import type { Clock } from '../../src/contracts/index.ts'
import { systemClock } from '../../src/kernel/system-clock.ts'

export interface CliOptions {
  cwd?: string
  env?: Record<string, string | undefined>
  stdin?: string
  isTTY?: boolean
  clock?: Clock
}

/** A command line under way in this process. */
export interface CliRun {
  readonly code: Promise<number>
  stdout(): string
  stderr(): string
  signal(signal: StopSignal): void
  /** How many listen for signals. */
  listeners(): number
  /** Resolves to what matched, as soon as stdout holds it; rejects when the command ends first. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
}

export function startCli(argv: readonly string[], { cwd, env = {}, stdin = '', isTTY = false, clock = systemClock }: CliOptions = {}): CliRun {
  const written = { stdout: '', stderr: '' }
  const signals = new Set<(signal: StopSignal) => void>()
  const lookers = new Set<() => void>()
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write(text: string, done?: () => void) {
      written[name] += text
      for (const look of lookers) look()
      done?.()
      return true
    },
  })
  const io: CliIo = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    stdin: Object.assign(Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), { isTTY }),
    env: { PATH: process.env['PATH'], ...env },
    cwd: cwd ?? '/',
    clock,
    onSignal(listener) {
      signals.add(listener)
      return () => signals.delete(listener)
    },
  }
  const code = runCli(argv, io)
  return {
    code,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    signal: (signal) => signals.forEach((listener) => listener(signal)),
    listeners: () => signals.size,
    printed: (pattern) => new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(written.stdout)
        if (!match) return
        lookers.delete(look)
        resolve(match)
      }
      lookers.add(look)
      look()
      void code.then((ended) => reject(new Error(`ended with ${ended} before it printed ${String(pattern)}: ${written.stdout}${written.stderr}`)))
    }),
  }
}

/** Runs a command line to its end. */
export async function cli(argv: readonly string[], options?: CliOptions): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = startCli(argv, options)
  const code = await run.code
  return { code, stdout: run.stdout(), stderr: run.stderr() }
}
