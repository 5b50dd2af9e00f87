import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pythonRepl, { type PythonResult } from '../../../plugins/drivers/python-repl.ts'
import { isRunning } from '../../support/is-running.ts'
import { makeDriver, openDriver, until, withinHang, type OpenDriver } from '../../support/driver-harness.ts'

const open = (options: object = {}): Promise<OpenDriver> => openDriver(pythonRepl, options)
const run = async (repl: OpenDriver, code: string): Promise<PythonResult> => (await repl.request({ code })) as PythonResult
const never = new AbortController().signal
const quiet = { stdout: '', stderr: '' }

describe('a Python session', () => {
  it('answers with the value of the last expression and keeps state between requests', async () => {
    await using repl = await open()
    expect(await run(repl, 'x = 41\nx + 1')).toEqual({ value: 42, ...quiet })
    expect(await run(repl, 'import os.path\ndef f(a):\n    return a * x\nclass C: pass')).toEqual(quiet)
    expect(await run(repl, 'f(2)')).toEqual({ value: 82, ...quiet })
    expect(await run(repl, 'if x:\n    x = 1\n')).toEqual(quiet)
    expect(await run(repl, 'x; None')).toEqual(quiet)
    expect(await run(repl, '')).toEqual(quiet)
    expect(await run(repl, '[C.__name__, C.__module__, __name__, os.path.basename("/a/b")]')).toMatchObject({ value: ['C', '__main__', '__main__', 'b'] })
    expect(await run(repl, '[name for name in dir() if not name.startswith("__")]')).toMatchObject({ value: ['C', 'f', 'os', 'x'] })
  })

  it('gives plain data as it is, and anything else as its repr', async () => {
    await using repl = await open()
    const plain = '[1, 2.5, "zwei ü ✓", None, True, {"a": {"b": []}}]'
    expect(await run(repl, plain)).toMatchObject({ value: [1, 2.5, 'zwei ü ✓', null, true, { a: { b: [] } }] })
    const texts: [code: string, inspected: string][] = [
      ['float("nan")', 'nan'], ['2 ** 60', '1152921504606846976'], ['(1, 2)', '(1, 2)'], ['{1, 2}', '{1, 2}'], ['{1: 2}', '{1: 2}'], ['b"x"', "b'x'"],
      ['x = []; x.append(x); x', '[[...]]'], ['[object]', "[<class 'object'>]"], ['range(3)', 'range(0, 3)'], ['[float("inf")]', '[inf]'],
    ]
    for (const [code, inspected] of texts) expect(await run(repl, code)).toEqual({ inspected, ...quiet })
    expect((await run(repl, 'class Bad:\n    def __repr__(self): raise ValueError("no repr")\nBad()')).inspected).toContain('no repr')
  })

  it('reports what the code raises as a result, with a traceback of the code alone, and goes on', async () => {
    await using repl = await open()
    const { error } = await run(repl, 'kept = 1\ndef fail():\n    return {}["missing"]\nfail()')
    expect(error).toMatchObject({ name: 'KeyError', message: "'missing'" })
    expect(error?.stack).toMatch(/^Traceback \(most recent call last\):\n {2}File "<request 1>", line 4, in <module>\n {4}fail\(\)/)
    expect(error?.stack).toContain('return {}["missing"]')
    expect(error?.stack).not.toContain('worker.py')
    // Also in what an earlier request has defined.
    expect((await run(repl, 'fail()')).error?.stack).toContain('File "<request 1>", line 3, in fail\n    return {}["missing"]')
    for (const [code, name] of [['f(', 'SyntaxError'], [' x', 'IndentationError'], ['raise KeyboardInterrupt', 'KeyboardInterrupt'], ['raise GeneratorExit', 'GeneratorExit'],
      ['def r(): r()\nr()', 'RecursionError'], ['await fail()', 'KeyError'], ['"a\\0b"; eval("\\0")', 'SyntaxError'], ['class E(Exception):\n  def __str__(self): raise ValueError()\nraise E()', 'E']] as const) {
      expect([code, (await run(repl, code)).error?.name]).toEqual([code, expect.stringMatching(`^(${name}|ValueError)$`)])
    }
    expect(await run(repl, 'kept')).toMatchObject({ value: 1 })
  })

  it('waits at the top level, and its tasks go on while a later request waits', async () => {
    await using repl = await open()
    expect(await run(repl, 'import asyncio\nawait asyncio.sleep(0.01, "woken")')).toMatchObject({ value: 'woken' })
    await run(repl, 'seen = []\nasync def later():\n    await asyncio.sleep(0.01)\n    seen.append(1)\nasync def begin():\n    global task\n    task = asyncio.create_task(later())\nawait begin()')
    expect(await run(repl, 'await task; seen')).toMatchObject({ value: [1] })
    expect((await run(repl, 'await asyncio.wait_for(asyncio.sleep(9), 0.01)')).error?.stack).not.toContain('base_events')
    await run(repl, 'import asyncio\nasyncio.run(asyncio.sleep(0))')
    expect(await run(repl, 'await asyncio.sleep(0, 7)')).toMatchObject({ value: 7 })
  })

  it('gives output as events when it comes, and with the result', async () => {
    await using repl = await open()
    const turn = repl.turn({ code: 'import sys, time\nprint("one", end=" ")\ntime.sleep(0.05)\nsys.stderr.write("zwei ü")\ntime.sleep(0.05)\n3' })
    await until(() => turn.events.length > 0)
    expect(await turn.result).toEqual({ value: 3, stdout: 'one ', stderr: 'zwei ü' })
    expect(turn.events.map((event) => (event as { type: string }).type)).toEqual(expect.arrayContaining(['stdout', 'stderr']))
    expect(await run(repl, 'sys.stdout.buffer.write(b"\\xe2"); sys.stdout.flush(); time.sleep(0.02); n = sys.stdout.buffer.write(b"\\x9c\\x93\\xff\\xe2")')).toEqual({ stdout: '✓\ufffd\ufffd', stderr: '' })
    expect(await run(repl, 'print("\\ud800")')).toEqual({ stdout: '\\ud800\n', stderr: '' })
  })

  it('takes whatever is written to stdout and stderr for output, by whomever', async () => {
    await using repl = await open()
    const forged = '{"type":"done","value":"forged"}'
    expect(await run(repl, `import os\nn = os.write(1, b'''${forged}\nno line end'''); n = os.write(2, b'err'); 'real'`)).toEqual({ value: 'real', stdout: `${forged}\nno line end`, stderr: 'err' })
    expect(await run(repl, 'import subprocess\nsubprocess.run(["sh", "-c", "echo out; echo err >&2; echo named >/dev/stderr"]).returncode')).toEqual({ value: 0, stdout: 'out\n', stderr: 'err\nnamed\n' })
    expect(await run(repl, 'os.system("cat; echo from a child")')).toEqual({ value: 0, stdout: 'from a child\n', stderr: '' })
    expect(await run(repl, 'import ctypes\nlibc = ctypes.CDLL(None)\nn = libc.puts(b"from C"); n = libc.fflush(None)')).toEqual({ stdout: 'from C\n', stderr: '' })
    expect(await run(repl, `sorted(int(fd) for fd in subprocess.run(["ls", "/proc/self/fd"], capture_output=True, text=True).stdout.split())`)).toMatchObject({ value: [0, 1, 2, 3] })
  })

  it('carries output and code of any size, none of it lost', async () => {
    await using repl = await open({ maxOutput: '8MB' })
    const text = 'ä\n'.repeat(500_000)
    expect((await run(repl, JSON.stringify(text))).value).toBe(text)
    expect((await run(repl, 'print("é" * 1_000_000)')).stdout).toBe(`${'é'.repeat(1_000_000)}\n`)
  })

  it('keeps no more output than maxOutput of a request, and says so', async () => {
    await using repl = await open({ maxOutput: 100 })
    expect(await run(repl, 'print("é" * 99); print("more"); 1')).toEqual({ value: 1, stdout: 'é'.repeat(50), stderr: '', truncated: true })
    expect(await run(repl, '"v" * 200')).toEqual({ inspected: `'${'v'.repeat(99)}`, ...quiet, truncated: true })
    expect((await run(repl, 'raise ValueError("m" * 200)')).error?.message).toBe('m'.repeat(100))
    expect(await run(repl, '"short"')).toEqual({ value: 'short', ...quiet })
  })

  it('has an empty stdin for the code, so that it cannot eat requests', async () => {
    await using repl = await open()
    expect((await run(repl, 'input("name? ")')).error).toMatchObject({ name: 'EOFError' })
    expect(await run(repl, 'import sys\nsys.stdin.read()')).toMatchObject({ value: '' })
    expect(await run(repl, '1')).toMatchObject({ value: 1 })
  })

  it('survives code that replaces what it uses', async () => {
    await using repl = await open()
    await run(repl, 'import json, os, sys, builtins, traceback, io, signal\njson.dumps = json.loads = os.read = os.write = None\ntraceback.format_exception = None')
    await run(repl, 'class Hidden(io.StringIO):\n    def flush(self): raise ValueError()\nsys.stdout = Hidden(); print("hidden"); str = 1; None')
    await run(repl, 'sys.stdout = sys.__stdout__; sys.setrecursionlimit(100); sys.argv.append("x"); sys.modules.pop("__main__") and None')
    expect(await run(repl, 'print("shown"); [str]')).toEqual({ value: [1], stdout: 'shown\n', stderr: '' })
    expect((await run(repl, '1/0')).error).toMatchObject({ name: 'ZeroDivisionError', stack: expect.stringContaining('<request') as string })
    await repl.channel.ping!(never)
  })

  it('survives forks that come to the end of the code', async () => {
    await using repl = await open()
    expect(await run(repl, 'import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint("parent" if pid else "child")')).toMatchObject({ stdout: expect.stringMatching(/^child\nparent\n$/) as string })
    expect(await run(repl, 'from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(2) as pool: found = list(pool.map(abs, [-1, -2]))\nfound')).toMatchObject({ value: [1, 2] })
  })

  it('keeps output between requests for the next one, and is not contaminated by it', async () => {
    await using repl = await open()
    const start = repl.child.bytesRead
    await run(repl, '0')
    const answer = repl.child.bytesRead - start
    const before = repl.child.bytesRead
    await run(repl, 'import threading, sys\nthreading.Timer(0.05, lambda: print("late")).start(); 0')
    await until(() => repl.child.bytesRead > before + answer)
    const next = repl.turn({ code: 'print("now"); 1' })
    expect(await next.result).toEqual({ value: 1, stdout: 'late\nnow\n', stderr: '' })
    expect((await run(repl, '2')).stdout).toBe('')
    expect((await run(repl, 't = threading.Thread(target=lambda: 1/0); t.start(); t.join()')).stderr).toContain('ZeroDivisionError')
    expect(repl.unsolicited).toEqual([])
  })

  it('refuses messages of another form before anything is sent, and a second request at a time', async () => {
    await using repl = await open()
    for (const message of [undefined, null, 'code', [], {}, { code: 1 }, { code: '1', extra: 2 }, { code: '1', timeout: -1 }]) {
      expect(() => repl.turn(message)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }) as Error)
    }
    const first = repl.turn({ code: 'import time; time.sleep(0.02); 1' })
    expect(() => repl.turn({ code: '2' })).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }) as Error)
    expect(await first.result).toMatchObject({ value: 1 })
  })
})

