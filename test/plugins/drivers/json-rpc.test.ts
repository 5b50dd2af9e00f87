import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import jsonRpc from '../../../plugins/drivers/json-rpc.ts'
import { isGreenroomError, type GreenroomError, type Question } from '../../../src/kit.ts'
import { makeDriver, openDriver, type OpenDriver } from '../../support/driver-harness.ts'

const SERVER = fileURLToPath(new URL('../../fixtures/rpc-server.mjs', import.meta.url))

type Framing = 'ndjson' | 'content-length'

type How = Framing | ((question: Question) => unknown)

function open(options: object = {}, how: How = 'ndjson', ...args: string[]): Promise<OpenDriver> {
  const framing = typeof how === 'string' ? how : 'ndjson'
  const answer = typeof how === 'string' ? undefined : how
  return openDriver(jsonRpc, { command: process.execPath, args: [SERVER, framing, ...args], framing, ...options }, answer)
}

async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<GreenroomError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (isGreenroomError(error)) return error
    throw error
  }
  throw new Error('It did not fail')
}

describe.each<Framing>(['ndjson', 'content-length'])('json-rpc over %s', (framing) => {
  it('answers a request with its result', async () => {
    await using session = await open({}, framing)
    expect(await session.request({ method: 'echo', params: { text: 'é€😀\n' } })).toEqual({ text: 'é€😀\n' })
  })

  it.each([
    ['no params', undefined],
    ['an object', { a: 1 }],
    ['an empty object', {}],
    ['an array of one object', [{ a: 1 }]],
    ['an array of one array', [[1]]],
    ['an array of several', [1, null, 'x']],
    ['an array that ends like a cancellation token', [{ isCancellationRequested: true, onCancellationRequested: true }]],
  ])('sends params as they are: %s', async (_what, params) => {
    await using session = await open({}, framing)
    expect(await session.request({ method: 'echo', ...(params && { params }) })).toEqual(params ?? null)
  })

  it('takes a result of several megabytes', async () => {
    await using session = await open({}, framing)
    expect(String(await session.request({ method: 'big', params: { bytes: 5_000_000 } }))).toHaveLength(5_000_000)
  })

  it('sends a message of several megabytes', async () => {
    await using session = await open({}, framing)
    const text = 'é'.repeat(2_000_000)
    expect(await session.request({ method: 'echo', params: { text } })).toEqual({ text })
  })

  it('ends the session when a message is larger than maxFrame', async () => {
    await using session = await open({ maxFrame: '64KB' }, framing)
    expect((await errorOf(session.request({ method: 'big', params: { bytes: 70_000 } }))).code).toBe('FRAME_TOO_LARGE')
    expect(session.broken).toHaveLength(1)
  })

  it('fails the turn, and not the session, when the program answers with an error', async () => {
    await using session = await open({}, framing)
    const error = await errorOf(session.request({ method: 'fail' }))
    expect(error.code).toBe('REQUEST_FAILED')
    expect(error.details).toEqual({ code: -32001, message: 'asked to fail', data: { why: 'a test' } })
    expect(error.message).toContain('fail')
    expect(await session.request({ method: 'echo', params: [1] })).toEqual([1])
    expect(session.broken).toEqual([])
  })
})

