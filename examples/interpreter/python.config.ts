import { defineConfig } from 'greenroom'

export default defineConfig({
  // A request that takes longer than `timeout` is interrupted, and answers with what it has put out.
  driver: { use: 'python-repl', timeout: '2s' },
  size: { min: 1, max: 6, spare: 1 },
  timeouts: { idle: '5m', active: '1m' },
})
