import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { table } from './tree-fixtures.ts'
import { until } from './real-pool.ts'

const HOST = fileURLToPath(new URL('../fixtures/host.mjs', import.meta.url))

export interface HostMessage {
  readonly ready?: number[]
  readonly live?: number[]
  readonly problem?: string
  readonly failed?: string
  readonly message?: string
  readonly closed?: boolean
  readonly answer?: object
  readonly parked?: number
}

export interface HostProcess {
  readonly process: ChildProcess
  readonly pid: number
  readonly messages: readonly HostMessage[]
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Tells it what to do. */
  tell(line: string): void
  /** Resolves with the first message that has this field. */
  has<Field extends keyof HostMessage>(field: Field): Promise<NonNullable<HostMessage[Field]>>
  /** SIGKILLs it, and at the same moment whatever it has started that is no session: nobody is left who could end what it leaves behind. */
  kill(): Promise<void>
}

/**
 * Runs a pool in a process of its own; `shell` is run by sh around it and may set limits; `quiet` hides its stderr. Killed when the test
 * has ended: what it leaves behind is the test's to deal with.
 */
export function startHost(
  config: object, { env = {}, shell, quiet = false }: { env?: Record<string, string>; shell?: string; quiet?: boolean } = {},
): HostProcess {
  const node = [process.execPath, HOST, JSON.stringify(config)] as const
  const [command, ...args] = shell === undefined ? node : ['sh', '-c', `${shell}\nexec "$@"`, 'sh', ...node]
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', quiet ? 'ignore' : 'inherit'], env: { ...process.env, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const messages: HostMessage[] = []
  createInterface({ input: child.stdout }).on('line', (line) => void messages.push(JSON.parse(line) as HostMessage))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  return {
    process: child,
    pid: child.pid!,
    messages,
    exited,
    tell: (line) => void child.stdin.write(`${line}\n`),
    async has(field) {
      await until(() => messages.some((message) => message[field] !== undefined) || child.exitCode !== null)
      const found = messages.find((message) => message[field] !== undefined)?.[field]
      if (found === undefined) throw new Error(`the host ended before it said ${field}: ${JSON.stringify(messages)}`)
      return found
    },
    async kill() {
      const snapshot = await table.look()
      for (const { pid, marker } of snapshot.childrenOf(child.pid!)) if (marker === undefined) process.kill(pid, 'SIGKILL')
      child.kill('SIGKILL')
      await exited
    },
  }
}
