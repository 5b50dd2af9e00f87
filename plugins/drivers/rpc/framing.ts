import { ContentLengthDecoder, encodeContentLength, encodeLine, LineDecoder, type GreenroomError } from 'greenroom/kit'

/** How messages are told apart in the byte stream: one a line, or each after a header with its length, as language servers do. */
export type Framing = 'ndjson' | 'content-length'

interface Decoder {
  push(chunk: Buffer): void
}

/** Bytes in, JSON texts out. */
export function createDecoder(
  framing: Framing, maxFrame: number, handlers: { frame(text: string): void; error(error: GreenroomError): void },
): Decoder {
  if (framing === 'ndjson') return new LineDecoder(handlers, maxFrame)
  return new ContentLengthDecoder({ frame: (body) => handlers.frame(body.toString()), error: (error) => handlers.error(error) }, maxFrame)
}

/** @throws GreenroomError `MESSAGE_INVALID` when the message has no JSON form. */
export function encode(framing: Framing, message: unknown): string | Buffer {
  return framing === 'ndjson' ? encodeLine(message) : encodeContentLength(message)
}
