import type { PoolConfig } from 'greenroom/kit'
import { describe, expect, it } from 'vitest'
import { httpHost, until } from '../../../support/http-host.ts'

const code = (text: string) => ({ code: text })

/** A program that answers a line with `n` lines and a last one, or does what it is told. */
const COUNTER = `
const lines = require('node:readline').createInterface({ input: process.stdin })
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
lines.on('line', async (line) => {
  const { n = 0, crashAfter, fail, pad = '' } = JSON.parse(line)
  for (let i = 1; i <= n; i++) {
    if (!say({ i, pad })) await new Promise((resolve) => process.stdout.once('drain', resolve))
    if (i === crashAfter) process.kill(process.pid, 'SIGKILL')
  }
  say(fail ? { failed: fail } : { done: true, n })
})`
const COUNTING: Partial<PoolConfig> = { driver: { use: 'json-lines', command: process.execPath, args: ['-e', COUNTER], terminal: { done: true }, error: { failed: 'yes' } } }

describe('POST /v1/requests', () => {
  it('answers with the result, the session and how it was served', async () => {
    const { post } = await httpHost()
    const { status, body } = await post('/v1/requests', { tenant: 'a', key: 'k', message: code('globalThis.x = 41; x + 1') })
    expect(status).toBe(200)
    expect(body).toMatchObject({ result: { value: 42 }, sessionId: expect.any(String) as string })
    const again = await post('/v1/requests', { tenant: 'a', key: 'k', message: code('x') })
    expect(again.body).toMatchObject({ result: { value: 41 }, warm: true, served: 'same-key', sessionId: (body as { sessionId: string }).sessionId })
  })

  it('keeps tenants and keys apart', async () => {
    const { post } = await httpHost()
    await post('/v1/requests', { tenant: 'a', key: 'k', message: code('globalThis.x = 41') })
    for (const who of [{ tenant: 'b', key: 'k' }, { tenant: 'a', key: 'other' }, { tenant: 'a' }, {}]) {
      expect((await post('/v1/requests', { ...who, message: code('typeof x') })).body).toMatchObject({ result: { value: 'undefined' } })
    }
  })

  it('says that a session had to be started', async () => {
    const { post } = await httpHost({ size: { spare: 0 } })
    expect((await post('/v1/requests', { message: code('1') })).body).toMatchObject({ warm: false, served: 'started' })
  })

  it.each([
    ['no message', { tenant: 'a' }, 400, 'BODY_INVALID'],
    ['an unknown field', { message: {}, tennant: 'a' }, 400, 'BODY_INVALID'],
    ['a message the driver does not take', { message: 'text' }, 400, 'MESSAGE_INVALID'],
    ['what is not JSON', '{"message":', 400, 'BODY_INVALID'],
    ['nothing', '', 400, 'BODY_INVALID'],
    ['a prototype', '{"message":{"__proto__":{}}}', 400, 'BODY_INVALID'],
    ['code that kills its session', { message: code('process.kill(process.pid, "SIGKILL")') }, 502, 'SESSION_CRASHED'],
    ['code that ends its session', { message: code('process.exit(0)') }, 502, 'SESSION_EXITED'],
    ['code that never ends', { message: code('while (true) {}'), timeout: '1500ms' }, 504, 'REQUEST_TIMEOUT'],
  ])('refuses %s', async (_what, body, status, errorCode) => {
    const { post } = await httpHost()
    const answer = await post('/v1/requests', body)
    expect(answer).toMatchObject({ status, body: { error: { code: errorCode, message: expect.any(String) as string } } })
  })

  it('tells how a session crashed', async () => {
    const { post } = await httpHost()
    const { body } = await post('/v1/requests', { message: code('process.kill(process.pid, "SIGKILL")') })
    expect(body).toMatchObject({ error: { exit: { code: null, signal: 'SIGKILL' }, sessionId: expect.any(String) as string } })
  })

  it('passes on an error that the program answered', async () => {
    const { post } = await httpHost(COUNTING)
    expect(await post('/v1/requests', { message: { fail: 'yes' } })).toMatchObject({ status: 422, body: { error: { code: 'REQUEST_FAILED' } } })
  })

  it('bounds waiting and answer together by the time-out', async () => {
    const { post, pool } = await httpHost({ size: { max: 1 } })
    const lease = await pool.acquire()
    const waiting = await post('/v1/requests', { message: code('1'), timeout: 50 })
    expect(waiting).toMatchObject({ status: 504, body: { error: { code: 'ACQUIRE_TIMEOUT', pool: { active: 1 } } } })
    lease.release()
  })

  it('says that the queue is full, and when to try again', async () => {
    const { post, pool } = await httpHost({ size: { min: 1, max: 1 }, queue: { max: 0 } })
    await pool.ready()
    const lease = await pool.acquire()
    const answer = await post('/v1/requests', { message: code('1') })
    expect(answer).toMatchObject({ status: 429, body: { error: { code: 'QUEUE_FULL' } } })
    expect(answer.headers.get('retry-after')).toBe('1')
    lease.release()
  })

  it('refuses what a plugin refuses', async () => {
    const { post } = await httpHost({ plugins: [{ name: 'no', apply: ({ hooks }) => hooks.admit.tap('no', () => 'not today') }] })
    expect(await post('/v1/requests', { message: code('1') })).toMatchObject({ status: 403, body: { error: { code: 'REFUSED', message: expect.stringContaining('not today') as string } } })
  })

  it('refuses a body over the limit', async () => {
    const { post } = await httpHost({}, { bodyLimit: '1KB' })
    expect(await post('/v1/requests', { message: code('x'.repeat(2_000)) })).toMatchObject({ status: 413, body: { error: { code: 'BODY_TOO_LARGE' } } })
  })

  it('gives the session back when the client leaves', async () => {
    const { pool, request, post } = await httpHost({ size: { max: 1 } })
    const leaving = new AbortController()
    const asking = request('/v1/requests', {
      method: 'POST', signal: leaving.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message: code('while (true) {}') }),
    })
    const rejected = expect(asking).rejects.toThrow()
    await until(() => pool.getPoolStats().activeSessions === 1)
    leaving.abort()
    await rejected
    await until(() => pool.getPoolStats().activeSessions === 0)
    expect(await post('/v1/requests', { message: code('1 + 1') })).toMatchObject({ status: 200, body: { result: { value: 2 } } })
  })

  it('takes a client that leaves out of the queue', async () => {
    const { pool, request } = await httpHost({ size: { max: 1 } })
    const lease = await pool.acquire()
    const leaving = new AbortController()
    const asking = request('/v1/requests', {
      method: 'POST', signal: leaving.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message: code('1') }),
    })
    const rejected = expect(asking).rejects.toThrow()
    await until(() => pool.getPoolStats().waiting === 1)
    leaving.abort()
    await rejected
    await until(() => pool.getPoolStats().waiting === 0)
    lease.release()
  })
})

