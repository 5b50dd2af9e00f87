import { describe, expect, it } from 'vitest'
import type {
  AcquireRequest, Admission, Balancer, Clock, Evictor, Failure, Limit, Queue, Random, RestartPolicy, Scaler, SessionView, StrategyContext,
} from 'greenroom/kit'
import { admissionContract, balancerContract, type ContractCase, evictorContract, limitContract, queueContract, restartContract, scalerContract } from 'greenroom/testing'
import { type Broken, check, checkSome, failuresOf } from './failures.ts'

const idle = (sessions: readonly SessionView[]): SessionView => sessions.reduce((least, one) => (one.outstanding < least.outstanding ? one : least))
const balancers = (pick: Balancer['pick']) => () => balancerContract({ create: () => ({ pick }) })
const evictors = (choose: Evictor['choose']) => () => evictorContract({ create: () => ({ choose }) })
const scalers = (decide: Scaler['decide']) => () => scalerContract({ create: () => ({ decide }) })
const limits = (judge: Limit['judge']) => () => limitContract({ create: () => ({ judge }) })
const admissions = (admit: Admission['admit'], finished: Admission['finished'] = () => undefined) => () => admissionContract({ create: () => ({ admit, finished }) })
const restarts = (create: (context: StrategyContext) => RestartPolicy) => () => restartContract({ create })
const queues = (create: () => Queue<AcquireRequest>) => () => queueContract({ create: () => create() as Queue })
const oldest = (sessions: readonly SessionView[]): SessionView => sessions.reduce((best, one) => (one.lastUsedAt < best.lastUsedAt ? one : best))

const SAME_SEED = 'takes its chance and time from its context: the same again gives the same'
const MANY = 'copes with 10,000 sessions, looking a few times at each at most'
const UNCHANGED = 'leaves the list and the sessions in it as they are'
const A_SESSION = 'chooses one of the sessions it is given, whatever they are like'
const ALL_CHOICES = [
  A_SESSION, 'chooses the only one there is', UNCHANGED, 'keeps no list: sessions come and go in one that is used again', MANY, `${SAME_SEED} choices`,
]
const FAIR = 'gives equal sessions equal chances'
const FAIR_BESIDE = 'gives equal sessions equal chances whoever stands beside them'
const FAIR_AGAIN = 'gives a session that is as good as the others again its share again'

describe('the suite for balancers finds one that', () => {
  it.each<Broken>([
    ['prefers the first of equals', balancers(idle), [FAIR, FAIR_BESIDE, FAIR_AGAIN], /choose among equals by context.random/],
    ['looks for an idle one from somewhere on', () => balancerContract({ create: ({ random }) => ({ pick: fromSomewhereOn(random) }) }), [FAIR_BESIDE], /idle, and alike/],
    ['takes its chance from elsewhere', balancers((all) => all[Math.floor(Math.random() * all.length)]!), [`${SAME_SEED} choices`], /context.random/],
    ['remembers for ever that a session was busy', () => balancerContract({ create: ({ random }) => ({ pick: grudge(random) }) }), [FAIR_AGAIN], /must wear off/],
    ['gives a copy', balancers((all) => ({ ...idle(all) })), [...ALL_CHOICES, FAIR, FAIR_BESIDE, FAIR_AGAIN], /itself and no copy/],
    ['answers later', balancers((async (all: readonly SessionView[]) => idle(all)) as never), [
      ...ALL_CHOICES.slice(0, 2), 'chooses at once, not later', ...ALL_CHOICES.slice(2), FAIR, FAIR_BESIDE, FAIR_AGAIN,
    ], /pick\(\) returned Promise/],
    ['sorts the list it is given', () => balancerContract({
      spreads: false, create: () => ({ pick: (all) => (all as SessionView[]).sort((a, b) => b.lastUsedAt - a.lastUsedAt)[0]! }),
    }), [UNCHANGED], /sort or splice a copy/],
    ['counts on the session', balancers((all) => Object.assign(idle(all), { leaseCount: 1 })), [...ALL_CHOICES, 'chooses at once, not later', FAIR, FAIR_BESIDE, FAIR_AGAIN], /read only|getter/],
    ['fails on a session that it knows not', balancers((all) => {
      if (all.some(({ usage }) => usage === undefined)) throw new Error('no usage')
      return idle(all)
    }), [...ALL_CHOICES, 'chooses at once, not later', FAIR, FAIR_BESIDE, FAIR_AGAIN], /pick\(\) threw: no usage/],
  ])('%s', check)

  it('prefers one on purpose, and accepts that when it is told so', async () => {
    expect(await failuresOf(balancerContract({ create: () => ({ pick: idle }), spreads: false }))).toEqual(new Map())
  })
})

