import { describe, expect, it } from 'vitest'
import { toJson } from '../../../../plugins/gateways/http/json.ts'
import { httpHost } from '../../../support/http-host.ts'

describe('JSON with bytes in it', () => {
  it('has them in their place, as they are', () => {
    expect(String(toJson({ result: Buffer.from('{"a" :1.0}'), left: undefined, id: 'x"', warm: true }))).toBe('{"result":{"a" :1.0},"id":"x\\"","warm":true}')
    expect(String(toJson(Buffer.from('[1]')))).toBe('[1]')
    for (const value of [null, 7, 'text', [Buffer.from('1')], { a: { b: 1 } }]) expect(toJson(value)).toBe(JSON.stringify(value))
  })

  it('is what a driver gives that passes messages through', async () => {
    const program = `process.stdin.on('data', (line) => process.stdout.write('{"n" :1}\\n{"last":1,\\r"text":' + JSON.stringify(String(line)) + '}\\n'))`
    const { post, request } = await httpHost({
      driver: { use: 'json-lines', command: process.execPath, args: ['-e', program], raw: true, terminal: { last: 1 } },
    })
    const { status, headers, body } = await post('/v1/requests', { message: { ask: 'ü' } })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toContain('application/json')
    expect(body).toMatchObject({ result: { last: 1, text: '{"ask":"ü"}\n' }, served: 'started' })
    const events = await request('/v1/requests', {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, body: JSON.stringify({ message: 1 }),
    })
    const text = await events.text()
    expect(text).toMatch(/^event: message\ndata: \{"n" :1\}\n\nevent: result\ndata: \{"result":\{"last":1,/)
    expect(text).not.toContain('\r')
  })
})
