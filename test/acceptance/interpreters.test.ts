import type { PoolConfig } from 'greenroom'
import type { ReplResult } from 'greenroom/plugins/drivers/node-repl'
import type { PythonResult } from 'greenroom/plugins/drivers/python-repl'
import type { ShellResult } from 'greenroom/plugins/drivers/shell'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { isAlive, markOf, openPool, pidOf, processesMarked, until } from '../support/real-pool.ts'
import { greenroomErrorOf } from '../support/rejection.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Where shells leave their files. */
const SCRATCH = mkdtempSync(join(tmpdir(), 'greenroom-shells-'))
afterAll(() => rmSync(SCRATCH, { recursive: true, force: true }))

/** What the tests say to an interpreter. */
interface Language {
  readonly driver: PoolConfig['driver']
  /** The message that runs `code`. */
  run(code: string): unknown
  /** What it has put out, and its value. */
  said(answer: unknown): string
  readonly set: string
  readonly get: string
  readonly unset: string
  readonly forever: string
  readonly deaf: string
  readonly crash: string
  readonly leave: string
  /** Prints whatever of a secret can be found in the process: variables, functions, environment, jobs, descriptors, arguments. */
  readonly search: string
  /** Leaves a secret in all these places. */
  plant(secret: string): string
}

const node: Language = {
  driver: 'node-repl',
  run: (code) => ({ code }),
  said: (answer) => { const { stdout, stderr, value, error } = answer as ReplResult; return JSON.stringify([stdout, stderr, value, error?.name]) },
  set: 'globalThis.kept = "of " + "mine"',
  get: 'globalThis.kept ?? "nothing"',
  unset: 'nothing',
  forever: 'console.log("begun"); for (;;) {}',
  // What a timer runs is not under the request that set it. An interrupt before it runs would end the request, so it says itself
  // that it has begun.
  deaf: 'await new Promise(() => setTimeout(() => { console.log("begun"); for (;;) {} }))',
  crash: 'process.abort()',
  leave: 'process.exit(0)',
  plant: (secret) => [
    `globalThis.secret = '${secret}'; let lexical = secret; var keep = () => secret; Object.prototype[secret] = secret; Array.prototype.planted = secret`,
    'process.env.SECRET = secret; process.argv.push(secret); process.execArgv.push(secret); process.title = secret; process.planted = secret',
    'require.cache[secret] = { exports: secret }; process.on("exit", function planted() { return secret }); console.planted = secret',
    'job = require("child_process").spawn("sleep", ["1000"], { env: { ...process.env, SECRET: secret }, argv0: secret })',
    'require("fs").openSync("/dev/null"); setInterval(() => console.log(secret), 20); console.log(secret)',
  ].join('\n'),
  search: [
    'var { execFileSync } = require("child_process"), { inspect } = require("util")',
    'var everything = { showHidden: true, depth: 3, maxArrayLength: null, maxStringLength: null, breakLength: Infinity }',
    'for (const place of [globalThis, process, console, Object.prototype, Array.prototype]) console.log(inspect(Object.getOwnPropertyDescriptors(place), everything).slice(0, 2e6))',
    'console.log(typeof lexical === "undefined" ? "" : lexical, typeof keep === "undefined" ? "" : keep(), Object.keys(require.cache), process.listeners("exit").map((f) => f()))',
    'console.log(execFileSync("sh", ["-c", "env; ls -l /proc/$PPID/fd; cat /proc/$PPID/environ /proc/$PPID/cmdline; ps -o args= --ppid $PPID"]).toString())',
  ].join('\n'),
}

const python: Language = {
  driver: 'python-repl',
  run: (code) => ({ code }),
  said: (answer) => { const { stdout, stderr, value, error } = answer as PythonResult; return JSON.stringify([stdout, stderr, value, error?.name]) },
  set: 'kept = "of " + "mine"',
  get: 'globals().get("kept", "nothing")',
  unset: 'nothing',
  forever: 'print("begun")\nwhile True: pass',
  deaf: 'import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint("begun")\nwhile True: time.sleep(1)',
  crash: 'import os; os.abort()',
  leave: 'import sys; sys.exit(0)',
  plant: (secret) => [
    'import builtins, os, subprocess, sys, threading, time, types, __main__',
    `builtins.secret = sys.secret = secret = "${secret}"`,
    'def keep(s=secret): return s',
    'os.environ["SECRET"] = secret; sys.argv.append(secret); sys.path.append(secret); sys.modules["planted"] = types.ModuleType(secret)',
    'job = subprocess.Popen(["sleep", "1000"], env={**os.environ, "SECRET": secret})',
    'threading.Thread(target=lambda: [print(secret, flush=True) or time.sleep(0.02) for _ in range(10 ** 6)], daemon=True, name=secret).start()',
    'kept_open = open("/dev/null"); print(secret)',
  ].join('\n'),
  search: [
    'import builtins, gc, os, subprocess, sys, threading',
    'print(sorted(globals()), vars(builtins), vars(sys), list(sys.modules), dict(os.environ), [t.name for t in threading.enumerate()])',
    'print({text for found in gc.get_objects() if type(found) in (list, tuple) for text in found if type(text) is str and len(text) < 20})',
    'print(subprocess.run("env; ls -l /proc/$PPID/fd; cat /proc/$PPID/environ /proc/$PPID/cmdline; ps -o args= --ppid $PPID", shell=True, capture_output=True))',
  ].join('\n'),
}

