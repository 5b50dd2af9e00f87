import { InvalidArgumentError } from 'commander'
import { Client } from '../client.ts'
import { EXIT, EXIT_HELP } from '../exit-codes.ts'
import { line, type CliIo } from '../io.ts'
import { DEFAULT_URL, serverOfEnvironment, tokenOf, urlOption } from '../options.ts'
import { errorText } from '../report-error.ts'
import { decisionsReport, statsReport } from '../stats-report.ts'
import { StopRequests } from '../stop-requests.ts'
import type { AddCommand } from './command.ts'

interface StatsOptions {
  url?: string
  token?: string
  /** Seconds; `true` for the default. */
  watch?: number | true
  json?: true
  decisions?: true
}

const WATCH_SECONDS = 2
const CLEAR = '\u001B[H\u001B[2J\u001B[3J'

export const addStats: AddCommand = (program, io, exit) => {
  program.command('stats')
    .description("show a running server's pool and sessions")
    .option('-u, --url <address>', `the server (default: GREENROOM_URL, else ${DEFAULT_URL})`, urlOption)
    .option('--token <token>', "the server's token; better given as GREENROOM_TOKEN")
    .option('-w, --watch [seconds]', `show them again every so many seconds, ${WATCH_SECONDS} when not said, until Ctrl-C`, secondsOption)
    .option('--json', 'print JSON: { stats, sessions, decisions? }, a line for each look')
    .option('--decisions', 'also show what the pool decided lately, and why')
    .addHelpText('after', `
A figure that is not known is shown as –.

Examples:
  $ greenroom stats
  $ greenroom stats --watch 1 --decisions
  $ greenroom stats --json | jq .stats.size
${EXIT_HELP}`)
    .action(async (options: StatsOptions) => exit(await stats(options, io)))
}

async function stats(options: StatsOptions, io: CliIo): Promise<number> {
  const url = options.url ?? serverOfEnvironment(io.env) ?? DEFAULT_URL
  const client = new Client(url, tokenOf(options, io.env), io.clock)
  const show = async (): Promise<void> => line(io.stdout, await look(client, options, io))
  if (options.watch === undefined) {
    await show()
    return EXIT.ok
  }
  return watch(show, (options.watch === true ? WATCH_SECONDS : options.watch) * 1_000, options, io)
}

/** The first look must succeed: after it, a server that is away for a while is waited for. */
async function watch(show: () => Promise<void>, everyMs: number, options: StatsOptions, io: CliIo): Promise<number> {
  const stop = new StopRequests(io)
  const clear = io.stdout.isTTY && !options.json
  const stopped = stop.first.then(() => true)
  try {
    if (clear) io.stdout.write(CLEAR)
    await show()
    for (;;) {
      const over = new Promise<false>((resolve) => void io.clock.setTimer(() => resolve(false), everyMs, { background: false }))
      if (await Promise.race([stopped, over])) return EXIT.ok
      if (clear) io.stdout.write(CLEAR)
      else if (!options.json) line(io.stdout)
      await show().catch((error: unknown) => line(io.stderr, errorText(error)))
    }
  } finally {
    stop.dispose()
  }
}

async function look(client: Client, options: StatsOptions, io: CliIo): Promise<string> {
  const [stats, sessions, decisions] = await Promise.all([
    client.stats(), client.sessions(), options.decisions ? client.decisions() : undefined,
  ])
  if (options.json) return JSON.stringify({ stats, sessions, ...(decisions && { decisions }) })
  const report = statsReport(stats, sessions, io.clock.wallTime())
  return decisions ? `${report}\n\n${decisionsReport(decisions)}` : report
}

function secondsOption(text: string): number {
  const seconds = Number(text)
  if (Number.isFinite(seconds) && seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Give seconds, from 0.1 to 86400.')
}
