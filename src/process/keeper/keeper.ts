import type { Clock } from '../../contracts/clock.ts'
import { messageOf } from '../../contracts/errors.ts'
import { endTree } from '../tree/end-tree.ts'
import type { ProcessTable } from '../tree/process-table.ts'
import { KeeperProcess } from './keeper-process.ts'
import { keeperProgramPath } from './keeper-program-path.ts'
import type { KeptChild } from './kept-child.ts'
import type { FromKeeper } from './protocol.ts'
import { Survivors } from './survivors.ts'

export type Report = (problem: unknown, where: string) => void

export interface KeeperOptions {
  readonly clock: Clock
  readonly table: ProcessTable
  /** Its program. Default: the one that comes with greenroom. */
  readonly program?: string
}

/** So many deaths in such a time are no accident: sessions are started directly from then on. */
const MAX_DEATHS = 5
const WITHIN_MS = 60_000
/** Before the second try to start another, doubled for each after it. */
const FIRST_PAUSE_MS = 100
/** For the end of a process that was being started when its keeper was killed. */
const END_MS = 5_000

const WHERE = 'the keeper'

/** What those miss who have none. */
export const WITHOUT_KEEPER = 'sessions are started by this process itself: each start holds up its event loop, the longer the more memory it uses, '
  + 'and were it killed, what is left of its sessions would live until its next start'

/**
 * The keeper of a host, as its pools see it: it goes on when a keeper process is killed. The sessions go on, too; the next keeper process
 * minds them.
 */
export class Keeper {
  readonly #clock: Clock
  readonly #table: ProcessTable
  readonly #program: string | undefined
  readonly #users = new Set<Report>()
  readonly #records = new Set<string>()
  /** Those being started, and those that live. */
  readonly #children = new Map<number, KeptChild>()
  /** For the next keeper process. */
  readonly #waiting = new Set<KeptChild>()
  readonly #survivors: Survivors
  #deaths: readonly number[] = []
  #process: KeeperProcess | undefined
  #starting: Promise<void> | undefined
  #broken = false
  #closed = false

  constructor({ clock, table, program }: KeeperOptions) {
    this.#clock = clock
    this.#table = table
    this.#program = program
    this.#survivors = new Survivors(clock, table)
  }

  /** False once it was given up, and when nobody uses it any more. */
  get works(): boolean {
    return !this.#broken && !this.#closed
  }

