import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Gateway, GatewayOptions, Pool, PoolConfig } from '../../src/contracts/index.ts'
import { createPoolHost } from '../../src/create-pool.ts'

export interface HttpHost {
  readonly url: string
  readonly pool: Pool
  readonly gateway: Gateway
  get(path: string, headers?: Record<string, string>): Promise<Answered>
  /** Sends `body` as JSON, or as it is when it is a text. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>
  request(path: string, init?: RequestInit): Promise<Response>
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** A pool without spares behind a real server on a free port of this machine, both closed when the test has ended. */
export async function httpHost(config: Partial<PoolConfig> = {}, options: GatewayOptions['http'] = {}): Promise<HttpHost> {
  const host = await createPoolHost({ driver: 'node-repl', ...config, size: { spare: 0, ...config.size } })
  const gateway = await host.gateway({ port: 0, ...options })
  onTestFinished(async () => {
    await gateway.close(0)
    await host.pool.close({ grace: 0 })
  })
  const { url } = await gateway.listen(host.pool)
  const request = (path: string, init?: RequestInit) => fetch(url + path, init)
  const answered = async (response: Response): Promise<Answered> =>
    ({ status: response.status, headers: response.headers, body: await response.json() })
  return {
    url, gateway, request, pool: host.pool,
    get: async (path, headers = {}) => answered(await request(path, { headers })),
    post: async (path, body, headers = {}) => answered(await request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })),
  }
}

/** Resolves when `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** A port that is taken until the test has ended. */
export async function takenPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return address.port
}
