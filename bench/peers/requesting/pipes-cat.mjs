// The pool of pipes before a program that gives back what it gets and parses nothing.
import { openPipes } from './pipes.mjs'

/** @type {typeof import('./pool.d.mts').open} */
export const open = ({ processes }) => openPipes(processes, ['cat'])
