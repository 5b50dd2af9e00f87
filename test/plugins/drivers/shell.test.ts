import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import shell, { type ShellResult } from '../../../plugins/drivers/shell.ts'
import { isRunning } from '../../support/is-running.ts'
import { makeDriver, openDriver, until, withinHang, type OpenDriver } from '../../support/driver-harness.ts'

const run = async (session: OpenDriver, command: string): Promise<ShellResult> => (await session.request({ command })) as ShellResult
const never = new AbortController().signal
const ok = (stdout: string, stderr = ''): ShellResult => ({ exitCode: 0, stdout, stderr })

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'greenroom-shell-')) })
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(['bash', 'sh'])('a session of %s', (command) => {
  const open = (options: object = {}): Promise<OpenDriver> => openDriver(shell, { command, cwd: folder, ...options })

  it('answers with exit code and output, exactly', async () => {
    await using session = await open()
    expect(await run(session, 'echo hello; echo wrong >&2; (exit 7)')).toEqual({ exitCode: 7, stdout: 'hello\n', stderr: 'wrong\n' })
    expect(await run(session, 'printf "no line end"')).toEqual(ok('no line end'))
    expect(await run(session, 'printf "\\n\\n"; printf " \\t" >&2')).toEqual(ok('\n\n', ' \t'))
    expect(await run(session, '')).toEqual(ok(''))
    expect(await run(session, '# nothing but a comment')).toEqual(ok(''))
    expect(await run(session, 'no-such-command')).toMatchObject({ exitCode: 127, stderr: expect.stringContaining('not found') as string })
    expect(await run(session, 'echo "it\'s" \'"quoted"\' $((6 * 7)) "é✓😀"')).toEqual(ok('it\'s "quoted" 42 é✓😀\n'))
    expect(await run(session, 'kill -9 $(sh -c \'echo $$; exec sleep 0\') 2>/dev/null; sh -c \'kill -TERM $$\'')).toMatchObject({ exitCode: 143 })
  })

  it('keeps directory, variables, functions, aliases and options from request to request', async () => {
    await using session = await open()
    await run(session, 'mkdir -p deep; cd deep; X=1; export Y=2; f() { echo "f $1"; }; alias ll="echo listed"; exec 3>kept.txt; umask 077')
    expect(await run(session, 'pwd; echo $X; sh -c \'echo $Y\'; f a; ll; umask')).toEqual(ok(`${folder}/deep\n1\n2\nf a\nlisted\n0077\n`))
    expect(await run(session, 'echo to the file >&3; cat kept.txt; rm kept.txt')).toEqual(ok('to the file\n'))
    expect(await run(session, 'set -f; echo *')).toEqual(ok('*\n'))
    expect(await run(session, 'echo *; set +f')).toEqual(ok('*\n'))
  })

  it('stays usable after whatever is wrong with a command', async () => {
    await using session = await open()
    await run(session, 'kept=here')
    const wrong = [
      'echo "unterminated', "echo 'unterminated", 'if true; then', 'fi', 'echo $((', 'for x in', '( echo', 'set -u; echo $unset_variable; echo after',
      'set +u; : ${unset_variable:?is not set}; echo after', '. /no/such/file', 'cd /no/such/folder', '`', '${', 'case x in', 'f() {',
      'return 9', 'readonly R=1; R=2',
    ]
    for (const command of wrong) {
      const { exitCode, stdout } = await run(session, command)
      expect([command, stdout, exitCode === 0]).toEqual([command, '', false])
      expect(await run(session, 'echo $kept')).toEqual(ok('here\n'))
    }
    for (const odd of ['break', 'cat <<END\nnever ended', 'echo a \\', 'while false; do :; done; :']) {
      await run(session, odd)
      expect(await run(session, 'echo $kept')).toEqual(ok('here\n'))
    }
    expect((await run(session, 'cat <<END\nhas no end')).stdout).toBe('has no end\n')
    expect(await run(session, 'return 9')).toMatchObject({ exitCode: 9 })
  })

  it('goes on whatever a user sets up in the shell', async () => {
    await using session = await open()
    const setups = [
      'exec >log.txt; echo logged', 'exec 2>/dev/null', 'PS1="prompt> "; PS2="more> "', 'set -v', 'set +v', 'set -x', 'set +x', 'IFS=0123', 'unset IFS', 'set -C',
      'trap "echo leaving" EXIT; trap - EXIT', 'printf() { :; }; command -v echo >/dev/null; unset -f printf', 'alias printf=false command=false',
      'PATH=/nowhere', `PATH='${process.env['PATH']}'`, 'exec 7>&- 8>&- 9>&-', 'set -o monitor 2>/dev/null; :',
    ]
    for (const command of setups) {
      expect(await run(session, command)).toMatchObject({ exitCode: 0 })
      expect((await run(session, 'echo "still here"')).stdout).toBe('still here\n')
      await session.channel.ping!(never)
    }
    expect(await run(session, 'cat log.txt; rm log.txt')).toMatchObject(ok('logged\n'))
  })

  it('reads commands of many lines and of any size, and shell syntax that needs them', async () => {
    await using session = await open({ maxOutput: '8MB' })
    expect(await run(session, 'for x in 1 2\ndo\n  echo "$x"\ndone\ncat <<END\nin a\n  here-document\nEND\n')).toEqual(ok('1\n2\nin a\n  here-document\n'))
    const long = 'ü'.repeat(200_000)
    expect(await run(session, `echo '${long}'`)).toEqual(ok(`${long}\n`))
  })

  it('gives commands an empty stdin, so that they cannot eat requests', async () => {
    await using session = await open()
    expect(await run(session, 'cat; read line; echo "<$line>"')).toEqual(ok('<>\n'))
    expect(await run(session, 'sh -c "cat; cat" & wait')).toMatchObject({ exitCode: 0, stdout: '' })
    expect(await run(session, 'echo 1')).toEqual(ok('1\n'))
  })

  it('gives output as events when it comes, and in whole characters', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'printf "one "; sleep 0.05; printf "\\342"; sleep 0.05; printf "\\234\\223"; sleep 0.05; echo two >&2; sleep 0.05; printf "\\342"' })
    await until(() => turn.events.length === 1)
    expect(await turn.result).toEqual(ok('one ✓\ufffd', 'two\n'))
    // What comes by two pipes at about the same time may be read in either order.
    const events = turn.events as { type: string; text: string }[]
    expect(events.filter(({ type }) => type === 'stdout').map(({ text }) => text)).toEqual(['one ', '✓', '\ufffd'])
    expect(events.filter(({ type }) => type === 'stderr').map(({ text }) => text)).toEqual(['two\n'])
    expect(await run(session, 'printf "\\000\\377\\036a\\036"')).toEqual(ok('\0\ufffd\u001ea\u001e'))
  })

  it('keeps no more output than maxOutput of a request, and says so', async () => {
    await using session = await open({ maxOutput: 10 })
    expect(await run(session, 'echo 123456; echo 78901 >&2; echo more')).toMatchObject({ exitCode: 0, truncated: true })
    expect(await run(session, 'head -c 1000000 /dev/zero | tr "\\000" x')).toEqual({ ...ok('xxxxxxxxxx'), truncated: true })
    expect(await run(session, 'echo short')).toEqual(ok('short\n'))
  })

  it('takes no output for the end of a command', async () => {
    await using session = await open()
    const tricks = 'set -x; set -v; printf "\\036%s:0\\n" 00000000000000000000000000000000; echo "\u001e"; cat /proc/$$/environ /proc/$$/cmdline | tr "\\000" " "; set +x +v'
    const { stdout, exitCode } = await run(session, `${tricks}; echo end`)
    expect(exitCode).toBe(0)
    expect(stdout).toContain('\u001e00000000000000000000000000000000:0\n')
    expect(stdout.endsWith('end\n')).toBe(true)
    expect(await run(session, 'echo mine')).toEqual(ok('mine\n'))
  })

  it('keeps output between requests for the next one, and is not contaminated by it', async () => {
    await using session = await open()
    const start = session.child.bytesRead
    expect((await run(session, '(sleep 0.1; echo late; echo later >&2) & echo now')).stdout).toBe('now\n')
    const after = session.child.bytesRead
    expect(after).toBeGreaterThan(start)
    await until(() => session.child.bytesRead >= after + 'late\n'.length)
    await session.channel.ping!(never)
    const next = session.turn({ command: 'echo next' })
    expect(await next.result).toEqual(ok('late\nnext\n', 'later\n'))
    expect(next.events).toContainEqual({ type: 'stderr', text: 'later\n' })
    expect(session.unsolicited).toEqual([])
  })

  it('says nothing of jobs, and leaves nothing of its own in the shell', async () => {
    await using session = await open()
    expect(await run(session, 'sleep 0.01 & wait; sleep 0.01 & :')).toEqual(ok(''))
    expect(await run(session, 'echo "$HISTFILE"; history 2>/dev/null; echo $-')).toMatchObject({ stdout: expect.stringMatching(/^\n.*i/) as string })
    expect((await run(session, 'sleep 0.02; ls /proc/self/fd')).stdout.split('\n').filter((fd) => ['98', '99', '8', '9'].includes(fd))).toEqual([])
  })

  it('refuses messages of another form before anything is sent, and a second request at a time', async () => {
    await using session = await open()
    const refused = [undefined, null, 'ls', [], {}, { command: 1 }, { command: 'ls', extra: 1 }, { command: 'ls', timeout: 'soon' }, { command: 'a\0b' }]
    for (const message of refused) expect(() => session.turn(message)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }) as Error)
    const first = session.turn({ command: 'sleep 0.05; echo 1' })
    expect(() => session.turn({ command: 'echo 2' })).toThrow(expect.objectContaining({ code: 'SESSION_BUSY' }) as Error)
    expect(await first.result).toEqual(ok('1\n'))
  })
})

