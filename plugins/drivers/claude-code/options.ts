import { commandOptions, size, tenantFoldersSchema, z } from 'greenroom/kit'

const { root, cwd, env } = tenantFoldersSchema.shape
/** What the program keeps anything of its user in. The last two hold its sockets and the output of its tools. */
const FOLDERS = { HOME: 'home', CLAUDE_CONFIG_DIR: 'config', TMPDIR: 'tmp', CLAUDE_CODE_TMPDIR: 'tmp' }

const tools = z.array(z.string().min(1)).readonly().default([])

export const options = z.strictObject({
  ...commandOptions,
  command: z.string().min(1).default('claude').describe("The program: a name to be found on PATH, or a path. Default 'claude'."),
  args: z.array(z.string()).readonly().default([]).describe("More of its arguments, after the driver's own. Default: none."),
  inheritEnv: z.array(z.string()).readonly().optional()
    .describe("Names of greenroom's own variables it may see, such as 'ANTHROPIC_API_KEY', beside the few every program needs. Default: none."),
  folders: z.strictObject({
    root,
    cwd: cwd.unwrap().default('work').describe("The working directory, below the tenant's folder. Default 'work'."),
    env: env.unwrap().default(FOLDERS)
      .describe("Variables that name a folder below the tenant's. Default: those by which HOME, settings, transcripts and temporary files are the tenant's own."),
  }).optional().describe('A folder of its own for each tenant. Every session is then started for one tenant. It wins over cwd and env.'),
  maxFrame: size({ min: 1024 }).prefault('64MB')
    .describe("The largest message taken from it, as bytes or text such as '64MB'. Default '64MB'."),
  model: z.string().min(1).optional().describe("The model, or an alias such as 'sonnet'. Default: the program's."),
  permissionMode: z.enum(['manual', 'acceptEdits', 'plan', 'auto', 'dontAsk', 'bypassPermissions']).optional()
    .describe("What it may do without asking, as the program has it. Default: the program's, which asks."),
  allowedTools: tools.describe("Tools it may use without asking, such as 'Read' or 'Bash(git *)'. Default: none but those that the program takes for harmless."),
  disallowedTools: tools.describe('Tools it may not use. Default: none.'),
  systemPrompt: z.string().min(1).optional().describe("Its system prompt. Default: the program's own."),
  appendSystemPrompt: z.string().min(1).optional().describe('What is added to its system prompt. Default: nothing.'),
  mcpConfig: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).optional()
    .describe('MCP servers: the path of a file, or { mcpServers: … } itself. Default: none but those of the settings it finds.'),
  partialMessages: z.boolean().default(true)
    .describe('Whether answers stream as they are made, which also shows the silence time-out that it works. Default true.'),
  backgroundTasks: z.boolean().default(false)
    .describe('Whether tools may go on in the background after a turn. What they report while nobody holds the session ends it. Default false.'),
  maxTranscript: size({ min: 1024 }).prefault('20MB')
    .describe("The largest conversation on disk that is resumed: it takes 9 to 14 times its size in memory. Default '20MB'."),
})

export type ClaudeCodeOptions = z.output<typeof options>