describe('POST /v1/requests for events', () => {
  const EVENTS = { accept: 'text/event-stream', 'content-type': 'application/json' }
  const ask = (message: unknown, signal?: AbortSignal): RequestInit =>
    ({ method: 'POST', headers: EVENTS, body: JSON.stringify({ message }), ...(signal && { signal }) })

  function parse(text: string): { event: string; data: unknown }[] {
    return text.split('\n\n').filter(Boolean).map((block) => {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!
      return { event: event!, data: JSON.parse(data!) as unknown }
    })
  }

  it('sends every message and then the result', async () => {
    const { request } = await httpHost(COUNTING)
    const response = await request('/v1/requests', ask({ n: 3 }))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = parse(await response.text())
    expect(events.map(({ event }) => event)).toEqual(['message', 'message', 'message', 'result'])
    expect(events[1]!.data).toEqual({ i: 2, pad: '' })
    expect(events[3]!.data).toMatchObject({ result: { done: true, n: 3 }, sessionId: expect.any(String) as string, warm: expect.any(Boolean) as boolean })
  })

  it('sends them as they come', async () => {
    const { request } = await httpHost()
    const response = await request('/v1/requests', ask(code('console.log("now"); await new Promise((done) => { globalThis.done = done; setTimeout(done, 60_000).unref() })')))
    let text = ''
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString()
      if (text.includes('now')) break
    }
    expect(text).toMatch(/^event: message\n/)
  })

  it('answers with a status as long as nothing has been sent', async () => {
    const { request } = await httpHost()
    const invalid = await request('/v1/requests', { ...ask(1), body: '{}' })
    expect(invalid.status).toBe(400)
    expect(invalid.headers.get('content-type')).toContain('application/json')
  })

  it('sends an error that comes after the first message as an event', async () => {
    const { request } = await httpHost(COUNTING)
    const events = parse(await (await request('/v1/requests', ask({ n: 5, crashAfter: 1 }))).text())
    expect(events.at(-1)).toMatchObject({ event: 'error', data: { error: { code: 'SESSION_CRASHED', exit: { signal: 'SIGKILL' } } } })
  })

  it('lets a slow reader hold the program up, and loses nothing', async () => {
    const { request, pool } = await httpHost(COUNTING)
    const n = 3_000
    const response = await request('/v1/requests', ask({ n, pad: 'x'.repeat(16_384) }))
    const reader = response.body!.getReader()
    await reader.read()
    // Held up: the program cannot finish while nobody reads its 48 MB.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(pool.getPoolStats()).toMatchObject({ activeSessions: 1, requests: 0 })
    reader.releaseLock()
    let tail = ''
    let messages = 0
    for await (const chunk of response.body!) {
      const blocks = (tail + Buffer.from(chunk).toString('latin1')).split('\n\n')
      tail = blocks.pop()!
      messages += blocks.filter((block) => block.includes('"pad"')).length
      if (blocks.at(-1)?.startsWith('event: result')) tail = ''
    }
    // The first chunk was read by hand.
    expect(messages).toBeGreaterThan(n - 20)
    await until(() => pool.getPoolStats().requests === 1)
  })

  it('gives the session back when the reader leaves', async () => {
    const { request, pool } = await httpHost({ ...COUNTING, size: { max: 1 }, timeouts: { settle: '100ms', close: '100ms' } })
    const leaving = new AbortController()
    const response = await request('/v1/requests', ask({ n: 1_000_000, pad: 'x'.repeat(1_000) }, leaving.signal))
    expect(response.status).toBe(200)
    leaving.abort()
    await until(() => pool.getPoolStats().activeSessions === 0)
  })
})
