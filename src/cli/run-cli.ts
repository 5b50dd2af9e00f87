import { Command, CommanderError } from 'commander'
import { addDoctor } from './commands/doctor.ts'
import { addInit } from './commands/init.ts'
import { addRun } from './commands/run.ts'
import { addServe } from './commands/serve.ts'
import { addStats } from './commands/stats.ts'
import { EXIT, EXIT_HELP } from './exit-codes.ts'
import { flushed, type CliIo } from './io.ts'
import { reportError } from './report-error.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

/**
 * Runs one command line, without the program's name, to its end.
 * @returns the exit code; it never rejects.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const code = await run(argv, io)
  await Promise.all([flushed(io.stdout), flushed(io.stderr)])
  return code
}

async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = createProgram(io, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    reportError(error, io)
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}

function createProgram(io: CliIo, exit: (code: number) => void): Command {
  const program = new Command('greenroom')
    .description('Keeps stateful child processes warm in a pool and leases them to callers.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    // Inherited by the commands, which therefore come after it.
    .exitOverride()
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text) })
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', `${EXIT_HELP}

Environment:
  GREENROOM_URL    the server that run and stats talk to
  GREENROOM_TOKEN  its token, for serve, run and stats
  GREENROOM_DEBUG  print stacks with errors

Start here:
  $ greenroom serve
  $ greenroom run '6 * 7'`)
  for (const add of [addServe, addRun, addStats, addInit, addDoctor]) add(program, io, exit)
  return program
}
