import { outcome, pause, rule, show } from '../rules.ts'
import type { Abilities } from './abilities.ts'
import type { AddDriverCase } from './driver-contract.ts'
import { stop } from './driver-stage.ts'
import type { DriverContract } from './options.ts'

const HUNG_MS = 100

export function addEndCases(add: AddDriverCase, contract: DriverContract, { channel }: Abilities): void {
  const goodbye = channel.has('goodbye')

  // INV 18
  add(goodbye ? 'ends in time when it is said goodbye, and leaves no process behind' : 'ends when it is told to, and leaves no process behind', async (stage) => {
    const session = await stage.openAny()
    await session.ask(contract)
    const { step, goodbyeProblem } = await session.end()
    rule(goodbyeProblem === undefined, () => `goodbye() failed on a session that was in order: ${show(goodbyeProblem)}`)
    rule(step !== 'lost', 'The program was there still after SIGKILL')
    rule(!goodbye || step === 'goodbye', `The program went on after goodbye() and the end of its input, until it got ${step.toUpperCase()}`)
    await session.child.endTree?.()
    await stage.mustLeaveNothing('after the end of the session')
  })

  add('leaves no process behind when its program is killed', async (stage) => {
    const session = await stage.openAny()
    await session.ask(contract)
    session.child.signal('SIGKILL')
    await session.kill()
    await stage.mustLeaveNothing('after the program was killed')
  })

  if (!goodbye) return

  // INV 20
  add('does not wait for a program that is stopped when it says goodbye', async (stage) => {
    const session = await stage.openAny()
    session.spent = true
    await stop(session)
    const controller = new AbortController()
    const farewell = session.channel.goodbye!(controller.signal)
    farewell.catch(() => undefined)
    await pause(HUNG_MS)
    controller.abort(new Error('the time to say goodbye is over'))
    await outcome('goodbye(), after its signal was aborted,', () => farewell)
  })
}
