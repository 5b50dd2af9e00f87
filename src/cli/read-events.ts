export interface ServerEvent {
  readonly event: string
  /** The parsed JSON. */
  readonly data: unknown
}

/** The server-sent events in a stream of bytes; comments are skipped. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event) yield event
    }
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  let event = 'message'
  let data: string | undefined
  for (const field of block.split('\n')) {
    if (field.startsWith('event: ')) event = field.slice('event: '.length)
    else if (field.startsWith('data: ')) data = field.slice('data: '.length)
  }
  return data === undefined ? undefined : { event, data: JSON.parse(data) as unknown }
}
