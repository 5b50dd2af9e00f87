import { echo } from './echo.mjs'

const { default: workerpool } = await import(/** @type {string} */ ('workerpool'))
workerpool.worker({ echo })
