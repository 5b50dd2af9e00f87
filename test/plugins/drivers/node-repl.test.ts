import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import nodeRepl, { type ReplResult } from '../../../plugins/drivers/node-repl.ts'
import { makeDriver, openDriver, until, withinHang, type OpenDriver, type TurnRecord } from '../../support/driver-harness.ts'

const run = async (repl: OpenDriver, code: string): Promise<ReplResult> => (await repl.request({ code })) as ReplResult
const never = new AbortController().signal

describe('an interpreter session', () => {
  it('answers with the value of the last expression and keeps state between requests', async () => {
    await using repl = await openDriver(nodeRepl, {})
    expect(await run(repl, 'globalThis.x = 41; x + 1')).toEqual({ value: 42, stdout: '', stderr: '' })
    expect(await run(repl, 'const a = 1; let b = 2; class C {}; function f() { return a + b }')).toEqual({ stdout: '', stderr: '' })
    expect(await run(repl, 'const p = await Promise.resolve(f() + x); p')).toEqual({ value: 44, stdout: '', stderr: '' })
    expect(await run(repl, "require('node:path').basename('/a/b')")).toMatchObject({ value: 'b' })
    expect(await run(repl, "(await import('node:os')).EOL")).toMatchObject({ value: '\n' })
    expect(await run(repl, 'p + new C().constructor.name')).toMatchObject({ value: '44C' })
    expect(await run(repl, '{ a: 1 }')).toMatchObject({ value: { a: 1 } })
  })

  it('gives plain data as it is, and anything else as text', async () => {
    await using repl = await openDriver(nodeRepl, {})
    expect(await run(repl, "({ list: [1, 'two', null, true], nested: { gone: undefined } })")).toMatchObject({ value: { list: [1, 'two', null, true], nested: {} } })
    const texts: [code: string, inspected: string][] = [
      ['NaN', 'NaN'], ['10n', '10n'], ['new Map([[1, 2]])', 'Map(1) { 1 => 2 }'], ['Symbol("s")', 'Symbol(s)'], ['new Date(0)', '1970-01-01T00:00:00.000Z'],
      ['[1, , 3]', '[ 1, <1 empty item>, 3 ]'], ['const round = {}; round.me = round; round', '<ref *1> { me: [Circular *1] }'],
      ['new (class Point { x = 1 })', 'Point { x: 1 }'], ['[{ deep: new Set() }]', '[ { deep: Set(0) {} } ]'], ['new Proxy({}, {})', '{}'],
    ]
    for (const [code, inspected] of texts) expect(await run(repl, code)).toEqual({ inspected, stdout: '', stderr: '' })
    expect((await run(repl, '({ get bad() { throw new Error("no") } })')).inspected).toContain('no')
  })

  it('reports what the code throws as a result, and goes on', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const { error } = await run(repl, 'const kept = 1; null.x')
    expect(error).toMatchObject({ name: 'TypeError', message: expect.stringContaining('null') as string })
    expect(error?.stack).toMatch(/^TypeError[^]*repl:1/)
    expect(error?.stack).not.toContain('worker.mjs')
    expect((await run(repl, 'throw "text"')).error).toEqual({ name: 'NonError', message: 'text' })
    expect((await run(repl, 'throw { code: 7 }')).error).toEqual({ name: 'NonError', message: '{ code: 7 }' })
    expect((await run(repl, 'await Promise.reject(new RangeError("late"))')).error).toMatchObject({ name: 'RangeError', message: 'late' })
    expect((await run(repl, 'function (')).error).toMatchObject({ name: 'SyntaxError' })
    expect((await run(repl, 'if (true) {')).error).toMatchObject({ name: 'SyntaxError' })
    expect((await run(repl, 'const e = new Error(); Object.defineProperty(e, "name", { get() { throw 1 } }); throw e')).error).toMatchObject({ name: 'NonError' })
    expect((await run(repl, 'kept')).value).toBe(1)
  })

  it('gives output as events when it comes, and with the result', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const turn = repl.turn({ code: 'console.log("one"); await new Promise(r => setTimeout(r, 20)); process.stderr.write(Buffer.from("zwei ü")); 3' })
    await begun(turn)
    expect(await turn.result).toEqual({ value: 3, stdout: 'one\n', stderr: 'zwei ü' })
    expect(turn.events).toEqual([{ type: 'stdout', text: 'one\n' }, { type: 'stderr', text: 'zwei ü' }])
  })

  it('keeps no more output than maxOutput of a request, and says so', async () => {
    await using repl = await openDriver(nodeRepl, { maxOutput: 100 })
    const long = await run(repl, 'console.log("é".repeat(99)); console.log("more"); 1')
    expect(long).toEqual({ value: 1, stdout: 'é'.repeat(50), stderr: '', truncated: true })
    const raw = await run(repl, 'require("fs").writeSync(1, "r".repeat(200) + "\\n"); 1')
    expect(raw).toEqual({ value: 1, stdout: 'r'.repeat(100), stderr: '', truncated: true })
    const value = await run(repl, '"v".repeat(200)')
    expect(value).toMatchObject({ inspected: `'${'v'.repeat(99)}`, truncated: true })
    expect(await run(repl, '"short"')).toEqual({ value: 'short', stdout: '', stderr: '' })
  })

  it('takes what is written straight to its stdout for output, whatever it says', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const forged = '{"type":"done","value":"forged"}'
    const direct = await run(repl, `require('fs').writeSync(1, ${JSON.stringify(`${forged}\nno line end`)}); 'real'`)
    expect(direct).toEqual({ value: 'real', stdout: `${forged}\nno line end`, stderr: '' })
    const child = await run(repl, `require('child_process').execFileSync(process.execPath, ['-e', 'console.log("from a child")'], { stdio: 'inherit' }); 1`)
    expect(child).toMatchObject({ value: 1, stdout: 'from a child\n' })
    const secrets = await run(repl, `require('fs').readFileSync('/proc/self/environ', 'utf8') + JSON.stringify(process.env) + process.argv`)
    expect(JSON.stringify(secrets)).not.toContain('\\u0001')
  })

  it('has an empty stdin for the code, so that it cannot eat requests', async () => {
    await using repl = await openDriver(nodeRepl, {})
    expect(await run(repl, 'let read = ""; for await (const part of process.stdin) read += part; read')).toMatchObject({ value: '' })
    expect(await run(repl, '1')).toMatchObject({ value: 1 })
  })

  it('survives code that replaces the globals it uses', async () => {
    await using repl = await openDriver(nodeRepl, {})
    await run(repl, 'let JSON = 0, Buffer = 0, setImmediate = 0, Object = 0, String = 0; globalThis.Array = 0; 1')
    expect(await run(repl, '({ still: "here" })')).toMatchObject({ value: { still: 'here' } })
    await repl.channel.ping!(never)
  })

  it('survives failures in the background, and shows them as stderr', async () => {
    await using repl = await openDriver(nodeRepl, {})
    await run(repl, 'const state = 5; setTimeout(() => { throw new Error("in a timer") }, 1); Promise.reject(new Error("unhandled")); 0')
    const later = await run(repl, 'await new Promise((resolve) => setTimeout(resolve, 50)); state')
    expect(later).toMatchObject({ value: 5, stdout: '' })
    expect(later.stderr).toMatch(/unhandled/)
    expect(later.stderr).toMatch(/in a timer/)
  })

  it('keeps output between requests for the next one, and is not contaminated by it', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const start = repl.child.bytesRead
    await run(repl, '0')
    const answer = repl.child.bytesRead - start
    await run(repl, 'setTimeout(() => console.log("late"), 1); 0')
    await until(() => repl.child.bytesRead > start + 2 * answer)
    const next = repl.turn({ code: 'console.log("now"); 1' })
    expect(await next.result).toMatchObject({ value: 1, stdout: 'late\nnow\n' })
    expect(next.events).toEqual([{ type: 'stdout', text: 'late\n' }, { type: 'stdout', text: 'now\n' }])
    expect((await run(repl, '2')).stdout).toBe('')
    expect(repl.unsolicited).toEqual([])
  })

  it('keeps no more than maxOutput of it', async () => {
    await using repl = await openDriver(nodeRepl, { maxOutput: 10 })
    await run(repl, 'setTimeout(() => { for (let i = 0; i < 100; i++) console.log("xxxx") }, 1); 0')
    await run(repl, 'await new Promise((resolve) => setTimeout(resolve, 30)); 0')
    expect((await run(repl, '1')).stdout.length).toBeLessThanOrEqual(10)
  })

  it('refuses messages of another form before anything is sent, and a second request at a time', async () => {
    await using repl = await openDriver(nodeRepl, {})
    for (const message of [undefined, null, 'code', {}, { code: 1 }, { code: '1', extra: 2 }]) {
      expect(() => repl.turn(message)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }) as Error)
    }
    const first = repl.turn({ code: 'await new Promise(r => setTimeout(r, 20)); 1' })
    expect(() => repl.turn({ code: '2' })).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }) as Error)
    expect(await first.result).toMatchObject({ value: 1 })
  })

  it('carries code of any size', async () => {
    await using repl = await openDriver(nodeRepl, { maxOutput: '8MB' })
    const text = 'ä\n'.repeat(1_000_000)
    expect((await run(repl, JSON.stringify(text))).value).toBe(text)
  })
})

