import { type Clock, randomInt, type SessionView, type StrategyInstances, type StrategyKind } from '../../contracts/index.ts'
import { seededRandom } from '../../kernel/system-random.ts'
import type { AddCase } from './bench.ts'
import { call, fail, rule, show } from './rules.ts'
import { anySession, session, watched } from './sessions.ts'

const MANY = 10_000
/** Enough to sort them; too few to compare each with every other. */
const LOOKS = 64

/** A strategy that chooses one of several sessions. */
export interface Chooser<Kind extends StrategyKind> {
  /** How its method is called, for messages. */
  readonly method: string
  /** Asks it; the `n`th question differs from the others in whatever else there is to a question. */
  choose(strategy: StrategyInstances[Kind], sessions: readonly SessionView[], n: number): SessionView
}

/** The choice, which must be one of the sessions. */
export function chosen<Kind extends StrategyKind>(
  { method, choose }: Chooser<Kind>, strategy: StrategyInstances[Kind], sessions: readonly SessionView[], n = 0,
): SessionView {
  const choice = call(`${method}()`, () => choose(strategy, sessions, n))
  rule(sessions.includes(choice), () => `${method}() returned ${show(choice)}: it must return one of the ${sessions.length} sessions it was given, itself and no copy`)
  return choice
}

/** What holds for whatever chooses among sessions. */
export function addChooserCases<Kind extends StrategyKind, C extends Clock>(add: AddCase<Kind, C>, chooser: Chooser<Kind>): void {
  const { method } = chooser

  add('chooses one of the sessions it is given, whatever they are like', async (bench) => {
    const strategy = await bench.make()
    const random = seededRandom(2)
    for (let round = 0; round < 300; round++) {
      const sessions = Array.from({ length: 1 + randomInt(random, 20) }, (_, n) => anySession(n, random))
      chosen(chooser, strategy, sessions, round)
    }
  })

  add('chooses the only one there is', async (bench) => {
    const strategy = await bench.make()
    const random = seededRandom(3)
    for (let n = 0; n < 50; n++) chosen(chooser, strategy, [anySession(n, random)], n)
  })

  add('chooses at once, not later', async (bench) => {
    const strategy = await bench.make()
    const choice: unknown = call(`${method}()`, () => chooser.choose(strategy, [session(1), session(2)], 0))
    rule(!isThenable(choice), `${method}() returned a promise: it must return the session itself, so what it needs must be at hand before`)
  })

  add('leaves the list and the sessions in it as they are', async (bench) => {
    const strategy = await bench.make()
    const random = seededRandom(4)
    for (let round = 0; round < 50; round++) {
      const sessions = Array.from({ length: 10 }, (_, n) => anySession(n, random))
      const before = [...sessions]
      chosen(chooser, strategy, sessions, round)
      const same = sessions.length === before.length && sessions.every((one, index) => one === before[index])
      rule(same, `${method}() changed the list it was given, which is the pool's own: sort or splice a copy, [...list]`)
    }
  })

  add('keeps no list: sessions come and go in one that is used again', async (bench) => {
    const strategy = await bench.make()
    const random = seededRandom(5)
    const sessions = [session(0)]
    for (let n = 1; n < 2_000; n++) {
      if (randomInt(random, 2) === 0 || sessions.length === 1) sessions.push(anySession(n, random))
      else sessions.splice(randomInt(random, sessions.length), 1)
      chosen(chooser, strategy, sessions, n)
    }
  })

  add('copes with 10,000 sessions, looking a few times at each at most', async (bench) => {
    const strategy = await bench.make()
    const random = seededRandom(6)
    const sessions = Array.from({ length: MANY }, (_, n) => anySession(n, random))
    const tooMany = (): never => fail(`${method}() looked at each of ${MANY} sessions more than ${LOOKS} times: it must not compare each with every other`)
    // At once, as it could take minutes.
    chosen(chooser, strategy, watched(sessions, MANY * LOOKS, tooMany).members)
  })

  add('takes its chance and time from its context: the same again gives the same choices', async (bench) => {
    const random = seededRandom(7)
    const lists = Array.from({ length: 200 }, () => Array.from({ length: 16 }, (_, n) => session(n, { lastUsedAt: 1_200 + randomInt(random, 3) })))
    const choices = async (): Promise<string[]> => {
      const strategy = await bench.make({ seed: 8 })
      return lists.map((list, n) => chosen(chooser, strategy, list, n).id)
    }
    const [first, second] = [await choices(), await choices()]
    const advice = 'take chance from context.random and time from context.clock, so that a test can repeat what happened'
    rule(first.every((id, index) => id === second[index]), `${method}() chose differently the second time, on the same seed: ${advice}`)
  })
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}
