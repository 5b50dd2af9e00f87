import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import jsonLines from '../../../plugins/drivers/json-lines.ts'
import { makeDriver, openDriver, until, withinHang, type OpenDriver } from '../../support/driver-harness.ts'

const PROGRAM = fileURLToPath(new URL('../../fixtures/lines.mjs', import.meta.url))
const never = new AbortController().signal
const open = (options: object = {}, ...args: string[]): Promise<OpenDriver> =>
  openDriver(jsonLines, { command: process.execPath, args: [PROGRAM, ...args], ...options })
const refused = (options: object): Promise<unknown> => makeDriver(jsonLines, { command: 'x', ...options })
const coded = (code: string): Error => expect.objectContaining({ code }) as Error

describe('requests', () => {
  it('take the next line for the answer when no terminal line is described', async () => {
    await using session = await open()
    expect(await session.request({ do: 'echo', value: { deep: ['ü'] } })).toEqual({ echo: { deep: ['ü'] } })
    expect(await session.request({ do: 'echo', value: 2 })).toEqual({ echo: 2 })
  })

  it('give lines as events until the terminal one', async () => {
    await using session = await open({ terminal: { type: 'result' } })
    const turn = session.turn({ do: 'stream', count: 3 })
    expect(await turn.result).toEqual({ type: 'result', total: 3 })
    expect(turn.events).toEqual([0, 1, 2].map((n) => ({ type: 'event', n })))
  })

  it('fail with the line as details when it matches `error`, and the session goes on', async () => {
    await using session = await open({ terminal: { type: 'result' }, error: { type: 'error' } })
    await expect(session.request({ do: 'fail', value: 'no' })).rejects.toMatchObject({ code: 'REQUEST_FAILED', details: { type: 'error', reason: 'no' } })
    expect(await session.request({ do: 'stream', count: 0 })).toMatchObject({ total: 0 })
  })

  it('get their answers in the order they were asked, however late', async () => {
    await using session = await open()
    const first = session.turn({ do: 'later', ms: 30, value: 'first' })
    await first.result
    const second = session.turn({ do: 'echo', value: 'second' })
    expect(await second.result).toEqual({ echo: 'second' })
    const both = [session.turn({ do: 'echo', value: 3 }), session.turn({ do: 'echo', value: 4 })]
    expect(await Promise.all(both.map((turn) => turn.result))).toEqual([{ echo: 3 }, { echo: 4 }])
  })

  it('are refused before anything is sent when they have no JSON form', async () => {
    await using session = await open()
    expect(() => session.turn(undefined)).toThrow(coded('MESSAGE_INVALID'))
    expect(() => session.turn({ big: 1n })).toThrow(coded('MESSAGE_INVALID'))
    expect(await session.request({ do: 'echo', value: 1 })).toEqual({ echo: 1 })
  })
})

describe('ids', () => {
  it('match answers that come in another order', async () => {
    await using session = await open({ id: 'id', concurrency: 8, terminal: { type: 'result' } })
    expect(session.driver.capabilities.concurrency).toBe(8)
    const turns = [60, 30, 1].map((ms) => session.turn({ do: 'later', ms, value: ms }))
    const streamed = session.turn({ do: 'stream', count: 2 })
    expect(await Promise.all(turns.map((turn) => turn.result))).toMatchObject([{ value: 60 }, { value: 30 }, { value: 1 }])
    expect(await streamed.result).toMatchObject({ total: 2 })
    expect(streamed.events).toHaveLength(2)
  })

  it('need messages that are objects and leave the field to the driver', async () => {
    await using session = await open({ id: 'id' })
    for (const message of ['text', [1], null, { id: 5 }]) expect(() => session.turn(message)).toThrow(coded('MESSAGE_INVALID'))
    expect(await session.request({ do: 'echo', value: 1 })).toMatchObject({ echo: 1 })
  })

  it('show a line that nobody asked for, whether it has an unknown id or none', async () => {
    await using session = await open({ id: 'id', terminal: { type: 'result' } })
    await session.request({ do: 'unasked' })
    session.turn({ do: 'raw', text: '{"id":99}\n7\n' })
    await until(() => session.unsolicited.length === 3)
    expect(session.unsolicited).toEqual([{ type: 'unasked' }, { id: 99 }, 7])
  })

  it('are put in the messages of the driver itself too', async () => {
    await using session = await open({
      id: 'id', terminal: { type: 'result' }, ready: { send: { do: 'ping' }, expect: { type: 'pong' } },
      ping: { send: { do: 'ping' }, expect: { type: 'pong' } }, cancel: { send: { do: 'stop' } }, goodbye: { send: { do: 'bye' } },
    })
    await session.channel.ping!(never)
    const turn = session.turn({ do: 'silent' })
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ stopped: true })
    session.channel.cancel!(turn.sink)
    await session.channel.ping!(never)
    expect(session.unsolicited).toEqual([])
    expect(await session.close()).toMatchObject({ code: 7 })
  })

  it('need not be in the answer to the message of the driver itself', async () => {
    await using session = await open({ id: 'id', ping: { send: { do: 'ping', answer: 'alive' }, expect: { type: 'alive' } } })
    await session.channel.ping!(never)
    await session.channel.ping!(never)
    expect(await session.request({ do: 'echo', value: 1 })).toMatchObject({ echo: 1 })
    expect(session.unsolicited).toEqual([])
  })
})

