import { relative, resolve } from 'node:path'
import { isGreenroomError, type PoolConfig } from '../../contracts/index.ts'
import { hostTable } from '../../process/tree/process-table.ts'
import { checkKeeper } from '../doctor/check-keeper.ts'
import { fail, note, ok, type Check } from '../doctor/check.ts'
import { findProgram } from '../doctor/find-program.ts'
import { checkLimits } from '../doctor/limit-checks.ts'
import { checkStateFolder, checkTrees } from '../doctor/process-checks.ts'
import { checkNode, checkProc, checkTools, checkUserLimits } from '../doctor/system-checks.ts'
import { trySession } from '../doctor/try-session.ts'
import { EXIT, EXIT_HELP } from '../exit-codes.ts'
import { driverName, findConfig, type FoundConfig } from '../find-config.ts'
import { line, type CliIo } from '../io.ts'
import { table } from '../table.ts'
import type { AddCommand } from './command.ts'

interface DoctorOptions {
  config?: string | false
  json?: true
}

const DEFAULT_MAX = 10

export const addDoctor: AddCommand = (program, io, exit) => {
  program.command('doctor')
    .description('check this machine and the configuration, and start one session for real')
    .option('-c, --config <file>', 'the configuration (default: greenroom.config.* here, else a pool of node-repl sessions)')
    .option('--no-config', 'check with a pool of node-repl sessions')
    .option('--json', 'print JSON: { ok, checks: [{ name, status, message, advice? }] }')
    .addHelpText('after', `
Each line is ok, note (works, with something less) or fail (does not work; exit code 1).

Examples:
  $ greenroom doctor
  $ greenroom doctor --config ./greenroom.config.ts
${EXIT_HELP}`)
    .action(async (options: DoctorOptions) => exit(await doctor(options, io)))
}

async function doctor(options: DoctorOptions, io: CliIo): Promise<number> {
  const path = io.env['PATH']
  const found = await load(options.config, io)
  const config = 'config' in found ? found.config : undefined
  const checks = [
    checkNode(process.versions.node),
    await checkProc('/'),
    await checkTrees(hostTable(io.clock)),
    checkStateFolder(config?.stateDir, io.env),
    await checkKeeper(config?.keeper, io.clock),
    ...await checkUserLimits('/', maxOf(config)),
    ...await checkLimits('/', path, io.cwd),
    ...await checkTools(path, io.cwd),
    ...('config' in found ? await checkPool(found, io) : [found]),
  ]
  const healthy = checks.every(({ status }) => status !== 'fail')
  line(io.stdout, options.json ? JSON.stringify({ ok: healthy, checks }) : report(checks, healthy))
  return healthy ? EXIT.ok : EXIT.failed
}

async function load(choice: string | false | undefined, io: CliIo): Promise<FoundConfig | Check> {
  try {
    return await findConfig(choice, io.cwd)
  } catch (error) {
    if (!isGreenroomError(error)) throw error
    return fail('config', `${error.code}: ${error.message}`, 'correct it; `greenroom init` writes one in which every field is explained')
  }
}

async function checkPool({ config, path }: FoundConfig, io: CliIo): Promise<Check[]> {
  const source = path === undefined
    ? note('config file', 'none here: the built-in pool of node-repl sessions is checked', '`greenroom init` writes one')
    : ok('config file', relative(io.cwd, path) || path)
  return [source, ...await checkCommand(config, io), ...await trySession(config, io.clock)]
}

/** For drivers that run a command of the config's. */
async function checkCommand(config: PoolConfig, io: CliIo): Promise<Check[]> {
  const driver: { use?: unknown; command?: unknown; cwd?: unknown; env?: unknown } = typeof config.driver === 'object' ? config.driver : {}
  const { command, cwd, env } = driver
  if (typeof command !== 'string') return [ok('driver', driverName(config))]
  const own = (env as Record<string, unknown> | undefined)?.['PATH']
  const place = typeof cwd === 'string' ? resolve(io.cwd, cwd) : io.cwd
  const file = await findProgram(command, typeof own === 'string' ? own : io.env['PATH'], place)
  if (file !== undefined) return [ok('command', file)]
  const what = `${command} is not an executable file${command.includes('/') ? '' : ' on PATH'}`
  return [fail('command', what, 'install it, or give its full path as driver.command')]
}

function maxOf(config: PoolConfig | undefined): number {
  const max: unknown = config?.size?.max
  return typeof max === 'number' && Number.isInteger(max) && max > 0 ? max : DEFAULT_MAX
}

function report(checks: readonly Check[], healthy: boolean): string {
  const rows = checks.map(({ name, status, message, advice }) => {
    return [status, name, oneLine(advice === undefined ? message : `${message} → ${advice}`)]
  })
  const notes = checks.filter(({ status }) => status === 'note').length
  const failed = checks.filter(({ status }) => status === 'fail').length
  const verdict = healthy ? 'everything needed is here' : `${failed} of ${checks.length} checks failed`
  return `${table(['', 'check', 'result'], rows)}\n\n${verdict}${notes > 0 ? `; ${notes} to note` : ''}`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' | ')
}
