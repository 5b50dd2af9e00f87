import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkNode, checkProc, checkTools, checkUserLimits } from '../../../src/cli/doctor/system-checks.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** A file system of its own, as another machine would have it. */
async function machine(files: Record<string, string>): Promise<string> {
  const root = await tempFolder()
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}

describe('checkNode', () => {
  it.each([['20.19.0', 'ok'], ['20.18.3', 'fail'], ['18.20.0', 'fail'], ['22.0.0', 'ok']])('says of Node %s: %s', (version, status) => {
    expect(checkNode(version).status).toBe(status)
  })
})

describe('checkProc', () => {
  it('notes a machine without /proc', async () => {
    expect((await checkProc(await machine({}))).status).toBe('note')
    expect((await checkProc(await machine({ 'proc/self/stat': '1 (node) S' }))).status).toBe('ok')
  })
})

describe('checkUserLimits', () => {
  const limits = (files: string, processes: string) => ({
    'proc/self/limits': `Limit                     Soft Limit           Hard Limit           Units
Max processes             ${processes}                unlimited            processes
Max open files            ${files}                1048576              files     \n`,
  })

  it('fails when size.max needs more than there is, and says how much', async () => {
    const checks = await checkUserLimits(await machine(limits('1024', '100')), 1_000)
    expect(checks.map(({ status }) => status)).toEqual(['fail', 'fail'])
    expect(checks[0]!.advice).toContain('ulimit -n 4256')
    expect(checks[1]!.advice).toContain('ulimit -u 1064')
  })

  it('is content with enough, and with no limit', async () => {
    const checks = await checkUserLimits(await machine(limits('65536', 'unlimited')), 1_000)
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok'])
  })

  it('says so where the limits cannot be read', async () => {
    const checks = await checkUserLimits(await machine({}), 10)
    expect(checks.map(({ status }) => status)).toEqual(['note', 'note'])
  })
})

describe('checkTools', () => {
  it('notes those that are not on PATH', async () => {
    const checks = await checkTools(await tempFolder(), '/')
    expect(checks.map(({ name, status }) => [name, status])).toEqual([['setpriv', 'note']])
  })
})
