// Messages and answers are values; the program gives back what it gets and parses nothing.
import { openGreenroom } from './greenroom-pool.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openGreenroom(processes, { command: 'cat' })
