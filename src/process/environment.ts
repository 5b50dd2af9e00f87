import type { SpawnSpec } from '../contracts/child.ts'

/** What nearly every program needs of its host, and what holds no secret. */
const COMMON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'TZ', 'TMPDIR', 'TERM']

/** Without these, Windows programs do not find their system, their profile or their temporary files. */
const WINDOWS = [
  'SystemRoot', 'SystemDrive', 'windir', 'ComSpec', 'PATHEXT', 'TEMP', 'TMP', 'USERNAME', 'USERPROFILE', 'HOMEDRIVE', 'HOMEPATH',
  'APPDATA', 'LOCALAPPDATA', 'ProgramData', 'ProgramFiles', 'NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE',
]

/**
 * The whole environment of a child: what every program needs of the host's, the host variables the spec names, and the
 * spec's own, the later winning. Nothing else of the host's is passed on: that is how credentials leak.
 */
export function childEnvironment(
  spec: Pick<SpawnSpec, 'env' | 'inheritEnv'>, host: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const names = [...COMMON, ...(platform === 'win32' ? WINDOWS : []), ...(spec.inheritEnv ?? [])]
  const environment: Record<string, string> = {}
  for (const name of Object.keys(host)) if (name.startsWith('LC_')) copy(name)
  for (const name of names) copy(name)
  return Object.assign(environment, spec.env)

  function copy(name: string): void {
    const value = host[name]
    if (value !== undefined) environment[name] = value
  }
}
