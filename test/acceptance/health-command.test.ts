import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createSpawner, type HealthCheck, SPAWNER } from 'greenroom/kit'
import command from '../../plugins/health/command.ts'
import { provide } from '../../src/kernel/container.ts'
import { systemClock } from '../../src/kernel/system-clock.ts'
import { isRunning } from '../support/is-running.ts'
import { createKernel } from '../support/kernel-harness.ts'
import { openPool, until } from '../support/real-pool.ts'
import { sessionView } from '../support/strategies.ts'

const folder = await mkdtemp(join(tmpdir(), 'greenroom-check-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const never = new AbortController().signal
const ping = (): Promise<boolean> => Promise.resolve(true)

async function make(options: object): Promise<{ check: HealthCheck; problems: string[] }> {
  const kernel = createKernel()
  provide(kernel.container, SPAWNER, [], () => createSpawner({ clock: systemClock }))
  await kernel.host.apply([command])
  const parsed = await kernel.registry.definition('health', 'command')!.options.parseAsync(options)
  const check = await kernel.registry.create({ kind: 'health', name: 'command', options: parsed }, { ...kernel.context, clock: systemClock })
  return { check, problems: kernel.problems }
}

const shell = (script: string, more: object = {}): object => ({ command: 'sh', args: ['-c', script], ...more })

describe('the health check command', () => {
  it('goes by the code of the program, and passes on what it wrote last to stderr', async () => {
    const { check: good } = await make(shell('cat; echo much to say; exit 0'))
    expect(await good.check({ session: sessionView(), timeoutMs: 5_000, ping }, never)).toEqual({ healthy: true, reason: 'the command found nothing wrong' })
    const { check: bad } = await make(shell('echo the cache is torn >&2; exit 3'))
    const { healthy, reason } = await bad.check({ session: sessionView(), timeoutMs: 5_000, ping }, never)
    expect(healthy).toBe(false)
    expect(reason).toBe('the command exited with code 3. The last it wrote to stderr:\nthe cache is torn')
  })

  it('tells the program which process and which session it looks at, and its own variables, and nothing else of the host', async () => {
    process.env['GREENROOM_TEST_SECRET'] = 'secret'
    const file = join(folder, 'seen')
    const { check } = await make(shell('echo "$GREENROOM_CHECKED_PID $GREENROOM_CHECKED_SESSION $LEVEL [$GREENROOM_TEST_SECRET] $(pwd)" > seen', { env: { LEVEL: '7' }, cwd: folder }))
    expect((await check.check({ session: sessionView({ id: 'abc-1', pid: 4321 }), timeoutMs: 5_000, ping }, never)).healthy).toBe(true)
    expect(await readFile(file, 'utf8')).toBe(`4321 abc-1 7 [] ${folder}\n`)
    delete process.env['GREENROOM_TEST_SECRET']
  })

  it('ends the program, and whatever it has started, when the time for the look is over', async () => {
    const file = join(folder, 'pids')
    const { check } = await make(shell(`trap "" TERM; sleep 600 & echo $! $$ > ${file}.new; mv ${file}.new ${file}; wait`))
    const controller = new AbortController()
    const looking = check.check({ session: sessionView(), timeoutMs: 5_000, ping }, controller.signal)
    let pids: number[] = []
    await until(async () => {
      pids = (await readFile(file, 'utf8').catch(() => '')).split(/\s+/).filter(Boolean).map(Number)
      return pids.length > 0
    })
    controller.abort(new Error('no answer within 5 ms'))
    await expect(looking).rejects.toThrow('no answer within 5 ms')
    await until(() => !pids.some(isRunning))
  })

  it('leaves nothing behind of a program that has ended, either', async () => {
    const file = join(folder, 'left')
    const { check } = await make(shell(`sleep 600 > /dev/null 2>&1 & echo $! > ${file}`))
    expect((await check.check({ session: sessionView(), timeoutMs: 5_000, ping }, never)).healthy).toBe(true)
    const pid = Number(await readFile(file, 'utf8'))
    await until(() => !isRunning(pid))
  })

  it('finds nothing out, and says so, when the program is not there', async () => {
    const { check, problems } = await make({ command: join(folder, 'no-such-program') })
    const { healthy, reason } = await check.check({ session: sessionView(), timeoutMs: 5_000, ping }, never)
    expect(healthy).toBeUndefined()
    expect(reason).toContain('could not be started')
    expect(problems).toEqual([expect.stringContaining('the health check command: ')])
  })

  it('begins nothing when the look is over already', async () => {
    const { check } = await make({ command: 'true' })
    await expect(check.check({ session: sessionView(), timeoutMs: 5_000, ping }, AbortSignal.abort(new Error('over')))).rejects.toThrow('over')
  })

  it('ends a session of a pool that the program finds fault with, by a config', async () => {
    const { pool } = await openPool({
      driver: 'shell', size: { min: 1, max: 2 }, health: { use: 'command', command: 'sh', args: ['-c', 'test -d /proc/$GREENROOM_CHECKED_PID && exit 9'], every: 50 },
    })
    const decided = (): string | undefined => pool.decisions().find(({ kind, reason }) => kind === 'end' && reason.startsWith('unhealthy'))?.reason
    await until(() => decided() !== undefined)
    expect(decided()).toContain('the command exited with code 9')
    await pool.close()
  })
})
