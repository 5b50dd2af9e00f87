import { defineConfig } from 'greenroom'
import { inSteps } from './in-steps.ts'

export default defineConfig({
  driver: { use: 'node-repl' },
  size: { max: 8, spare: 1 },
  plugins: [inSteps],
  scaler: { use: 'in-steps', step: 3 },
})
