import { z } from 'greenroom/kit'
import { programOptions } from '../rpc/program-options.ts'

const record = z.record(z.string(), z.unknown())

/** What this driver can do for a server without any handler. */
const CAPABILITIES = {
  workspace: { configuration: true, workspaceFolders: true, didChangeConfiguration: {} },
  window: { workDoneProgress: true },
  textDocument: {
    synchronization: {},
    publishDiagnostics: {},
    hover: { contentFormat: ['markdown', 'plaintext'] },
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
  },
}

export const options = z.strictObject({
  ...programOptions,
  workspace: z.string().min(1).optional()
    .describe("The folder the server works on, such as '/srv/code' or '/srv/code/{tenant}/{key}': with {tenant} or {key} in it, the server "
      + "is initialized when its session is claimed. Default: the tenant's folder where `folders` is set, else none."),
  initializationOptions: z.unknown().optional().describe("What the server's manual says it takes at its start. Default: none."),
  settings: record.optional()
    .describe("What workspace/configuration is answered with, by section, such as { bashIde: { globPattern: '**/*.sh' } }; also sent by "
      + 'workspace/didChangeConfiguration at the start. Default: null for every section.'),
  capabilities: record.default(CAPABILITIES)
    .describe('What the server is told its client can do, in the form of the protocol. Announce only what your handlers answer. Default: '
      + 'what the driver answers itself.'),
  clientInfo: z.strictObject({
    name: z.string().min(1).describe('What greenroom calls itself.'),
    version: z.string().min(1).optional().describe('In which version.'),
  }).optional()
    .describe("Who greenroom says it is. Default: 'greenroom' and its version."),
  ping: z.strictObject({
    method: z.string().min(1).describe('A method that the server answers, be it with an error.'),
    params: record.optional().describe('Its parameters.'),
  }).default({ method: '$/greenroom/ping' })
    .describe('A request that changes nothing, for health checks; any answer will do. Default: one that no server knows, which the '
      + 'protocol wants answered with an error.'),
  watchParent: z.boolean().default(true)
    .describe("Tell the server greenroom's process id, so that it ends when greenroom is gone. Turn it off when the server runs where that "
      + 'id is unknown, as in a container. Default true.'),
})

export type LspOptions = z.output<typeof options>
