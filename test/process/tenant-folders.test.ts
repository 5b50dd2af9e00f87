import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandCapabilities, commandSpec } from '../../src/process/command-options.ts'
import { folderName, openTenantFolders, tenantFoldersSchema } from '../../src/process/tenant-folders.ts'
import { tempFolder } from '../support/temp-folder.ts'

describe("a tenant's folders", () => {
  it('are made, for this user alone, and become its working directory and variables', async () => {
    const root = join(await tempFolder(), 'tenants')
    const folders = tenantFoldersSchema.parse({ root, cwd: 'work/space', env: { HOME: 'home', TMPDIR: 'tmp' } })
    const { cwd, env } = openTenantFolders(folders, 'acme')
    const own = join(root, folderName('acme'))
    expect([cwd, env]).toEqual([join(own, 'work/space'), { HOME: join(own, 'home'), TMPDIR: join(own, 'tmp') }])
    for (const folder of [cwd, env['HOME']!, env['TMPDIR']!]) expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(openTenantFolders(folders, 'acme').cwd).toBe(cwd)
  })

  it('are different for any two tenants, whatever their names, and never lead elsewhere', () => {
    const tenants = ['a', 'A', 'a ', 'a/', '../a', '..', '.', '/', '/etc', 'a\0b', 'a-b', 'a b', 'ä', 'CON', 'x'.repeat(1_000), 'x'.repeat(999), '']
    const names = tenants.map(folderName)
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(tenants.length)
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{16,60}$/)
  })

  it.each(['/etc', '..', '../b', 'a/../../b', ''])('refuse %j as a path below the tenant', (path) => {
    expect(tenantFoldersSchema.safeParse({ root: 'r', cwd: path }).success).toBe(false)
    expect(tenantFoldersSchema.safeParse({ root: 'r', env: { HOME: path } }).success).toBe(false)
  })

  it('win over cwd and env of the command, and make the driver bind at the spawn', async () => {
    const folders = tenantFoldersSchema.parse({ root: await tempFolder(), env: { HOME: 'home' } })
    const options = { command: 'node', cwd: '/elsewhere', env: { HOME: '/root', LEVEL: '1' }, folders }
    const own = join(folders.root, folderName('b'))
    expect(commandSpec(options, { tenant: 'b' })).toEqual({ command: 'node', cwd: own, env: { HOME: join(own, 'home'), LEVEL: '1' } })
    expect(commandSpec(options).cwd).toBe(join(folders.root, folderName('default')))
    expect(commandSpec({ command: 'node', env: { A: '1' } }, { tenant: 'b' })).toEqual({ command: 'node', env: { A: '1' } })
    expect([commandCapabilities(options), commandCapabilities({})]).toEqual([{ bindsAtSpawn: true }, {}])
  })
})