describe('a turn of json-rpc', () => {
  it('is over at once when it is a notification', async () => {
    await using session = await open()
    expect(await session.request({ notify: 'note', params: { n: 1 } })).toBeUndefined()
    expect(await session.request({ notify: 'note' })).toBeUndefined()
    const seen = [{ method: 'note', params: { n: 1 } }, { method: 'note' }, { method: 'seen' }]
    expect(await session.request({ method: 'seen' })).toEqual(seen)
  })

  it('gets the notifications that come while it is open, in order and before its result', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'events', params: { count: 500 } })
    expect(await turn.result).toBe(500)
    expect(turn.events).toEqual(Array.from({ length: 500 }, (_, n) => ({ method: 'tick', params: { n } })))
    expect(session.unsolicited).toEqual([])
  })

  it('does not get a notification that follows its result in the same chunk', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'events', params: { count: 1, late: true } })
    await turn.result
    await session.until(() => session.unsolicited.length > 0)
    expect(turn.events).toHaveLength(1)
    expect(session.unsolicited).toEqual([{ method: 'late' }])
  })

  it('gets $/progress and $/logTrace like any notification', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'hang' })
    session.channel.turn({ notify: 'say', params: { method: '$/progress' } }, turn.sink)
    session.channel.turn({ notify: 'say', params: { method: '$/logTrace' } }, turn.sink)
    await session.until(() => turn.events.length === 2)
    expect(turn.events).toEqual([{ method: '$/progress' }, { method: '$/logTrace' }])
  })

  it('gets its messages also when they come in one batch', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'batch' })
    expect(await turn.result).toBe('batched')
    expect(turn.events).toEqual([{ method: 'tick' }])
  })

  it('gets an answer that was written just before the program ended', async () => {
    for (let round = 0; round < 5; round++) {
      await using session = await open()
      const turn = session.turn({ method: 'answerAndExit', params: { code: 0 } })
      expect(await turn.result).toBe('last words')
      expect(turn.events).toHaveLength(20)
    }
  })

  it('asks the program to stop when it is cancelled, and ends with its answer', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'work' })
    session.channel.cancel?.(turn.sink)
    const error = await errorOf(turn.result)
    expect(error.details).toEqual({ code: -32800, message: 'cancelled' })
    session.channel.cancel?.(turn.sink)
    expect(await session.request({ method: 'nothing' })).toBeNull()
    expect(session.broken).toEqual([])
  })

  it('is not made of a message of another form, of which nothing is sent', async () => {
    await using session = await open()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const wrong = [
      undefined, null, 'text', 7, [], {}, { method: '' }, { method: 7 }, { method: 'a', notify: 'b' }, { notify: null }, { params: {} },
      { method: 'a', params: 'text' }, { method: 'a', params: null }, { method: 'a', id: 1 },
      { method: 'a', params: { n: 1n } }, { method: 'a', params: cycle }, { notify: 'a', params: cycle },
    ]
    for (const message of wrong) expect((await errorOf(() => session.turn(message))).code).toBe('MESSAGE_INVALID')
    expect(await session.request({ method: 'seen' })).toEqual([{ method: 'seen' }])
  })

  it('keeps to its own answer when several are open, which come in any order', async () => {
    await using session = await open({ concurrency: 4 })
    expect(session.driver.capabilities.concurrency).toBe(4)
    const first = session.turn({ method: 'work' })
    const others = await Promise.all([1, 2, 3].map((n) => session.request({ method: 'echo', params: [n] })))
    expect(others).toEqual([[1], [2], [3]])
    session.channel.cancel?.(first.sink)
    expect((await errorOf(first.result)).code).toBe('REQUEST_FAILED')
  })

  it('settles without anything left over when the session ends under it', async () => {
    await using session = await open()
    const turns = [{ method: 'hang' }, { method: 'hang' }, { method: 'exit', params: { code: 3 } }].map((message) => session.turn(message))
    for (const turn of turns) await expect(turn.result).rejects.toThrow('The process ended (3)')
    expect(session.broken).toEqual([])
    const late = await errorOf(() => session.turn({ method: 'nothing' }))
    expect([late.code, late.exit]).toEqual(['SESSION_CRASHED', { code: 3, signal: null, stderr: '' }])
    session.channel.cancel?.(turns[0]!.sink)
  })

  it('settles without anything left over when the program is killed while a large message is on its way to it', async () => {
    await using session = await open()
    session.child.signal('SIGSTOP')
    const turn = session.turn({ method: 'echo', params: { text: 'x'.repeat(1_000_000) } })
    const note = session.turn({ notify: 'note', params: { text: 'x'.repeat(1_000_000) } })
    session.child.signal('SIGKILL')
    await expect(turn.result).rejects.toThrow('The process ended (SIGKILL)')
    await expect(note.result).rejects.toThrow('The process ended (SIGKILL)')
    expect(session.broken).toEqual([])
  })
})