  /** The process that does the work now; `undefined` between two. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /**
   * One more uses it; resolves when it is ready. `report` hears of its troubles.
   * @throws Error that says why it can't be used.
   */
  async join(report: Report): Promise<void> {
    if (this.#broken) throw new Error('it was given up')
    this.#users.add(report)
    try {
      await (this.#starting ??= this.#start())
    } catch (problem) {
      this.#users.delete(report)
      // Others had one that worked: they try on.
      if (this.#users.size === 0) this.#broken = true
      throw problem
    }
  }

  /** One less uses it; the last one ends it. Resolves when that is done. Never rejects. */
  async leave(report: Report): Promise<void> {
    this.#users.delete(report)
    if (this.#users.size > 0 || this.#closed) return
    this.#closed = true
    this.#failAll(this.#waiting, 'the keeper was closed before')
    await this.#starting?.catch(() => undefined)
    await this.#process?.leave()
    this.#process = undefined
  }

  /** A file that the keeper removes when it has ended everything after the host's death. */
  record(path: string): void {
    this.#records.add(path)
    this.#process?.send({ type: 'record', path })
  }

  spawn(child: KeptChild): void {
    if (this.#process) {
      void this.#order(child, this.#process)
      return
    }
    this.#waiting.add(child)
    child.onDoom = () => {
      if (this.#waiting.delete(child)) child.fail(new Error('it was ended before'))
    }
  }

  async #start(): Promise<void> {
    if (process.platform === 'win32') throw new Error('it needs Unix sockets, which Windows does not have')
    const events = { message: (message: FromKeeper) => this.#hear(message), lost: (how: string) => this.#lost(how) }
    const keeper = await KeeperProcess.start(this.#program ?? keeperProgramPath(), this.#clock, events)
    this.#process = keeper
    for (const path of this.#records) keeper.send({ type: 'record', path })
    const survivors = [...this.#children.values()].flatMap(({ order: { id }, pid, startTime }) => (pid === undefined ? [] : [{ id, pid, startTime }]))
    if (survivors.length > 0) keeper.send({ type: 'mind', survivors })
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const child of waiting) this.spawn(child)
    this.#hold()
  }

  async #order(child: KeptChild, keeper: KeeperProcess): Promise<void> {
    const { order } = child
    this.#children.set(order.id, child)
    this.#hold()
    try {
      await child.connect(keeper.path)
    } catch (problem) {
      // Else it has failed already, with its keeper.
      if (!this.#children.has(order.id)) return
      this.#remove(child)
      const code = codeOf(problem)
      if (code === 'ENOENT' || code === 'ECONNREFUSED') {
        // Its folder was removed, by somebody who cleans up: it is of no use any more. The next one makes another.
        keeper.kill()
        return child.fail(new Error('the keeper lost its socket'))
      }
      // It has just been killed, which we are about to be told.
      if (code === 'EPIPE' || code === 'ECONNRESET') return this.#failHalfway(child)
      return child.fail(problem)
    }
    // Else it was lost meanwhile, which the child has heard of.
    if (keeper === this.#process) keeper.send({ type: 'spawn', ...order })
  }

  #hear(message: FromKeeper): void {
    const child = 'id' in message ? this.#children.get(message.id) : undefined
    if (!child) return
    if (message.type === 'started') return child.begin(message.pid, message.startTime)
    this.#remove(child)
    if (message.type === 'failed') {
      child.fail(Object.assign(new Error(message.message), message.code !== undefined && { code: message.code }))
    } else if (message.type === 'exited') child.end({ code: message.code, signal: message.signal })
  }

  #lost(how: string): void {
    this.#process = undefined
    const begun: KeptChild[] = []
    for (const child of this.#children.values()) {
      if (child.pid === undefined) this.#failHalfway(child)
      else begun.push(child)
    }
    for (const child of begun) this.#watch(child)
    this.#report(new Error(`it ${how}; ${begun.length === 0 ? 'it had no sessions' : `its ${begun.length} sessions go on`}`))
    this.#restart()
  }

  #restart(problem: unknown = new Error(`it ended ${MAX_DEATHS + 1} times within a minute`)): void {
    const now = this.#clock.now()
    this.#deaths = [...this.#deaths.filter((at) => now - at < WITHIN_MS), now]
    const deaths = this.#deaths.length
    if (deaths > MAX_DEATHS) return this.#giveUp(problem)
    if (this.#closed) return
    this.#starting = this.#pause(deaths).then(() => (this.#closed ? undefined : this.#start()))
    this.#starting.catch((reason: unknown) => {
      if (!this.#closed) this.#restart(reason)
    })
  }

  /** None before the first try: callers may be waiting for a session. */
  #pause(deaths: number): Promise<void> {
    const ms = deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2)
    return new Promise((resolve) => void this.#clock.setTimer(resolve, ms))
  }

  #giveUp(problem: unknown): void {
    this.#broken = true
    this.#failAll(this.#waiting, 'there is no keeper any more')
    this.#report(new Error(`${messageOf(problem)}. From now on ${WITHOUT_KEEPER}`, { cause: problem }))
  }

  /** Whether it was started before the keeper's end is not known: all that has its mark is ended. */
  #failHalfway(child: KeptChild): void {
    const { marker } = child
    this.#remove(child)
    child.fail(new Error('its keeper ended meanwhile'))
    void endTree(() => ({ marker }), { table: this.#table, clock: this.#clock, boundMs: END_MS }).then(({ left }) => {
      if (left.length > 0) this.#report(new Error(`of a session that was being started ${left.length} processes do not end`))
    })
  }

  /** Nobody tells its end any more. */
  #watch(child: KeptChild): void {
    // It may have survived more than one keeper.
    if (this.#survivors.has(child)) return
    this.#survivors.watch(child, () => {
      this.#remove(child)
      this.#process?.send({ type: 'forget', id: child.order.id })
      child.end({ code: null, signal: null, unseen: true })
    })
    child.stdout.once('close', () => this.#survivors.look(child))
  }

  #remove({ order }: KeptChild): void {
    this.#children.delete(order.id)
    this.#hold()
  }

  #failAll(children: Set<KeptChild>, why: string): void {
    const all = [...children]
    children.clear()
    for (const child of all) child.fail(new Error(why))
  }

  /** As any child of the host's own does, those that live keep the host's event loop alive. */
  #hold(): void {
    this.#process?.holdHost(this.#children.size > 0)
  }

  #report(problem: Error): void {
    for (const report of [...this.#users]) report(problem, WHERE)
  }
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}
