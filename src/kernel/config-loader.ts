import { readFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import 'reflect-metadata'
import { createJiti } from 'jiti'
import * as tsyringe from 'tsyringe'
import { GreenroomError, messageOf, type Clock } from '../contracts/index.ts'
import { runWithDeadline } from './deadline.ts'
import { jsonFault } from './json-fault.ts'
import { systemClock } from './system-clock.ts'

/** The names looked for, in a folder. */
export const CONFIG_NAMES: readonly string[] = ['ts', 'mts', 'js', 'mjs', 'json'].map((extension) => `greenroom.config.${extension}`)

/** What an explicit path may end in. */
const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json']

/** Time for the file's top level, and for the function it exports, if it does. */
const LOAD_DEADLINE = 30_000

export interface LoadConfigOptions {
  /** Folder to look in. Default: the current one. */
  readonly cwd?: string
  /** The file, or another folder to look in; relative to `cwd`. */
  readonly path?: string
  /**
   * Modules by the name under which a config imports them (`greenroom`, `greenroom/kit`). The config gets these very objects, so that it
   * works where greenroom is not installed, and there is never a second copy of a token or of an error class.
   */
  readonly modules?: Readonly<Record<string, object>>
  readonly clock?: Clock
}

export interface LoadedConfig {
  /** The file, absolute. */
  readonly path: string
  /** What it exports; not checked yet. */
  readonly config: Record<string, unknown>
}

/**
 * Finds and loads a configuration file: TypeScript (decorators too), JavaScript or JSON. A module exports the configuration as its default,
 * or a function that returns it or a promise of it.
 * @throws GreenroomError `CONFIG_NOT_FOUND`; `CONFIG_INVALID` when there are several, or the file cannot be loaded (with the cause).
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const path = await findConfig(options)
  const config = extname(path) === '.json' ? await loadJson(path) : await loadModule(path, options)
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw invalid(path, `it must give an object, and gives ${config === null ? 'null' : Array.isArray(config) ? 'a list' : `a ${typeof config}`}`)
  }
  return { path, config: config as Record<string, unknown> }
}

/**
 * The configuration file that `loadConfig` would load.
 * @throws GreenroomError `CONFIG_NOT_FOUND`, or `CONFIG_INVALID` when there are several.
 */
export async function findConfig({ cwd = process.cwd(), path }: LoadConfigOptions = {}): Promise<string> {
  const place = resolve(cwd, path ?? '.')
  const kind = await kindOf(place)
  if (kind === 'file') {
    if (!EXTENSIONS.includes(extname(place))) throw invalid(place, `its name must end in one of ${EXTENSIONS.join(', ')}`)
    return place
  }
  if (kind === undefined) throw new GreenroomError('CONFIG_NOT_FOUND', `${place} does not exist: give another path, or create one with \`greenroom init\``)

  const found: string[] = []
  for (const name of CONFIG_NAMES) if ((await kindOf(join(place, name))) === 'file') found.push(name)
  const [first, ...others] = found
  if (first === undefined) {
    throw new GreenroomError('CONFIG_NOT_FOUND', `No ${CONFIG_NAMES.join(', ')} in ${place}: create one with \`greenroom init\`, or give a path with --config`)
  }
  if (others.length > 0) throw new GreenroomError('CONFIG_INVALID', `${place} has several configurations, ${found.join(' and ')}: keep one, or give its path`)
  return join(place, first)
}

async function loadJson(path: string): Promise<unknown> {
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  try {
    const parsed = JSON.parse(text) as unknown
    // It is for editors.
    if (typeof parsed === 'object' && parsed !== null) delete (parsed as Record<string, unknown>)['$schema']
    return parsed
  } catch (error) {
    const fault = jsonFault(text)
    throw invalid(fault ? `${path}:${fault.line}:${fault.column}` : path, messageOf(error), error)
  }
}

async function loadModule(path: string, { modules = {}, clock = systemClock }: LoadConfigOptions): Promise<unknown> {
  const jiti = createJiti(pathToFileURL(path).href, {
    // Decorators register with the module they come from: the container must be of the same one.
    virtualModules: { ...modules, tsyringe, 'reflect-metadata': {} },
    // Nothing is written beside a user's files.
    fsCache: false,
    interopDefault: false,
  })
  const late = (): Error => new Error(`it did not finish within ${LOAD_DEADLINE / 1_000} s`)
  const bounded = async <T>(work: () => Promise<T> | T): Promise<T> => {
    try {
      return await runWithDeadline(work, LOAD_DEADLINE, clock, late)
    } catch (error) {
      throw invalid(path, messageOf(error), error)
    }
  }
  const loaded = await bounded(() => jiti.import<{ default?: unknown }>(path))
  const exported = loaded.default
  if (exported === undefined) throw invalid(path, 'it has no default export: write `export default defineConfig({ … })`')
  return typeof exported === 'function' ? bounded(() => (exported as () => unknown)()) : exported
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalid(path, messageOf(error), error)
  }
}

function invalid(path: string, message: string, cause?: unknown): GreenroomError {
  return new GreenroomError('CONFIG_INVALID', `${path}: ${message}`, cause === undefined ? {} : { cause })
}
