import { once } from 'node:events'
import { Agent, get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPoolHost } from '../../../../src/create-pool.ts'
import { httpHost, takenPort, until } from '../../../support/http-host.ts'

const BROKEN = { driver: { use: 'json-lines', command: '/nowhere/to/be/found' }, restart: { maxCrashes: 1, initial: 1 }, size: { min: 1 } } as const
const code = (text: string) => ({ message: { code: text } })

/** The status of a request with headers that fetch does not let one set. */
async function statusWith(url: string, headers: Record<string, string>): Promise<number> {
  const [response] = await once(httpGet(url, { headers }), 'response') as [IncomingMessage]
  response.resume()
  return response.statusCode!
}

describe('what supervisors ask', () => {
  it('is alive, and ready once a session has been', async () => {
    const { get, pool } = await httpHost({ size: { min: 1 } })
    expect(await get('/healthz')).toMatchObject({ status: 200, body: { ok: true } })
    await pool.ready()
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { ready: true } })
  })

  it('is ready without a session when the pool starts none ahead of demand', async () => {
    const { get } = await httpHost({ size: { min: 0, spare: 0 } })
    expect((await get('/readyz')).status).toBe(200)
  })

  it('is alive but not ready while the breaker is open, and says so to callers', async () => {
    const { get, post, pool } = await httpHost(BROKEN)
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { ready: false } })
    await until(() => pool.getPoolStats().breaker === 'open')
    expect((await get('/healthz')).status).toBe(200)
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { ready: false, reason: expect.stringContaining('breaker') as string } })
    const answer = await post('/v1/requests', code('1'))
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'BREAKER_OPEN' } } })
    expect(answer.headers.get('retry-after')).toBe('5')
  })

  it('is ready while all sessions are busy: callers wait their turn', async () => {
    const { get, pool } = await httpHost({ size: { max: 1 } })
    const lease = await pool.acquire()
    expect((await get('/readyz')).status).toBe(200)
    lease.release()
  })

  it('is not ready when the pool is draining or closed', async () => {
    const { get, post, pool } = await httpHost({ size: { max: 1 } })
    const lease = await pool.acquire()
    const drained = pool.drain()
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { reason: 'the pool is draining' } })
    expect(await post('/v1/requests', code('1'))).toMatchObject({ status: 503, body: { error: { code: 'POOL_DRAINING' } } })
    lease.release()
    await drained
    await pool.close()
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { reason: 'the pool is closed' } })
    expect(await post('/v1/requests', code('1'))).toMatchObject({ status: 503, body: { error: { code: 'POOL_CLOSED' } } })
  })
})