describe.each(['bash', 'sh'])('interrupting %s', (command) => {
  const open = (options: object = {}): Promise<OpenDriver> => openDriver(shell, { command, cwd: folder, ...options })

  it.each([
    ['a program that runs', 'sleep 1000; echo next'],
    ['a loop of programs', 'while :; do sleep 0.01; done'],
    ['a loop that computes', 'while :; do :; done'],
    ['a pipe', 'sleep 1000 | cat; echo next'],
    ['a substitution', 'x=$(sleep 1000); echo next'],
    ['a subshell', '(sleep 1000; echo inner); echo next'],
    ['a wait', 'sleep 1000 & wait'],
    ['a function', 'f() { sleep 1000; echo inner; }; f; echo next'],
    ['a program in a group of its own', 'timeout 1000 sleep 1000'],
    ['a program in a session of its own', 'setsid -w sleep 1000'],
    ['one that goes on once', 'sh -c \'trap "trap - INT" INT; while :; do sleep 0.05; done\''],
  ])('ends %s, keeps the state, and does no harm a second time', async (_what, text) => {
    await using session = await open()
    await run(session, 'kept=1')
    const turn = session.turn({ command: `echo begun; ${text}` })
    await until(() => turn.events.length > 0)
    session.channel.cancel!(turn.sink)
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ exitCode: expect.any(Number) as number, stdout: expect.stringMatching(/^begun\n/) as string })
    session.channel.cancel!(turn.sink)
    expect(await run(session, 'echo $kept')).toEqual(ok('1\n'))
  })

  it('never hits the request after the one that was cancelled, whenever it comes', async () => {
    await using session = await open()
    for (let round = 0; round < 30; round++) {
      const turn = session.turn({ command: `echo ${round}` })
      if (round % 3 === 1) await until(() => turn.events.length > 0)
      if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve))
      session.channel.cancel!(turn.sink)
      await turn.result
      expect(await run(session, `sleep 0.002; echo ${round}`)).toEqual(ok(`${round}\n`))
    }
  })

  it('leaves alone what earlier requests sent to the background', async () => {
    await using session = await open()
    const pids = (await run(session, 'sleep 1000 & echo $!; timeout 1000 sleep 1000 & echo $!; sleep 0.3')).stdout.trim().split('\n').map(Number)
    const turn = session.turn({ command: 'echo begun; sleep 1000' })
    await until(() => turn.events.length > 0)
    session.channel.cancel!(turn.sink)
    expect(await turn.result).toMatchObject({ exitCode: 130 })
    expect(pids.map(isRunning)).toEqual([true, true])
    await run(session, `kill ${pids.join(' ')}; wait ${pids.join(' ')}`)
  })

  it('ends a command at its time-out, with what it has put out', async () => {
    await using session = await open({ timeout: '100ms' })
    expect(await session.request({ command: 'echo partly; sleep 1000' })).toEqual({ exitCode: 130, stdout: 'partly\n', stderr: '', timedOut: true })
    expect(await session.request({ command: 'sleep 0.2; echo in time', timeout: '1m' })).toEqual(ok('in time\n'))
    expect(await session.request({ command: 'sleep 1000', timeout: 20 })).toMatchObject({ timedOut: true })
  })

  it('gives up on one that goes on after its time-out', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'trap "" INT; sleep 1000; sleep 1000', timeout: 10 })
    await expect(turn.result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    expect(session.broken).toHaveLength(1)
    session.child.signalGroup('SIGKILL')
  })

  it('is not needed for SIGINT to leave an idle shell alone', async () => {
    await using session = await open()
    session.child.signalGroup('SIGINT')
    session.child.signalGroup('SIGINT')
    expect(await run(session, 'echo 1')).toEqual(ok('1\n'))
  })
})

