import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A project of a user of greenroom, in a temporary folder. */
export class Project implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** An empty one: a package.json that makes it ESM, and nothing else. */
  static async empty(): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'greenroom-project-')))
    await project.write('package.json', JSON.stringify({ name: 'a-project', private: true, type: 'module' }))
    return project
  }

  /** One in which this checkout's build, and its @types, are installed as links. */
  static async linked(): Promise<Project> {
    ensureBuild()
    const project = await Project.empty()
    await mkdir(project.at('node_modules'))
    await symlink(ROOT, project.at('node_modules/greenroom'))
    await symlink(join(ROOT, 'node_modules/@types'), project.at('node_modules/@types'))
    return project
  }

  at(file: string): string {
    return join(this.path, file)
  }

  async write(file: string, text: string): Promise<void> {
    await mkdir(dirname(this.at(file)), { recursive: true })
    await writeFile(this.at(file), text)
  }

  run(command: string, args: readonly string[]): Promise<Ran> {
    return run(command, args, this.path)
  }

  /** Runs the TypeScript compiler on the project's tsconfig.json. */
  async tsc(...args: string[]): Promise<Ran> {
    return this.run(process.execPath, [join(ROOT, 'node_modules/typescript/lib/tsc.js'), ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

let isBuilt = false

/** Builds dist/ when it isn't of these sources: asked once per process, for they do not change while tests run. */
export function ensureBuild(): void {
  if (isBuilt) return
  const { status, stderr } = spawnSync(process.execPath, ['scripts/ensure.mjs'], { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the build failed:\n${stderr}`)
  isBuilt = true
}

/** Runs a command to its end, in an environment as a shell's. */
export function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...shellEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** The environment without what npm and vitest have put into it. */
export function shellEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|VITE_|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$)/.test(name)))
}