describe('readiness', () => {
  it('waits for the line that shows it and drops what comes before', async () => {
    await using session = await open({ ready: { match: { type: 'system', subtype: 'ready' } } }, 'banner')
    expect(session.unsolicited).toEqual([])
    expect(await session.request({ do: 'echo', value: 1 })).toEqual({ echo: 1 })
  })

  it('asks, when there is something to ask', async () => {
    await using session = await open({ ready: { send: { do: 'echo', value: 'hi' }, expect: { echo: 'hi' } } })
    expect(await session.request({ do: 'echo', value: 1 })).toEqual({ echo: 1 })
  })

  it('fails when the program ends or refuses first', async () => {
    await expect(open({ ready: { send: { do: 'exit', code: 3 }, expect: {} } })).rejects.toThrow(/ended/)
    const refusing = { error: { type: 'error' }, ready: { send: { do: 'fail', value: 'no key' }, expect: { type: 'ok' } } }
    await expect(open(refusing)).rejects.toMatchObject({ code: 'REQUEST_FAILED', details: { reason: 'no key' } })
    await expect(openDriver(jsonLines, { command: '/no/such', ready: { match: {} } })).rejects.toThrow(/no such file|ended/)
  })
})

describe('the line nobody asked for', () => {
  it('is reported, and never answers the next request', async () => {
    await using session = await open({ terminal: { type: 'result' } })
    await session.request({ do: 'unasked' })
    await until(() => session.unsolicited.length === 1)
    expect(session.unsolicited).toEqual([{ type: 'unasked' }])
    expect(await session.request({ do: 'stream', count: 1 })).toMatchObject({ total: 1 })
  })

  it('is dropped when it is harmless, also during a request', async () => {
    for (const harmless of [{ type: 'log' }, [{ type: 'other' }, { type: 'log' }]]) {
      await using session = await open({ harmless })
      expect(await session.request({ do: 'log' })).toEqual({ type: 'result' })
      expect(session.unsolicited).toEqual([])
    }
  })

  it('is reported when it comes during a ping', async () => {
    await using session = await open({ terminal: { type: 'result' }, ping: { send: { do: 'forget' }, expect: { type: 'forgotten' } } })
    await session.channel.ping!(never)
    expect(session.unsolicited).toEqual([{ type: 'event' }])
  })
})

