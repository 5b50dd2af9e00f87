import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { Guard, isLoopback } from '../../../../plugins/gateways/http/guard.ts'

function request(headers: Record<string, string>, method = 'GET'): IncomingMessage {
  return { method, headers } as unknown as IncomingMessage
}

describe('isLoopback', () => {
  it.each(['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.1.2.3', '::1'])('knows %s', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  it.each(['0.0.0.0', '::', '', '10.0.0.1', 'localhost.example', '127.0.0.1.example', 'example.com', '127.0.0'])('knows that %j is not', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})

describe('Guard without a token', () => {
  const guard = new Guard(undefined)

  it.each(['localhost:4646', 'localhost', '127.0.0.1:4646', '[::1]:4646', '[::1]'])('answers to %s', (host) => {
    expect(() => guard.check(request({ host }))).not.toThrow()
  })

  it.each(['evil.example:4646', 'evil.example', '', '[::2]:4646', 'localhost:4646:1', '192.168.0.1'])('refuses the name %j: a page may have sent it', (host) => {
    expect(() => guard.check(request({ host }))).toThrow(expect.objectContaining({ status: 421, code: 'HOST_REFUSED' }))
  })

  it('refuses a request without a Host', () => {
    expect(() => guard.check(request({}))).toThrow(expect.objectContaining({ status: 421 }))
  })

  it.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp'])(
    'refuses a POST of %s: a page may send it without asking', (type) => {
      const headers = { host: 'localhost', ...(type !== undefined && { 'content-type': type }) }
      expect(() => guard.check(request(headers, 'POST'))).toThrow(expect.objectContaining({ status: 415 }))
    })

  it('takes a POST of JSON', () => {
    for (const type of ['application/json', 'Application/JSON; charset=utf-8']) {
      expect(() => guard.check(request({ host: 'localhost', 'content-type': type }, 'POST'))).not.toThrow()
    }
  })
})

describe('Guard with a token', () => {
  const guard = new Guard('s3cret')

  it('answers to whoever sends it, by whatever name', () => {
    expect(() => guard.check(request({ host: 'pool.example', authorization: 'Bearer s3cret' }))).not.toThrow()
    expect(() => guard.check(request({ host: 'pool.example', authorization: 'bearer  s3cret' }))).not.toThrow()
  })

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer s3cre', 'Bearer s3cret!', 'Basic s3cret', 's3cret'])('refuses %j', (authorization) => {
    const headers = { host: 'localhost', ...(authorization !== undefined && { authorization }) }
    expect(() => guard.check(request(headers))).toThrow(expect.objectContaining({ status: 401, code: 'UNAUTHORIZED' }))
  })
})