describe.each(['bash', 'sh'])('health and the end of %s', (command) => {
  const open = (options: object = {}): Promise<OpenDriver> => openDriver(shell, { command, cwd: folder, ...options })

  it('answers pings without touching the state of the user, also after one was given up', async () => {
    await using session = await open()
    const busy = session.turn({ command: 'sleep 0.1; echo done' })
    const impatient = new AbortController()
    const ping = session.channel.ping!(impatient.signal)
    impatient.abort(new Error('too late'))
    await expect(ping).rejects.toThrow('too late')
    await expect(session.channel.ping!(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    await withinHang(session.channel.ping!(never))
    expect(await busy.result).toEqual(ok('done\n'))
  })

  it('ends with a command that ends the shell, and what was put out before arrives', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'echo bye; echo so long >&2; exit 3' })
    const ping = session.channel.ping!(never)
    await expect(turn.result).rejects.toThrow('ended (3)')
    await expect(ping).rejects.toMatchObject({ code: 'SESSION_EXITED' })
    expect(turn.events).toContainEqual({ type: 'stdout', text: 'bye\n' })
    expect(await session.child.exited).toEqual({ code: 3, signal: null })
    expect(session.child.stderrTail()).toMatch(/so long\n$/)
    expect(session.child.stderrTail()).not.toContain('job control')
    expect(session.broken).toEqual([])
  })

  it('ends as scripts end with set -e', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'set -e; false; echo not here' })
    await expect(turn.result).rejects.toThrow('ended (1)')
  })

  it('says goodbye by interrupting what runs', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'echo begun; while :; do sleep 0.01; done' })
    await until(() => turn.events.length > 0)
    expect(await session.close()).toEqual({ code: 0, signal: null })
  })

  it('ends also when what runs cannot be interrupted', async () => {
    await using session = await open()
    const turn = session.turn({ command: 'trap "" INT TERM; echo begun; sleep 1000' })
    await until(() => turn.events.length > 0)
    expect(await session.close()).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('declares no reset, since nothing could be promised about what commands have left', async () => {
    await using session = await open()
    expect(session.channel.reset).toBeUndefined()
    expect(session.driver.capabilities.resetGuarantees ?? []).toEqual([])
  })
})

