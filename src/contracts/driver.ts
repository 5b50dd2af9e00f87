import type { Child, SpawnSpec } from './child.ts'
import type { Clock, Random } from './clock.ts'

/**
 * A kind of thing a user leaves behind in a session. A reset declares which kinds it removes:
 * `conversation` (history, variables), `permissions` (grants, modes, models), `background` (jobs, timers),
 * `files` (in the working directory), `environment` (variables, credentials).
 */
export type Guarantee = 'conversation' | 'permissions' | 'background' | 'files' | 'environment'

export const GUARANTEES: readonly Guarantee[] = ['conversation', 'permissions', 'background', 'files', 'environment']

export interface DriverCapabilities {
  /** How many requests one session works on at a time; 1 (the default) for exclusive sessions. */
  readonly concurrency?: number
  /** What `Channel.reset` removes. Without a reset: nothing. */
  readonly resetGuarantees?: readonly Guarantee[]
  /**
   * Something that belongs to the tenant is fixed at the spawn (a folder, a credential), so that every session is started for one tenant
   * and is its own from then on. Default false: sessions are started for nobody, and bound by their first lease.
   */
  readonly bindsAtSpawn?: boolean
  /**
   * The program restores a parked state only as it starts: instead of a `Channel.resume`, the process of the session that the key will
   * have is replaced by one that is started with `Birth.token`. Default false.
   */
  readonly resumesAtSpawn?: boolean
}

/** For whom a session is started. */
export interface Birth {
  readonly tenant: string
  /** The parked state it is to start with; only with `resumesAtSpawn`. */
  readonly token?: string
}

/**
 * A protocol: what to run and how to talk to it. It knows nothing of pools, tenants or leases.
 * The process itself belongs to the pool, which starts it from `spawnSpec()` and ends it.
 */
export interface Driver {
  readonly capabilities: DriverCapabilities
  /** What to run for one more session; `birth` is there when sessions are bound at their spawn, or resumed there. */
  spawnSpec(birth?: Birth): SpawnSpec
  /**
   * Speaks the handshake on a fresh process; resolves when the session is really ready.
   * `context.signal` aborts when the start deadline has passed or the process is gone.
   */
  open(child: Child, context: ChannelContext): Promise<Channel> | Channel
}

export interface ChannelContext {
  readonly sessionId: string
  readonly clock: Clock
  readonly random: Random
  /** Aborted when the start is given up. Only for the handshake. */
  readonly signal: AbortSignal
  /**
   * Report a message nobody asked for. It goes to the lease that holds the session; when none does, it is
   * contamination and the session is ended. What is `harmless` by protocol (a log line, a server's diagnostics) is dropped then instead.
   */
  unsolicited(message: unknown, harmless?: boolean): void
  /**
   * Asks whoever holds the session what the program wants to know: a permission, the content of a file. Resolves to the answer of the
   * lease's handler for `question.method`, and to `fallback` when it has none, takes longer than `timeouts.answer`, or the lease ends.
   * Rejects with what the handler throws. The silence time-out pauses meanwhile. Asked while nobody holds the session it is contamination.
   */
  ask(question: Question, fallback: unknown): Promise<unknown>
  /** The protocol is broken beyond repair (a bad frame, an impossible answer): every turn fails and the session is ended. */
  broken(error: Error): void
}

/** A request of the session itself. */
export interface Question {
  /** Its name in the protocol, by which handlers are found. */
  readonly method: string
  readonly params: unknown
  /** The turn it belongs to, where several share the session and the protocol says which; else the only lease is asked. */
  readonly turn?: TurnSink | undefined
  /** By protocol it may come at any time: when nobody holds the session it gets the fallback, and is no contamination. */
  readonly harmless?: boolean | undefined
  /** Aborted when the program wants no answer any more: the handler is told, and the fallback given. */
  readonly signal?: AbortSignal | undefined
}

/** Where the messages of one turn go. Calls after `done` or `fail` are ignored. */
export interface TurnSink {
  /** A message of the turn that is not its last. */
  event(message: unknown): void
  /** True: the program works in silence from now on (a tool that runs), so that the silence time-out pauses; false: no longer. */
  quiet(on: boolean): void
  /** The terminal message. */
  done(result: unknown): void
  /** The program answered with an error. The turn is over and the session is as good as before. */
  fail(error: Error): void
}

/** A conversation with one ready session. */
export interface Channel {
  /**
   * Sends `message` and reports what comes back to `sink`, ending with exactly one `done` or `fail`.
   * Throw GreenroomError `MESSAGE_INVALID` before anything is sent when the message is not of the driver's form.
   */
  turn(message: unknown, sink: TurnSink): void
  /** Asks the program to stop that turn. Its sink must still get its terminal message when the program has stopped. */
  cancel?(sink: TurnSink): void
  /** A real round trip in the session's own protocol that changes nothing. */
  ping?(signal: AbortSignal): Promise<void>
  /** Removes what the last user left, as declared by `capabilities.resetGuarantees`. */
  reset?(signal: AbortSignal): Promise<void>
  /** Applies what belongs to the tenant on a session that has served nobody yet. */
  bind?(binding: Binding, signal: AbortSignal): Promise<void>
  /** Hands out a token from which `resume`, or a start with it, restores this session's state in a fresh one. */
  park?(signal: AbortSignal): Promise<string>
  /** Restores a parked state in a session that has served nobody yet. */
  resume?(token: string, signal: AbortSignal): Promise<void>
  /** Says goodbye in the protocol, before stdin is closed. */
  goodbye?(signal: AbortSignal): Promise<void>
}

/** Who a session is being bound to. */
export interface Binding {
  readonly tenant: string
  readonly key: string | undefined
  /** A parked state is in the store: `resume` comes next, unless it is gone by then. */
  readonly resumes?: boolean
}
