import { describe, expect, it } from 'vitest'
import { readEvents, type ServerEvent } from '../../src/cli/read-events.ts'

const STREAM = ': still working\n\nevent: message\ndata: {"text":"grün"}\n\nevent: result\ndata: {"result":[1,2]}\n\n'

async function read(chunkSize: number): Promise<ServerEvent[]> {
  const bytes = new TextEncoder().encode(STREAM)
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize)
  }
  const events: ServerEvent[] = []
  for await (const event of readEvents(chunks())) events.push(event)
  return events
}

describe('readEvents', () => {
  it.each([1, 2, 3, 7, 1_000])('reads events from chunks of %i bytes, and skips heartbeats', async (chunkSize) => {
    expect(await read(chunkSize)).toEqual([
      { event: 'message', data: { text: 'grün' } },
      { event: 'result', data: { result: [1, 2] } },
    ])
  })
})