const shell = (command: string): Language => ({
  driver: { use: 'shell', command, cwd: SCRATCH },
  run: (code) => ({ command: code }),
  said: (answer) => { const { stdout, stderr } = answer as ShellResult; return `${stdout}${stderr}` },
  set: 'kept="of mine"',
  get: 'echo "${kept-nothing}"',
  unset: 'nothing\n',
  forever: 'echo begun; while :; do sleep 0.01; done',
  deaf: 'trap "" INT; echo begun; sleep 1000',
  crash: 'kill -SEGV $$',
  leave: 'exit 0',
  plant: (secret) => [
    `secret=${secret}; export SECRET=${secret}; keep() { echo ${secret}; }; alias planted='echo ${secret}'; trap 'echo ${secret}' USR1`,
    `umask 027; ulimit -c 0; mkdir -p ${secret}; cd ${secret}; exec 3>${secret}.txt; set -f; set -- ${secret}; echo ${secret}`,
    `while :; do echo ${secret}; sleep 0.02; done &`,
  ].join('\n'),
  search: 'set; env; export -p; alias; trap; pwd; jobs; history 2>/dev/null; ls -l /proc/$$/fd; tr "\\0" " " < /proc/$$/environ; tr "\\0" " " < /proc/$$/cmdline; ps -o args= --ppid $$; echo "$@ $-"; umask',
})