describe('what operators ask', () => {
  it('tells figures, sessions and decisions', async () => {
    const { get, post } = await httpHost()
    await post('/v1/requests', { tenant: 'a', key: 'k', ...code('1') })
    expect((await get('/v1/stats')).body).toMatchObject({ requests: 1, state: 'open', breaker: 'closed' })
    const { sessions } = (await get('/v1/sessions')).body as { sessions: { tenant?: string }[] }
    expect(sessions).toContainEqual(expect.objectContaining({ tenant: 'a', key: 'k', startTime: expect.stringMatching(/^\d{4}-.*Z$/) as string }))
    const { decisions } = (await get('/v1/decisions')).body as { decisions: unknown[] }
    expect(decisions).toContainEqual(expect.objectContaining({ kind: 'start', reason: expect.any(String) as string }))
  })

  it('scales, and answers when the size is reached', async () => {
    const { post, pool } = await httpHost({ size: { max: 3, spare: 0 } })
    expect(await post('/v1/scale', { size: 3 })).toMatchObject({ status: 200, body: { size: 3 } })
    expect(pool.getPoolStats()).toMatchObject({ idleSessions: 3, scaling: { automatic: false } })
  })

  it('scales, and answers at once when told not to wait', async () => {
    const { post, pool } = await httpHost({ size: { max: 2, spare: 0 } })
    expect(await post('/v1/scale', { size: 2, wait: false })).toMatchObject({ status: 202, body: { size: 2 } })
    await until(() => pool.getPoolStats().idleSessions === 2)
  })

  it.each([{ size: 11 }, { size: 11, wait: false }])('refuses a size that the pool may not have: %j', async (body) => {
    const { post } = await httpHost()
    expect(await post('/v1/scale', body)).toMatchObject({ status: 400, body: { error: { code: 'ARGUMENT_INVALID' } } })
  })

  it('reports a scaling that failed after it was answered, but not one that a later one replaced', async () => {
    const problems: unknown[] = []
    const plugin = { name: 'problems', apply: ({ hooks }: { hooks: { problem: { tap(name: string, fn: (problem: unknown, where: string) => void): void } } }) => {
      hooks.problem.tap('problems', (_problem, where) => problems.push(where))
    } }
    const { post, pool } = await httpHost({ size: { max: 4, spare: 0 }, plugins: [plugin] })
    await post('/v1/scale', { size: 4, wait: false })
    await post('/v1/scale', { size: 1 })
    expect(problems).not.toContain('scaling to 4')
    await post('/v1/scale', { size: 4, wait: false })
    await pool.close({ grace: 0 })
    await until(() => problems.includes('scaling to 4'))
  })

  it('turns automatic scaling on and off', async () => {
    const { post, pool } = await httpHost()
    expect(await post('/v1/autoscale', { enabled: false })).toMatchObject({ status: 200, body: { enabled: false } })
    expect(pool.getPoolStats().scaling.automatic).toBe(false)
    await post('/v1/autoscale', { enabled: true })
    expect(pool.getPoolStats().scaling.automatic).toBe(true)
  })

  it('ends one session, and says when there is none of that name', async () => {
    const { request, pool } = await httpHost({ size: { max: 2, spare: 0 } })
    await pool.scale(2)
    const [first, second] = pool.getSessionMetrics().map(({ sessionId }) => sessionId)
    const ended = await request(`/v1/sessions/${first!}`, { method: 'DELETE' })
    expect(await ended.json()).toEqual({ sessionId: first, ended: true })
    expect(pool.getSessionMetrics().map(({ sessionId }) => sessionId)).toContain(second)
    expect(pool.getSessionMetrics().map(({ sessionId }) => sessionId)).not.toContain(first)
    const unknown = await request('/v1/sessions/nobody', { method: 'DELETE' })
    expect(unknown.status).toBe(404)
    expect(await unknown.json()).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })

  it.each([['GET', '/v1/nothing'], ['GET', '/'], ['PUT', '/v1/requests'], ['GET', '/v1/requests']])('says that there is no %s %s', async (method, path) => {
    const { request } = await httpHost({ size: { spare: 0 } })
    const response = await request(path, { method })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND', message: expect.stringContaining(path) as string } })
  })

  it('refuses an address that is not one', async () => {
    const { get } = await httpHost({ size: { spare: 0 } })
    expect(await get('/v1/%')).toMatchObject({ status: 400, body: { error: { code: expect.any(String) as string } } })
  })

  it('tells nobody what went wrong inside, and reports it', async () => {
    const problems: string[] = []
    const plugin = { name: 'bad', apply: ({ hooks }: { hooks: { problem: { tap(name: string, fn: (problem: unknown, where: string) => void): void } } }) => {
      hooks.problem.tap('bad', (problem, where) => problems.push(`${where}: ${String(problem)}`))
    } }
    const { get, request, pool } = await httpHost({ size: { spare: 0 }, plugins: [plugin] })
    Object.assign(pool, { getPoolStats: () => { throw new Error('secret') } })
    const answer = await get('/v1/stats')
    expect(answer).toMatchObject({ status: 500, body: { error: { code: 'INTERNAL' } } })
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(problems).toEqual(['http GET /v1/stats: Error: secret'])
    // A stream has its headers out already.
    Object.assign(pool, { use: (_options: unknown, work: (lease: unknown) => unknown) => work({ signal: new AbortController().signal, stream() { throw new Error('secret') } }) })
    const stream = await request('/v1/requests', { method: 'POST', headers: { accept: 'text/event-stream', 'content-type': 'application/json' }, body: JSON.stringify(code('1')) })
    expect(await stream.text()).toContain('event: error\ndata: {"error":{"code":"INTERNAL"')
    expect(problems[1]).toBe('http request: Error: secret')
  })
})

