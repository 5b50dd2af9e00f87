import type {
  Channel, ChannelContext, Child, Driver, ExitInfo, Kernel, Plugin, Question, StrategyContext, StrategyDefinition, TurnSink, z,
} from '../../src/kit.ts'
import { createSpawner, endChild } from '../../src/kit.ts'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { systemRandom } from '../../src/kernel/system-random.ts'

/** How long anything here may take before the test has hung. */
const HANG_MS = 30_000

export interface TurnRecord {
  readonly sink: TurnSink
  readonly events: unknown[]
  /** What it said of working in silence. */
  readonly quiet: boolean[]
  /** Settles with the terminal message, or rejects with what the turn failed with. Also when the session ends or breaks first. */
  readonly result: Promise<unknown>
}

/** A driver's channel to one real process, and all it has reported. */
export interface OpenDriver extends AsyncDisposable {
  readonly driver: Driver
  readonly channel: Channel
  readonly child: Child
  readonly unsolicited: unknown[]
  /** Unsolicited as well, but harmless by protocol. */
  readonly harmless: unknown[]
  readonly questions: Question[]
  readonly broken: Error[]
  turn(message: unknown): TurnRecord
  request(message: unknown): Promise<unknown>
  /** Resolves when `check` is true; rejects after the hang limit. */
  until(check: () => boolean): Promise<void>
  /** Ends the process by the ladder, goodbye first. */
  close(): Promise<ExitInfo | undefined>
}

/** Makes the driver that `plugin` registers, with `options` checked by its schema. */
export async function makeDriver(plugin: Plugin, options: unknown): Promise<Driver> {
  let definition: StrategyDefinition<'driver', z.ZodType> | undefined
  const kernel = {
    strategy: (kind: string, _name: string, given: StrategyDefinition<'driver', z.ZodType>) => {
      if (kind === 'driver') definition = given
    },
  } as unknown as Kernel
  await plugin.apply(kernel)
  if (!definition) throw new Error(`The plugin ${plugin.name} registers no driver`)
  const report = (problem: unknown): never => { throw problem }
  const context = { clock: systemClock, random: systemRandom, report, explain: () => undefined } as unknown as StrategyContext
  return definition.create(await definition.options.parseAsync(options), context)
}

/**
 * Starts the driver's program for real and opens a channel to it; `answer` plays the lease's handlers. When the handshake fails, the
 * process is ended first.
 */
export async function openDriver(plugin: Plugin, options: unknown, answer?: (question: Question) => unknown): Promise<OpenDriver> {
  const driver = await makeDriver(plugin, options)
  const child = createSpawner({ clock: systemClock }).spawn(driver.spawnSpec())
  const unsolicited: unknown[] = []
  const harmless: unknown[] = []
  const questions: Question[] = []
  const broken: Error[] = []
  const open = new Set<(error: Error) => void>()
  const failAll = (error: Error): void => open.forEach((fail) => fail(error))
  const start = new AbortController()

  const context: ChannelContext = {
    sessionId: 's1',
    clock: systemClock,
    random: systemRandom,
    signal: start.signal,
    unsolicited: (message, isHarmless) => void (isHarmless ? harmless : unsolicited).push(message),
    ask: async (question, fallback) => {
      questions.push(question)
      return answer ? await Promise.race([answer(question), givenUp(question.signal, fallback)]) : fallback
    },
    broken: (error) => {
      broken.push(error)
      failAll(error)
      start.abort(error)
    },
  }
  void child.exited.then((exit) => {
    const error = exit.error ?? new Error(`The process ended (${exit.code ?? exit.signal}): ${child.stderrTail()}`)
    failAll(error)
    start.abort(error)
  })

  let channel: Channel
  try {
    channel = await withinHang(Promise.race([driver.open(child, context), aborted(start.signal)]))
  } catch (error) {
    await endChild(child, { clock: systemClock, stepMs: 1_000, immediate: true })
    throw error
  }

  const turn = (message: unknown): TurnRecord => {
    const events: unknown[] = []
    const quiet: boolean[] = []
    let settle!: { done: (result: unknown) => void; fail: (error: Error) => void }
    const result = new Promise<unknown>((resolve, reject) => (settle = { done: resolve, fail: reject }))
    const sink: TurnSink = {
      event: (event) => void events.push(event),
      quiet: (on) => void quiet.push(on),
      done: (value) => { open.delete(settle.fail); settle.done(value) },
      fail: (error) => { open.delete(settle.fail); settle.fail(error) },
    }
    channel.turn(message, sink)
    open.add(settle.fail)
    const bounded = withinHang(result)
    bounded.catch(() => undefined)
    return { sink, events, quiet, result: bounded }
  }
  const close = async (): Promise<ExitInfo | undefined> => {
    const goodbye = channel.goodbye && ((signal: AbortSignal) => channel.goodbye!(signal))
    return (await endChild(child, { clock: systemClock, stepMs: 2_000, goodbye })).exit
  }
  return {
    driver, channel, child, unsolicited, harmless, questions, broken, turn, close,
    request: (message) => turn(message).result,
    until,
    [Symbol.asyncDispose]: async () => void (await close()),
  }
}

/** Resolves to the fallback when the program wants no answer any more. */
function givenUp(signal: AbortSignal | undefined, fallback: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve(fallback)
    else signal?.addEventListener('abort', () => resolve(fallback))
  })
}

/** Resolves when `check` is true; rejects after the hang limit. */
export async function until(check: () => boolean): Promise<void> {
  for (const end = systemClock.now() + HANG_MS; !check();) {
    if (systemClock.now() > end) throw new Error(`Never became true: ${String(check)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Rejects when `work` takes longer than the hang limit. */
export async function withinHang<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing happened within ${HANG_MS} ms`)), HANG_MS)
  })
  try {
    return await Promise.race([work, hung])
  } finally {
    clearTimeout(timer)
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
  promise.catch(() => undefined)
  return promise
}
