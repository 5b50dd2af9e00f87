import { describe, expect, it } from 'vitest'
import { FrameBuffer } from '../../../src/kit.ts'

/** A frame of so many bytes, in pieces of at most so many. */
function collect(buffer: FrameBuffer, frame: Buffer, piece: number): Buffer {
  for (let at = 0; at < frame.length; at += piece) buffer.append(frame, at, Math.min(frame.length, at + piece))
  return buffer.take()
}

const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => n % 251))
const capacityOf = (frame: Buffer): number => frame.buffer.byteLength

describe('FrameBuffer', () => {
  it('gives a frame as it came, however small its pieces are, and then another', () => {
    const buffer = new FrameBuffer()
    for (const [length, piece] of [[10_000, 1], [3, 2], [100_000, 7_000], [0, 1]] as const) expect(collect(buffer, bytes(length), piece)).toEqual(bytes(length))
  })

  it('shares no memory with the pieces, nor one frame with the next', () => {
    const buffer = new FrameBuffer()
    const piece = bytes(5_000)
    buffer.append(piece, 0, piece.length)
    piece.fill(0)
    const first = buffer.take()
    collect(buffer, Buffer.alloc(5_000), 5_000)
    expect(first).toEqual(bytes(5_000))
  })

  it('takes up less than twice the frame, or what the one before was long', () => {
    const buffer = new FrameBuffer()
    expect(capacityOf(collect(buffer, bytes(100_000), 999))).toBeLessThan(200_000)
    expect(capacityOf(collect(buffer, bytes(100_000), 20_000))).toBe(100_000)
    expect(capacityOf(collect(buffer, bytes(30_000), 20_000))).toBe(100_000)
  })

  it('makes no room for a long frame when a short one begins', () => {
    const buffer = new FrameBuffer()
    collect(buffer, bytes(1_000_000), 100_000)
    expect(capacityOf(collect(buffer, bytes(6_000), 3_000))).toBeLessThan(12_001)
  })
})
