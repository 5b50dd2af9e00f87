import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { isAbsolute, join, normalize, resolve, sep } from 'node:path'
import { z } from '../contracts/schema.ts'

const LONGEST_SLUG = 40

/** A folder below another: nothing that leads out of it. */
const inside = z.string().min(1).refine((path) => !isAbsolute(path) && normalize(path).split(sep)[0] !== '..', {
  error: 'expected a path below the folder of the tenant, such as work',
})

/** A folder of its own for each tenant, and what of it a program sees. */
export const tenantFoldersSchema = z.strictObject({
  root: z.string().min(1).describe('Where the folders of the tenants are. It is made when it is not there.'),
  cwd: inside.default('.').describe("The working directory, below the tenant's folder. Default: the tenant's folder itself."),
  env: z.record(z.string(), inside).default({})
    .describe("Variables that name a folder below the tenant's, such as { HOME: 'home', TMPDIR: 'tmp' }."),
})

export type TenantFolders = z.output<typeof tenantFoldersSchema>

/**
 * Makes a tenant's folders, readable by this user alone, and tells what a process of the tenant starts with. They are never removed: what is
 * in them is the tenant's. Throws what the file system throws.
 */
export function openTenantFolders({ root, cwd, env }: TenantFolders, tenant: string): { cwd: string; env: Record<string, string> } {
  const folder = join(resolve(root), folderName(tenant))
  const open = (path: string): string => {
    const full = join(folder, path)
    mkdirSync(full, { recursive: true, mode: 0o700 })
    return full
  }
  return { cwd: open(cwd), env: Object.fromEntries(Object.entries(env).map(([name, path]) => [name, open(path)])) }
}

/**
 * A name that any file system takes, the same for the same tenant and different for any two of them, also where upper and lower case are
 * the same. What can be read of the tenant's name is for people.
 */
export function folderName(tenant: string): string {
  const slug = tenant.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, LONGEST_SLUG)
  const hash = createHash('sha256').update(tenant).digest('hex').slice(0, 16)
  return slug === '' ? hash : `${slug}-${hash}`
}
