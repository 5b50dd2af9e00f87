import { relative } from 'node:path'
import { formatDuration, isGreenroomError, type Gateway, type Pool } from '../../contracts/index.ts'
import { createPoolHost } from '../../create-pool.ts'
import { EXIT, EXIT_HELP } from '../exit-codes.ts'
import { driverName, findConfig, type FoundConfig } from '../find-config.ts'
import { line, type CliIo } from '../io.ts'
import { killSessions } from '../kill-sessions.ts'
import { durationOption, integerOption, tokenOf } from '../options.ts'
import { problemReporter } from '../problem-reporter.ts'
import { RateLimitedLog } from '../rate-limited-log.ts'
import { errorText } from '../report-error.ts'
import { curlLine } from '../sample-message.ts'
import { StopRequests } from '../stop-requests.ts'
import { packageVersion } from '../version.ts'
import type { AddCommand } from './command.ts'

interface ServeOptions {
  config?: string | false
  port?: number
  host?: string
  token?: string
  grace: number
}

/** After the sessions were killed, how long to wait for the proof. */
const KILLED_MS = 2_000

export const addServe: AddCommand = (program, io, exit) => {
  program.command('serve')
    .description('serve a pool over HTTP until told to stop')
    .option('-c, --config <file>', 'the configuration (default: greenroom.config.* here, else a pool of node-repl sessions)')
    .option('--no-config', 'pool node-repl sessions even if there is a greenroom.config.* here')
    .option('-p, --port <number>', 'TCP port; 0 takes any free one (default: gateway.port of the config, else 4646)', integerOption(0, 65_535))
    .option('-H, --host <address>', 'address to listen on; one that is not loopback needs a token (default: gateway.host, else 127.0.0.1)')
    .option('--token <token>', 'what clients must send; better given as GREENROOM_TOKEN, which does not show in the list of processes')
    .option('--grace <duration>', 'how long requests under way may take when told to stop', durationOption, 10_000)
    .addHelpText('after', `
Ctrl-C or SIGTERM shuts down gracefully: no new requests, those under way may finish within --grace, every session is
ended. A second Ctrl-C kills everything at once (exit code 130).

Examples:
  $ greenroom serve
  $ greenroom serve --config ./greenroom.config.ts --port 8080
  $ GREENROOM_TOKEN=secret greenroom serve --host 0.0.0.0
${EXIT_HELP}`)
    .action(async (options: ServeOptions) => exit(await serve(options, io)))
}

async function serve(options: ServeOptions, io: CliIo): Promise<number> {
  const stop = new StopRequests(io)
  const log = new RateLimitedLog((text) => line(io.stderr, text), io.clock)
  try {
    const starting = start(options, io, log)
    // Someone in such a hurry that nothing is there to be shut down yet: children end with the end of their input.
    const served = await Promise.race([starting, stop.second])
    if (typeof served === 'string') return EXIT.interrupted
    const signal = await stop.first
    return await shutDown(served, signal, options.grace, stop, io)
  } finally {
    stop.dispose()
    log.flush()
  }
}

interface Served {
  readonly pool: Pool
  readonly gateway: Gateway
}

async function start(options: ServeOptions, io: CliIo, log: RateLimitedLog): Promise<Served> {
  const found = await findConfig(options.config, io.cwd)
  const token = tokenOf(options, io.env)
  const host = await createPoolHost({ ...found.config, plugins: [...(found.config.plugins ?? []), problemReporter(log)] })
  const { pool } = host
  pool.ready().catch((error: unknown) => {
    if (!isGreenroomError(error, 'POOL_CLOSED')) log.log(`the pool is not ready: ${errorText(error)}`)
  })
  try {
    const gateway = await host.gateway({
      ...(options.port !== undefined && { port: options.port }),
      ...(options.host !== undefined && { host: options.host }),
      ...(token !== undefined && { token }),
    })
    const { url } = await gateway.listen(pool)
    line(io.stdout, banner(found, pool, url, token !== undefined, io.cwd))
    return { pool, gateway }
  } catch (error) {
    await pool.close({ grace: 0 })
    throw error
  }
}

function banner({ config, path }: FoundConfig, pool: Pool, url: string, withToken: boolean, cwd: string): string {
  const { min, max, spare } = pool.getPoolStats().limits
  const driver = driverName(config)
  return `greenroom ${packageVersion()} at ${url}
  pool    ${driver}: up to ${count(max, 'session')}, ${min} at least, ${spare} warm ahead of demand
  config  ${path === undefined ? 'built in (`greenroom init` writes one to change)' : relative(cwd, path) || path}
  try     ${curlLine(url, driver, withToken)}
  stop    Ctrl-C`
}

async function shutDown({ pool, gateway }: Served, signal: string, grace: number, stop: StopRequests, io: CliIo): Promise<number> {
  const { size, activeSessions } = pool.getPoolStats()
  const startedAt = io.clock.now()
  line(io.stdout, `${signal}: shutting down ${count(size, 'session')}, ${activeSessions} in use; `
    + `requests under way may take ${formatDuration(grace)} more; Ctrl-C again ends them at once`)

  const closing = close(pool, gateway, grace, io)
  const second = await Promise.race([closing.then(() => undefined), stop.second])
  if (second === undefined) {
    line(io.stdout, `closed ${count(size, 'session')} in ${formatDuration(io.clock.now() - startedAt)}`)
    return EXIT.ok
  }

  line(io.stdout, `${second}: killing ${count(pool.getPoolStats().size, 'session')}`)
  const deadline = new Promise<void>((resolve) => void io.clock.setTimer(resolve, KILLED_MS, { background: true }))
  killSessions(pool)
  await Promise.race([pool.close({ grace: 0 }), deadline])
  return EXIT.interrupted
}

/** Requests that were accepted, waiting ones too, are answered before the pool turns anybody away. */
async function close(pool: Pool, gateway: Gateway, grace: number, io: CliIo): Promise<void> {
  try {
    await gateway.close(grace)
  } catch (error) {
    line(io.stderr, errorText(error))
  }
  await pool.close({ grace: 0 })
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