describe('a notification of the program', () => {
  it('is reported as unsolicited when no turn is open', async () => {
    await using session = await open()
    await session.request({ notify: 'say', params: { method: 'surprise' } })
    await session.until(() => session.unsolicited.length > 0)
    expect(session.unsolicited).toEqual([{ method: 'surprise' }])
  })

  it('is reported as harmless when it is declared so and no turn is open', async () => {
    await using session = await open({ harmless: ['log'] })
    await session.request({ notify: 'say', params: { method: 'log' } })
    await session.request({ notify: 'say', params: { method: 'surprise' } })
    await session.until(() => session.unsolicited.length > 0)
    expect([session.harmless, session.unsolicited]).toEqual([[{ method: 'log' }], [{ method: 'surprise' }]])
  })

  it('is no event of a turn when several are open', async () => {
    await using session = await open({ concurrency: 2, harmless: ['log'] })
    const turns = [session.turn({ method: 'hang' }), session.turn({ method: 'hang' })]
    await session.request({ notify: 'say', params: { method: 'log' } })
    await session.request({ notify: 'say', params: { method: 'surprise' } })
    await session.until(() => session.unsolicited.length > 0)
    expect([session.harmless, session.unsolicited]).toEqual([[{ method: 'log' }], [{ method: 'surprise' }]])
    expect(turns.map(({ events }) => events)).toEqual([[], []])
  })

  it('does not count when it comes before the session is ready', async () => {
    await using session = await open({ initialize: { method: 'initialize', params: { who: 'a' } } }, 'ndjson', 'greet')
    await session.request({ method: 'nothing' })
    expect(session.unsolicited).toEqual([])
  })

  it.each([{ method: 'nothing' }, { notify: 'note' }])('breaks the session when whoever gets the end of %o throws', async (message) => {
    await using session = await open()
    const turn = session.turn({ method: 'hang' })
    const done = (): void => { throw new Error('a bad sink') }
    session.channel.turn(message, { ...turn.sink, done })
    await session.until(() => session.broken.length > 0)
    expect(session.broken.map(String)).toEqual(['GreenroomError: a bad sink'])
  })

  it('breaks the session when whoever it is handed to throws', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'nothing' })
    await turn.result
    const event = (): void => { throw new Error('a bad sink') }
    session.channel.turn({ method: 'events', params: { count: 1 } }, { ...turn.sink, event })
    await session.until(() => session.broken.length > 0)
    expect(session.broken.map(String)).toEqual(['GreenroomError: A message of the program could not be handed on: a bad sink'])
  })
})