describe('the suite for evictors finds one that', () => {
  it.each<Broken>([
    ['makes a session up', evictors(() => ({ id: 's' }) as SessionView), ALL_CHOICES, /must return one of the/],
    ['takes the last of the list out', evictors((all) => (all as SessionView[]).pop()!), ALL_CHOICES, /must return one of/],
    ['compares each with every other', evictors((all) => all.find((one) => all.filter((other) => other.lastUsedAt < one.lastUsedAt).length === 0)!), [MANY], /compare each with every other/],
    ['forgets that there may be one only', evictors((all) => [...all].sort((a, b) => a.lastUsedAt - b.lastUsedAt)[1]!), [...ALL_CHOICES.slice(0, 2), ALL_CHOICES[3]!], /returned undefined/],
  ])('%s', check)

  it('has no fault, and finds none', async () => {
    expect(await failuresOf(evictorContract({ create: () => ({ choose: oldest }) }))).toEqual(new Map())
  })
})

describe('the suite for scalers finds one that', () => {
  const demand = ({ busy, waiting, spare, checking, idleBound }: Parameters<Scaler['decide']>[0]): number => busy + waiting + spare + checking + idleBound
  const UNKNOWN = 'decides nothing from figures that are not known'
  it.each<Broken>([
    ['takes an unknown figure for 0', scalers((view) => ({ target: Math.max(view.waiting, Math.ceil((view.size * (view.meanCpuPercent ?? 0)) / 50)), reason: 'by load' })), [UNKNOWN], /Unknown is neither 0/],
    ['takes an unknown figure for a lot', scalers((view) => ({ target: demand(view) + ((view.meanCpuPercent ?? 100) > 80 ? 3 : 0), reason: 'by load' })), [UNKNOWN], /keep the size/],
    ['counts with an unknown figure', scalers((view) => ({ target: Math.ceil(view.meanCpuPercent! / 50) + demand(view), reason: 'by load' })), [
      'decides on a finite target, with a reason, whatever it sees', UNKNOWN, 'wants a session when there is none and somebody waits',
      'never wants fewer because more callers wait', 'has no effect by being asked: the same question at the same time has the same answer', `${SAME_SEED} decisions`,
    ], /makes NaN/],
    ['forgets those who wait', scalers(({ busy, min }) => ({ target: Math.max(min, busy), reason: 'those in use' })), ['wants a session when there is none and somebody waits'], /nobody else would start one/],
    ['gives up under load', scalers((view) => ({ target: view.waiting > 100 ? 1 : demand(view), reason: 'too many wait' })), ['never wants fewer because more callers wait'], /callers waiting its target is 1/],
    ['grows by being asked', () => scalerContract({ create: () => growing() }), [
      'has no effect by being asked: the same question at the same time has the same answer',
    ], /count time by the clock/],
    ['gives no reason', scalers((view) => ({ target: demand(view), reason: '' })), [
      'decides on a finite target, with a reason, whatever it sees', UNKNOWN, 'wants a session when there is none and somebody waits',
      'never wants fewer because more callers wait', 'has no effect by being asked: the same question at the same time has the same answer', `${SAME_SEED} decisions`,
    ], /reason must say why/],
  ])('%s', check)
})

