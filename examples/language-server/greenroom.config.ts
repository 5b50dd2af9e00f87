import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'greenroom'

const server = createRequire(import.meta.url).resolve('bash-language-server/out/cli.js')

/** Each key is a workspace: a folder below this one. */
export const workspaces = fileURLToPath(new URL('workspaces', import.meta.url))

export default defineConfig({
  driver: {
    use: 'lsp',
    command: process.execPath,
    args: [server, 'start'],
    workspace: join(workspaces, '{key}'),
    settings: { bashIde: { enableSourceErrorDiagnostics: true, shellcheckPath: '' } },
  },
  size: { min: 1, max: 3, spare: 1 },
})
