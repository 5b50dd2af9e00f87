import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Introductions, type Pipes } from '../../../src/process/keeper/introductions.ts'
import { introduction, type StreamNumber } from '../../../src/process/keeper/protocol.ts'
import { until } from '../../support/driver-harness.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const TOKEN = '0123456789abcdef'.repeat(2)

async function open(): Promise<{ clock: ManualClock; path: string; introductions: Introductions; say: (text: string) => Promise<Socket> }> {
  const clock = new ManualClock()
  const introductions = new Introductions(clock)
  const path = join(await tempFolder(), 's')
  await introductions.listen(path)
  const sockets: Socket[] = []
  onTestFinished(() => {
    introductions.close()
    for (const socket of sockets) socket.destroy()
  })
  const say = (text: string): Promise<Socket> => new Promise((resolve) => {
    const socket = connect(path, () => socket.write(text, () => resolve(socket)))
    socket.on('error', () => undefined).resume()
    sockets.push(socket)
  })
  return { clock, path, introductions, say }
}

function called(introductions: Introductions, token = TOKEN): { pipes: Pipes | undefined | 'not yet' } {
  const outcome: { pipes: Pipes | undefined | 'not yet' } = { pipes: 'not yet' }
  introductions.call(token, (pipes) => {
    outcome.pipes = pipes
    onTestFinished(() => pipes?.forEach((pipe) => pipe.destroy()))
  })
  return outcome
}

describe('introductions', () => {
  it.each(['before', 'after'])('bring the three pipes of a session together, in whatever order they come, called for %s that', async (when) => {
    const { introductions, say, clock } = await open()
    let outcome = when === 'before' ? called(introductions) : undefined
    const sockets: Socket[] = []
    for (const stream of [2, 0, 1] as StreamNumber[]) sockets[stream] = await say(introduction(TOKEN, stream))
    // One timer for each introduction, one for all three together.
    await until(() => clock.timersSet >= 4)
    outcome ??= called(introductions)
    await until(() => Array.isArray(outcome.pipes))
    for (const [stream, pipe] of (outcome.pipes as Pipes).entries()) {
      const reply = new Promise<string>((resolve) => sockets[stream]!.once('data', (chunk: Buffer) => resolve(chunk.toString())))
      pipe.write(`stream ${stream}`)
      expect(await reply).toBe(`stream ${stream}`)
    }
    // Nobody loses patience any more.
    await until(() => clock.pending === 0)
  })

  it('send away who says too much, or names no stream', async () => {
    const { introductions, say } = await open()
    const outcome = called(introductions)
    const closed = await Promise.all([`${introduction(TOKEN, 0)}more`, `${TOKEN}7`, `${TOKEN}x`].map(say))
    await until(() => closed.every((socket) => socket.destroyed))
    expect(outcome.pipes).toBe('not yet')
  })

  it('keep nothing open of who hangs up before the introduction is over', async () => {
    const { clock, say } = await open()
    const closed = await Promise.all(['', 'half'].map(say))
    await until(() => clock.pending === 2)
    for (const socket of closed) socket.end()
    // The clock stands still: nobody has lost patience.
    await until(() => clock.pending === 0 && closed.every((socket) => socket.destroyed))
  })

  it('send away who says nothing for too long, and whom nobody calls for', async () => {
    const { clock, say, path } = await open()
    const [mute, uncalled] = await Promise.all([say('half'), say(introduction(TOKEN, 1))])
    // Heard, when both timers of each are set: one for the introduction, one for the party.
    await until(() => clock.timersSet >= 3)
    clock.advance(10_000)
    await until(() => mute.destroyed && uncalled.destroyed)
    expect([clock.pending, existsSync(path)]).toEqual([0, true])
  })

  it('let the last of two of the same name stand', async () => {
    const { introductions, say } = await open()
    const first = await say(introduction(TOKEN, 1))
    await say(introduction(TOKEN, 0))
    const outcome = called(introductions)
    await say(introduction(TOKEN, 1))
    await until(() => first.destroyed)
    await say(introduction(TOKEN, 2))
    await until(() => Array.isArray(outcome.pipes))
  })

  it('say so when the pipes that are called for do not come', async () => {
    const { clock, introductions, say } = await open()
    const outcome = called(introductions)
    const one = await say(introduction(TOKEN, 0))
    await until(() => clock.timersSet >= 2)
    clock.advance(10_000)
    expect(outcome.pipes).toBeUndefined()
    await until(() => one.destroyed)
  })

  it('close with all who wait, heard of or not', async () => {
    const { clock, introductions, say } = await open()
    const outcome = called(introductions)
    const ones = [await say(introduction(TOKEN, 0)), await say('half')]
    await until(() => clock.timersSet >= 3)
    introductions.close()
    expect(outcome.pipes).toBeUndefined()
    await until(() => ones.every((one) => one.destroyed) && clock.pending === 0)
  })

  it('say why nobody can be received', async () => {
    const introductions = new Introductions(new ManualClock())
    await expect(introductions.listen(join(await tempFolder(), 'absent', 's'))).rejects.toThrow(/ENOENT|EACCES/)
  })
})