describe('the suite for limits finds one that', () => {
  const memory = new Map<string, number>()
  const LITTLE = 'finds nothing wrong in little, where the rest is not known'
  const NOTHING = 'finds nothing wrong where nothing is known'
  it.each<Broken>([
    ['judges what it does not know', limits((_session, { cpuPercent = 500 }) => (cpuPercent > 100 ? { action: 'recycle', reason: 'busy' } : { action: 'ok' })), [NOTHING, LITTLE], /what is not known/],
    ['remembers what it saw for whatever it does not see', limits(({ id }, { memoryBytes }) => {
      if (memoryBytes !== undefined) memory.set(id, memoryBytes)
      return (memory.get(id) ?? 0) > 2 ** 40 ? { action: 'recycle', reason: 'fat' } : { action: 'ok' }
    }), [NOTHING], /nothing at all was measured/],
    ['judges all by one', () => limitContract({ create: () => judgesAllByOne() }), ['judges each session by what that session used'], /WeakMap/],
    ['is mild on excess', limits((_session, { memoryBytes = 0 }) => (memoryBytes > 2 ** 30 && memoryBytes < 2 ** 33 ? { action: 'end', reason: 'fat', code: 'SESSION_MEMORY_LIMIT' } : { action: 'ok' })), [
      'is no milder on more than on less',
    ], /milder than on less/],
    ['throttles to more than there is', limits((_session, { cpuPercent = 0 }) => (
      cpuPercent > 1_000 ? { action: 'throttle', reason: 'busy', share: cpuPercent / 100, percent: 100 } : { action: 'ok' }
    )), [
      'gives a verdict that the pool knows, whatever was measured', NOTHING, 'is no milder on more than on less', 'judges each session by what that session used',
    ], /share must be from 0 to 1/],
    ['has a verdict of its own', limits((_session, { memoryBytes = 0 }) => (memoryBytes > 2 ** 30 ? { action: 'kill' } : { action: 'ok' }) as never), [
      'gives a verdict that the pool knows, whatever was measured', NOTHING, 'is no milder on more than on less', 'judges each session by what that session used',
    ], /action must be one of ok, report, throttle, recycle, end/],
  ])('%s', check)
})

describe('the suite for restart policies finds one that', () => {
  const STORM = 'keeps a program that never starts from being started all the time'
  const ANEW = 'begins anew after a session was ready and all was quiet for a day'
  it.each<Broken>([
    ['starts again at once', restarts(() => ({ failed: () => ({ action: 'retry', delayMs: 0 }), ready() {} })), [STORM], /spawn storm/],
    ['never forgives', restarts(() => doubling(() => undefined)), [ANEW], /must not count/],
    ['counts the failures of all pools', countingAll, [ANEW, 'counts the failures of its own pool only', `${SAME_SEED} decisions`], /must not count/],
    ['waits for ever', restarts(() => ({ failed: () => ({ action: 'open', cooldownMs: Infinity, reason: 'enough' }), ready() {} })), [
      'gives a finite pause after any failure', STORM, ANEW, 'takes a session that becomes ready for what it is: no failure', 'counts the failures of its own pool only', `${SAME_SEED} decisions`,
    ], /finite number of milliseconds/],
    ['takes its chance from elsewhere', restarts(() => ({ failed: () => ({ action: 'retry', delayMs: 100 + 100 * Math.random() }), ready() {} })), [`${SAME_SEED} decisions`], /context.random/],
  ])('%s', check)
})

