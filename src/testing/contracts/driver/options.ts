import type { Guarantee } from '../../../contracts/index.ts'
import type { StrategySource } from '../bench.ts'

/** Messages by which something is left in a session, and looked for. */
export interface Trace {
  /** The message that leaves `value`, a short text of letters and digits. */
  write(value: string): unknown
  /** The message whose answer, or an event before it, has the value somewhere in it while it is there. */
  read: unknown
}

/**
 * What the driver's suite is about: a driver, the program that it runs, and messages for it. Only `message` is needed; what the driver or
 * the program cannot do is left out, and so are its cases.
 */
export type DriverContract = StrategySource<'driver'> & {
  /** A message that is answered soon, and that leaves nothing behind. */
  readonly message: unknown
  /** Throws when the answer to `message`, or the events before it, are not right, as an assertion does. Default: any are. */
  readonly expect?: (answer: unknown, events: readonly unknown[]) => void
  /** A message that the program works on for half a minute at least. With it the suite shows that turns can be cancelled. */
  readonly slowMessage?: unknown
  /** A message at which the program ends itself without an answer. */
  readonly crashMessage?: unknown
  /** Messages that the driver must refuse because they are not of its form. */
  readonly invalidMessages?: readonly unknown[]
  /** How a session is made to remember something: a variable, a conversation. By it the suite sees what resets, parking and other sessions do. */
  readonly state?: Trace
  /** The same for what else a reset promises to remove. */
  readonly leaves?: Readonly<Partial<Record<Guarantee, Trace>>>
}
