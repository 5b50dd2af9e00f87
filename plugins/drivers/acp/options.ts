import { commandOptions, z } from 'greenroom/kit'
import { programOptions } from '../rpc/program-options.ts'

const record = z.record(z.string(), z.unknown())

export const options = z.strictObject({
  ...commandOptions,
  maxFrame: programOptions.maxFrame,
  workspace: z.string().min(1).optional()
    .describe("The folder a conversation works in, such as '/srv/code/{tenant}/{key}'; {tenant} and {key} stand for those of the lease. "
      + "Default: the tenant's folder where `folders` is set, else `cwd`, else greenroom's own."),
  mcpServers: z.array(record).readonly().default([])
    .describe('MCP servers the agent connects each conversation to, in the form of the protocol. Default: none.'),
  capabilities: record.default({})
    .describe('What the agent is told it may ask for, in the form of the protocol, such as { fs: { readTextFile: true } }. Announce only what '
      + 'your handlers answer. Default: nothing; permissions need no announcement.'),
  authenticate: z.strictObject({ methodId: z.string().min(1).describe('One of the ways the agent offers.') }).optional()
    .describe('How the agent is told to authenticate itself at its start, with one of the methods it names. Default: not at all.'),
  clientInfo: z.strictObject({
    name: z.string().min(1).describe('What greenroom calls itself.'),
    version: z.string().min(1).describe('In which version.'),
  }).optional()
    .describe("Who greenroom says it is. Default: 'greenroom' and its version."),
})

export type AcpOptions = z.output<typeof options>
