import { fileURLToPath } from 'node:url'
import { defineConfig } from 'greenroom'
import { mostRecent } from './most-recent.ts'

export default defineConfig({
  driver: { use: 'json-lines', command: process.execPath, args: [fileURLToPath(new URL('shouter.mjs', import.meta.url))] },
  size: { min: 3, max: 3, spare: 0 },
  // The program keeps nothing of its callers, so any session may serve any of them.
  isolation: 'none',
  plugins: [mostRecent],
  balancer: { use: 'most-recent', maxRequests: 4 },
})