describe('a request of the program', () => {
  const ask = (method: string, more: object = {}): object => ({ method: 'ask', params: { method, ...more } })

  it('is answered with MethodNotFound where nobody answers it', async () => {
    await using session = await open()
    const answers = await session.request(ask('workspace/configuration'))
    expect(answers).toEqual([{ id: 'q1', error: { code: -32601, message: expect.stringContaining('workspace/configuration') } }])
    expect(session.unsolicited).toEqual([])
  })

  it("is answered with what the lease's handler gives; nothing is null", async () => {
    await using session = await open({}, ({ method, params }) => (method === 'add' ? (params as number[])[0]! + 1 : undefined))
    expect(await session.request(ask('add', { with: [41] }))).toEqual([{ id: 'q1', result: 42 }])
    expect(await session.request(ask('nothing'))).toEqual([{ id: 'q2', result: null }])
  })

  it('is told apart by method, params, turn and whether it is harmless', async () => {
    await using session = await open({ harmless: ['log'] }, () => 'yes')
    const turn = session.turn(ask('log', { with: { a: 1 } }))
    await turn.result
    await session.request(ask('other'))
    expect(session.questions).toMatchObject([{ method: 'log', params: { a: 1 }, harmless: true }, { method: 'other', harmless: false }])
    expect(session.questions[0]!.turn).toBe(turn.sink)
  })

  it('belongs to no certain turn where several callers may share the session', async () => {
    await using session = await open({ concurrency: 2 }, () => 'yes')
    await session.request(ask('log'))
    expect(session.questions[0]!.turn).toBeUndefined()
  })

  it('gets the error that the handler throws: its code if it has a number for one, else an internal error', async () => {
    const thrown: unknown[] = [
      Object.assign(new Error('not allowed'), { code: -32001, data: { why: 'a test' } }),
      Object.assign(new Error('no such file'), { code: 'ENOENT' }),
      'text',
    ]
    await using session = await open({}, () => { throw thrown.shift() })
    expect(await session.request(ask('x', { count: 3 }))).toEqual([
      { id: 'q1', error: { code: -32001, message: 'not allowed', data: { why: 'a test' } } },
      { id: 'q2', error: { code: -32603, message: 'no such file' } },
      { id: 'q3', error: { code: -32603, message: 'text' } },
    ])
  })

  it('gets an internal error when the handler answers with what has no JSON form, and the next message can be sent', async () => {
    await using session = await open({}, () => 1n)
    expect(await session.request(ask('x'))).toMatchObject([{ error: { code: -32603, message: expect.stringContaining('BigInt') } }])
    expect(await session.request({ method: 'nothing' })).toBeNull()
  })

  it('does not wait for the answer to another', async () => {
    let release: ((answer: string) => void) | undefined
    await using session = await open({}, ({ method }) => (method === 'slow' ? new Promise((resolve) => (release = resolve)) : 'fast'))
    const slow = session.turn(ask('slow'))
    await session.until(() => release !== undefined)
    expect(await session.request(ask('quick'))).toEqual([{ id: 'q2', result: 'fast' }])
    release!('slow')
    expect(await slow.result).toEqual([{ id: 'q1', result: 'slow' }])
  })

  it('comes between the notifications that were sent before and after it', async () => {
    const seen: string[] = []
    await using session = await open({}, ({ method }) => void seen.push(method))
    await new Promise<unknown>((resolve, reject) => {
      const event = (message: unknown): void => void seen.push((message as { method: string }).method)
      session.channel.turn({ method: 'askBetween', params: { method: 'question' } }, { event, quiet: () => undefined, done: resolve, fail: reject })
    })
    expect(seen).toEqual(['before', 'question', 'after'])
  })

  it('that is taken back gets RequestCancelled at once; the handler is told, and its late answer dropped', async () => {
    let answer: ((value: string) => void) | undefined
    await using session = await open({}, () => new Promise((resolve) => (answer = resolve)))
    const turn = session.turn(ask('slow'))
    await session.until(() => answer !== undefined)
    await session.request({ notify: 'say', params: { method: '$/cancelRequest', params: { id: 'q1' } } })
    expect(await turn.result).toEqual([{ id: 'q1', error: { code: -32800, message: expect.any(String) } }])
    expect(session.questions[0]!.signal?.aborted).toBe(true)
    answer!('late')
    expect(await session.request({ method: 'nothing' })).toBeNull()
    expect(session.broken).toEqual([])
  })

  it('takes the place of an earlier one of the same id, which nobody can answer any more', async () => {
    const answers: ((value: string) => void)[] = []
    await using session = await open({}, () => new Promise((resolve) => void answers.push(resolve)))
    const line = `${JSON.stringify({ jsonrpc: '2.0', id: 'same', method: 'x' })}\n`
    const turn = session.turn({ method: 'raw', params: { text: line.repeat(2) } })
    await session.until(() => answers.length === 2)
    expect(session.questions.map(({ signal }) => signal!.aborted)).toEqual([true, false])
    answers.forEach((answer) => answer('yes'))
    expect(await session.request({ method: 'nothing' })).toBeNull()
    expect([turn.events, session.broken]).toEqual([[], []])
  })

  it('is given up when the program ends', async () => {
    await using session = await open({}, () => new Promise(() => undefined))
    const turn = session.turn(ask('slow'))
    await session.until(() => session.questions.length === 1)
    session.child.signal('SIGKILL')
    await expect(turn.result).rejects.toThrow('SIGKILL')
    await session.until(() => session.questions[0]!.signal!.aborted)
  })

  it('is answered also when a thousand come at once', async () => {
    await using session = await open()
    expect(await session.request({ method: 'ask', params: { method: 'x', count: 1000 } })).toHaveLength(1000)
  })

  it('is read only as far as its answers are', async () => {
    await using session = await open()
    session.turn({ method: 'askOnly' })
    // The first answers go into the pipe; when that is full, nothing moves any more.
    let still = 0
    let seen = -1
    await session.until(() => {
      still = session.child.stdout.isPaused() && session.child.bytesRead === seen ? still + 1 : 0
      seen = session.child.bytesRead
      return still === 40
    })
    expect(session.child.stdin.writableLength).toBeLessThan(1_000_000)
    session.child.signal('SIGKILL')
    await session.child.exited
  })

  it('may be cancelled by it, in any form', async () => {
    await using session = await open()
    const turn = session.turn({ method: 'hang' })
    session.channel.turn({ notify: 'say', params: { method: '$/cancelRequest' } }, turn.sink)
    expect(await session.request({ method: 'nothing' })).toBeNull()
    expect(session.broken).toEqual([])
    expect(turn.events).toEqual([])
  })
})