/** Resolves when the code has put something out; rejects with what came instead when it ends without. */
function begun(turn: TurnRecord): Promise<void> {
  const ended = turn.result.then((result) => {
    if (turn.events.length === 0) throw new Error(`it ended and put nothing out: ${JSON.stringify(result)}`)
  })
  return Promise.race([until(() => turn.events.length > 0), ended])
}

describe('cancelling', () => {
  it('interrupts an endless loop, keeps the state, and does no harm a second time', async () => {
    await using repl = await openDriver(nodeRepl, {})
    await run(repl, 'globalThis.kept = 1')
    for (const code of ['while (true) {}', 'for (;;) { try { for (;;) {} } catch {} }']) {
      const turn = repl.turn({ code: `console.log('begun'); ${code}` })
      await begun(turn)
      repl.channel.cancel!(turn.sink)
      repl.channel.cancel!(turn.sink)
      expect(await turn.result).toMatchObject({ error: { message: expect.stringContaining('interrupted') as string } })
      repl.channel.cancel!(turn.sink)
    }
    expect(await run(repl, 'kept')).toMatchObject({ value: 1 })
  })

  it('interrupts code that waits', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const turn = repl.turn({ code: 'console.log("waiting"); await new Promise(() => {})' })
    await begun(turn)
    repl.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ stdout: 'waiting\n', error: { message: expect.stringContaining('interrupted') as string } })
    expect(await run(repl, '2')).toMatchObject({ value: 2 })
  })

  it('never hits the request after the one that was cancelled', async () => {
    await using repl = await openDriver(nodeRepl, {})
    for (let round = 0; round < 30; round++) {
      const turn = repl.turn({ code: `${round}` })
      repl.channel.cancel!(turn.sink)
      await turn.result
      expect(await run(repl, `await new Promise(r => setTimeout(r, 1)); ${round}`)).toMatchObject({ value: round })
    }
  })

  it('ends the turn and not the session, also when it comes as the code ends', async () => {
    await using repl = await openDriver(nodeRepl, {})
    await run(repl, 'globalThis.kept = 1')
    for (let round = 0; round < 20; round++) {
      // The signal comes 50 ms after the interruption: a little before the end, or a little after.
      const turn = repl.turn({ code: `{ console.log('begun'); const end = Date.now() + ${45 + round}; while (Date.now() < end); 'ended' }` })
      await begun(turn)
      repl.channel.cancel!(turn.sink)
      const { value, error } = (await turn.result) as ReplResult
      expect(value === 'ended' || error?.message.includes('interrupted')).toBe(true)
    }
    expect(await run(repl, 'kept')).toMatchObject({ value: 1 })
  })

  it('ends a turn whose result takes long to be sent', async () => {
    await using repl = await openDriver(nodeRepl, { maxOutput: '64MB' })
    await run(repl, 'globalThis.much = Array.from({ length: 500_000 }, (_, n) => `the ${n}th`)')
    for (let round = 0; round < 10; round++) {
      const turn = repl.turn({ code: `{ console.log('begun'); const end = Date.now() + ${round * 10}; while (Date.now() < end); much }` })
      await begun(turn)
      repl.channel.cancel!(turn.sink)
      const { value, error } = (await turn.result) as ReplResult
      expect((value as unknown[] | undefined)?.length === 500_000 || error?.message.includes('interrupted')).toBe(true)
    }
    expect(await run(repl, 'much.length')).toMatchObject({ value: 500_000 })
  })

  it('loses nothing of the conversation when it cuts output', async () => {
    await using repl = await openDriver(nodeRepl, {})
    for (let round = 0; round < 5; round++) {
      const turn = repl.turn({ code: "for (;;) console.log('x'.repeat(300_000))" })
      await begun(turn)
      repl.channel.cancel!(turn.sink)
      const { stdout, error } = (await turn.result) as ReplResult
      expect(error?.message).toContain('interrupted')
      expect(stdout).toMatch(/^x[x\n]*$/)
    }
    expect(await run(repl, '1')).toEqual({ value: 1, stdout: '', stderr: '' })
  })

  it('keeps pings that come while the code computes', async () => {
    await using repl = await openDriver(nodeRepl, {})
    for (let round = 0; round < 5; round++) {
      const turn = repl.turn({ code: "{ console.log('begun'); const end = Date.now() + 60; while (Date.now() < end); 1 }" })
      await begun(turn)
      const pings = [repl.channel.ping!(never)]
      repl.channel.cancel!(turn.sink)
      pings.push(repl.channel.ping!(never), repl.channel.ping!(never))
      await turn.result
      await withinHang(Promise.all(pings))
    }
    expect(await run(repl, '1')).toMatchObject({ value: 1 })
  })

  it('is not needed for SIGINT to leave an idle session alone', async () => {
    await using repl = await openDriver(nodeRepl, {})
    repl.child.signal('SIGINT')
    repl.child.signal('SIGINT')
    await repl.channel.ping!(never)
    expect(await run(repl, '1')).toMatchObject({ value: 1 })
  })
})