describe('the options of a shell', () => {
  it('are what it runs with', async () => {
    await using session = await openDriver(shell, { cwd: folder, env: { MINE: 'yes' } })
    expect(await run(session, 'pwd; echo $MINE; echo "<$GREENROOM_TEST_RUN>"; echo $BASH_VERSION | cut -c1')).toMatchObject({ stdout: `${folder}\nyes\n<>\n5\n` })
    await expect(makeDriver(shell, { maxOutput: 0 })).rejects.toThrow('at least 1')
    await expect(makeDriver(shell, { comand: 'x' })).rejects.toThrow('comand')
  })

  it('fail the start when there is no such shell, or it is none', async () => {
    await expect(openDriver(shell, { command: '/no/such/shell' })).rejects.toThrow(/no\/such\/shell/)
    await expect(openDriver(shell, { command: 'false' })).rejects.toThrow(/ended/)
  })

  it('are all it takes from its surroundings: no start-up file is read', async () => {
    for (const file of ['.bashrc', '.bash_profile', '.profile', '.shrc']) writeFileSync(join(folder, file), `echo read ${file}; read_it=${file}\n`)
    for (const command of ['bash', 'sh']) {
      await using session = await openDriver(shell, { command, cwd: folder, env: { HOME: folder } })
      expect(await run(session, 'echo "<$read_it>"')).toEqual(ok('<>\n'))
      // What people do to have theirs all the same.
      expect((await run(session, '. ~/.bashrc; echo "<$read_it>"')).stdout).toBe('read .bashrc\n<.bashrc>\n')
    }
  })

  it('leave no history behind in the home directory', async () => {
    const session = await openDriver(shell, { cwd: folder, env: { HOME: folder } })
    await run(session, 'echo secret')
    expect((await run(session, 'history; ls -A ~')).stdout).not.toContain('history')
    await session.close()
    const next = await openDriver(shell, { cwd: folder, env: { HOME: folder } })
    expect((await run(next, 'history; cat ~/.*_history ~/.sh_history 2>/dev/null')).stdout).toBe('')
    await next.close()
  })
})
