import { isGreenroomError, messageOf } from '../../../contracts/index.ts'
import { systemClock } from '../../../kernel/system-clock.ts'
import { call, fail, outcome, pause, rule, settled, show } from '../rules.ts'
import type { Abilities } from './abilities.ts'
import type { AddDriverCase } from './driver-contract.ts'
import type { DriverSession, TurnRecord } from './driver-session.ts'
import { has, leave, stop } from './driver-stage.ts'
import type { DriverContract } from './options.ts'

/** Fewer of a program that takes its time. */
const IN_A_ROW = 25
const FEW = 8
const MANY_MS = 1_000
/** For a program to begin to work on a message. */
const BEGUN_MS = 100
const RACES = 12
const FEW_RACES = 6

const cycle: Record<string, unknown> = {}
cycle['cycle'] = cycle
/** No pipe carries these. */
const UNSENDABLE: readonly unknown[] = [Symbol('a symbol'), () => undefined, 1n, cycle]

export function addTurnCases(add: AddDriverCase, contract: DriverContract, { capabilities, channel }: Abilities): void {
  const { message, state, slowMessage, crashMessage, invalidMessages = [] } = contract
  add('answers one request after another, each once', async (stage) => {
    const session = await stage.openAny()
    const due = systemClock.now() + MANY_MS
    for (let n = 0; n < FEW || (n < IN_A_ROW && systemClock.now() < due); n++) await session.ask(contract)
    await pause(BEGUN_MS)
    session.mustBeOrderly()
  })

  add('refuses a message it cannot send with MESSAGE_INVALID, before anything is sent', async (stage) => {
    const session = await stage.openAny()
    await session.ask(contract)
    for (const invalid of [...UNSENDABLE, ...invalidMessages]) {
      const before = bytesSentTo(session)
      mustRefuse(session, invalid)
      await pause(1)
      rule(bytesSentTo(session) === before, () => `The message ${show(invalid)} was refused, and something had been sent already: check it first`)
    }
    await session.ask(contract)
    session.mustBeOrderly()
  })

  // INV 16
  add('has no answer for a turn whose program dies', async (stage) => {
    const session = await stage.openAny()
    // A program that is stopped has not begun to answer.
    await stop(session)
    const turn = session.turn(message)
    session.child.signal('SIGKILL')
    await mustDie(session)
    await outcome('the turn of a program that died', () => turn.result)
    rule(turn.done.length === 0, () => `The program was killed before it read the message, and the turn was done with ${show(turn.done[0])}: the end of a program is no answer`)
    await mustStayCalm(session, message)
  })

  if ((capabilities.concurrency ?? 1) > 1) {
    add('works on as many requests at the same time as it says', async (stage) => {
      const session = await stage.openAny()
      const { concurrency = 1 } = stage.driver.capabilities
      const turns = Array.from({ length: Math.min(concurrency, 100) }, () => session.turn(message))
      for (const { result, events } of turns) {
        const answer = await settled('one of several requests at the same time', () => result)
        call('expect()', () => contract.expect?.(answer, events))
      }
      session.mustBeOrderly()
    })
  }

  if (state) {
    add('keeps its state from request to request, and shares it with no other session', async (stage) => {
      const [mine, others] = [await stage.openAny(), await stage.openAny()]
      const value = await leave(mine, state)
      rule(await has(mine, state, value), 'What was left in a session was not there at the next request')
      rule(!(await has(others, state, value)), 'What was left in one session was found in another: a session has a process and a channel of its own')
      mine.mustBeOrderly()
      others.mustBeOrderly()
    })
  }

  if (crashMessage !== undefined) {
    add('has no answer for a turn at which the program ends itself', async (stage) => {
      const session = await stage.openAny()
      const turn = session.turn(crashMessage)
      await mustDie(session)
      await outcome('the turn of a program that died', () => turn.result)
      rule(turn.done.length === 0, () => `The program ended at a message, and its turn was done with ${show(turn.done[0])}: the end of a program is no answer`)
      await mustStayCalm(session, message)
    })
  }

  if (slowMessage === undefined || !channel.has('cancel')) return

  add('stops a turn that is cancelled, and goes on', async (stage) => {
    const session = await stage.openAny()
    for (let n = 0; n < 3; n++) {
      const turn = session.turn(slowMessage)
      await pause(BEGUN_MS)
      rule(turn.ends === 0, 'slowMessage was answered at once: give a message that takes half a minute')
      call('cancel()', () => session.channel.cancel!(turn.sink))
      const result = await outcome('a turn that was cancelled', () => turn.result)
      if (session.child.exit) fail(`The program ended when a turn was cancelled: ${messageOf((result as PromiseRejectedResult).reason)}`)
      await session.ask(contract)
    }
    session.mustBeOrderly()
  })

  // INV 1
  add('takes nothing of a cancelled turn for the next one', async (stage) => {
    const session = await stage.openAny()
    const due = systemClock.now() + MANY_MS
    for (let n = 0; n < FEW_RACES || (n < RACES && systemClock.now() < due); n++) {
      const turn = session.turn(message)
      // Before it is read, while it is answered, and just after.
      if (n % 3 > 0) await pause(n % 3)
      call('cancel()', () => session.channel.cancel!(turn.sink))
      await outcome('a turn that was cancelled at the moment of its answer', () => turn.result)
      if (session.child.exit) fail('The program ended when a turn was cancelled at the moment of its answer')
      await session.ask(contract)
    }
    session.mustBeOrderly()
  })
}

function mustRefuse(session: DriverSession, message: unknown): void {
  try {
    session.tryTurn(message)
  } catch (error) {
    const advice = "throw new GreenroomError('MESSAGE_INVALID', …) that says which form it must have"
    rule(isGreenroomError(error, 'MESSAGE_INVALID'), () => `turn() refused ${show(message)} with ${show(error)}: ${advice}`)
    return
  }
  fail(`turn() took the message ${show(message)}, which it cannot send: throw MESSAGE_INVALID before anything is sent`)
}

/** Bytes written to the program so far. The stdin of a process is a socket, which counts them. */
function bytesSentTo({ child }: DriverSession): number {
  return (child.stdin as typeof child.stdin & { bytesWritten?: number }).bytesWritten ?? 0
}

/** Waits for the end of the program, and for what the driver makes of it. */
export async function mustDie({ child }: DriverSession): Promise<void> {
  await settled('the end of the program', () => child.exited)
  await pause(1)
}

/** A channel whose program is gone may be asked for anything in that moment, and must harm nobody. INV 29. */
async function mustStayCalm(session: DriverSession, message: unknown): Promise<void> {
  let late: TurnRecord | undefined
  try {
    late = session.tryTurn(message)
    session.channel.cancel?.(late.sink)
  } catch {
    // It may refuse as well: the pool has ended the turn already.
  }
  // What is written to pipes that lead nowhere fails later.
  await pause(BEGUN_MS)
  rule(late === undefined || late.done.length === 0, () => `A turn on a program that was gone was done with ${show(late?.done[0])}`)
}