describe('who may ask', () => {
  it('answers without a token to loopback names only', async () => {
    const { url } = await httpHost({ size: { spare: 0 } })
    expect(await statusWith(`${url}/v1/stats`, { host: 'evil.example' })).toBe(421)
    expect(await statusWith(`${url}/v1/nothing`, { host: 'evil.example' })).toBe(421)
    expect(await statusWith(`${url}/v1/stats`, { host: 'localhost' })).toBe(200)
    expect(await statusWith(`${url}/healthz`, { host: 'evil.example' })).toBe(200)
  })

  it('refuses what a form could send', async () => {
    const { post } = await httpHost({ size: { spare: 0 } })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      expect(await post('/v1/requests', code('1'), { 'content-type': type })).toMatchObject({ status: 415, body: { error: { code: 'MEDIA_TYPE_UNSUPPORTED' } } })
    }
  })

  it('wants the token when there is one, save from supervisors', async () => {
    const { get } = await httpHost({ size: { spare: 0 } }, { token: 's3cret', host: '0.0.0.0' })
    const refused = await get('/v1/stats')
    expect(refused).toMatchObject({ status: 401, body: { error: { code: 'UNAUTHORIZED' } } })
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect((await get('/v1/stats', { authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await get('/v1/stats', { authorization: 'Bearer s3cret' })).status).toBe(200)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
  })
})

describe('listen', () => {
  async function listening(options: Record<string, unknown>): Promise<{ url: string }> {
    const host = await createPoolHost({ driver: 'node-repl', size: { spare: 0 } })
    onTestFinished(() => host.pool.close({ grace: 0 }))
    const gateway = await host.gateway(options)
    onTestFinished(() => gateway.close(0))
    return gateway.listen(host.pool)
  }

  it('refuses to be reached from elsewhere without a token', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      await expect(listening({ port: 0, host })).rejects.toMatchObject({ code: 'GATEWAY_FAILED', message: expect.stringContaining('GREENROOM_TOKEN') as string })
    }
  })

  it('says which port is in use, and what to do', async () => {
    const port = await takenPort()
    await expect(listening({ port })).rejects.toMatchObject({ code: 'GATEWAY_FAILED', message: expect.stringMatching(new RegExp(`port ${port} .*--port`)) as string })
  })

  it('says that an address is not one of this machine', async () => {
    await expect(listening({ port: 0, host: '192.0.2.1', token: 't' })).rejects.toMatchObject({ code: 'GATEWAY_FAILED', message: expect.stringContaining('192.0.2.1') as string })
  })

  it('says its address as one would type it', async () => {
    expect((await listening({ port: 0, host: 'localhost' })).url).toMatch(/^http:\/\/localhost:\d+$/)
    expect((await listening({ port: 0, host: '127.0.0.1' })).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  it('listens once', async () => {
    const { gateway, pool } = await httpHost({ size: { spare: 0 } })
    await expect(gateway.listen(pool)).rejects.toMatchObject({ code: 'GATEWAY_FAILED' })
  })

  it.each([{ port: 70_000 }, { prot: 1 }, { bodyLimit: 'much' }, { token: '' }])('refuses the options %j', async (options) => {
    await expect(listening(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('close', () => {
  it('lets an answer under way finish, and then closes its connection', async () => {
    const { gateway, post, request, pool } = await httpHost()
    const answering = post('/v1/requests', code('await new Promise((resolve) => setTimeout(resolve, 500)); 42'))
    await until(() => pool.getPoolStats().activeSessions === 1)
    const closing = gateway.close(60_000)
    expect(await answering).toMatchObject({ status: 200, body: { result: { value: 42 } } })
    await closing
    await expect(request('/healthz')).rejects.toThrow()
  })

  it('cuts off after its grace what does not finish, and ends the lease', async () => {
    const { gateway, post, pool } = await httpHost()
    const cut = expect(post('/v1/requests', code('while (true) {}'))).rejects.toThrow()
    await until(() => pool.getPoolStats().activeSessions === 1)
    await gateway.close(50)
    await cut
    await until(() => pool.getPoolStats().activeSessions === 0)
  })

  it('does not wait for connections that want nothing', async () => {
    const { gateway, url } = await httpHost({ size: { spare: 0 } })
    const silent = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    await once(silent, 'connect')
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const [response] = await once(httpGet(`${url}/healthz`, { agent }), 'response') as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    const gone = once(silent, 'close')
    await gateway.close(600_000)
    await gone
  })

  it('turns away what comes on a connection that is still answering', async () => {
    const { gateway, url, pool } = await httpHost()
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    let received = ''
    socket.on('data', (chunk: Buffer) => { received += chunk.toString() })
    const body = JSON.stringify(code('await new Promise((resolve) => setTimeout(resolve, 500)); 42'))
    socket.write(`POST /v1/requests HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    await until(() => pool.getPoolStats().activeSessions === 1)
    const closing = gateway.close(60_000)
    socket.write('GET /v1/stats HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await closing
    await until(() => socket.closed || socket.destroyed)
    expect(received).toContain('"value":42')
    expect(received).toContain('POOL_DRAINING')
  })

  it('may be called twice, and before anything listens', async () => {
    const host = await createPoolHost({ driver: 'node-repl', size: { spare: 0 } })
    const gateway = await host.gateway({ port: 0 })
    await gateway.close(0)
    await gateway.close(0)
    await host.pool.close()
  })

  it('ends the request of a client that sends half of one', async () => {
    const { gateway, url } = await httpHost({ size: { spare: 0 } })
    const half = httpRequest(`${url}/v1/requests`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '100' } })
    const failed = once(half, 'error')
    half.on('error', () => undefined)
    half.write('{')
    await once(half, 'socket')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await gateway.close(50)
    await failed
  })
})
