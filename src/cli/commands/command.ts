import type { Command } from 'commander'
import type { CliIo } from '../io.ts'

/** Adds a command to the program. `exit` takes the exit code of the command when it is done. */
export type AddCommand = (program: Command, io: CliIo, exit: (code: number) => void) => void
