import { GUARANTEES, type Guarantee } from '../../../contracts/index.ts'
import { outcome, pause, rule, settled, show } from '../rules.ts'
import type { Abilities } from './abilities.ts'
import type { AddDriverCase } from './driver-contract.ts'
import { has, leave, stop } from './driver-stage.ts'
import type { DriverContract, Trace } from './options.ts'
import { mustDie } from './turn-cases.ts'

const HUNG_MS = 200

export function addAbilityCases(add: AddDriverCase, contract: DriverContract, abilities: Abilities): void {
  const { capabilities, channel } = abilities
  add('can do what it declares', async (stage) => {
    const session = await stage.openAny()
    const { concurrency = 1, resetGuarantees = [] } = stage.driver.capabilities
    rule(Number.isInteger(concurrency) && concurrency >= 1, `capabilities.concurrency is ${show(concurrency)}: it must be a whole number, 1 or more`)
    const unknown = resetGuarantees.filter((one) => !GUARANTEES.includes(one))
    rule(unknown.length === 0, `capabilities.resetGuarantees has ${show(unknown)}: known are ${GUARANTEES.join(', ')}`)
    rule(resetGuarantees.length === 0 || session.channel.reset !== undefined, 'capabilities.resetGuarantees promises what no reset() keeps: the channel has none')
    const resumes = session.channel.resume !== undefined || stage.driver.capabilities.resumesAtSpawn === true
    rule((session.channel.park !== undefined) === resumes, 'It has one of park() and resume() (or capabilities.resumesAtSpawn): each is of use only with the other')
  })

  if (channel.has('ping')) addPingCases(add, contract)
  if (channel.has('reset')) addResetCases(add, contract, capabilities.resetGuarantees ?? [])
  if (channel.has('bind')) addBindCase(add, contract)
  if (channel.has('park') && (channel.has('resume') || capabilities.resumesAtSpawn)) addParkCase(add, contract)
}

function addPingCases(add: AddDriverCase, contract: DriverContract): void {
  const { state } = contract

  add('pings, and changes nothing by it', async (stage) => {
    const session = await stage.openUnbound()
    // A spare is probed, too.
    await settled('ping()', () => session.channel.ping!(forEver()))
    await session.bind({ tenant: 'acme', key: undefined })
    const value = state && (await leave(session, state))
    for (let n = 0; n < 3; n++) {
      await settled('ping()', () => session.channel.ping!(forEver()))
      await session.ask(contract)
    }
    rule(state === undefined || (await has(session, state, value!)), 'What was left in the session was gone after a ping')
    session.mustBeOrderly()
  })

  // INV 1, INV 17
  add('pings by a real round trip: it has no answer from a program that is stopped, gives up when told to, and takes the late answer for nothing else', async (stage) => {
    const session = await stage.openAny()
    await stop(session)
    const controller = new AbortController()
    let answered = false
    const ping = session.channel.ping!(controller.signal).then(() => (answered = true))
    ping.catch(() => undefined)
    await pause(HUNG_MS)
    rule(!answered, 'ping() was answered while the program was stopped: it must be a round trip, or a hung session looks healthy')
    controller.abort(new Error('the time for this ping is over'))
    await mustGiveUp('ping()', ping)
    session.child.signal('SIGCONT')
    await session.ask(contract)
    await settled('the next ping()', () => session.channel.ping!(forEver()))
    await session.ask(contract)
    session.mustBeOrderly()
  })

  // INV 16
  add('gives up a ping whose program dies', async (stage) => {
    const session = await stage.openAny()
    await stop(session)
    const ping = session.channel.ping!(forEver())
    ping.catch(() => undefined)
    session.child.signal('SIGKILL')
    await mustDie(session)
    const result = await outcome('a ping whose program has died', () => ping)
    rule(result.status === 'rejected', 'ping() was answered, and the program had been killed before it could')
  })
}

function addResetCases(add: AddDriverCase, contract: DriverContract, guarantees: readonly Guarantee[]): void {
  add('is as good as new after a reset', async (stage) => {
    const session = await stage.openAny()
    for (let n = 0; n < 2; n++) {
      await session.ask(contract)
      await settled('reset()', () => session.channel.reset!(forEver()))
    }
    await session.ask(contract)
    session.mustBeOrderly()
  })

  for (const guarantee of guarantees) {
    const trace: Trace | undefined = contract.leaves?.[guarantee] ?? (guarantee === 'conversation' ? contract.state : undefined)
    if (!trace) continue
    // INV 2
    add(`removes by its reset what it promises: ${guarantee}`, async (stage) => {
      const session = await stage.openAny()
      const value = await leave(session, trace)
      rule(await has(session, trace, value), `What was left (${guarantee}) could not be found even before the reset: correct write or read`)
      await settled('reset()', () => session.channel.reset!(forEver()))
      rule(!(await has(session, trace, value)), `What was left (${guarantee}) was there after the reset, which promises to remove it: the next user would find it`)
      session.mustBeOrderly()
    })
  }
}

function addBindCase(add: AddDriverCase, contract: DriverContract): void {
  add('is bound to a tenant, with a key or without, and goes on', async (stage) => {
    for (const key of ['chat-17', undefined]) {
      const session = await (await stage.openUnbound()).bind({ tenant: 'acme', key })
      await session.ask(contract)
      session.mustBeOrderly()
    }
  })
}

function addParkCase(add: AddDriverCase, contract: DriverContract): void {
  const { state } = contract
  add('parks its state, and resumes it in another session', async (stage) => {
    const session = await stage.open()
    const value = state && (await leave(session, state))
    const token: unknown = await settled('park()', () => session.channel.park!(forEver()))
    rule(typeof token === 'string' && token !== '', () => `park() resolved to ${show(token)}: it must be a text that is not empty`)
    session.mustBeOrderly()
    await session.end()

    const [resumed, other] = [await stage.resume(token), await stage.openAny()]
    await resumed.ask(contract)
    rule(state === undefined || (await has(resumed, state, value!)), 'What was left in a session that was parked is not in the one that resumed it')
    rule(state === undefined || !(await has(other, state, value!)), 'What was left in a session that was parked was found in one that did not resume it')
    resumed.mustBeOrderly()
  })
}

export async function mustGiveUp(what: string, running: Promise<unknown>): Promise<void> {
  const result = await outcome(`${what}, after its signal was aborted,`, () => running)
  rule(result.status === 'rejected', `${what} resolved after its signal was aborted, and the program had been stopped before it could answer`)
}

/** A signal that is never aborted. */
export function forEver(): AbortSignal {
  return new AbortController().signal
}
