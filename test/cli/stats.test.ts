import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cli, startCli } from '../support/cli.ts'
import { httpHost } from '../support/http-host.ts'

describe('greenroom stats', () => {
  it('shows the pool and its sessions', async () => {
    const { url, post, pool } = await httpHost({ size: { spare: 0 } })
    await post('/v1/requests', { tenant: 'acme', key: 'chat-17', message: { code: '1' } })
    const { code, stdout } = await cli(['stats', '--url', url])
    expect(code).toBe(0)
    expect(stdout).toContain('open, breaker closed')
    const { sessionId, pid } = pool.getSessionMetrics()[0]!
    const row = stdout.split('\n').find((line) => line.startsWith(sessionId))!
    expect(row.split(/ {2,}/).slice(0, 5)).toEqual([sessionId, expect.any(String), 'acme', 'chat-17', String(pid)])
  })

  it('shows what the pool decided, and why', async () => {
    const { url, pool } = await httpHost()
    await pool.warm(1)
    expect((await cli(['stats', '--decisions'], { env: { GREENROOM_URL: url } })).stdout).toMatch(/^\S+ +start +/m)
  })

  it('prints JSON', async () => {
    const { url } = await httpHost()
    const { stdout } = await cli(['stats', '--url', url, '--json', '--decisions'])
    expect(JSON.parse(stdout)).toMatchObject({ stats: { state: 'open' }, sessions: expect.any(Array) as unknown[], decisions: expect.any(Array) as unknown[] })
    expect(stdout.trim()).not.toContain('\n')
  })

  it('shows them again and again until Ctrl-C, also over a time when the server is away', async () => {
    const { url, gateway } = await httpHost()
    const run = startCli(['stats', '--url', url, '--watch', '0.1', '--json'])
    await run.printed(/\n.*\n/)
    await gateway.close(0)
    while (!run.stderr().includes('cannot talk to')) await new Promise((resolve) => setTimeout(resolve, 20))
    run.signal('SIGINT')
    expect(await run.code).toBe(0)
    expect(run.listeners()).toBe(0)
  })

  it('clears a terminal, but not a file', async () => {
    const { url } = await httpHost()
    for (const isTTY of [true, false]) {
      const run = startCli(['stats', '--url', url, '--watch', '0.1'], { isTTY })
      await run.printed(/pool[^]*pool/)
      run.signal('SIGINT')
      await run.code
      expect(run.stdout().includes('\u001B')).toBe(isTTY)
    }
  })

  it('ends with 1 when there is no server', async () => {
    expect(await cli(['stats', '--url', 'http://127.0.0.1:1', '--watch'])).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot talk to') as string })
  })

  it('says that a server is not a greenroom', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end('<html>'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { code, stderr } = await cli(['stats', '--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`])
    expect(code).toBe(1)
    expect(stderr).toContain('error HTTP_404: ')
  })

  it('does not wait for ever for a server that says nothing', async () => {
    const server = createServer(() => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { ManualClock } = await import('../support/manual-clock.ts')
    const clock = new ManualClock()
    const run = startCli(['stats', '--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`], { clock })
    while (clock.pending < 2) await new Promise((resolve) => setTimeout(resolve, 10))
    clock.advance(10_000)
    expect(await run.code).toBe(1)
    expect(run.stderr()).toContain('no answer within 10 s')
  })
})
