import fc from 'fast-check'
import type { InMemoryProgram } from '../../src/testing/index.ts'
import { type Caller, type Holder, isHolder } from './caller.ts'
import { MANNERS, MOODS, MOODY } from './manners.ts'
import { RECONFIGURATIONS, type Theatre } from './theatre.ts'

/** The commands need no model beside the theatre's own books. */
type Model = Record<string, never>
export type Command = fc.AsyncCommand<Model, Theatre>

/** Steps, which know how they are told to people, and how they are played again. */
export interface Schedule extends Iterable<Command> {
  toString(): string
}

/** A step of a schedule; when it is `rushed`, the next one comes before any promise has had its turn. */
function command(text: string, rushed: boolean, play: (theatre: Theatre) => void | Promise<void>): Command {
  return {
    check: () => true,
    toString: () => `${text}${rushed ? '+' : ''}`,
    async run(_model, theatre) {
      theatre.played++
      await play(theatre)
      if (rushed) return
      await theatre.world.clock.settle()
      theatre.check()
    },
  }
}

// Few of them, so that they meet.
const tenant = fc.constantFrom('a', 'a', 'a', 'a', 'b', 'b', 'c')
const key = fc.constantFrom(undefined, undefined, 'k1', 'k1', 'k1', 'k2')
const rushed = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
const index = fc.nat({ max: 6 })
const manner = fc.constantFrom(...Object.keys(MANNERS))

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)]
}

const served = (theatre: Theatre): Holder[] => theatre.callers.filter(isHolder)
const alive = (theatre: Theatre): InMemoryProgram[] => theatre.world.programs.filter(({ child }) => child.alive)
const withMs = (text: string, ms: number | undefined): string => (ms === undefined ? text : `${text}, ${ms}`)

const patience = fc.record({
  timeout: fc.constantFrom(20, 400, 60_000, 60_000),
  priority: fc.constantFrom(0, 0, 0, 1),
  aborted: fc.constantFrom(...Array<boolean>(19).fill(false), true),
  tenacious: fc.constantFrom(false, false, false, true),
})

const acquire = fc.tuple(tenant, key, patience, rushed).map(([who, forKey, how, rush]) => {
  const { timeout, priority, aborted, tenacious } = how
  const text = `acquire(${who}/${forKey ?? '-'}, ${timeout}${priority ? ', first' : ''}${aborted ? ', aborted' : ''}${tenacious ? ', tenacious' : ''})`
  return command(text, rush, (theatre) => theatre.acquire(who, forKey, how))
})

// Of all leases there ever were: mostly stale ones, later on.
const release = fc.tuple(index, rushed).map(([at, rush]) =>
  command(`release(${at})`, rush, (theatre) => theatre.release(pick(served(theatre), at))))

const releaseHeld = fc.tuple(index, rushed).map(([at, rush]) =>
  command(`releaseHeld(${at})`, rush, (theatre) => theatre.release(pick(theatre.holders, at))))

const releaseTwice = index.map((at) =>
  command(`releaseTwice(${at})`, false, (theatre) => {
    const holder = pick(theatre.holders, at)
    theatre.release(holder)
    theatre.release(holder)
  }))

// Who lets go of one lease when another one is over does so in the middle of that one's end.
const releaseWhenOver = fc.tuple(index, index).map(([at, of]) =>
  command(`releaseWhenOver(${at}, ${of})`, false, (theatre) => {
    const holder = pick(theatre.holders, at)
    pick(theatre.holders, of)?.lease.signal.addEventListener('abort', () => theatre.release(holder))
  }))

const giveUpWhenOver = fc.tuple(index, index).map(([at, of]) =>
  command(`giveUpWhenOver(${at}, ${of})`, false, (theatre) => {
    const waiter = pick(theatre.waiters, at)
    pick(theatre.holders, of)?.lease.signal.addEventListener('abort', () => {
      // Who is being served at this moment has not given up.
      if (waiter && theatre.isWaiting(waiter)) theatre.giveUp(waiter)
    })
  }))

