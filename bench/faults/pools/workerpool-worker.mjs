import { perform } from '../tasks.mjs'

const { default: workerpool } = await import(/** @type {string} */ ('workerpool'))
workerpool.worker({ perform })
