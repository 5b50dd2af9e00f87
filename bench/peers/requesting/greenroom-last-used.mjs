// The process that worked last works next, as with the pool of pipes.
import { openGreenroom } from './greenroom-pool.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openGreenroom(processes, {}, { balancer: 'most-recently-used' })
