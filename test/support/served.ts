import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ROOT, shellEnvironment } from './project.ts'

export interface Served extends AsyncDisposable {
  readonly url: string
}

/** `greenroom serve` as a process of its own, from the build, on a free port. */
export async function serve(...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, [`${ROOT}dist/src/cli/bin.js`, 'serve', '--port', '0', ...args], {
    cwd: ROOT, env: shellEnvironment(), stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/[\w.:[\]-]+\d/.exec(line)?.[0]
    if (url === undefined) continue
    child.stdout.resume()
    return { url, [Symbol.asyncDispose]: stop }
  }
  await stop()
  throw new Error('greenroom serve ended without saying its address')
}
