import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { createSpawner, endChild, type Child, type EndOptions } from '../../src/kit.ts'
import { until, withinHang } from '../support/driver-harness.ts'
import { isRunning } from '../support/is-running.ts'

const STUBBORN = fileURLToPath(new URL('../fixtures/stubborn.mjs', import.meta.url))
const LONG = 10_000

async function start(...modes: string[]): Promise<{ child: Child; output: () => string }> {
  const child = createSpawner({ clock: systemClock }).spawn({ command: process.execPath, args: [STUBBORN, ...modes] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await until(() => text.includes('ready'))
  return { child, output: () => text }
}

const end = (child: Child, stepMs: number, more: Partial<EndOptions> = {}) => withinHang(endChild(child, { clock: systemClock, stepMs, ...more }))

describe('ending a process', () => {
  it('ends one that listens by the end of its input', async () => {
    const { child } = await start()
    expect(await end(child, LONG)).toEqual({ step: 'goodbye', exit: { code: 0, signal: null } })
    expect(await end(child, LONG)).toEqual({ step: 'gone', exit: { code: 0, signal: null } })
  })

  it('says goodbye before it closes the input', async () => {
    const { child } = await start()
    const order: string[] = []
    child.stdin.once('finish', () => order.push('end of input'))
    const goodbye = async (signal: AbortSignal): Promise<void> => void order.push(`goodbye, aborted: ${signal.aborted}`)
    expect((await end(child, LONG, { goodbye })).step).toBe('goodbye')
    expect(order).toEqual(['goodbye, aborted: false', 'end of input'])
  })

  it('goes on after a goodbye that fails, and reports why', async () => {
    const { child } = await start()
    const problem = new Error('no')
    expect(await end(child, LONG, { goodbye: () => { throw problem } })).toEqual({ step: 'goodbye', exit: { code: 0, signal: null }, goodbyeProblem: problem })
  })

  it('gives up a goodbye that hangs, and tells it so', async () => {
    const { child } = await start('deaf-eof')
    let told: AbortSignal | undefined
    const goodbye = (signal: AbortSignal): Promise<void> => ((told = signal), new Promise(() => {}))
    expect(await end(child, 1_000, { goodbye })).toMatchObject({ step: 'sigterm', exit: { signal: 'SIGTERM' } })
    expect(told?.aborted).toBe(true)
  })

  it('ends one that ignores the end of its input with SIGTERM', async () => {
    const { child } = await start('deaf-eof')
    expect(await end(child, 1_000)).toEqual({ step: 'sigterm', exit: { code: null, signal: 'SIGTERM' } })
  })

  it('ends one that ignores SIGTERM too', async () => {
    const { child } = await start('deaf-eof', 'deaf-term')
    expect(await end(child, 1_000)).toEqual({ step: 'sigkill', exit: { code: null, signal: 'SIGKILL' } })
  })

  it('ends one that is stopped', async () => {
    const polite = await start()
    polite.child.signal('SIGSTOP')
    expect((await end(polite.child, 1_000)).step).toBe('sigterm')
    const deaf = await start('deaf-eof', 'deaf-term')
    deaf.child.signal('SIGSTOP')
    expect((await end(deaf.child, 1_000)).step).toBe('sigkill')
  })

  it('kills at once when told to', async () => {
    const { child } = await start()
    let said = false
    expect((await end(child, LONG, { immediate: true, goodbye: async () => void (said = true) })).step).toBe('sigkill')
    expect(said).toBe(false)
  })

  it('leaves nothing of its group behind, however the process itself ended', async () => {
    for (const ending of ['eof', 'crash']) {
      const { child, output } = await start('grandchild')
      const grandchild = Number.parseInt(output(), 10)
      expect(isRunning(grandchild)).toBe(true)
      if (ending === 'crash') {
        child.signal('SIGKILL')
        await withinHang(child.exited)
      }
      await end(child, LONG)
      await until(() => !isRunning(grandchild))
    }
  })

  it('may be called twice at the same time', async () => {
    const { child } = await start('deaf-eof')
    const steps = await Promise.all([end(child, 1_000), end(child, 1_000)])
    expect(steps.map(({ step }) => step)).toEqual(['sigterm', 'sigterm'])
  })

  it('reports one that SIGKILL does not end as lost, within the bound', async () => {
    // An uninterruptible process can't be made on demand.
    const signals: string[] = []
    const child: Child = {
      pid: 1, stdin: new PassThrough(), stdout: new PassThrough(), bytesRead: 0, exited: new Promise(() => {}), exit: undefined, stderrTail: () => '',
      signal: (signal) => signals.push(signal) > 0,
      signalGroup: (signal) => (signals.push(`group ${signal}`), false),
    }
    expect(await end(child, 20)).toEqual({ step: 'lost' })
    expect(signals).toEqual(['group SIGTERM', 'SIGTERM', 'group SIGCONT', 'SIGCONT', 'group SIGKILL', 'SIGKILL', 'group SIGKILL'])
  })
})
