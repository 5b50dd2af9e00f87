import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Check } from '../../src/cli/doctor/check.ts'
import { cli } from '../support/cli.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function examined(config?: unknown): Promise<{ code: number; check: (name: string) => Check | undefined }> {
  const cwd = await tempFolder()
  if (config !== undefined) await writeFile(join(cwd, 'greenroom.config.json'), typeof config === 'string' ? config : JSON.stringify(config))
  const { code, stdout } = await cli(['doctor', '--json'], { cwd })
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
  expect(code).toBe(ok ? 0 : 1)
  return { code, check: (name) => checks.find((check) => check.name === name) }
}

const program = (source: string) => ({ use: 'json-lines', command: process.execPath, args: ['-e', source] })
const QUICK = { restart: { maxCrashes: 1, initial: 1 } }

describe('greenroom doctor', () => {
  it('finds everything in order where there is no config: a session starts and answers', async () => {
    const { code, check } = await examined()
    expect(code).toBe(0)
    expect(check('node')?.status).toBe('ok')
    expect(check('config file')?.status).toBe('note')
    expect(check('keeper')).toMatchObject({ status: process.platform === 'win32' ? 'note' : 'ok' })
    expect(check('session')).toMatchObject({ status: 'ok', message: expect.stringMatching(/^ready \d.*s after its start$/) as string })
    expect(check('probe')).toMatchObject({ status: 'ok', message: expect.stringMatching(/^passed its health check in /) as string })
  })

  it('finds the program of the config, and starts it', async () => {
    const { code, check } = await examined({ driver: program('process.stdin.pipe(process.stdout)'), health: 'ping' })
    expect(code).toBe(0)
    expect(check('config file')).toMatchObject({ status: 'ok', message: 'greenroom.config.json' })
    expect(check('command')).toMatchObject({ status: 'ok', message: process.execPath })
    expect(check('session')?.status).toBe('ok')
  })

  it('says that a program is not there, and what to do', async () => {
    const { code, check } = await examined({ driver: { use: 'json-lines', command: 'no-such-program' }, ...QUICK })
    expect(code).toBe(1)
    expect(check('command')).toMatchObject({ status: 'fail', message: 'no-such-program is not an executable file on PATH' })
    expect(check('session')?.status).toBe('fail')
  })

  it('says what a program that ends at once said', async () => {
    const { code, check } = await examined({ driver: { ...program('console.error("no licence"); process.exit(4)'), ready: { match: { ready: true } } }, ...QUICK })
    expect(code).toBe(1)
    expect(check('session')).toMatchObject({ status: 'fail', message: expect.stringContaining('no licence') as string })
  })

  it('finds that a program starts but does not answer its probe', async () => {
    const driver = { ...program('setInterval(() => {}, 1_000)'), ping: { send: { ping: 1 } } }
    const { code, check } = await examined({ driver, health: { timeout: '200ms' } })
    expect(code).toBe(1)
    expect(check('session')?.status).toBe('ok')
    expect(check('probe')?.status).toBe('fail')
  })

  it('says what is lost where the config does without the keeper', async () => {
    const { check } = await examined({ driver: 'node-repl', keeper: false })
    expect(check('keeper')).toMatchObject({ status: 'note', advice: expect.stringContaining('until its next start') as string })
  })

  it('notes that nobody looks at idle sessions', async () => {
    const { code, check } = await examined({ driver: 'node-repl', health: false })
    expect(code).toBe(0)
    expect(check('probe')?.status).toBe('note')
  })

  it.each([
    ['a config that is not one', '{ "driver": ', 'CONFIG_INVALID'],
    ['a config with a wrong name', { driver: 'node-repl', balancer: 'last-loaded' }, 'least-loaded'],
  ])('says what is wrong with %s', async (_what, config, why) => {
    const { code, check } = await examined(config)
    expect(code).toBe(1)
    expect(check('config')).toMatchObject({ status: 'fail', message: expect.stringContaining(why) as string })
    expect(check('session')).toBe(undefined)
  })

  it('looks at the limits of this user for as many sessions as there may be', async () => {
    const { code, check } = await examined({ driver: 'node-repl', size: { max: 100_000_000 } })
    expect(code).toBe(1)
    expect(check('open files')).toMatchObject({ status: 'fail', advice: expect.stringContaining('ulimit -n') as string })
  })

  it('prints a line for each check, and the verdict', async () => {
    const { code, stdout } = await cli(['doctor', '--no-config'], { cwd: await tempFolder() })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok +node +Node \d/m)
    expect(stdout).toMatch(/^ok +session +ready /m)
    expect(stdout).toContain('everything needed is here')
  })
})
