import { mkdtempSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EarlySocket } from '../../../src/process/keeper/early-socket.ts'
import { until } from '../../support/driver-harness.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** Somebody who listens, and what each connection has said so far. */
async function listener(): Promise<{ path: string; heard: { text: string; ended: boolean; socket: Socket }[]; server: Server }> {
  const path = join(mkdtempSync(join(await tempFolder(), 's-')), 's')
  const heard: { text: string; ended: boolean; socket: Socket }[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const one = { text: '', ended: false, socket }
    heard.push(one)
    socket.on('data', (chunk: Buffer) => (one.text += chunk.toString())).on('end', () => (one.ended = true)).on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    for (const { socket } of heard) socket.destroy()
    server.close()
  })
  return { path, heard, server }
}

function early(readable: boolean): EarlySocket {
  const socket = new EarlySocket({ readable })
  onTestFinished(() => void socket.destroy())
  return socket
}

const introduced = (socket: EarlySocket, path: string): Promise<void> => new Promise((resolve) => socket.introduce(path, 'who', resolve))
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

describe('an early socket', () => {
  it.each(['before it is connected', 'after'])('holds back what is written to it, and its end, %s until it is released', async (when) => {
    const { path, heard } = await listener()
    const socket = early(false)
    const write = (): void => {
      socket.write('a')
      socket.write('b')
      socket.write(Buffer.from('c'))
      socket.end('d')
    }
    if (when !== 'after') write()
    await introduced(socket, path)
    if (when === 'after') write()
    await until(() => heard[0]?.text === 'who')
    await turns(20)
    expect(heard[0]).toMatchObject({ text: 'who', ended: false })
    socket.release()
    await until(() => heard[0]!.ended)
    expect(heard[0]!.text).toBe('whoabcd')
  })

  it('holds back the end alone, too', async () => {
    const { path, heard } = await listener()
    const socket = early(false)
    socket.end()
    await introduced(socket, path)
    await turns(20)
    expect(heard[0]).toMatchObject({ text: 'who', ended: false })
    socket.release()
    await until(() => heard[0]!.ended)
  })

  it('passes everything on at once when it was released before', async () => {
    const { path, heard } = await listener()
    const socket = early(false)
    await introduced(socket, path)
    socket.release()
    socket.cork()
    socket.write('a')
    socket.write('b')
    socket.uncork()
    socket.end('c')
    await until(() => heard[0]!.ended)
    expect(heard[0]!.text).toBe('whoabc')
  })

  it('can be read as soon as it is connected, and ends with the other side', async () => {
    const { path, heard } = await listener()
    const socket = early(true)
    const chunks = socket.toArray() as Promise<Buffer[]>
    await introduced(socket, path)
    await until(() => heard[0]?.text === 'who')
    heard[0]!.socket.end('hello')
    expect(Buffer.concat(await chunks).toString()).toBe('hello')
    await until(() => socket.destroyed && heard[0]!.ended)
  })

  it('gives chunks that may be kept: what comes later, here or elsewhere, leaves them as they are', async () => {
    const { path, heard } = await listener()
    const sockets = [early(true), early(true)]
    const kept: Buffer[] = []
    for (const socket of sockets) {
      socket.on('data', (chunk: Buffer) => kept.push(chunk))
      await introduced(socket, path)
    }
    await until(() => heard.length === 2)
    for (const [n, text] of ['first', 'other', 'third'].entries()) {
      heard[n % 2]!.socket.write(text)
      await until(() => kept.length === n + 1)
    }
    expect(kept.map(String)).toEqual(['first', 'other', 'third'])
  })

  it('is not read further than its consumer follows', async () => {
    const { path, heard } = await listener()
    const socket = early(true)
    await introduced(socket, path)
    await until(() => heard.length === 1)
    const bytes = Buffer.alloc(4_000_000, 'x')
    heard[0]!.socket.end(bytes)
    await until(() => socket.readableLength >= socket.readableHighWaterMark)
    await turns(50)
    expect(socket.bytesRead).toBeLessThan(bytes.length / 2)
    let length = 0
    for await (const chunk of socket) length += (chunk as Buffer).length
    expect(length).toBe(bytes.length)
  })

  it('gives what comes in to a reader, past the stream, and tells of its end', async () => {
    const { path, heard } = await listener()
    const socket = early(true)
    const read: string[] = []
    let emitted = 0
    socket.readWith((chunk) => read.push(chunk.toString()))
    socket.on('data', () => emitted++)
    const ended = new Promise<void>((resolve) => socket.once('end', resolve))
    await introduced(socket, path)
    await until(() => heard.length === 1)
    heard[0]!.socket.write('hello')
    await until(() => read.length === 1)
    heard[0]!.socket.end('bye')
    await ended
    expect(read).toEqual(['hello', 'bye'])
    expect([emitted, socket.bytesRead]).toEqual([0, 8])
  })

  it('gives its reader also what came before there was one', async () => {
    const { path, heard } = await listener()
    const socket = early(true)
    await introduced(socket, path)
    await until(() => heard.length === 1)
    heard[0]!.socket.write('early')
    await until(() => socket.bytesRead === 5)
    const read: string[] = []
    socket.readWith((chunk) => read.push(chunk.toString()))
    heard[0]!.socket.end('late')
    await until(() => read.join() === 'early,late')
  })

  it('gives its reader nothing while it is paused', async () => {
    const { path, heard } = await listener()
    const socket = early(true)
    let read = ''
    socket.readWith((chunk) => {
      read += chunk.toString()
      socket.pause()
    })
    await introduced(socket, path)
    await until(() => heard.length === 1)
    heard[0]!.socket.write('one')
    await until(() => read === 'one')
    heard[0]!.socket.end('two')
    await turns(20)
    expect(read).toBe('one')
    socket.resume()
    await until(() => read === 'onetwo')
  })

  it('does not read what it is not meant to read', async () => {
    const { path, heard } = await listener()
    const socket = early(false)
    let read = 0
    socket.on('data', () => read++)
    await introduced(socket, path)
    await until(() => heard[0]?.text === 'who')
    heard[0]!.socket.end('hello')
    socket.release()
    socket.write('still open')
    await until(() => heard[0]!.text === 'whostill open')
    expect([read, socket.bytesRead]).toEqual([0, 0])
  })

  it('tells those who wait when it is closed before it was released', async () => {
    const socket = early(false)
    const outcome = new Promise<Error | null | undefined>((resolve) => socket.write('a', resolve))
    socket.on('error', () => undefined)
    socket.destroy()
    expect((await outcome)?.message).toContain('never started')
  })

  it('fails when nobody listens', async () => {
    const socket = early(false)
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => socket.on('error', resolve))
    socket.introduce(join(await tempFolder(), 'absent'), 'who', () => { throw new Error('nobody is there') })
    expect((await failed).code).toBe('ENOENT')
  })
})
