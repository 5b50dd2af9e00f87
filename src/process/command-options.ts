import type { SpawnSpec } from '../contracts/child.ts'
import { z } from '../contracts/schema.ts'

/** The options of any driver that runs a command; spread them into its schema. */
export const commandOptions = {
  command: z.string().min(1).describe('The program: a name to be found on PATH, or a path.'),
  args: z.array(z.string()).readonly().optional().describe('Its arguments. No shell reads them.'),
  cwd: z.string().min(1).optional().describe("Its working directory. Default: greenroom's own."),
  env: z.record(z.string(), z.string()).optional().describe('Variables to set in its environment.'),
  inheritEnv: z.array(z.string()).readonly().optional().describe("Names of greenroom's own variables it may see, beside the few every program needs."),
}

type CommandOptions = z.output<z.ZodObject<typeof commandOptions>>

/** What to run, from the options of a driver that has the {@link commandOptions}. */
export function commandSpec({ command, args, cwd, env, inheritEnv }: CommandOptions): SpawnSpec {
  return { command, ...(args && { args }), ...(cwd !== undefined && { cwd }), ...(env && { env }), ...(inheritEnv && { inheritEnv }) }
}
