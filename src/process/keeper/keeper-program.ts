import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Clock } from '../../contracts/clock.ts'
import { messageOf } from '../../contracts/errors.ts'
import { signalProcessGroup } from '../process-group.ts'
import { endTree } from '../tree/end-tree.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import { Introductions, type Pipes } from './introductions.ts'
import { makeFolder, remove, sweepFolders } from './keeper-folder.ts'
import { PROTOCOL, SOCKET_NAME, type FromKeeper, type SpawnOrder, type ToKeeper } from './protocol.ts'

/** How long the end of all sessions may take when the host is gone. */
const END_MS = 4_000

export interface KeeperProgramOptions {
  readonly clock: Clock
  readonly table: ProcessTable
  /** What the marks of all sessions of the host begin with. */
  readonly marker: string
  readonly send: (message: FromKeeper) => void
}

interface Kept {
  readonly pid: number
  readonly startTime: number | undefined
  /** Its parent is this process, so that its id can't become another's unseen. */
  readonly isOwn: boolean
}

/**
 * The keeper's side: starts processes whose pipes lead straight to the host, tells their ends, and ends them all, with all of their
 * descendants, when the host is gone.
 */
export class KeeperProgram {
  readonly #options: KeeperProgramOptions
  readonly #introductions: Introductions
  readonly #kept = new Map<number, Kept>()
  readonly #records = new Set<string>()
  #folder: string | undefined
  #over = false

  constructor(options: KeeperProgramOptions) {
    this.#options = options
    this.#introductions = new Introductions(options.clock)
  }

  async listen(): Promise<void> {
    this.#folder = await makeFolder()
    const path = join(this.#folder, SOCKET_NAME)
    await this.#introductions.listen(path)
    this.#options.send({ type: 'listening', protocol: PROTOCOL, path })
    await sweepFolders(this.#folder, this.#options.clock)
  }

  /** `'leave'` when the host needs it no longer. */
  receive(message: ToKeeper): 'leave' | undefined {
    switch (message.type) {
      case 'spawn':
        // After the host's end nothing is started any more.
        if (!this.#over) this.#introductions.call(message.token, (pipes) => this.#start(message, pipes))
        return undefined
      case 'mind':
        for (const { id, pid, startTime } of message.survivors) this.#kept.set(id, { pid, startTime, isOwn: false })
        return undefined
      case 'forget':
        this.#kept.delete(message.id)
        return undefined
      case 'record':
        this.#records.add(message.path)
        return undefined
      case 'ping':
        this.#options.send({ type: 'pong' })
        return undefined
      case 'leave':
        return 'leave'
    }
  }

  /** INV 18: the host is gone, so nothing of it may stay. Takes `END_MS` at most, however many there are. Never rejects. */
  async endAll(): Promise<void> {
    this.#over = true
    this.#introductions.close()
    const { table, clock, marker } = this.#options
    const known = [...this.#kept.values()].filter((kept): kept is Kept & ProcessId => kept.startTime !== undefined)
    const { left, problem } = await endTree(() => ({ marker }), { table, clock, boundMs: END_MS, known, killGroup: () => this.#killGroups() })
    // INV 24: what is not proven to be gone stays on record, for the next host.
    if (left.length === 0 && problem === undefined) for (const record of this.#records) await remove(record)
  }

  /** Leaves no file behind. Never rejects. */
  async close(): Promise<void> {
    this.#over = true
    this.#introductions.close()
    if (this.#folder !== undefined) await remove(this.#folder)
  }

  #start(order: SpawnOrder, pipes: Pipes | undefined): void {
    const { send } = this.#options
    if (!pipes) return send({ type: 'failed', id: order.id, message: 'its pipes did not come to the keeper in time' })
    try {
      this.#spawn(order, pipes)
    } catch (thrown) {
      send(failure(order.id, thrown))
    } finally {
      // The process has them now. What is read or written here from now on would be stolen from it.
      for (const pipe of pipes) pipe.destroy()
    }
  }

  #spawn({ id, command, args, cwd, env }: SpawnOrder, pipes: Pipes): void {
    const { send } = this.#options
    const child = spawn(command, args, { cwd, env, stdio: [...pipes], detached: true })
    child.once('error', (thrown) => {
      if (child.pid === undefined) send(failure(id, thrown))
    })
    if (child.pid !== undefined) this.#keep(id, child, child.pid)
  }

  #keep(id: number, child: ChildProcess, pid: number): void {
    const { send } = this.#options
    const startTime = this.#startTimeOf(pid)
    this.#kept.set(id, { pid, startTime, isOwn: true })
    child.once('exit', (code, signal) => {
      this.#kept.delete(id)
      send({ type: 'exited', id, code, signal })
    })
    send({ type: 'started', id, pid, ...(startTime !== undefined && { startTime }) })
  }

  /** It has not been collected yet, so that the process of this id is ours. */
  #startTimeOf(pid: number): number | undefined {
    try {
      return this.#options.table.identify(pid)?.startTime
    } catch {
      // Too many open files, say.
      return undefined
    }
  }

  /** INV 15: the group of a process that is no child of ours is killed only while that process is there. */
  #killGroups(): void {
    const { table } = this.#options
    for (const { pid, startTime, isOwn } of this.#kept.values()) {
      if (isOwn || (startTime !== undefined && table.mayBe({ pid, startTime }))) signalProcessGroup(pid, 'SIGKILL')
    }
  }
}

function failure(id: number, thrown: unknown): FromKeeper {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return { type: 'failed', id, message: messageOf(thrown), ...(typeof code === 'string' && { code }) }
}
