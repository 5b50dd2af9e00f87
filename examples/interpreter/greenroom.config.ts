import { defineConfig } from 'greenroom'

export default defineConfig({
  driver: { use: 'node-repl' },
  size: { min: 2, max: 6, spare: 2 },
  timeouts: { idle: '5m', active: '1m' },
})
