import { isGreenroomError, type PoolConfig } from '../contracts/index.ts'
import { loadConfig } from '../kernel/config-loader.ts'

/** The pool of those who have not configured one: it needs nothing installed. */
const BUILT_IN: PoolConfig = { driver: 'node-repl' }

export interface FoundConfig {
  readonly config: PoolConfig
  /** The file it was read from; `undefined` for the built-in one. */
  readonly path: string | undefined
}

/**
 * The config of `--config`, else of a greenroom.config.* in `cwd`, else the built-in one.
 * @param choice a path, or `false` for `--no-config`
 */
export async function findConfig(choice: string | false | undefined, cwd: string): Promise<FoundConfig> {
  if (choice === false) return { config: BUILT_IN, path: undefined }
  try {
    const { config, path } = await loadConfig({ cwd, modules: await ownModules(), ...(choice !== undefined && { path: choice }) })
    // Its shape is checked when a pool is made of it.
    return { config: config as unknown as PoolConfig, path }
  } catch (error) {
    if (choice === undefined && isGreenroomError(error, 'CONFIG_NOT_FOUND')) return { config: BUILT_IN, path: undefined }
    throw error
  }
}

/** What a config gets when it imports greenroom: this very copy, so that it works where none is installed. */
async function ownModules(): Promise<Record<string, object>> {
  const [greenroom, kit] = await Promise.all([import('../index.ts'), import('../kit.ts')])
  return { greenroom, 'greenroom/kit': kit }
}

/** The name of the config's driver, where it has one: nothing is checked here. */
export function driverName(config: PoolConfig): string {
  const driver: unknown = config.driver
  if (typeof driver === 'string') return driver
  const use = (driver as { use?: unknown } | null | undefined)?.use
  return typeof use === 'string' ? use : 'unknown'
}