describe('the suite for admission strategies finds one that', () => {
  const FIRST = 'lets the first caller in'
  const IN_WORDS = 'refuses in words, with a finite pause, or lets in'
  const SOMEBODY = 'always lets somebody in when nobody is in flight, whatever happened before'
  const MONOTONE = 'does not refuse with fewer in flight what it lets in with more'
  const OWN = 'keeps the figures of its own pool only'
  const SEED = 'takes its chance and time from its context: the same again is decided the same'
  const below = (limit: number) => (inFlight: number): { reason: string } | undefined => (inFlight < limit ? undefined : { reason: 'too many' })
  it.each<Broken>([
    ['lets nobody in', admissions(() => ({ reason: 'not today' })), [FIRST, SOMEBODY], /Nobody was in flight/],
    ['gives no reason', admissions((_request, { inFlight }) => (inFlight < 5 ? undefined : {}) as never), [IN_WORDS, MONOTONE, OWN, SEED], /\{ reason \} with a text/],
    ['has callers wait for ever', admissions((_request, { inFlight }) => (inFlight < 5 ? undefined : { reason: 'full', retryAfterMs: Infinity })), [
      IN_WORDS, MONOTONE, OWN, SEED,
    ], /must be a number of milliseconds/],
    ['thinks about it', admissions((async () => undefined) as never), [FIRST, IN_WORDS, SOMEBODY, MONOTONE, OWN, SEED], /and at once/],
    ['refuses some and lets more in', admissions((_request, { inFlight }) => (inFlight % 20 === 10 ? { reason: 'odd' } : undefined)), [MONOTONE], /had refused the same one with/],
    ['never trusts again', () => admissionContract({ create: () => closing() }), [SOMEBODY], /nobody is there from whom it could learn better/],
    ['counts for all pools', () => {
      let callers = 0
      return admissionContract({ create: () => ({ admit: (_request, { inFlight }) => below(1 + (callers % 997))(inFlight), finished: () => void callers++ }) })
    }, [OWN, SEED], /after what happened in another pool/],
    ['takes its chance from elsewhere', () => admissionContract({
      create: () => {
        const limit = 1 + Math.random() * 50
        return { admit: (_request, { inFlight }) => below(limit)(inFlight), finished: () => undefined }
      },
    }), [SEED], /context\.random/],
  ])('%s', check)

  function closing(): Admission {
    let isShut = false
    return {
      admit: () => (isShut ? { reason: 'shut' } : undefined),
      finished: ({ outcome }) => {
        isShut ||= outcome === 'lost'
      },
    }
  }
})

describe('the suite for queues finds one that', () => {
  const NO_LOSS = 'loses nobody and serves nobody twice, whatever is done in whatever order'
  const GAVE_UP = 'serves nobody any more who gave up, and removing somebody twice takes out nobody else'
  const FEW = 'looks at few of 10,000 who wait'
  const ORDER = 'serves equals in the order they came'
  const TENANTS = 'tells tenants apart whatever they are called'
  it.each<Broken>([
    ['looks through all of them', queues(() => new ListQueue()), [FEW], /nextOf\(\) looked/],
    ['serves the last first', queues(() => new ListQueue({ last: true })), [ORDER, 'serves everybody in the end, though others keep coming', GAVE_UP, TENANTS, FEW], /serve equals in the order/],
    ['forgets who gave up too late', queues(() => new ListQueue({ forgetsRemovals: true })), [NO_LOSS, GAVE_UP, ORDER, 'takes back whom it has given out', FEW], /size is|who does not wait/],
    ['takes out somebody else', queues(() => new ListQueue({ removesLast: true })), [GAVE_UP], /size is/],
    ['serves another tenant when one has nobody', queues(() => new ListQueue({ anyTenant: true })), [NO_LOSS, ORDER], /gave somebody of/],
    ['takes tenants for properties', queues(() => new ListQueue({ properties: true })), [TENANTS], /__proto__|nobody|nextOf/],
    ['says size by the way', queues(() => new ListQueue({ roughSize: true })), [NO_LOSS, GAVE_UP], /size is/],
    ['gives no ticket', queues(() => new ListQueue({ noTicket: true })), [NO_LOSS, GAVE_UP], /ticket must be an object/],
    ['is one for all pools', () => {
      const one = new ListQueue()
      return queueContract({ create: () => one as Queue })
    }, ['holds the callers of its own pool only'], /size is/],
  ])('%s', checkSome)

  it('serves the last first on purpose, and accepts that when it is told so', async () => {
    const failures = await failuresOf(queueContract({ create: () => new ListQueue({ last: true }) as Queue, inOrder: false }))
    expect([...failures.keys()]).toEqual([FEW])
  })
})

/** Finds those behind a row of busy ones more often. */
function fromSomewhereOn(random: Random): Balancer['pick'] {
  return (all) => {
    const start = Math.floor(random.next() * all.length)
    return idle([...all.slice(start), ...all.slice(0, start)])
  }
}

