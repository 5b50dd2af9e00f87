export { perform as default } from '../tasks.mjs'
