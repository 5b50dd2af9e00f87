import { access, constants, stat } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'

/** The file that `command` starts, as the system looks for it; `undefined` when there is none that may be run. */
export async function findProgram(command: string, path: string | undefined, cwd: string): Promise<string | undefined> {
  if (command.includes('/') || command.includes('\\')) return runnable(resolve(cwd, command))
  for (const folder of (path ?? '').split(delimiter)) {
    const found = folder === '' ? undefined : await runnable(resolve(cwd, folder, command))
    if (found !== undefined) return found
  }
  return undefined
}

async function runnable(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile() ? file : undefined
  } catch {
    return undefined
  }
}