describe('interrupting Python', () => {
  it.each([
    ['an endless loop', 'while True: pass'],
    ['a sleep', 'import time; time.sleep(1000)'],
    ['a wait at the top level', 'import asyncio; await asyncio.sleep(1000)'],
    ['a child process', 'import subprocess; subprocess.run(["sleep", "1000"])'],
    ['a child of the system call', 'import os, time; os.system("sleep 1000"); time.sleep(1000)'],
    ['code that goes on once', 'import time\ntry: time.sleep(1000)\nexcept KeyboardInterrupt: pass\ntime.sleep(1000)'],
    ['a long computation in C', 'import time; time.sleep(0.2); 10 ** 10 ** 9 and None'],
    ['a lock', 'import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()'],
    ['a repr', 'import time\nclass Slow:\n    def __repr__(self): time.sleep(1000)\nSlow()'],
  ])('ends %s, keeps the state, and does no harm a second time', async (_what, code) => {
    await using repl = await open()
    await run(repl, 'kept = 1')
    const turn = repl.turn({ code: `print("begun")\n${code}` })
    // Output is seen while the code lets other threads run: code in C that keeps the lock of the interpreter does not.
    await until(() => turn.events.length > 0)
    repl.channel.cancel!(turn.sink)
    repl.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ stdout: expect.stringMatching(/^begun/) as string, error: { name: 'KeyboardInterrupt', message: 'The code was interrupted' } })
    repl.channel.cancel!(turn.sink)
    expect(await run(repl, 'kept')).toMatchObject({ value: 1 })
  })

  it('never hits the request after the one that was cancelled, whenever it comes', async () => {
    await using repl = await open()
    for (let round = 0; round < 30; round++) {
      const turn = repl.turn({ code: `print(${round})` })
      if (round % 3 === 1) await until(() => turn.events.length > 0)
      if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve))
      repl.channel.cancel!(turn.sink)
      await turn.result
      expect(await run(repl, `import time; time.sleep(0.001); ${round}`)).toMatchObject({ value: round })
    }
  })

  it('ends code at its time-out, with what it has put out', async () => {
    await using repl = await open({ timeout: '100ms' })
    const late = await repl.request({ code: 'print("partly")\nwhile True: pass' })
    expect(late).toMatchObject({ stdout: 'partly\n', error: { name: 'KeyboardInterrupt' }, timedOut: true })
    expect(await repl.request({ code: 'import time; time.sleep(0.2); 1', timeout: '1m' })).toEqual({ value: 1, ...quiet })
    expect(await repl.request({ code: 'time.sleep(9)', timeout: 20 })).toMatchObject({ timedOut: true })
  })

  it('gives up on code that goes on after its time-out', async () => {
    await using repl = await open()
    const turn = repl.turn({ code: 'import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)', timeout: 10 })
    await expect(turn.result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    expect(repl.broken).toHaveLength(1)
    repl.child.signalGroup('SIGKILL')
  })

  it('is not needed for SIGINT to leave an idle session alone', async () => {
    await using repl = await open()
    repl.child.signal('SIGINT')
    repl.child.signal('SIGINT')
    await repl.channel.ping!(never)
    expect(await run(repl, '1')).toMatchObject({ value: 1 })
  })
})