describe.each<[string, Language]>([['node-repl', node], ['python-repl', python], ['shell', shell('bash')], ['shell with sh', shell('sh')]])('a pool of %s', (_name, language) => {
  const { driver, run, said } = language

  it('keeps the state of a key, starts warm, and gives tenants processes of their own', async () => {
    const { pool, pids } = await openPool({ driver, size: { max: 4, spare: 1 } })
    await until(() => pool.getPoolStats().idleSessions === 1)
    const lease = await pool.acquire({ tenant: 'a', key: 'k' })
    expect(lease.served).toBe('spare')
    await lease.request(run(language.set))
    lease.release()
    expect(said(await pool.request(run(language.get), { tenant: 'a', key: 'k' }))).toContain('of mine')
    expect(said(await pool.request(run(language.get), { tenant: 'b', key: 'k' }))).toContain(language.unset)
    expect(said(await pool.request(run(language.get), { tenant: 'a', key: 'other' }))).toContain(language.unset)
    expect(said(await pool.request(run(language.get), { tenant: 'a' }))).toContain(language.unset)
    expect(pids.size).toBeGreaterThanOrEqual(4)
  })

  it('lets the key go on after a request that was given up in its middle', async () => {
    const { pool } = await openPool({ driver, size: { max: 1, spare: 0 } })
    await using lease = await pool.acquire({ key: 'k' })
    await lease.request(run(language.set))
    for await (const _event of lease.stream(run(language.forever))) break
    await until(async () => {
      try {
        return said(await lease.request(run(language.get))).includes('of mine')
      } catch (error) {
        if ((error as { code?: string }).code === 'SESSION_BUSY') return false
        throw error
      }
    })
    expect(pool.getPoolStats()).toMatchObject({ started: 1, crashes: 0 })
  })

  it('gives the session of a request that timed out to the next caller of its key, as it was', async () => {
    const { pool } = await openPool({ driver, size: { max: 1, spare: 0 } })
    await pool.request(run(language.set), { key: 'k' })
    expect((await greenroomErrorOf(() => pool.request(run(language.forever), { key: 'k', timeout: 100 }))).code).toBe('REQUEST_TIMEOUT')
    expect(said(await pool.request(run(language.get), { key: 'k' }))).toContain('of mine')
    expect(pool.getPoolStats()).toMatchObject({ started: 1 })
  })

  it('ends a session that takes no notice of its interrupts', async () => {
    const { pool, endings, pids } = await openPool({ driver, size: { max: 1, spare: 0 }, timeouts: { settle: '300ms', close: '300ms' } })
    const lease = await pool.acquire({ key: 'k' })
    for await (const _event of lease.stream(run(language.deaf))) break
    lease.release()
    await until(() => endings.size === 1 && ![...pids].some(isAlive))
    expect([...endings.values()]).toEqual(['unsettled'])
    expect(said(await pool.request(run(language.get), { key: 'k' }))).toContain(language.unset)
  })

  it('ends a session that is silent for too long', async () => {
    const { pool, endings } = await openPool({ driver, size: { max: 1, spare: 0 }, timeouts: { silence: '200ms' } })
    expect((await greenroomErrorOf(() => pool.request(run(language.forever), { key: 'k' }))).code).toBe('SESSION_SILENT')
    expect([...endings.values()]).toEqual(['silent'])
  })

  it('tells of a crash and of an exit in the middle of a request, and serves the next one', async () => {
    const { pool } = await openPool({ driver, size: { max: 1, spare: 0 }, restart: { maxCrashes: 100 } })
    const crash = await greenroomErrorOf(() => pool.request(run(language.crash), { key: 'k' }))
    expect([crash.code, crash.exit?.signal]).toEqual(['SESSION_CRASHED', expect.stringMatching(/^SIG(ABRT|SEGV)$/)])
    expect(crash.message).not.toMatch(/[0-9a-f]{32}|job control/)
    expect((await greenroomErrorOf(() => pool.request(run(language.leave), { key: 'k' }))).code).toBe('SESSION_EXITED')
    expect(said(await pool.request(run(language.get), { key: 'k' }))).toContain(language.unset)
  })

  it('finds a stopped one by its health check, and ends it', async () => {
    const { pool, endings } = await openPool({ driver, size: { min: 1, max: 1, spare: 0 }, health: { every: 50, timeout: 200, failures: 1 } })
    await using lease = await pool.acquire({ key: 'k' })
    await lease.request(run(language.set))
    const pid = pidOf(pool, lease)
    lease.release()
    process.kill(pid, 'SIGSTOP')
    await until(() => endings.size >= 1)
    expect([...endings.values()][0]).toBe('unhealthy')
  })

  it('leaves nothing behind, whatever runs in its sessions', async () => {
    const { pool, pids } = await openPool({ driver, size: { max: 3, spare: 0 }, timeouts: { close: '500ms' } })
    const leases = await Promise.all(['a', 'b', 'c'].map((key) => pool.acquire({ key })))
    const marks = new Set(leases.map((lease) => markOf(pidOf(pool, lease))!))
    await leases[0]!.request(run(language.plant('x1')))
    for (const [lease, code] of [[leases[1], language.deaf], [leases[2], language.forever]] as const) {
      lease!.request(run(code)).catch(() => undefined)
    }
    await until(() => processesMarked(marks).length >= 4)
    await pool.close({ grace: 0 })
    expect(processesMarked(marks)).toEqual([])
    expect([...pids].filter(isAlive)).toEqual([])
  })

  it("never shows one tenant's secret to another, nor to another key", async () => {
    const folder = await tempFolder()
    const cwd = typeof driver === 'string' ? { use: driver, cwd: folder } : { ...driver, cwd: folder }
    const { pool, pids } = await openPool({ driver: { ...cwd, maxOutput: '8MB' } as PoolConfig['driver'], size: { max: 2, spare: 1 } })
    const secret = 'canary77'
    for (let round = 0; round < 2; round++) {
      const own = await pool.acquire({ tenant: 'a', key: 'k' })
      await own.request(run(language.plant(secret)))
      // The search is one that finds it where it is.
      expect(said(await own.request(run(language.search)))).toContain(secret)
      own.release()
      for (const who of [{ tenant: 'b', key: 'k' }, { tenant: 'b' }, { tenant: 'a', key: 'other' }, { tenant: 'a' }]) {
        await using other = await pool.acquire(who)
        expect(said(await other.request(run(language.search)))).not.toContain(secret)
        await new Promise((resolve) => setTimeout(resolve, 50))
        expect(said(await other.request(run(language.get)))).not.toContain(secret)
      }
    }
    expect(pids.size).toBeGreaterThan(2)
  }, 60_000)
})
