import { describe, expect, it } from 'vitest'
import { createPool, definePlugin, type PoolConfig } from 'greenroom'
import { openPool } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'

/** As from a file: nothing has checked its type. */
const fromJson = (text: string): PoolConfig => JSON.parse(text) as PoolConfig

describe('a configuration from JSON', () => {
  it('works when it is right', async () => {
    const { pool } = await openPool(fromJson(`{
      "driver": { "use": "json-lines", "command": "cat" },
      "size": { "min": 1, "max": 2, "spare": 0 },
      "balancer": "least-loaded", "scaler": { "use": "demand" }, "health": { "every": "10s" }, "metrics": false,
      "timeouts": { "idle": false, "start": "20s" }, "queue": { "max": 10 }, "restart": { "maxCrashes": 2 },
      "store": "memory", "evictor": "lru"
    }`))
    expect(await pool.request({ hello: 'world' })).toEqual({ hello: 'world' })
  })

  it('is refused with everything that is wrong with it at once, what is known, and what may have been meant', async () => {
    const error = await greenroomErrorOf(() => createPool(fromJson(`{
      "driver": { "use": "node-repll" },
      "size": { "max": 0, "spares": 2 },
      "balancer": "least-loded",
      "timeouts": { "idel": "15m", "silence": "two minutes" },
      "health": { "evry": "30s" },
      "limits": { "memory": { "soft": "2GB", "hard": "1GB" }, "memry": { "hard": "1GB" } },
      "queue": { "max": -1 },
      "restart": { "maxCrashs": 3 },
      "isolation": "everybody",
      "colour": "green"
    }`)))
    expect(error.code).toBe('CONFIG_INVALID')
    const problems = error.details as { path: string; message: string }[]
    const said = (path: string): string => problems.filter((problem) => problem.path === path).map(({ message }) => message).join('\n')
    expect(error.message).toContain(`The configuration has ${problems.length} problems`)
    for (const { path, message } of problems) expect(error.message).toContain(path === '' ? message : `${path}: ${message}`)

    for (const meant of ['node-repl', 'spare', 'least-loaded', 'idle', 'every', 'memory', 'maxCrashes']) {
      expect(error.message).toContain(`did you mean "${meant}"`)
    }
    expect(said('size.max')).not.toBe('')
    expect(said('timeouts.silence')).toContain('two minutes')
    expect(said('limits.memory')).toContain('soft must not be more than hard')
    expect(said('queue.max')).not.toBe('')
    expect(said('isolation')).toMatch(/tenant.*none/)
    expect(error.message).toMatch(/colour/)
    expect(error.message).toMatch(/Known: .*json-lines, json-rpc, .*mcp, node-repl/)
  })

  it('without a driver, or that is no object at all, is told what a configuration is', async () => {
    for (const text of ['{}', 'null', '[]', '"node-repl"', '7']) {
      const error = await greenroomErrorOf(() => createPool(fromJson(text)))
      expect([error.code, error.message]).toEqual(['CONFIG_INVALID', expect.stringContaining('driver')])
    }
  })

  it('that makes no sense as a whole is refused', async () => {
    const wrong = ['{"size":{"min":5,"max":2}}', '{"metrics":false,"limits":{"memory":{"hard":"1GB"}}}', '{"limits":{"memory":{}}}']
    for (const text of wrong) {
      const error = await greenroomErrorOf(() => createPool({ ...fromJson(text), driver: 'node-repl' }))
      expect([text, error.code]).toEqual([text, 'CONFIG_INVALID'])
    }
  })
})

describe('the hooks of a plugin', () => {
  it('admit and spawn decide; a plugin that throws in them refuses', async () => {
    const guard = definePlugin({
      name: 'guard',
      apply({ hooks }) {
        hooks.admit.tap('guard', ({ tenant }) => {
          if (tenant === 'odd') throw new Error('cannot tell')
          return tenant === 'banned' ? 'the account is closed' : undefined
        })
        hooks.spawn.tap('guard', (spec, { sessionId }) => ({ ...spec, env: { ...spec.env, MY_SESSION: sessionId } }))
      },
    })
    const { pool } = await openPool({ driver: 'node-repl', size: { max: 2, spare: 0 }, plugins: [guard] })
    const refused = await greenroomErrorOf(() => pool.acquire({ tenant: 'banned' }))
    expect([refused.code, refused.message]).toEqual(['REFUSED', 'the account is closed'])
    expect((await greenroomErrorOf(() => pool.acquire({ tenant: 'odd' }))).code).toBe('STRATEGY_FAILED')
    await using lease = await pool.acquire({ tenant: 'good' })
    expect(await lease.request({ code: 'process.env.MY_SESSION' })).toMatchObject({ value: lease.sessionId })
  })

  it('see what happens, in order, and harm nobody when they throw', async () => {
    const seen: string[] = []
    const observer = definePlugin({
      name: 'observer',
      apply({ hooks }) {
        hooks.state.tap('observer', (_session, from, to, reason) => {
          seen.push([from, to, ...(reason ? [reason] : [])].join('>'))
          throw new Error('a fault of the observer')
        })
        hooks.acquired.tap('observer', (_session, { tenant }, { served }) => void seen.push(`acquired ${tenant} ${served}`))
        hooks.request.tap('observer', (_session, { outcome }) => void seen.push(`request ${outcome}`))
        hooks.released.tap('observer', () => void seen.push('released'))
        hooks.closed.tap('observer', () => void seen.push('closed'))
      },
    })
    const driver = { use: 'json-lines', command: 'cat' } as const
    const { pool, problems } = await openPool({ driver, size: { max: 1, spare: 0 }, plugins: [observer] })
    expect(await pool.request({ n: 1 }, { tenant: 'a', key: 'k' })).toEqual({ n: 1 })
    await pool.close()
    expect(seen).toEqual([
      '>starting', 'starting>idle', 'idle>leased', 'acquired a started', 'request answered', 'released', 'leased>idle',
      'idle>ending>closed', 'ending>gone>closed', 'closed',
    ])
    expect(problems.splice(0)).toHaveLength(6)
  })
})
