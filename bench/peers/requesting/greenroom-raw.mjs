// Messages and answers are bytes that nobody parses, neither the pool nor the program.
import { openGreenroom } from './greenroom-pool.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openGreenroom(processes, { command: 'cat', raw: true })
