import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from 'greenroom/kit'

/** How long a group may take to become empty after its processes were killed, and how often it is looked at. */
const EMPTY_WITHIN_MS = 5_000
const LOOK_MS = 20

/** Files of a group and what is written into them. One that is not there is passed over where it is `optional`. */
export type GroupLimits = readonly { readonly file: string; readonly value: string; readonly optional?: boolean }[]

export interface GroupsOptions {
  /** The folder they are made in; it is made, too. */
  readonly path: string
  readonly controllers: ReadonlySet<string>
  readonly limits: GroupLimits
  readonly clock: Clock
  readonly report: (problem: unknown, where: string) => void
}

/** The cgroups of one pool's sessions: made before a session's process, and removed with all that is left in them when it is gone. */
export class Groups {
  readonly #options: GroupsOptions
  readonly #live = new Set<string>()
  readonly #removing = new Set<Promise<void>>()

  constructor(options: GroupsOptions) {
    this.#options = options
    mkdirSync(options.path)
    const enabled = [...options.controllers].map((controller) => `+${controller}`).join(' ')
    if (enabled !== '') writeFileSync(join(options.path, 'cgroup.subtree_control'), enabled)
  }

  /** Makes the group of a session; the file through which a process joins it. */
  create(sessionId: string): string {
    const folder = join(this.#options.path, sessionId)
    mkdirSync(folder)
    this.#live.add(sessionId)
    for (const { file, value, optional = false } of this.#options.limits) {
      if (!optional || existsSync(join(folder, file))) writeFileSync(join(folder, file), value)
    }
    return join(folder, 'cgroup.procs')
  }

  has(sessionId: string): boolean {
    return this.#live.has(sessionId)
  }

  write(sessionId: string, file: string, value: string): void {
    writeFileSync(join(this.#options.path, sessionId, file), value)
  }

  /** A figure of one of the group's files, such as `oom_kill` of memory.events; `undefined` when it isn't there. */
  figure(sessionId: string, file: string, name: string): number | undefined {
    const text = readText(join(this.#options.path, sessionId, file))
    const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]
    return found === undefined ? undefined : Number(found)
  }

  /** Kills what is left in a session's group, and removes it. Never rejects. */
  remove(sessionId: string): Promise<void> {
    if (!this.#live.delete(sessionId)) return Promise.resolve()
    const { path, clock, report } = this.#options
    const removal = removeGroup(join(path, sessionId), clock, report).finally(() => this.#removing.delete(removal))
    this.#removing.add(removal)
    return removal
  }

  /** Removes all of them, and the pool's. Never rejects. */
  async close(): Promise<void> {
    const { path, clock, report } = this.#options
    for (const sessionId of this.#live) void this.remove(sessionId)
    await Promise.all(this.#removing)
    await removeGroup(path, clock, report)
  }
}

/** Kills all that is in a group and in those below, and removes them. What can't be removed is reported. Never rejects. */
export async function removeGroup(folder: string, clock: Clock, report: (problem: unknown, where: string) => void): Promise<void> {
  const deadline = clock.now() + EMPTY_WITHIN_MS
  for (;;) {
    try {
      if (readText(join(folder, 'cgroup.events')).includes('populated 1')) writeFileSync(join(folder, 'cgroup.kill'), '1')
      removeFolders(folder)
      return
    } catch (problem) {
      if (isGone(problem)) return
      if (clock.now() >= deadline) return report(problem, `removing the cgroup ${folder}`)
    }
    await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK_MS))
  }
}

/** The files in them are the system's own and go with the folder. */
function removeFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeFolders(join(folder, entry.name))
  }
  rmdirSync(folder)
}

function isGone(problem: unknown): boolean {
  return problem instanceof Error && 'code' in problem && problem.code === 'ENOENT'
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