describe('a program that breaks the protocol', () => {
  const line = (message: unknown): string => `${JSON.stringify(message)}\n`

  it.each([
    ['text', 'Listening on port 1\n', 'not JSON: Listening on port 1'],
    ['a number', line(7), 'not a JSON-RPC message: 7'],
    ['null', line(null), 'not a JSON-RPC message'],
    ['an empty object', line({}), 'neither a request nor an answer'],
    ['an answer with neither result nor error', line({ id: 0 }), 'neither a request nor an answer'],
    ['an answer without an id', line({ result: 1 }), 'does not say to what'],
    ['an answer to null', line({ id: null, error: { code: -32700, message: 'parse error' } }), 'does not say to what'],
    ['an answer to a request nobody sent', line({ id: 99, result: 1 }), 'no open request (id 99)'],
    ['an answer to the id as text', line({ id: '0', result: 1 }), 'no open request (id "0")'],
    ['a method that is no text', line({ method: 7 }), 'a method that is not a string'],
    ['a request with id null', line({ id: null, method: 'x' }), 'neither a string nor a number'],
    ['params that are text', line({ method: 'x', params: 'y' }), 'params that are neither'],
    ['something wrong in a batch', line([{ method: 'x' }, 7]), 'not a JSON-RPC message'],
  ])('ends the session when it sends %s', async (_what, text, message) => {
    await using session = await open()
    const error = await errorOf(session.request({ method: 'raw', params: { text: text + line({ id: 0, result: 'too late' }) } }))
    expect(error.code).toBe('PROTOCOL_ERROR')
    expect(error.message).toContain(message)
    expect(session.broken).toEqual([error])
  })

  it('ends the session when it answers twice', async () => {
    await using session = await open()
    await session.turn({ method: 'twice' }).result.catch(() => undefined)
    await session.until(() => session.broken.length > 0)
    expect(session.broken[0]?.message).toContain('no open request (id 0)')
  })

  it('ends the session when it closes its stdout and runs on', async () => {
    await using session = await open()
    const error = await errorOf(session.request({ method: 'closeStdout' }))
    expect(error.code).toBe('PROTOCOL_ERROR')
    expect(error.message).toContain('closed its stdout')
  })

  it('is quoted briefly', async () => {
    await using session = await open()
    const error = await errorOf(session.request({ method: 'raw', params: { text: `${'y'.repeat(10_000)}\n` } }))
    expect(error.message.length).toBeLessThan(400)
  })
})

