import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * Where greenroom keeps what must outlive it: `configured`, else GREENROOM_STATE_DIR, else the user's folder for such things
 * ($XDG_STATE_HOME or ~/.local/state; on macOS ~/Library/Application Support; on Windows %LOCALAPPDATA%). `undefined`: nowhere.
 */
export function stateFolder(
  configured: string | false | undefined, env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (configured === false) return undefined
  const named = configured ?? env['GREENROOM_STATE_DIR']
  if (named !== undefined && named !== '') return resolve(named)
  const base = userFolder(env, platform)
  return base === undefined ? undefined : join(base, 'greenroom')
}

function userFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | undefined {
  const home = env['HOME'] ?? homedir()
  if (platform === 'win32') return env['LOCALAPPDATA']
  if (platform === 'darwin') return join(home, 'Library', 'Application Support')
  // The XDG specification: a relative path is invalid and to be ignored.
  const state = env['XDG_STATE_HOME']
  return state?.startsWith('/') === true ? state : join(home, '.local', 'state')
}
