import { createInterface } from 'node:readline'
import { perform } from '../tasks.mjs'

const say = (/** @type {unknown} */ message) => process.stdout.write(`${JSON.stringify(message)}\n`)
say({ ready: true })
createInterface({ input: process.stdin }).on('line', (line) => void perform(JSON.parse(line)).then(say))
