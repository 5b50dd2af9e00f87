// One process that works on 32 requests at a time, told apart by an id.
import { openGreenroom } from './greenroom-pool.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = () => openGreenroom(1, { id: 'id', concurrency: 32 })