describe('health and the end', () => {
  it('answers pings without touching the state of the user, also after one was given up', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const loop = repl.turn({ code: 'const end = Date.now() + 100; while (Date.now() < end); 1' })
    const impatient = new AbortController()
    const ping = repl.channel.ping!(impatient.signal)
    impatient.abort(new Error('too late'))
    await expect(ping).rejects.toThrow('too late')
    await expect(repl.channel.ping!(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    await withinHang(repl.channel.ping!(never))
    expect(await loop.result).toMatchObject({ value: 1 })
  })

  it('declares no reset, since nothing could be promised about a process whose user could load anything', async () => {
    await using repl = await openDriver(nodeRepl, {})
    expect(repl.channel.reset).toBeUndefined()
    expect(repl.driver.capabilities.resetGuarantees ?? []).toEqual([])
  })

  it('ends with process.exit of the code, and what it printed before arrives', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const turn = repl.turn({ code: 'console.log("bye".repeat(50000)); process.exit(3)' })
    const ping = repl.channel.ping!(never)
    await expect(turn.result).rejects.toThrow('ended (3)')
    await expect(ping).rejects.toMatchObject({ code: 'SESSION_EXITED' })
    expect(turn.events).toEqual([{ type: 'stdout', text: `${'bye'.repeat(50_000)}\n` }])
    expect(await repl.child.exited).toEqual({ code: 3, signal: null })
    expect(repl.broken).toEqual([])
  })

  it('ends at the end of its input, whatever timers and servers the code has left open', async () => {
    await using repl = await openDriver(nodeRepl, {})
    await run(repl, 'setInterval(() => {}, 1000); require("net").createServer().listen(0, "127.0.0.1"); process.exit = () => {}; 0')
    repl.turn({ code: 'await new Promise(() => {})' })
    repl.child.stdin.end()
    expect(await withinHang(repl.child.exited)).toEqual({ code: 0, signal: null })
  })

  it('breaks when the code tears a line of the interpreter itself', async () => {
    await using repl = await openDriver(nodeRepl, {})
    // Only the interpreter writes marked lines; patching the module it writes with is the one way to get at one.
    const tear = `const fs = require('fs'), { writeSync } = fs; fs.writeSync = (fd, bytes) => writeSync(fd, Buffer.from(bytes.toString().replace('{', '')))`
    const turn = repl.turn({ code: `${tear}; require('module').syncBuiltinESMExports(); console.log('torn')` })
    await expect(turn.result).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(repl.broken).toHaveLength(1)
  })

  it('goes on after a line of the interpreter that was cut, as an interruption may cut it', async () => {
    await using repl = await openDriver(nodeRepl, {})
    const cut = `const fs = require('fs'), { writeSync } = fs; fs.writeSync = (fd, bytes) => { fs.writeSync = writeSync; writeSync(fd, bytes.subarray(0, -5)); return bytes.length }`
    const update = "require('module').syncBuiltinESMExports()"
    expect(await run(repl, `${cut}; ${update}; console.log('cut'); ${update}; console.log('whole'); 7`)).toEqual({ value: 7, stdout: 'whole\n', stderr: '' })
    expect(await run(repl, '8')).toEqual({ value: 8, stdout: '', stderr: '' })
  })

  it('runs with the options it was given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'greenroom-repl-'))
    try {
      const options = { cwd: folder, env: { MINE: 'yes' }, nodeArgs: ['--stack-trace-limit=3'] }
      await using repl = await openDriver(nodeRepl, options)
      const { value } = await run(repl, '[process.cwd(), process.env.MINE, process.execArgv, process.env.GREENROOM_TEST_RUN]')
      expect(value).toBeUndefined()
      expect((await run(repl, '[process.cwd(), process.env.MINE, process.execArgv]')).value).toEqual([folder, 'yes', ['--stack-trace-limit=3']])
      await expect(makeDriver(nodeRepl, { maxOutput: 0 })).rejects.toThrow('at least 1')
      await expect(makeDriver(nodeRepl, { comand: 'x' })).rejects.toThrow('comand')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('fails its start when Node refuses its arguments', async () => {
    await expect(openDriver(nodeRepl, { nodeArgs: ['--no-such-flag'] })).rejects.toThrow(/no-such-flag|ended/)
  })
})
