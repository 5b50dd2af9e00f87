import type { PoolConfig } from '../../contracts/index.ts'
import { createPool } from '../../create-pool.ts'
import { Client } from '../client.ts'
import { EXIT, EXIT_HELP } from '../exit-codes.ts'
import { driverName, findConfig } from '../find-config.ts'
import { line, type CliIo } from '../io.ts'
import { killSessions } from '../kill-sessions.ts'
import { durationOption, serverOfEnvironment, tokenOf, urlOption } from '../options.ts'
import { parseMessage, type MessageForm } from '../parse-message.ts'
import { StopRequests } from '../stop-requests.ts'
import { UsageError } from '../usage-error.ts'
import type { AddCommand } from './command.ts'

interface RunOptions {
  config?: string | false
  url?: string
  token?: string
  tenant?: string
  key?: string
  timeout?: number
  json?: true
  text?: true
  stream?: true
  pretty?: true
}

export const addRun: AddCommand = (program, io, exit) => {
  program.command('run')
    .description('send one request; its answer goes to stdout as JSON')
    .argument('[message]', 'the message; read from stdin when absent or "-"')
    .option('-u, --url <address>', 'the server to ask (default: GREENROOM_URL; without one, a pool made for this request alone)', urlOption)
    .option('--token <token>', "the server's token; better given as GREENROOM_TOKEN")
    .option('-c, --config <file>', 'the configuration of the pool made for it (default: greenroom.config.* here, else node-repl)')
    .option('--no-config', 'use node-repl even if there is a greenroom.config.* here')
    .option('-t, --tenant <name>', 'whose session it is')
    .option('-k, --key <name>', 'which of its sessions: the same key keeps its state on a server')
    .option('--timeout <duration>', "time for waiting and answer together, such as '30s'", durationOption)
    .option('--json', 'the message is JSON of any kind')
    .option('--text', 'the message is text, and sent as a JSON string')
    .option('--stream', 'print every message of the answer, a line each, the last one last')
    .option('--pretty', 'print indented JSON')
    .addHelpText('after', `
Without --json or --text, a message that is a JSON object is sent as it is, and anything else is code for a
node-repl session: 6 * 7 becomes {"code":"6 * 7"}.

Examples:
  $ greenroom run '6 * 7'
  $ echo 'os.cpus().length' | greenroom run --pretty
  $ greenroom run --url http://127.0.0.1:4646 --tenant acme --key chat-17 '{"code":"globalThis.x = 1"}'
${EXIT_HELP}`)
    .action(async (message: string | undefined, options: RunOptions) => exit(await run(message, options, io)))
}

async function run(argument: string | undefined, options: RunOptions, io: CliIo): Promise<number> {
  if (options.json && options.text) throw new UsageError('give --json or --text, not both')
  const url = serverOf(options, io)
  const stop = new StopRequests(io)
  const interrupt = new AbortController()
  void stop.first.then((signal) => interrupt.abort(new Error(signal)))
  try {
    const text = argument === undefined || argument === '-' ? await readAll(io) : argument
    const request: Request = {
      text,
      options,
      form: options.json ? 'json' : options.text ? 'text' : 'auto',
      signal: interrupt.signal,
      print: (value) => line(io.stdout, jsonOf(value, options.pretty === true)),
    }
    if (url === undefined) await askOwnPool(request, stop, io)
    else await askServer(url, request, io)
    return EXIT.ok
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted
    throw error
  } finally {
    stop.dispose()
  }
}

/** Bytes are the program's own JSON, from a driver that passes messages through without parsing them. */
function jsonOf(value: unknown, pretty: boolean): string {
  if (!Buffer.isBuffer(value)) return JSON.stringify(value ?? null, undefined, pretty ? 2 : undefined)
  return pretty ? JSON.stringify(JSON.parse(value.toString()), undefined, 2) : value.toString()
}

interface Request {
  readonly text: string
  readonly form: MessageForm
  readonly options: RunOptions
  readonly signal: AbortSignal
  readonly print: (message: unknown) => void
}

async function askServer(url: string, { text, form, options, signal, print }: Request, io: CliIo): Promise<void> {
  // What the server pools is its own business; the help says that code is assumed.
  const message = parseMessage(text, form, 'node-repl')
  const client = new Client(url, tokenOf(options, io.env), io.clock)
  print(await client.request({ ...who(options), message }, options.stream ? print : () => undefined, signal))
}

async function askOwnPool({ text, form, options, signal, print }: Request, stop: StopRequests, io: CliIo): Promise<void> {
  const { config } = await findConfig(options.config, io.cwd)
  const message = parseMessage(text, form, driverName(config))
  const pool = await createPool(forOneRequest(config))
  void stop.second.then(() => killSessions(pool))
  const deadline = options.timeout === undefined ? undefined : io.clock.now() + options.timeout
  try {
    await pool.use({ ...who(options), signal }, async (lease) => {
      const left = deadline === undefined ? {} : { timeout: Math.max(1, deadline - io.clock.now()) }
      if (!options.stream) return print(await lease.request(message, { signal, ...left }))
      for await (const part of lease.stream(message, { signal, ...left })) print(part)
    })
  } finally {
    await pool.close({ grace: 0 })
  }
}

/** Nothing is kept warm for later: there is no later. */
function forOneRequest(config: PoolConfig): PoolConfig {
  return { ...config, size: { ...config.size, min: 0, spare: 0 } }
}

function who({ tenant, key, timeout }: RunOptions): { tenant?: string; key?: string; timeout?: number } {
  return { ...(tenant !== undefined && { tenant }), ...(key !== undefined && { key }), ...(timeout !== undefined && { timeout }) }
}

/** The server to ask; `undefined` for a pool of our own, which a config on the command line asks for. */
function serverOf({ url, config }: RunOptions, { env }: CliIo): string | undefined {
  if (url !== undefined && typeof config === 'string') throw new UsageError('give --url or --config, not both: the server has its own')
  return url ?? (config === undefined ? serverOfEnvironment(env) : undefined)
}

async function readAll({ stdin }: CliIo): Promise<string> {
  if (stdin.isTTY) throw new UsageError('there is no message: give it as an argument, or through a pipe')
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8').trim()
}