describe('the start of a json-rpc session', () => {
  it('waits for the answer to initialize and then sends initialized', async () => {
    const [initialize, initialized] = [{ method: 'initialize', params: { who: 'a' } }, { method: 'initialized', params: {} }]
    await using session = await open({ initialize, initialized })
    expect(await session.request({ method: 'seen' })).toEqual([initialize, initialized, { method: 'seen' }])
  })

  it('fails with what the program said when it refuses', async () => {
    const error = await errorOf(open({ initialize: { method: 'fail' } }))
    expect(error.code).toBe('START_FAILED')
    expect(error.message).toContain('asked to fail')
    expect(error.details).toEqual({ code: -32001, message: 'asked to fail', data: { why: 'a test' } })
  })

  it('fails when the program speaks wrongly', async () => {
    expect((await errorOf(open({ initialize: { method: 'raw', params: { text: 'hello\n' } } }))).code).toBe('PROTOCOL_ERROR')
  })

  it('fails when the program ends', async () => {
    await expect(open({ initialize: { method: 'exit', params: { code: 4 } } })).rejects.toThrow('The process ended (4)')
  })

  it('takes nothing but what it knows in its options', async () => {
    await expect(makeDriver(jsonRpc, { command: 'x', frames: 'ndjson' })).rejects.toThrow('frames')
    await expect(makeDriver(jsonRpc, { command: 'x', framing: 'lines' })).rejects.toThrow('content-length')
    await expect(makeDriver(jsonRpc, { command: 'x', concurrency: 0 })).rejects.toThrow('concurrency')
    await expect(makeDriver(jsonRpc, {})).rejects.toThrow('command')
  })

  it('runs the program with what its options say', async () => {
    const options = { command: 'x', args: ['a'], cwd: '/', env: { A: 'b' }, inheritEnv: ['C'] }
    expect((await makeDriver(jsonRpc, options)).spawnSpec()).toEqual(options)
    expect((await makeDriver(jsonRpc, { command: 'x' })).spawnSpec()).toEqual({ command: 'x' })
  })
})

describe('the ping of a json-rpc session', () => {
  const never = new AbortController().signal

  it('is a round trip', async () => {
    await using session = await open({ ping: { method: 'echo', params: { alive: true } } })
    await session.channel.ping?.(never)
    expect(await session.request({ method: 'seen' })).toEqual([{ method: 'echo', params: { alive: true } }, { method: 'seen' }])
  })

  it('fails when the program answers with an error', async () => {
    await using session = await open({ ping: { method: 'unknown' } })
    expect((await errorOf(session.channel.ping!(never))).code).toBe('REQUEST_FAILED')
  })

  it('is given up when its signal aborts, and its late answer harms nobody', async () => {
    await using session = await open({ ping: { method: 'work' } })
    const deadline = new AbortController()
    const ping = session.channel.ping!(deadline.signal)
    const reason = new Error('the deadline')
    deadline.abort(reason)
    await expect(ping).rejects.toBe(reason)
    await expect(session.channel.ping!(deadline.signal)).rejects.toBe(reason)
    await session.request({ notify: '$/cancelRequest', params: { id: 0 } })
    expect(await session.request({ method: 'nothing' })).toBeNull()
    expect(session.broken).toEqual([])
  })

  it('fails when the program ends', async () => {
    await using session = await open({ ping: { method: 'exit', params: { code: 1 } } })
    expect((await errorOf(session.channel.ping!(never))).message).toContain('exited with code 1')
  })

  it('is not there when it is not configured, nor is a goodbye', async () => {
    await using session = await open()
    expect([session.channel.ping, session.channel.goodbye, session.channel.reset]).toEqual([undefined, undefined, undefined])
  })
})

describe('the goodbye of a json-rpc session', () => {
  it('sends the request, awaits its answer, and sends the notification', async () => {
    const session = await open({ goodbye: { request: { method: 'shutdown' }, notification: { method: 'exit' } } }, 'content-length')
    const { goodbye } = session.channel
    await goodbye!(new AbortController().signal)
    expect(await session.child.exited).toEqual({ code: 0, signal: null })
  })

  it('may be a request alone', async () => {
    await using session = await open({ goodbye: { request: { method: 'shutdown' } } })
    await session.channel.goodbye!(new AbortController().signal)
    expect(await session.request({ method: 'seen' })).toEqual([{ method: 'shutdown' }, { method: 'seen' }])
  })

  it('may be a notification alone', async () => {
    const session = await open({ goodbye: { notification: { method: 'exit' } } })
    await session.channel.goodbye!(new AbortController().signal)
    expect(await session.child.exited).toEqual({ code: 1, signal: null })
  })
})
