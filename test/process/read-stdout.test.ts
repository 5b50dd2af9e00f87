import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Child, readStdout } from '../../src/kit.ts'

describe('readStdout', () => {
  it('reads past the stream where the child can', () => {
    const readers: unknown[] = []
    const child = { stdout: new PassThrough(), readStdout: (reader: unknown) => void readers.push(reader) } as unknown as Child
    const reader = (): void => undefined
    readStdout(child, reader)
    expect(readers).toEqual([reader])
    expect(child.stdout.listenerCount('data')).toBe(0)
  })

  it('listens to the stream where that is all there is', async () => {
    const stdout = new PassThrough()
    const read: string[] = []
    readStdout({ stdout } as unknown as Child, (chunk) => read.push(chunk.toString()))
    stdout.end('hello')
    await new Promise((resolve) => stdout.once('end', resolve))
    expect(read).toEqual(['hello'])
  })
})
