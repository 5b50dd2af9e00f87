import type { Binding, Driver, SpawnSpec } from '../../../contracts/index.ts'
import { systemClock } from '../../../kernel/system-clock.ts'
import { createSpawner } from '../../../process/spawner.ts'
import type { Bench } from '../bench.ts'
import { becomes, call, outcome, rule, settled } from '../rules.ts'
import { DriverSession } from './driver-session.ts'
import { processesMarked, SUITE_MARKER } from './leftovers.ts'
import type { Trace } from './options.ts'
import type { SessionLot } from './session-lot.ts'

const LEFT_MS = 5_000
const OWNER: Binding = { tenant: 'acme', key: undefined }
let marks = 0
let values = 0

/** A driver and the sessions of one case. */
export class DriverStage {
  readonly driver: Driver
  readonly #bench: Bench<'driver'>
  readonly #lot: SessionLot | undefined
  readonly #sessions: DriverSession[] = []
  /** Those that another case may have afterwards. */
  readonly #shareable = new Set<DriverSession>()
  readonly #spawner = createSpawner({ clock: systemClock })

  private constructor(bench: Bench<'driver'>, driver: Driver, lot: SessionLot | undefined) {
    this.#bench = bench
    this.#lot = lot
    this.driver = driver
  }

  static async of(bench: Bench<'driver'>, lot?: SessionLot): Promise<DriverStage> {
    return new DriverStage(bench, await bench.make(), lot)
  }

  /** Runs a command for the driver; its own when none is given, with a parked state where that is given. No handshake is begun. */
  start(spec?: SpawnSpec, token?: string): DriverSession {
    const { bindsAtSpawn = false } = this.driver.capabilities
    const { tenant } = OWNER
    const birth = token !== undefined ? { tenant, token } : bindsAtSpawn ? { tenant } : undefined
    const { env, ...rest } = spec ?? call('spawnSpec()', () => this.driver.spawnSpec(birth))
    const mark = `${process.pid}-${++marks}`
    const child = this.#spawner.spawn({ ...rest, env: { ...env, [SUITE_MARKER]: mark } })
    const session = new DriverSession(this.driver, child, this.#bench.random, mark)
    this.#sessions.push(session)
    return session
  }

  /** A session that is ready, and of nobody yet. */
  openUnbound(): Promise<DriverSession> {
    return this.start().opened()
  }

  /** A session that is ready for its first turn. */
  async open(): Promise<DriverSession> {
    const session = await (await this.openUnbound()).bind(OWNER)
    this.#shareable.add(session)
    return session
  }

  /** A session that may have had turns of another case, which has left it in order. */
  async openAny(): Promise<DriverSession> {
    const used = this.#lot?.take()
    if (!used) return this.open()
    this.#sessions.push(used)
    this.#shareable.add(used)
    return used
  }

  /** A session that has the parked state `token`, in the way the driver resumes one. */
  async resume(token: string): Promise<DriverSession> {
    if (this.driver.capabilities.resumesAtSpawn) return (await this.start(undefined, token).opened()).bind({ ...OWNER, resumes: true })
    const session = await this.open()
    await settled('resume()', () => session.channel.resume!(token, new AbortController().signal))
    return session
  }

  /** After every session was ended: no process is left that any of them started. */
  async mustLeaveNothing(when: string): Promise<void> {
    const gone = await becomes(() => this.#left().length === 0, LEFT_MS)
    rule(gone, () => `Processes ${this.#left().join(', ')} are left ${when}: the program must end what it has started`)
  }

  /** The case was passed: what it has left in order may serve another. */
  passed(): void {
    for (const session of this.#shareable) {
      if (this.#lot?.give(session)) this.#sessions.splice(this.#sessions.indexOf(session), 1)
    }
    this.#shareable.clear()
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await outcome('ending a session', () => session.kill(), 30_000)
    for (const pid of this.#left()) kill(pid)
    this.#sessions.length = 0
  }

  #left(): number[] {
    return this.#sessions.flatMap(({ mark }) => processesMarked(mark))
  }
}

/** A value for a trace, which no other has. */
export function newValue(): string {
  return `mark${process.pid}x${++values}`
}

/** Whether the session has `value`. */
export async function has(session: DriverSession, { read }: Trace, value: string): Promise<boolean> {
  return JSON.stringify(await session.request(read)).includes(value)
}

/** Makes the session remember a new value, and returns it. */
export async function leave(session: DriverSession, trace: Trace): Promise<string> {
  const value = newValue()
  await session.request(trace.write(value))
  return value
}

/** Resolves when the process has stopped; SIGCONT lets it go on. */
export async function stop(session: DriverSession): Promise<void> {
  session.child.signal('SIGSTOP')
  // It takes effect when the process is next scheduled to run, which is at once where it waits for input.
  await settled('stopping the program', () => new Promise<void>((resolve) => void systemClock.setTimer(resolve, 20)))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
