import { openGreenroom } from './greenroom-pool.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openGreenroom(processes)
