import { describe, expect, it } from 'vitest'
import { METRICS_PAGE, type Kernel, type MetricsPage, type PoolConfig } from '../../../src/contracts/index.ts'
import prometheus from '../../../plugins/metrics/prometheus.ts'
import { scene, watched, type Scene } from '../../pool/scene.ts'
import { httpHost } from '../../support/http-host.ts'
import { greenroomErrorOf } from '../../support/rejection.ts'
import { problemsWith } from '../../support/strategies.ts'

type Exported = Scene & { page: MetricsPage; samples(): Promise<ReadonlyMap<string, number>> }

const MEASURED = { memoryBytes: 50 * 2 ** 20, cpuPercent: 25 }

async function exported(config: Omit<PoolConfig, 'driver'> = {}, options: object = {}, behaviour: object = {}): Promise<Exported> {
  let kernel!: Kernel
  const made = await scene(
    { metrics: { use: 'prometheus', of: 'in-memory' as 'pidusage', every: '1s', ...options }, ...config }, { apply: (given) => void (kernel = given), behaviour },
  )
  const page = kernel.get(METRICS_PAGE)
  const samples = async (): Promise<ReadonlyMap<string, number>> => new Map(
    (await page.read()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
  return { ...made, page, samples }
}

describe('the metrics prometheus', () => {
  it('shows sessions by state, who waits, the breaker, and what is parked', async () => {
    const { pool, clock, samples } = await exported({ size: { min: 2, max: 3, spare: 0 } })
    await clock.advance(1_000)
    const [first, second, third] = ['a', 'b', 'c'].map((key) => watched(pool.acquire({ key })))
    const waiting = watched(pool.acquire())
    await clock.advance(1_000)
    expect(Object.fromEntries([...await samples()].filter(([name]) => /sessions|waiters|breaker/.test(name) && !name.includes('ended')))).toEqual({
      'greenroom_sessions{state="starting"}': 0, 'greenroom_sessions{state="idle"}': 0, 'greenroom_sessions{state="leased"}': 3,
      'greenroom_sessions{state="settling"}': 0, 'greenroom_sessions{state="checking"}': 0, 'greenroom_sessions{state="ending"}': 0,
      greenroom_sessions_max: 3, greenroom_sessions_parked: 0, greenroom_waiters: 1,
      'greenroom_breaker_state{state="closed"}': 1, 'greenroom_breaker_state{state="open"}': 0, 'greenroom_breaker_state{state="half-open"}': 0,
    })
    for (const one of [first, second, third]) one!.value!.release()
    await clock.advance(1_000)
    expect(waiting.state).toBe('resolved')
    expect((await samples()).get('greenroom_waiters')).toBe(0)
    waiting.value!.release()
  })

  it('counts and times starts, acquires, requests, refusals, evictions and crashes, in seconds', async () => {
    const { pool, clock, samples, programs } = await exported({ size: { min: 1, max: 1, spare: 0 }, queue: { max: 1 } }, {}, { ready: 200 })
    await clock.advance(1_000)
    const lease = await pool.acquire({ key: 'a' })
    const waiting = watched(pool.acquire({ key: 'b' }))
    const refused = watched(pool.acquire({ key: 'c' }))
    const answered = watched(lease.request({ op: 'read' }))
    await clock.advance(3_000)
    expect([refused.code, answered.state]).toEqual(['QUEUE_FULL', 'resolved'])
    lease.release()
    await clock.advance(5_000)
    const seen = await samples()
    const of = (name: string): number | undefined => seen.get(`greenroom_${name}`)
    expect([of('starts_total'), of('evictions_total'), of('crashes_total')]).toEqual([2, 1, 0])
    expect(of('refusals_total{code="QUEUE_FULL"}')).toBe(1)
    expect(of('sessions_ended_total{reason="evicted"}')).toBe(1)
    expect([of('acquires_total{served="spare"}'), of('acquires_total{served="started"}')]).toEqual([1, 1])
    expect([of('acquire_wait_seconds_count'), of('acquire_wait_seconds_bucket{le="0.001"}'), of('acquire_wait_seconds_bucket{le="10"}')]).toEqual([2, 1, 2])
    expect(of('acquire_wait_seconds_sum')).toBeGreaterThanOrEqual(3)
    expect([of('session_start_seconds_count'), of('lease_seconds_count'), of('lease_seconds_sum')]).toEqual([2, 1, 3])
    expect(of('request_seconds_count{outcome="answered"}')).toBe(1)
    waiting.value!.release()
    await clock.advance(100)
    programs.at(-1)!.child.crash()
    await clock.advance(1_000)
    expect((await samples()).get('greenroom_crashes_total')).toBe(1)
    expect((await samples()).get('greenroom_sessions_ended_total{reason="crashed"}')).toBe(1)
  })

  it('shows memory in bytes and CPU in cores of the sampler it was given, and neither while nothing is measured (INV 27)', async () => {
    const { clock, samples, children } = await exported({ size: { min: 2 } })
    await clock.advance(3_000)
    expect([...(await samples()).keys()].filter((name) => /memory|cpu/.test(name))).toEqual([])
    for (const { behaviour } of children) behaviour.usage = MEASURED
    await clock.advance(3_000)
    expect((await samples()).get('greenroom_sessions_memory_bytes')).toBe(100 * 2 ** 20)
    expect((await samples()).get('greenroom_sessions_cpu_ratio')).toBe(0.5)
    for (const { behaviour } of children) behaviour.usage = undefined
    await clock.advance(3_000)
    expect([...(await samples()).keys()].filter((name) => /memory|cpu/.test(name))).toEqual([])
  })

  it('names no tenant, no key and no session, and has a help text and a type for each metric', async () => {
    const { pool, clock, page } = await exported({ size: { min: 1, max: 2, spare: 0 } })
    await clock.advance(1_000)
    await pool.use({ tenant: 'secret-tenant', key: 'secret-key' }, () => undefined)
    const text = await page.read()
    const { sessionId } = pool.getSessionMetrics()[0]!
    for (const name of ['secret-tenant', 'secret-key', sessionId]) expect(text).not.toContain(name)
    const names = new Set([...text.matchAll(/^(greenroom_\w+?)(?:_bucket|_sum|_count)?(?:\{.*\})? /gm)].map(([, name]) => name))
    for (const name of names) expect(text).toMatch(new RegExp(`# HELP ${name} [A-Z].*\\.\\n# TYPE ${name} (gauge|counter|histogram)\\n`))
    expect(page.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it('has the prefix, labels and buckets it is told to', async () => {
    const { pool, clock, samples } = await exported({ size: { min: 1 } }, { prefix: 'agents_', labels: { region: 'eu' }, buckets: [0.5, 2] })
    await clock.advance(1_000)
    ;(await pool.acquire()).release()
    expect([...(await samples()).keys()].filter((name) => name.startsWith('agents_acquire_wait_seconds'))).toEqual([
      'agents_acquire_wait_seconds_bucket{le="0.5",region="eu"}', 'agents_acquire_wait_seconds_bucket{le="2",region="eu"}',
      'agents_acquire_wait_seconds_bucket{le="+Inf",region="eu"}', 'agents_acquire_wait_seconds_sum{region="eu"}', 'agents_acquire_wait_seconds_count{region="eu"}',
    ])
  })

  it('keeps the figures of two pools apart, and shows nothing of one that is closed', async () => {
    const [one, other] = [await exported({ size: { min: 1 } }), await exported({ size: { min: 3 } })]
    await one.clock.advance(1_000)
    await other.clock.advance(1_000)
    expect([(await one.samples()).get('greenroom_starts_total'), (await other.samples()).get('greenroom_starts_total')]).toEqual([1, 3])
    const closed = other.pool.close({ grace: 0 })
    await other.clock.advance(10_000)
    await closed
    expect(await other.page.read()).toBe('')
  })

  it('is fetched from the gateway at /metrics; without it there is nothing to be fetched', async () => {
    const { url, pool } = await httpHost({ size: { min: 1 }, metrics: 'prometheus' })
    await pool.ready()
    const response = await fetch(`${url}/metrics`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    expect(await response.text()).toContain('\ngreenroom_sessions_max 10\n')
    const { get } = await httpHost()
    expect(await get('/metrics')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND', message: expect.stringContaining("use: 'prometheus'") as string } } })
  })

  it('asks for the token where the gateway has one', async () => {
    const { url } = await httpHost({ metrics: 'prometheus', gateway: { token: 'open sesame' } })
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    expect((await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer open sesame' } })).status).toBe(200)
  })

  it('is refused when it is there twice', async () => {
    const error = await greenroomErrorOf(() => scene({ metrics: { use: 'prometheus', of: { use: 'prometheus', of: 'in-memory' as 'pidusage' } } }))
    expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining('twice')])
  })

  it.each<[object, string]>([
    [{ prefix: '1-' }, 'letters, digits'],
    [{ labels: { 'a-b': 'c' } }, 'Invalid key'],
    [{ buckets: [] }, 'Too small'],
    [{ buckets: [-1] }, 'Too small'],
    [{ port: 9090 }, 'port'],
  ])('refuses %o', async (options, message) => {
    expect((await problemsWith('metrics', 'prometheus', prometheus, options))[0]).toContain(message)
  })
})
