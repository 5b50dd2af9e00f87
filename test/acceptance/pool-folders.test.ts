import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { evaluate, openPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

const LEAVE = `
  const { writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  for (const folder of [process.cwd(), process.env.HOME, process.env.TMPDIR]) writeFileSync(join(folder, 'secret'), 'of a')
`
const LOOK = `
  const { readdirSync } = await import('node:fs')
  ;[process.cwd(), process.env.HOME, process.env.TMPDIR].flatMap((folder) => readdirSync(folder, { recursive: true }))
`

describe('a folder for each tenant', () => {
  it('is where its sessions run, live and temporary files too: another tenant finds nothing, the same one finds its own', async () => {
    const root = join(await tempFolder(), 'tenants')
    const folders = { root, cwd: 'work', env: { HOME: 'home', TMPDIR: 'tmp' } }
    const { pool } = await openPool({ driver: { use: 'node-repl', folders }, size: { max: 8, spare: 1 } })
    await pool.use({ tenant: 'a' }, (lease) => evaluate(lease, LEAVE))
    expect(await pool.use({ tenant: 'b' }, (lease) => evaluate(lease, LOOK))).toEqual([])
    const again = await pool.use({ tenant: 'a' }, (lease) => evaluate(lease, LOOK))
    expect(new Set(again as string[])).toEqual(new Set(['secret']))
    // Whose the spares are by now depends on who was ready first.
    expect(await pool.warm(1, { tenant: 'a' })).toBe(1)
    expect((await pool.acquire({ tenant: 'a', key: 'k' })).served).toBe('spare')
  })

  it('that can not be made gives its callers the cause, and the host no exception', async () => {
    const root = join(await tempFolder(), 'file')
    await writeFile(root, 'in the way')
    const { pool } = await openPool({ driver: { use: 'node-repl', folders: { root } }, size: { spare: 0 }, restart: { maxCrashes: 1 } })
    const error = await greenroomErrorOf(() => pool.acquire({ tenant: 'a' }))
    expect(error.code).toBe('BREAKER_OPEN')
    expect(error.message).toMatch(/ENOTDIR|EEXIST/)
  })
})