const destroy = fc.tuple(index, rushed).map(([at, rush]) =>
  command(`destroy(${at})`, rush, (theatre) => theatre.destroy(pick(theatre.holders, at))))

const op = fc.constantFrom('write', 'write', 'write', 'write', 'write', 'write', 'hang', 'hang', 'stubborn', 'stubborn', 'read', 'fail', 'crash', 'exit', 'nonsense')
const request = fc.tuple(index, op, fc.constantFrom(undefined, 30, 500), fc.boolean(), fc.constantFrom(undefined, undefined, undefined, 100), rushed)
  .map(([at, what, ms, stale, timeout, rush]) =>
    command(`${withMs(withMs(`request(${at}, ${what}`, ms), timeout)}${stale ? ', any' : ''})`, rush, (theatre) => {
      const caller = pick(stale ? served(theatre) : theatre.holders, at)
      if (!caller) return
      // One whose program does not stop when it is asked to.
      if (what === 'stubborn') theatre.misbehave(theatre.program(caller.lease.sessionId).child.behaviour, { cancelMs: 250 })
      const message = { op: what === 'stubborn' ? 'hang' : what, value: valueOf(theatre, caller), code: 0, ...(ms !== undefined && { ms }) }
      theatre.request(caller, message, timeout === undefined ? {} : { timeout })
    }))

const stream = fc.tuple(index, fc.nat({ max: 3 }), fc.constantFrom(0, 20), fc.constantFrom(1, 9, -1), rushed).map(([at, count, everyMs, stopAfter, rush]) =>
  command(`stream(${at}, ${count}, ${everyMs}, ${stopAfter})`, rush, (theatre) => {
    const caller = pick(theatre.holders, at)
    if (caller) theatre.request(caller, { op: 'stream', count, everyMs }, { stopAfter })
  }))

/** What is written by a request, unlike everything else that is written. */
function valueOf({ asked }: Theatre, { tenant: who, key: forKey, name }: Caller): string {
  return `${who}/${forKey ?? '-'}/${name}/${asked.length}`
}

const oneShot = fc.tuple(tenant, key, fc.constantFrom(20, 400)).map(([who, forKey, timeout]) =>
  command(`oneShot(${who}/${forKey ?? '-'}, ${timeout})`, false, (theatre) => theatre.oneShot(who, forKey, timeout)))

const abortRequest = index.map((at) =>
  command(`abortRequest(${at})`, false, (theatre) => pick(theatre.asked.filter(({ settled }) => !settled), at)?.controller.abort()))

const abortWaiter = index.map((at) =>
  command(`abortWaiter(${at})`, false, async (theatre) => {
    // What was rushed before has arrived first: who has been served already has not given up.
    await theatre.world.clock.settle()
    const waiter = pick(theatre.waiters, at)
    if (waiter) theatre.giveUp(waiter)
  }))

const crash = fc.tuple(index, fc.constantFrom('SIGKILL', 'exit 0', 'exit 3'), rushed).map(([at, how, rush]) =>
  command(`crash(${at}, ${how})`, rush, (theatre) => {
    const child = pick(alive(theatre), at)?.child
    if (how === 'SIGKILL') child?.crash('SIGKILL')
    else child?.end({ code: Number(how.slice(5)), signal: null })
  }))

const crashAll = rushed.map((rush) =>
  command('crashAll', rush, (theatre) => alive(theatre).forEach(({ child }) => child.crash('SIGKILL'))))

const misbehave = fc.tuple(index, manner, rushed).map(([at, how, rush]) =>
  command(`misbehave(${at}, ${how})`, rush, (theatre) => {
    const child = pick(alive(theatre), at)?.child
    if (child) theatre.misbehave(child.behaviour, MANNERS[how]!)
  }))

const fromNowOn = fc.tuple(manner, rushed).map(([how, rush]) =>
  command(`fromNowOn(${how})`, rush, (theatre) => theatre.misbehave(theatre.world.control.behaviour, MANNERS[how]!)))

const mood = fc.tuple(fc.constantFrom(...MOODY), fc.constantFrom(...MOODS)).map(([where, how]) =>
  command(`mood(${where}, ${how})`, false, (theatre) => theatre.setting.moody ? theatre.moods.set(where, how) : undefined))

const behave = fc.constant(command('behave', false, (theatre) => theatre.behave()))

const say = index.map((at) =>
  command(`say(${at})`, false, async (theatre) => {
    await theatre.world.clock.settle()
    const program = pick(alive(theatre), at)
    const view = program && theatre.observer.view(program.sessionId)
    if (!program || !view) return
    const contaminated = view.state !== 'starting' && view.outstanding === 0
    program.say('psst')
    const { state } = view
    theatre.fault(contaminated && state !== 'ending' && state !== 'gone', `${program.sessionId} spoke to nobody and is ${state} (INV 2)`)
  }))

const breakProtocol = index.map((at) => command(`break(${at})`, false, (theatre) => pick(alive(theatre), at)?.break()))

const scale = fc.tuple(fc.integer({ min: 0, max: 6 }), rushed).map(([size, rush]) =>
  command(`scale(${size})`, rush, (theatre) => theatre.promise(`scale(${size})`, theatre.pool.scale(size))))

const autoScale = fc.boolean().map((on) =>
  command(`autoScale(${on})`, false, (theatre) => theatre.attempt(`autoScale(${on})`, () => theatre.pool.autoScale(on))))

const warm = fc.integer({ min: 0, max: 3 }).map((count) =>
  command(`warm(${count})`, false, (theatre) => theatre.promise(`warm(${count})`, theatre.pool.warm(count))))

const reconfigure = fc.constantFrom(...RECONFIGURATIONS).map((what) =>
  command(`reconfigure(${what})`, false, (theatre) => theatre.reconfigure(what)))

const ready = fc.constant(command('ready', false, (theatre) => theatre.promise('ready', theatre.pool.ready())))

const closeWhere = tenant.map((who) =>
  command(`closeWhere(${who})`, false, (theatre) => theatre.promise(`closeWhere(${who})`, theatre.pool.closeWhere((session) => session.tenant === who))))

const advance = fc.constantFrom(1, 5, 10, 20, 50, 100, 100, 250, 1_000, 4_500, 11_000).map((ms) =>
  command(`advance(${ms})`, false, (theatre) => theatre.world.clock.advance(ms)))

/**
 * Any schedule.
 * @param replayPath Of a failure, as it was printed.
 */
export function schedule(replayPath?: string): fc.Arbitrary<Schedule> {
  const step = fc.oneof(
    { weight: 40, arbitrary: acquire },
    { weight: 6, arbitrary: release },
    { weight: 30, arbitrary: releaseHeld },
    { weight: 2, arbitrary: releaseTwice },
    { weight: 2, arbitrary: releaseWhenOver },
    { weight: 1, arbitrary: giveUpWhenOver },
    { weight: 2, arbitrary: destroy },
    { weight: 30, arbitrary: request },
    { weight: 3, arbitrary: stream },
    { weight: 3, arbitrary: oneShot },
    { weight: 3, arbitrary: abortRequest },
    { weight: 4, arbitrary: abortWaiter },
    { weight: 3, arbitrary: crash },
    { weight: 1, arbitrary: crashAll },
    { weight: 6, arbitrary: misbehave },
    { weight: 5, arbitrary: fromNowOn },
    { weight: 4, arbitrary: mood },
    { weight: 5, arbitrary: behave },
    { weight: 2, arbitrary: say },
    { weight: 1, arbitrary: breakProtocol },
    { weight: 2, arbitrary: scale },
    { weight: 2, arbitrary: autoScale },
    { weight: 2, arbitrary: warm },
    { weight: 2, arbitrary: reconfigure },
    { weight: 1, arbitrary: ready },
    { weight: 1, arbitrary: closeWhere },
    { weight: 20, arbitrary: advance },
  )
  return fc.commands<Model, Theatre, false>([step], { maxCommands: 200, size: 'max', ...(replayPath !== undefined && { replayPath }) })
}