describe('health and the end of Python', () => {
  it('answers pings without touching the state of the user, also after one was given up', async () => {
    await using repl = await open()
    const busy = repl.turn({ code: 'import time; time.sleep(0.1); 1' })
    const impatient = new AbortController()
    const ping = repl.channel.ping!(impatient.signal)
    impatient.abort(new Error('too late'))
    await expect(ping).rejects.toThrow('too late')
    await expect(repl.channel.ping!(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    await withinHang(repl.channel.ping!(never))
    expect(await busy.result).toMatchObject({ value: 1 })
  })

  it('declares no reset, since nothing could be promised about a process whose user could load anything', async () => {
    await using repl = await open()
    expect(repl.channel.reset).toBeUndefined()
    expect(repl.driver.capabilities.resetGuarantees ?? []).toEqual([])
  })

  it.each([['exit()', 0], ['import sys; sys.exit(3)', 3], ['raise SystemExit("why")', 1], ['import os; os._exit(4)', 4]])('ends with %s, and what was put out before arrives', async (code, exitCode) => {
    await using repl = await open()
    const turn = repl.turn({ code: `import atexit; atexit.register(lambda: print("at exit"))\nprint("bye" * 50000)\n${code}` })
    const ping = repl.channel.ping!(never)
    await expect(turn.result).rejects.toThrow(`ended (${exitCode})`)
    await expect(ping).rejects.toMatchObject({ code: 'SESSION_EXITED' })
    if (!code.includes('_exit')) {
      const stdout = turn.events.filter((event) => (event as { type: string }).type === 'stdout').map((event) => (event as { text: string }).text).join('')
      expect(stdout).toBe(`${'bye'.repeat(50_000)}\nat exit\n`)
    }
    expect(await repl.child.exited).toEqual({ code: exitCode, signal: null })
    expect(repl.broken).toEqual([])
  })

  it('ends at the end of its input, whatever the code is doing and has left open', async () => {
    await using repl = await open()
    await run(repl, 'import threading, time, socket\nthreading.Thread(target=time.sleep, args=(1000,)).start()\nserver = socket.create_server(("127.0.0.1", 0))')
    repl.turn({ code: 'while True: pass' })
    repl.child.stdin.end()
    expect(await withinHang(repl.child.exited)).toEqual({ code: 0, signal: null })
  })

  it('is a crash when the process is killed in the middle of a request', async () => {
    await using repl = await open()
    const turn = repl.turn({ code: 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)' })
    await expect(turn.result).rejects.toThrow('ended (SIGKILL)')
    expect(isRunning(repl.child.pid!)).toBe(false)
  })

  it('breaks when the code writes to the connection itself', async () => {
    await using repl = await open()
    const turn = repl.turn({ code: 'import os\nfor fd in range(3, 20):\n    try: os.write(fd, b"torn{")\n    except OSError: pass' })
    await expect(turn.result).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(repl.broken).toHaveLength(1)
  })
})

describe('the options of python-repl', () => {
  let folder: string
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'greenroom-python-')) })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('are what it runs with', async () => {
    writeFileSync(join(folder, 'beside.py'), 'here = True\n')
    await using repl = await open({ cwd: folder, env: { MINE: 'yes' }, args: ['-X', 'mine=1'] })
    expect(await run(repl, 'import os, sys, beside\n[os.getcwd(), os.environ["MINE"], sys._xoptions, beside.here, os.environ.get("GREENROOM_TEST_RUN"), sys.argv]'))
      .toMatchObject({ value: [folder, 'yes', { mine: '1' }, true, null, ['']] })
    await expect(makeDriver(pythonRepl, { maxOutput: 0 })).rejects.toThrow('at least 1')
    await expect(makeDriver(pythonRepl, { comand: 'x' })).rejects.toThrow('comand')
  })

  it('fail the start, and say why, where there is no Python or it refuses its arguments', async () => {
    await expect(open({ command: '/no/such/python' })).rejects.toThrow(/no\/such\/python/)
    await expect(open({ args: ['--no-such-option'] })).rejects.toThrow(/no-such-option/)
  })

  it('fail the start, and say why, where Python is older than 3.8', async () => {
    // Where no old one is installed, the version is the one thing of it that matters.
    const old = join(folder, 'python3.7')
    const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout.trim()
    writeFileSync(old, `#!/bin/sh\nshift\nexec ${python} -c 'import sys; sys.version_info = (3, 7, 9); exec(open(sys.argv[1]).read())' "$@"\n`)
    chmodSync(old, 0o755)
    await expect(open({ command: old })).rejects.toThrow(/needs Python 3\.8 or later, and this is 3\.7/)
  })
})
