import fc from 'fast-check'
import type { Behaviour, InMemoryProgram } from '../../src/testing/index.ts'
import type { Caller, Theatre } from './theatre.ts'

/** The commands need no model beside the theatre's own books. */
type Model = Record<string, never>
export type Command = fc.AsyncCommand<Model, Theatre>

/** A step of a schedule; when it is `rushed`, the next one comes before any promise has had its turn. */
function command(text: string, rushed: boolean, play: (theatre: Theatre) => void | Promise<void>): Command {
  return {
    check: () => true,
    toString: () => `${text}${rushed ? '+' : ''}`,
    async run(_model, theatre) {
      await play(theatre)
      if (rushed) return
      await theatre.world.clock.settle()
      theatre.check()
    },
  }
}


/** Ways to misbehave, for those that are started from now on or for one that is live. */
const MANNERS: Readonly<Record<string, Partial<Behaviour>>> = {
  'starts slowly': { start: { ms: 120 } },
  'fails to start': { start: { ms: 0, fails: true } },
  'fails to start late': { start: { ms: 40, fails: true }, startFailure: 'exits' },
  'cannot be spawned': { start: { ms: 0, fails: true }, startFailure: 'unstartable' },
  'never starts': { start: { ms: Infinity } },
  'answers late': { answerMs: 150 },
  'never answers': { answerMs: Infinity, cancelMs: Infinity },
  'ignores cancel': { answerMs: 150, cancelMs: Infinity },
  'settles late': { cancelMs: 100 },
  'ends slowly': { eofMs: 90 },
  'refuses to end': { eofMs: Infinity, termMs: Infinity, goodbye: { ms: Infinity }, killMs: 20 },
  'fails in reset': { reset: { ms: 10, fails: true } },
  'hangs in reset': { reset: { ms: Infinity } },
  'resets slowly': { reset: { ms: 50 } },
  'fails in bind': { bind: { ms: 10, fails: true }, resume: { ms: 10, fails: true } },
  'hangs in bind': { bind: { ms: Infinity }, resume: { ms: Infinity } },
  'binds slowly': { bind: { ms: 30 }, resume: { ms: 30 } },
  'fails its ping': { ping: { ms: 5, fails: true } },
  'hangs in ping': { ping: { ms: Infinity } },
  'pings slowly': { ping: { ms: 150 } },
  'fails to park': { park: { ms: 10, fails: true } },
  'hangs in park': { park: { ms: Infinity } },
  'parks slowly': { park: { ms: 60 } },
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

const served = (theatre: Theatre): (Caller & { lease: NonNullable<Caller['lease']> })[] =>
  theatre.callers.filter((caller): caller is Caller & { lease: NonNullable<Caller['lease']> } => caller.lease !== undefined)

const alive = (theatre: Theatre): InMemoryProgram[] => theatre.world.programs.filter(({ child }) => child.alive)

const acquire = fc.tuple(tenant, key, fc.constantFrom(20, 400, 60_000, 60_000), rushed).map(([who, forKey, timeout, rush]) =>
  command(`acquire(${who}/${forKey ?? '-'}, ${timeout})`, rush, (theatre) => theatre.acquire(who, forKey, timeout)))

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

const destroy = fc.tuple(index, rushed).map(([at, rush]) =>
  command(`destroy(${at})`, rush, (theatre) => {
    const holder = pick(theatre.holders, at)
    if (!holder) return
    holder.letGo = true
    holder.lease.destroy('a test')
  }))

const op = fc.constantFrom('write', 'write', 'write', 'write', 'write', 'write', 'hang', 'hang', 'read', 'fail', 'crash', 'exit')
const request = fc.tuple(index, op, fc.constantFrom(undefined, 30, 500), fc.boolean(), rushed).map(([at, what, ms, stale, rush]) =>
  command(`request(${at}, ${what}${ms === undefined ? '' : `, ${ms}`}${stale ? ', any' : ''})`, rush, (theatre) => {
    const caller = pick(stale ? served(theatre) : theatre.holders, at)
    if (!caller) return
    const value = `${caller.tenant}/${caller.key ?? '-'}/${caller.name}`
    theatre.request(caller, { op: what, value, code: 0, ...(ms !== undefined && { ms }) })
  }))

const abortRequest = index.map((at) =>
  command(`abortRequest(${at})`, false, (theatre) => pick(theatre.asked.filter(({ settled }) => !settled), at)?.controller.abort()))

const abortWaiter = index.map((at) =>
  command(`abortWaiter(${at})`, false, async (theatre) => {
    // What was rushed before has arrived first: who has been served already has not given up.
    await theatre.world.clock.settle()
    const waiter = pick(theatre.waiters, at)
    if (!waiter) return
    waiter.gaveUp = true
    waiter.controller.abort()
    await theatre.world.clock.settle()
    theatre.fault(waiter.state !== 'refused', `${waiter.name} was aborted and waits on (INV 11)`)
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

const behave = fc.constant(command('behave', false, (theatre) => theatre.behave()))

const say = index.map((at) => command(`say(${at})`, false, (theatre) => pick(alive(theatre), at)?.say('psst')))

const breakProtocol = index.map((at) => command(`break(${at})`, false, (theatre) => pick(alive(theatre), at)?.break()))

const scale = fc.tuple(fc.integer({ min: 0, max: 6 }), rushed).map(([size, rush]) =>
  command(`scale(${size})`, rush, (theatre) => theatre.promise(`scale(${size})`, theatre.pool.scale(size))))

const autoScale = fc.boolean().map((on) => command(`autoScale(${on})`, false, (theatre) => theatre.pool.autoScale(on)))

const warm = fc.integer({ min: 0, max: 3 }).map((count) =>
  command(`warm(${count})`, false, (theatre) => theatre.promise(`warm(${count})`, theatre.pool.warm(count))))

const closeWhere = tenant.map((who) =>
  command(`closeWhere(${who})`, false, (theatre) => theatre.promise(`closeWhere(${who})`, theatre.pool.closeWhere((session) => session.tenant === who))))

const advance = fc.constantFrom(1, 5, 10, 20, 50, 100, 100, 250, 1_000, 4_500, 11_000).map((ms) =>
  command(`advance(${ms})`, false, (theatre) => theatre.world.clock.advance(ms)))

/** Any schedule. */
export const schedule = fc.commands<Model, Theatre, false>(
  [
    fc.oneof(
      { weight: 40, arbitrary: acquire },
      { weight: 6, arbitrary: release },
      { weight: 30, arbitrary: releaseHeld },
      { weight: 2, arbitrary: releaseTwice },
      { weight: 2, arbitrary: destroy },
      { weight: 30, arbitrary: request },
      { weight: 3, arbitrary: abortRequest },
      { weight: 4, arbitrary: abortWaiter },
      { weight: 3, arbitrary: crash },
      { weight: 1, arbitrary: crashAll },
      { weight: 6, arbitrary: misbehave },
      { weight: 5, arbitrary: fromNowOn },
      { weight: 5, arbitrary: behave },
      { weight: 2, arbitrary: say },
      { weight: 1, arbitrary: breakProtocol },
      { weight: 2, arbitrary: scale },
      { weight: 2, arbitrary: autoScale },
      { weight: 2, arbitrary: warm },
      { weight: 1, arbitrary: closeWhere },
      { weight: 20, arbitrary: advance },
    ),
  ],
  { maxCommands: 200, size: 'max' },
)
