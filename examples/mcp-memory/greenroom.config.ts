import { createRequire } from 'node:module'
import { defineConfig } from 'greenroom'
import { memoryFile } from './memory-file.ts'

// The server's entry point, started with this Node: quicker and surer than `npx`.
const server = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/dist/index.js')

export default defineConfig({
  driver: { use: 'mcp', command: process.execPath, args: [server] },
  size: { min: 2, max: 6, spare: 2 },
  plugins: [memoryFile],
})
