import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventStream } from '../../../../plugins/gateways/http/event-stream.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const never = new AbortController().signal

/** A real response, and the reader at the other end of its connection. */
async function connected(): Promise<{ response: ServerResponse; reader: IncomingMessage; clock: ManualClock; events: EventStream }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asking = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  asking.on('error', () => undefined)
  asking.end()
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const [, response] = await once(server, 'request') as [IncomingMessage, ServerResponse]
  const clock = new ManualClock()
  const events = new EventStream(response, clock)
  const [reader] = await once(asking, 'response') as [IncomingMessage]
  reader.setEncoding('utf8')
  return { response, reader, clock, events }
}

async function textOf(reader: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of reader) text += chunk as string
  return text
}

/** Resolves when nothing has gone out for a while and the response says that it is full. */
async function stuck(response: ServerResponse, sent: () => number): Promise<void> {
  for (let quiet = 0, before = sent(); quiet < 10; before = sent()) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    quiet = response.writableNeedDrain && sent() === before ? quiet + 1 : 0
  }
}

describe('EventStream', () => {
  it('sends its headers before the first event', async () => {
    const { reader } = await connected()
    expect(reader.statusCode).toBe(200)
    expect(reader.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  })

  it('sends events as JSON, one line of data each', async () => {
    const { reader, events } = await connected()
    await events.send('message', { text: 'a\nb' }, never)
    await events.send('message', undefined, never)
    events.end('result', 42)
    expect(await textOf(reader)).toBe('event: message\ndata: {"text":"a\\nb"}\n\nevent: message\ndata: null\n\nevent: result\ndata: 42\n\n')
  })

  it('shows every 15 seconds that it lives, until its end', async () => {
    const { reader, clock, events, response } = await connected()
    clock.advance(45_000)
    events.end('result', 1)
    clock.advance(15_000)
    expect(await textOf(reader)).toBe(`${': still working\n\n'.repeat(3)}event: result\ndata: 1\n\n`)
    if (!response.closed) await once(response, 'close')
    expect(clock.pending).toBe(0)
  })

  it('waits for a reader that does not read, sends it no heartbeats, and goes on when it reads', async () => {
    const { reader, clock, events, response } = await connected()
    const megabyte = 'x'.repeat(2 ** 20)
    let sent = 0
    const sending = (async () => {
      for (; sent < 64; sent++) await events.send('message', megabyte, never)
      events.end('result', null)
    })()
    await stuck(response, () => sent)
    expect(sent).toBeLessThan(64)
    clock.advance(60_000)
    const text = await textOf(reader)
    await sending
    expect(text).not.toContain('still working')
    expect(text.match(/event: message/g)).toHaveLength(64)
  })

  it('stops waiting for a reader when told to', async () => {
    const { events } = await connected()
    const megabyte = 'x'.repeat(2 ** 20)
    const stop = new AbortController()
    const sending = (async () => {
      for (;;) await events.send('message', megabyte, stop.signal)
    })()
    setTimeout(() => stop.abort(new Error('enough')), 100)
    await expect(sending).rejects.toThrow('enough')
    await expect((async () => {
      for (;;) await events.send('message', megabyte, stop.signal)
    })()).rejects.toThrow('enough')
  })

  it('cuts off a reader that does not take the end', async () => {
    const { clock, events, response } = await connected()
    void events.send('message', 'x'.repeat(64 * 2 ** 20), never)
    events.end('result', null)
    expect(response.closed).toBe(false)
    clock.advance(30_000)
    if (!response.closed) await once(response, 'close')
    expect(clock.pending).toBe(0)
  })
})