describe('the other messages', () => {
  const state = {
    terminal: { type: 'result' },
    ping: { send: { do: 'ping' }, expect: { type: 'pong' } },
    reset: { send: { do: 'forget' }, expect: { type: 'forgotten' }, guarantees: ['conversation'] },
    park: { send: { do: 'save' }, field: 'token' },
    resume: { send: { do: 'load' }, field: 'token', expect: { type: 'loaded' } },
    cancel: { send: { do: 'stop' } },
  }

  it('reset, park and resume as described', async () => {
    await using session = await open(state)
    expect(session.driver.capabilities.resetGuarantees).toEqual(['conversation'])
    await session.request({ do: 'remember', value: 'secret' })
    const token = await session.channel.park!(never)
    expect(token).toBe('t:secret')
    await session.channel.reset!(never)
    expect(await session.request({ do: 'recall' })).toMatchObject({ value: '' })
    await session.channel.resume!(token, never)
    expect(await session.request({ do: 'recall' })).toMatchObject({ value: 'secret' })
    expect(session.unsolicited).toEqual([])
  })

  it('are only there when they are described', async () => {
    await using session = await open()
    const { cancel, ping, reset, park, resume, goodbye } = session.channel
    expect([cancel, ping, reset, park, resume, goodbye]).toEqual(Array(6).fill(undefined))
    expect(session.driver.capabilities).toEqual({ concurrency: 1, resetGuarantees: [] })
  })

  it('refuse a token that is no text', async () => {
    await using session = await open({ ...state, park: { send: { do: 'save', bad: true }, field: 'token' } })
    await expect(session.channel.park!(never)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('cancel: the turn still gets its own last line, and only an open turn is cancelled', async () => {
    await using session = await open(state)
    const turn = session.turn({ do: 'silent' })
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ stopped: true })
    session.channel.cancel!(turn.sink)
    await session.channel.ping!(never)
    expect(session.unsolicited).toEqual([])
  })

  it('keep their place when they are given up: a late pong answers no request', async () => {
    await using session = await open({ ping: { send: { do: 'slow', ms: 50 } } })
    const impatient = new AbortController()
    const ping = session.channel.ping!(impatient.signal)
    impatient.abort(new Error('too late'))
    await expect(ping).rejects.toThrow('too late')
    expect(await session.request({ do: 'echo', value: 'mine' })).toEqual({ echo: 'mine' })
    expect(session.unsolicited).toEqual([])
    await expect(session.channel.ping!(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
  })

  it('fail when the program ends before it answers', async () => {
    await using session = await open({ ping: { send: { do: 'exit', code: 0 } } })
    await expect(withinHang(session.channel.ping!(never))).rejects.toMatchObject({ code: 'SESSION_EXITED' })
  })

  it('goodbye: is said before the input is closed', async () => {
    await using session = await open({ goodbye: { send: { do: 'bye' } } })
    expect(await session.close()).toMatchObject({ code: 7 })
  })
})

describe('a broken protocol', () => {
  it('is a line that is not JSON: every request and message fails with an excerpt', async () => {
    await using session = await open({ ping: { send: { do: 'silent' } } })
    const turn = session.turn({ do: 'raw', text: `Oops: ${'x'.repeat(500)}\n{"late":1}\n` })
    const ping = session.channel.ping!(never)
    await expect(turn.result).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringMatching(/Oops: x{100}.*…$/) as string })
    await expect(ping).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(session.broken).toHaveLength(1)
    expect(session.unsolicited).toEqual([])
  })

  it('is a line longer than maxFrame', async () => {
    await using session = await open({ maxFrame: '1KB' })
    await expect(session.request({ do: 'echo', value: 'x'.repeat(2_000) })).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' })
  })

  it('is a program that closes its output and lives on', async () => {
    await using session = await open()
    await expect(session.request({ do: 'close-stdout' })).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  it('is not what a crash in the middle of a line is', async () => {
    await using session = await open()
    session.turn({ do: 'raw', text: '{"half' })
    await expect(session.request({ do: 'exit', code: 4 })).rejects.toThrow('ended (4)')
    expect(session.broken).toEqual([])
  })
})

describe('options that make no sense', () => {
  it('are refused at start-up', async () => {
    await expect(refused({ concurrency: 2 })).rejects.toThrow('needs `id`')
    await expect(refused({ park: { send: {}, field: 'token' } })).rejects.toThrow('need each other')
    await expect(refused({ ready: {} })).rejects.toThrow('{ match } or { send, expect }')
    await expect(refused({ reset: { send: {}, guarantees: ['everything'] } })).rejects.toThrow('guarantees')
    await expect(refused({ goodbye: {} })).rejects.toThrow('message to send')
    await expect(refused({ maxFrame: 0 })).rejects.toThrow('at least 1')
    await expect(refused({ terminall: {} })).rejects.toThrow('terminall')
    for (const send of ['text', { id: 1 }]) await expect(refused({ id: 'id', ping: { send } })).rejects.toThrow('with `id` it must be an object')
  })
})
