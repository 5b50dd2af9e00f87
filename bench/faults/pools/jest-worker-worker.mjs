export { perform } from '../tasks.mjs'
