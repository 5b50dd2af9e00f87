import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../contracts/clock.ts'
import { describeExit } from '../exit-text.ts'
import { hostMarker, SESSION_MARKER } from '../marker.ts'
import { StderrTail } from '../stderr-tail.ts'
import { KEEPER_MARKER, PROTOCOL, type FromKeeper, type ToKeeper } from './protocol.ts'

/** How long a keeper may take until it listens, and until it has left. */
const START_MS = 10_000
const LEAVE_MS = 3_000
/** How often it is asked whether it is there; one that leaves two questions in a row unanswered hangs. */
const PING_MS = 5_000

/** Its heap holds a few records: no need for threads that collect garbage. An option of V8 here would slow its start by a fifth (no code cache). */
const FLAGS = ['--v8-pool-size=0']

export interface KeeperEvents {
  /** Not the answer to a question of this class's own. */
  message(message: FromKeeper): void
  /** It is gone, and was not told to leave. Called once, and only after it had listened. */
  lost(how: string): void
}

/** One keeper process, seen from its host. */
export class KeeperProcess {
  /** Where it listens. */
  readonly path: string
  readonly pid: number
  readonly #process: ChildProcess
  readonly #clock: Clock
  readonly #gone: Promise<void>
  #leaving = false
  #unanswered = 0
  #beat: Timer | undefined

  /**
   * Starts one; resolves when it listens.
   * @throws Error that says why it can't be used.
   */
  static async start(program: string, clock: Clock, events: KeeperEvents): Promise<KeeperProcess> {
    // Its own session (setsid): Ctrl-C and signals to the host's group must not end it before its work is done.
    const child = spawn(process.execPath, [...FLAGS, program], {
      cwd: '/', env: keeperEnvironment(), stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true, windowsHide: true,
    })
    const stderr = new StderrTail()
    child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk)).on('error', ignore)
    // It is judged by its exit. An error after its start is one of a signal or message that did not reach it.
    child.on('error', ignore)
    child.unref()
    // It is a socket, whatever its declared type says.
    ;(child.stderr as Socket).unref()

    return new Promise((resolve, reject) => {
      let keeper: KeeperProcess | undefined
      const deadline = clock.setTimer(() => giveUp(`it did not listen within ${START_MS} ms`), START_MS)
      const giveUp = (why: string): void => {
        deadline.cancel()
        child.kill('SIGKILL')
        reject(new Error(why))
      }
      const gone = new Promise<void>((settle) => {
        child.once('error', (error) => {
          if (child.pid !== undefined) return
          giveUp(error.message)
          settle()
        })
        child.once('exit', (code, signal) => {
          // The last it said may not have been read yet.
          if (child.connected) child.once('disconnect', () => ended(code, signal))
          else ended(code, signal)
        })
        const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
          const how = describeExit({ code, signal }, stderr.text())
          settle()
          if (!keeper) return giveUp(`it ${how}`)
          keeper.#beat?.cancel()
          if (!keeper.#leaving) events.lost(how)
        }
      })
      child.on('message', (message) => {
        const said = message as FromKeeper
        if (said.type === 'listening') {
          if (said.protocol !== PROTOCOL) return giveUp('it is of another build of greenroom: build it anew')
          deadline.cancel()
          keeper = new KeeperProcess(child, said.path, clock, gone)
          resolve(keeper)
        } else if (said.type === 'pong') {
          if (keeper) keeper.#unanswered = 0
        } else events.message(said)
      })
    })
  }

  private constructor(child: ChildProcess, path: string, clock: Clock, gone: Promise<void>) {
    this.#process = child
    this.path = path
    this.pid = child.pid!
    this.#clock = clock
    this.#gone = gone
    this.holdHost(false)
    this.#ask()
  }

  send(message: ToKeeper): void {
    // Whether it arrives is not known anyway: its end is told by the exit.
    if (this.#process.connected) this.#process.send(message, ignore)
  }

  /** Whether the host's event loop is kept alive for what it may say. */
  holdHost(hold: boolean): void {
    const { channel } = this.#process
    if (hold) channel?.ref()
    else channel?.unref()
  }

  /** For one that is of no use any more: it is lost then. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** It leaves without ending anything; resolves when it is gone. Never rejects. */
  async leave(): Promise<void> {
    this.#leaving = true
    this.#beat?.cancel()
    this.#process.ref()
    this.send({ type: 'leave' })
    const deadline = this.#clock.setTimer(() => this.kill(), LEAVE_MS)
    await this.#gone
    deadline.cancel()
  }

  #ask(): void {
    this.#beat = this.#clock.setTimer(() => {
      // What it says may lie here unread when the host was busy; so the first silence says nothing.
      if (this.#unanswered >= 2) return this.kill()
      this.#unanswered++
      this.send({ type: 'ping' })
      this.#ask()
    }, PING_MS, { background: true })
  }
}

/** Nothing of the host's, save where temporary files go, and the mark of the session that the host itself belongs to. */
function keeperEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { [KEEPER_MARKER]: hostMarker() }
  for (const name of ['TMPDIR', 'LANG', SESSION_MARKER]) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  // The host's program file may be Electron's, which is a Node only when told so.
  if ('electron' in process.versions) environment['ELECTRON_RUN_AS_NODE'] = '1'
  return environment
}

function ignore(): void {}