function grudge(random: Random): Balancer['pick'] {
  const busy = new Set<string>()
  return (all) => {
    for (const { id, outstanding } of all) if (outstanding > 2) busy.add(id)
    const least = Math.min(...all.slice(0, 100).map(({ outstanding }) => outstanding))
    const trusted = all.filter(({ id, outstanding }) => outstanding === least && !busy.has(id))
    const among = trusted.length > 0 ? trusted : all
    return among[Math.floor(random.next() * among.length)]!
  }
}

function growing(): Scaler {
  let more = 0
  return { decide: ({ busy, waiting, idleBound }) => ({ target: busy + waiting + idleBound + Math.floor(more++ / 10), reason: 'more' }) }
}

function judgesAllByOne(): Limit {
  let most = 0
  return {
    judge: (_session, { cpuPercent }) => {
      if (cpuPercent === undefined) return { action: 'ok' }
      most = Math.max(most, cpuPercent)
      return most > 90_000 ? { action: 'recycle', reason: 'busy' } : { action: 'ok' }
    },
  }
}

/** One count for all that have the same clock. */
function countingAll(): readonly ContractCase[] {
  const counts = new WeakMap<Clock, number>()
  const failed = (clock: Clock): ReturnType<RestartPolicy['failed']> => {
    counts.set(clock, (counts.get(clock) ?? 0) + 1)
    return counts.get(clock)! > 60 ? open() : { action: 'retry', delayMs: 100 }
  }
  return restartContract({ create: ({ clock }) => ({ failed: () => failed(clock), ready() {} }) })
}

function open(): ReturnType<RestartPolicy['failed']> {
  return { action: 'open', cooldownMs: 1_000, reason: 'too many' }
}

function doubling(ready: () => void): RestartPolicy {
  let delayMs = 50
  return { failed: (_failure: Failure) => ({ action: 'retry', delayMs: (delayMs = Math.min(60_000, delayMs * 2)) }), ready }
}

interface QueueFaults {
  last?: boolean
  forgetsRemovals?: boolean
  removesLast?: boolean
  anyTenant?: boolean
  properties?: boolean
  roughSize?: boolean
  noTicket?: boolean
}

/** A list, first come, first served. */
class ListQueue implements Queue<AcquireRequest> {
  readonly #faults: QueueFaults
  readonly #byTenant: Record<string, number> = {}
  #waiting: { waiter: AcquireRequest }[] = []

  constructor(faults: QueueFaults = {}) {
    this.#faults = faults
  }

  get size(): number {
    return this.#faults.roughSize ? Math.min(3, this.#waiting.length) : this.#waiting.length
  }

  push(waiter: AcquireRequest): object {
    if (this.#faults.properties) this.#byTenant[waiter.tenant] = (this.#byTenant[waiter.tenant] ?? 0) + 1
    const ticket = { waiter }
    this.#waiting.push(ticket)
    return this.#faults.noTicket ? (undefined as unknown as object) : ticket
  }

  next(): AcquireRequest | undefined {
    return this.#takeOut(this.peek())
  }

  peek(): AcquireRequest | undefined {
    return this.#waiting.at(this.#faults.last ? -1 : 0)?.waiter
  }

  nextOf(tenant: string): AcquireRequest | undefined {
    if (this.#faults.properties && !(this.#byTenant[tenant]! > 0)) return undefined
    const own = this.#waiting.filter(({ waiter }) => waiter.tenant === tenant).at(this.#faults.last ? -1 : 0)?.waiter
    return this.#takeOut(own ?? (this.#faults.anyTenant ? this.peek() : undefined))
  }

  remove(ticket: object): void {
    if (this.#faults.forgetsRemovals) return
    const index = this.#waiting.indexOf(ticket as { waiter: AcquireRequest })
    if (index >= 0 || this.#faults.removesLast) this.#waiting.splice(index, 1)
  }

  #takeOut(waiter: AcquireRequest | undefined): AcquireRequest | undefined {
    const index = this.#waiting.findIndex((ticket) => ticket.waiter === waiter)
    if (index >= 0) this.#waiting.splice(index, 1)
    return waiter
  }
}
