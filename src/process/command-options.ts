import type { SpawnSpec } from '../contracts/child.ts'
import type { Birth, DriverCapabilities } from '../contracts/driver.ts'
import { DEFAULT_TENANT } from '../contracts/pool.ts'
import { z } from '../contracts/schema.ts'
import { openTenantFolders, tenantFoldersSchema } from './tenant-folders.ts'

/** The options of any driver that runs a command; spread them into its schema. */
export const commandOptions = {
  command: z.string().min(1).describe('The program: a name to be found on PATH, or a path.'),
  args: z.array(z.string()).readonly().optional().describe('Its arguments. No shell reads them.'),
  cwd: z.string().min(1).optional().describe("Its working directory. Default: greenroom's own."),
  env: z.record(z.string(), z.string()).optional().describe('Variables to set in its environment.'),
  inheritEnv: z.array(z.string()).readonly().optional().describe("Names of greenroom's own variables it may see, beside the few every program needs."),
  folders: tenantFoldersSchema.optional()
    .describe('A folder of its own for each tenant. Every session is then started for one tenant. It wins over cwd and env.'),
}

/** What `commandOptions` makes of what the user wrote. */
export type CommandOptions = z.output<z.ZodObject<typeof commandOptions>>

/**
 * What to run, from the options of a driver that has the {@link commandOptions}. Pass on the `birth` that `spawnSpec` is given: it says
 * whose folders to use. Throws when these can't be made.
 */
export function commandSpec({ command, args, cwd, env, inheritEnv, folders }: CommandOptions, birth?: Birth): SpawnSpec {
  const own = folders && openTenantFolders(folders, birth?.tenant ?? DEFAULT_TENANT)
  const place = own?.cwd ?? cwd
  return {
    command,
    ...(args && { args }),
    ...(place !== undefined && { cwd: place }),
    ...((env ?? own) && { env: { ...env, ...own?.env } }),
    ...(inheritEnv && { inheritEnv }),
  }
}

/** What the {@link commandOptions} mean for a driver's capabilities: spread it into them. */
export function commandCapabilities({ folders }: Pick<CommandOptions, 'folders'>): Pick<DriverCapabilities, 'bindsAtSpawn'> {
  return folders ? { bindsAtSpawn: true } : {}
}
