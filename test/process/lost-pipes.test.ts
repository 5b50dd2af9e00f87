import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { createSpawner, endChild, reportLostPipes, type Child, type GreenroomError } from '../../src/kit.ts'
import { until, withinHang } from '../support/driver-harness.ts'

async function watch(code: string, act: (child: Child) => void, over: (broken: GreenroomError[], child: Child) => Promise<unknown>): Promise<GreenroomError[]> {
  const child = createSpawner({ clock: systemClock }).spawn({ command: process.execPath, args: ['-e', code] })
  const broken: GreenroomError[] = []
  child.stdout.resume()
  reportLostPipes(child, systemClock, (error) => broken.push(error))
  act(child)
  await withinHang(over(broken, child))
  await endChild(child, { clock: systemClock, stepMs: 1_000, immediate: true })
  return broken
}

describe('a process whose pipes are lost', () => {
  it('is reported when it closed stdout and lives on', async () => {
    const broken = await watch('require("fs").closeSync(1); setInterval(() => {}, 1000)', () => undefined, (seen) => until(() => seen.length > 0))
    expect(broken).toMatchObject([{ code: 'PROTOCOL_ERROR', message: expect.stringContaining('stdout') as string }])
  })

  it('is reported once when it closed stdin and lives on', async () => {
    const keepWriting = (child: Child): void => {
      const write = setInterval(() => child.stdin.write('x'), 5)
      child.stdin.once('error', () => clearInterval(write))
    }
    const broken = await watch('require("fs").closeSync(0); setInterval(() => {}, 1000)', keepWriting, (seen) => until(() => seen.length > 0))
    expect(broken).toMatchObject([{ code: 'PROTOCOL_ERROR', message: expect.stringContaining('stdin') as string }])
  })

  it('is not reported when it simply ended', async () => {
    expect(await watch('process.exit(1)', () => undefined, (_seen, child) => child.exited)).toEqual([])
  })
})
