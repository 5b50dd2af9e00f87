import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { StrategyKind } from 'greenroom/kit'
import {
  admissionContract, balancerContract, type ContractCase, evictorContract, gatewayContract, healthContract, limitContract, metricsContract, queueContract,
  restartContract, scalerContract, storeContract, type StrategyByName,
} from 'greenroom/testing'
import { registerBundled } from '../../../src/bundled.ts'
import { StrategyRegistry } from '../../../src/kernel/strategy-registry.ts'

/** Balancers that send a caller where it was before. */
const PREFERS_ON_PURPOSE: ReadonlySet<string> = new Set(['bounded-hash'])

/** The suite of each kind; drivers have a test of their own. */
const suites: Readonly<Record<Exclude<StrategyKind, 'driver'>, (source: StrategyByName) => ContractCase[]>> = {
  balancer: (source) => balancerContract({ ...source, spreads: !PREFERS_ON_PURPOSE.has(source.use) }),
  scaler: scalerContract,
  admission: admissionContract,
  health: healthContract,
  metrics: metricsContract,
  limit: limitContract,
  queue: queueContract,
  evictor: evictorContract,
  restart: restartContract,
  store: storeContract,
  gateway: (source) => gatewayContract({ ...source, ...(source.use === 'http' && { request: requestByHttp }) }),
}

const folder = await mkdtemp(join(tmpdir(), 'greenroom-contracts-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Options of strategies that need some, or that need others here than in a program. */
const options: Readonly<Record<string, object>> = {
  'health all': { of: ['process', 'ping'] },
  'health any': { of: ['ping', { use: 'memory-trend', perHour: '50MB' }] },
  'health command': { command: 'true' },
  'limit cpu': { percent: 50 },
  'limit memory': { soft: '100MB', hard: '200MB' },
  'limit output': { perLease: '1MB', perSecond: '10MB' },
  'limit prlimit': { files: 1_000 },
  'limit processes': { max: 10 },
  'metrics opentelemetry': { of: 'procfs' },
  'scaler max': { of: ['demand', { use: 'panic', target: 0.5 }] },
  'scaler min': { of: ['demand', { use: 'utilization', targetMemory: '200MB' }] },
  'scaler schedule': { sizes: [{ days: 'mon-fri', from: '09:00', to: '17:00', size: 5 }], otherwise: 0 },
  'store sqlite': { path: join(folder, 'store.db') },
  'gateway http': { port: 0 },
}
/** It can be made only where the system lets this process make groups. Its own test does. */
const ELSEWHERE: ReadonlySet<string> = new Set(['limit cgroup'])

const registry = new StrategyRegistry()
registerBundled(registry)

for (const [kind, suite] of Object.entries(suites)) {
  for (const use of registry.names(kind as StrategyKind)) {
    const name = `${kind} ${use}`
    if (ELSEWHERE.has(name)) continue
    // Their cases mostly wait.
    const suiteOfTests = kind === 'metrics' || kind === 'gateway' ? describe.concurrent : describe
    suiteOfTests(`the ${name}`, () => {
      for (const { title, run } of suite({ use, options: options[name] ?? {} })) it(title, run)
    })
  }
}

describe('the suites', () => {
  it('have no two cases of the same title', () => {
    for (const suite of Object.values(suites)) {
      const titles = suite({ use: 'any' }).map(({ title }) => title)
      expect(new Set(titles).size).toBe(titles.length)
    }
  })
})

async function requestByHttp(url: string, message: unknown): Promise<unknown> {
  const response = await fetch(`${url}/v1/requests`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tenant: 'acme', message }),
  })
  const { result } = (await response.json()) as { result?: unknown }
  if (!response.ok) throw new Error(`status ${response.status}`)
  return result
}
