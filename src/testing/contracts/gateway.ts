import { connect } from 'node:net'
import type { Gateway, Pool } from '../../contracts/index.ts'
import { systemClock } from '../../kernel/system-clock.ts'
import { createInMemoryWorld, type InMemoryWorld } from '../in-memory-world.ts'
import { type Bench, type StrategySource, suiteOf } from './bench.ts'
import type { ContractCase } from './contract-case.ts'
import { becomes, outcome, rule, settled, show } from './rules.ts'

const ANSWER_MS = 300
const SHORT_GRACE_MS = 100
const LONG_GRACE_MS = 10_000
const OVER_TCP: ReadonlySet<string> = new Set(['http:', 'https:', 'ws:', 'wss:', 'tcp:'])

/** What the gateway's suite is about. Give it options with which it may listen several times at once, such as port 0. */
export type GatewayContract = StrategySource<'gateway'> & {
  /**
   * Sends `message` to the pool through the gateway at `url`, and resolves to the answer. With it the suite shows that requests are
   * served, and what becomes of them when the gateway closes.
   */
  readonly request?: (url: string, message: unknown) => Promise<unknown>
}

interface Stage {
  readonly gateway: Gateway
  readonly pool: Pool
  readonly world: InMemoryWorld<typeof systemClock>
}

/** The cases that every gateway must pass. They serve a pool of in-memory sessions. */
export function gatewayContract(contract: GatewayContract): ContractCase[] {
  const { cases, add } = suiteOf('gateway', contract, 'real')
  const test = (title: string, work: (stage: Stage, bench: Bench<'gateway'>) => Promise<void>): void => add(title, async (bench) => {
    const world = createInMemoryWorld({ clock: systemClock })
    const pool = await world.createPool()
    const gateway = await bench.make()
    try {
      await work({ gateway, pool, world }, bench)
    } finally {
      await close(gateway, 0)
      await pool.close()
    }
  })

  test('listens, and says where', async ({ gateway, pool }) => {
    const url = await listen(gateway, pool)
    if (isTcp(url)) rule(await accepts(url), `Nothing accepts a connection at ${url}: listen() must resolve when it does`)
  })

  test('does not listen any more when it is closed', async ({ gateway, pool }) => {
    const url = await listen(gateway, pool)
    await close(gateway, SHORT_GRACE_MS)
    if (isTcp(url)) rule(!(await accepts(url)), `Something accepts connections at ${url} still after close()`)
  })

  test('can be closed twice, and without having listened', async ({ gateway, pool }, bench) => {
    await close(await bench.make(), SHORT_GRACE_MS)
    await listen(gateway, pool)
    await close(gateway, SHORT_GRACE_MS)
    await close(gateway, SHORT_GRACE_MS)
  })

  test('closes though somebody is connected who says nothing', async ({ gateway, pool }) => {
    const url = await listen(gateway, pool)
    if (!isTcp(url)) return
    const socket = connect(addressOf(url))
    try {
      const connected = new Promise<void>((resolve, reject) => socket.once('connect', () => resolve()).once('error', reject))
      await settled('connecting', () => connected)
      socket.on('error', () => undefined)
      await close(gateway, SHORT_GRACE_MS)
    } finally {
      socket.destroy()
    }
  })

  test('leaves the pool open when it closes: it is not its own', async ({ gateway, pool }) => {
    await listen(gateway, pool)
    await close(gateway, SHORT_GRACE_MS)
    const answer = await outcome('a request', () => pool.request({ op: 'read' }))
    rule(answer.status === 'fulfilled', () => `After close() of the gateway the pool refused a request: ${show((answer as PromiseRejectedResult).reason)}`)
  })

  const { request } = contract
  if (!request) return cases

  test('passes requests on to the pool, and its answers back', async ({ gateway, pool }) => {
    const url = await listen(gateway, pool)
    const answer = await settled('the request', () => request(url, { op: 'write', value: 'a word to be found' }))
    rule(JSON.stringify(answer ?? null).includes('a word to be found'), () => `The answer that came back is ${show(answer)}, and not that of the session`)
  })

  test('lets an answer under way finish within the grace of its close', async ({ gateway, pool, world }) => {
    const url = await listen(gateway, pool)
    const answer = outcome('the request', () => request(url, { op: 'read', ms: ANSWER_MS }), LONG_GRACE_MS)
    await underWay(world)
    await close(gateway, LONG_GRACE_MS)
    const { status } = await answer
    rule(status === 'fulfilled', `A request whose answer took ${ANSWER_MS} ms was cut off by close(${LONG_GRACE_MS})`)
  })

  test('cuts off what is not answered within the grace of its close', async ({ gateway, pool, world }) => {
    const url = await listen(gateway, pool)
    const answer = outcome('a request that was cut off', () => request(url, { op: 'hang' }))
    await underWay(world)
    await close(gateway, SHORT_GRACE_MS)
    await answer
  })
  return cases
}

async function listen(gateway: Gateway, pool: Pool): Promise<string> {
  const listening: unknown = await settled('listen()', () => gateway.listen(pool))
  const url = (listening as { url?: unknown } | undefined)?.url
  rule(typeof url === 'string' && URL.canParse(url), () => `listen() resolved to ${show(listening)}: it must be { url }, as people would type it`)
  return url
}

async function close(gateway: Gateway, graceMs: number): Promise<void> {
  await settled(`close(${graceMs})`, () => gateway.close(graceMs), graceMs + LONG_GRACE_MS)
}

async function underWay({ programs }: Stage['world']): Promise<void> {
  const received = await becomes(() => programs.some(({ unanswered }) => unanswered > 0))
  rule(received, 'The request did not reach a session')
}

function isTcp(url: string): boolean {
  return OVER_TCP.has(new URL(url).protocol)
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url)
  const standard = protocol === 'https:' || protocol === 'wss:' ? 443 : 80
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? standard : Number(port) }
}

function accepts(url: string): Promise<boolean> {
  const accepted = new Promise<boolean>((resolve) => {
    const socket = connect(addressOf(url))
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  return settled('connecting', () => accepted)
}
