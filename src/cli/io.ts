import type { Clock } from '../contracts/index.ts'

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

export interface TextOutput {
  write(text: string, done?: () => void): boolean
  readonly isTTY?: boolean
}

/** All that a command touches of the process it runs in, so that it can be called from any program. */
export interface CliIo {
  readonly stdout: TextOutput
  readonly stderr: TextOutput
  readonly stdin: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly clock: Clock
  /** Calls `listener` for every signal that asks to stop, instead of ending the process. Returns how to take that back. */
  onSignal(listener: (signal: StopSignal) => void): () => void
}

export function line(output: TextOutput, text = ''): void {
  output.write(`${text}\n`)
}

/** Resolves when all that was written so far has been handed to the operating system. */
export function flushed(output: TextOutput): Promise<void> {
  return new Promise((resolve) => {
    output.write('', () => resolve())
  })
}
