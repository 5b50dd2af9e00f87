import assert from 'node:assert/strict'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ContractCase, driverContract } from 'greenroom/testing'
import { failuresOf } from './failures.ts'
import { type Fault, LineDriver } from './line-driver.ts'

const suiteFor = (fault?: Fault): Promise<ContractCase[]> => driverContract({
  create: () => new LineDriver(fault),
  message: { do: 'later', ms: 0, value: 'here' },
  expect: (answer) => assert.equal((answer as { value?: unknown }).value, 'here'),
  slowMessage: { do: 'silent' },
  crashMessage: { do: 'exit', code: 3 },
  state: { write: (value) => ({ do: 'remember', value }), read: { do: 'recall' } },
})

const LOOKED_AT = 'can be looked at: its program runs, and shows what it can do'
const READY = 'is ready when it says so: a request right after is answered'
const INVALID = 'refuses a message it cannot send with MESSAGE_INVALID, before anything is sent'
const IN_A_ROW = 'answers one request after another, each once'
const STOPPED = 'pings by a real round trip: it has no answer from a program that is stopped, gives up when told to, and takes the late answer for nothing else'

/** The case that finds it, and what it says. */
const found: readonly (readonly [Fault, string, RegExp])[] = [
  ['is fooled by anything the program says', 'takes no program for ready that speaks nonsense, and gives up at its deadline', /took a program for ready that speaks nonsense/],
  ['waits for ever for a program that is not ready', 'takes no program for ready that says nothing, and gives up at its deadline', /did not settle within/],
  ['passes on the whole environment', 'describes what to run: a command, and no more of the environment than it names', /secrets too/],
  ['sends what has no JSON form', INVALID, /took the message Symbol/],
  ['sends before it checks', INVALID, /something had been sent already/],
  ['refuses with an error of its own', INVALID, /throw new GreenroomError\('MESSAGE_INVALID'/],
  ['ends a turn twice', READY, /ended 2 times/],
  ['reports events after the end', IN_A_ROW, /after its end/],
  ['takes an exit for an answer', 'has no answer for a turn whose program dies', /killed before it read the message/],
  ['takes an exit for an answer', 'has no answer for a turn at which the program ends itself', /its turn was done/],
  ['ends a cancelled turn before its program has', 'takes nothing of a cancelled turn for the next one', /here|unasked/],
  ['answers pings by itself', STOPPED, /must be a round trip/],
  ['waits for a pong for ever', STOPPED, /after its signal was aborted, did not settle/],
  ['forgets that a pong is still to come', STOPPED, /here|unasked/],
  ['forgets nothing by its reset', 'removes by its reset what it promises: conversation', /the next user would find it/],
  ['promises a reset it does not have', 'can do what it declares', /what no reset\(\) keeps/],
  ['reports the answer to its reset as unasked for', 'is as good as new after a reset', /unasked for|here/],
  ['parks nothing', 'parks its state, and resumes it in another session', /not empty/],
  ['resumes nothing', 'parks its state, and resumes it in another session', /is not in the one that resumed it/],
  ['shares its program between sessions', 'keeps its state from request to request, and shares it with no other session', /found in another/],
  ['waits for a farewell for ever', 'does not wait for a program that is stopped when it says goodbye', /did not settle/],
  ['does not say goodbye', 'ends in time when it is said goodbye, and leaves no process behind', /went on after goodbye/],
]

describe('the suite for drivers', () => {
  it('finds nothing wrong with a driver that has no fault', async () => {
    expect(await failuresOf(await suiteFor())).toEqual(new Map())
  }, 120_000)

  it.concurrent.each(found)('finds a driver that %s', async (fault, title, message) => {
    const failures = await failuresOf(await suiteFor(fault), [title])
    expect([...failures.keys()]).toEqual([title])
    expect(failures.get(title)).toMatch(message)
  }, 120_000)
})

describe('the suite for a driver whose program cannot be run', () => {
  let cases: ContractCase[]
  beforeAll(async () => {
    cases = await driverContract({ use: 'json-lines', options: { command: '/there/is/no/such/program' }, message: {} })
  })

  it('is there all the same, and says why', async () => {
    const failures = await failuresOf(cases, [LOOKED_AT, READY, IN_A_ROW])
    expect(failures.get(LOOKED_AT)).toMatch(/most cases are missing: .*there is no such file/)
    expect(failures.get(READY)).toMatch(/there is no such file/)
    expect(failures.get(IN_A_ROW)).toMatch(/there is no such file/)
  })

  it('says so when there is no such driver, and when its options are wrong', async () => {
    const unknown = await failuresOf(await driverContract({ use: 'semaphore', message: {} }))
    expect(unknown.size).toBeGreaterThan(5)
    for (const message of unknown.values()) expect(message).toMatch(/No plugin registers the driver "semaphore". Known: .*json-lines/)
    const wrong = await failuresOf(await driverContract({ use: 'json-lines', options: { comand: 'cat' }, message: {} }), [READY])
    expect(wrong.get(READY)).toMatch(/did you mean "command"/)
  })
})
