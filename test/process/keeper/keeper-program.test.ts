import { randomUUID } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { ProcessTable, SESSION_MARKER, type ProcessEntry } from '../../../src/kit.ts'
import { KeeperProgram } from '../../../src/process/keeper/keeper-program.ts'
import { introduction, PROTOCOL, type FromKeeper, type SpawnOrder, type StreamNumber } from '../../../src/process/keeper/protocol.ts'
import { until, withinHang } from '../../support/driver-harness.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { startShell, table } from '../../support/tree-fixtures.ts'

type Of<Type extends FromKeeper['type']> = Extract<FromKeeper, { type: Type }>

interface Session {
  readonly order: SpawnOrder
  readonly sockets: readonly Socket[]
}

/** The program of a keeper, run right here, and what its host hears. */
async function keeper(options: { table?: ProcessTable } = {}) {
  const marker = `test-${randomUUID()}`
  const said: FromKeeper[] = []
  const program = new KeeperProgram({ clock: systemClock, table, marker, send: (message) => void said.push(message), ...options })
  onTestFinished(async () => {
    await program.endAll()
    await program.close()
  })
  await program.listen()
  const { path } = said[0] as Of<'listening'>
  let count = 0
  const hear = async <Type extends FromKeeper['type']>(type: Type, id?: number): Promise<Of<Type>> => {
    const find = () => said.find((message): message is Of<Type> => message.type === type && (id === undefined || ('id' in message && message.id === id)))
    await until(() => find() !== undefined)
    return find()!
  }
  const start = async (command: string, args: readonly string[] = [], more: Partial<SpawnOrder> = {}): Promise<Session> => {
    const token = randomUUID().replaceAll('-', '')
    const id = ++count
    const order = { id, token, command, args, cwd: '/', env: { PATH: process.env['PATH']!, [SESSION_MARKER]: `${marker}/${id}` }, ...more }
    const sockets = await Promise.all(([0, 1, 2] as StreamNumber[]).map((stream) => new Promise<Socket>((resolve) => {
      const socket = connect(path, () => socket.write(introduction(token, stream), () => resolve(socket)))
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
    })))
    program.receive({ type: 'spawn', ...order })
    return { order, sockets }
  }
  const marked = async (): Promise<readonly ProcessEntry[]> => (await table.look()).marked(marker)
  return { program, said, path, marker, hear, start, marked }
}

async function text(socket: Socket): Promise<string> {
  return Buffer.concat((await withinHang(socket.toArray())) as Buffer[]).toString()
}

describe('the program of the keeper', () => {
  it('says where it listens, and what it speaks', async () => {
    const { said, path } = await keeper()
    expect(said).toEqual([{ type: 'listening', protocol: PROTOCOL, path }])
    expect(existsSync(path)).toBe(true)
  })

  it('starts a process whose pipes lead to the host, and tells its id, its start and its end', async () => {
    const { hear, start } = await keeper()
    const { order, sockets: [stdin, stdout, stderr] } = await start('sh', ['-c', 'cat; echo oops >&2; exit 3'])
    const { pid, startTime } = await hear('started', order.id)
    expect((await table.look()).get(pid)).toMatchObject({ startTime, pgid: pid, sid: pid })
    stdin!.end('hello')
    expect(await Promise.all([text(stdout!), text(stderr!)])).toEqual(['hello', 'oops\n'])
    expect(await hear('exited', order.id)).toEqual({ type: 'exited', id: order.id, code: 3, signal: null })
  })

  it('gives a process nothing but what was ordered', async () => {
    process.env['KEEPER_SECRET'] = 'x'
    onTestFinished(() => void delete process.env['KEEPER_SECRET'])
    const { hear, start } = await keeper()
    const { order, sockets } = await start(process.execPath, ['-e', 'console.log(JSON.stringify([process.env, process.cwd()]))'])
    await hear('exited', order.id)
    const [environment, cwd] = JSON.parse(await text(sockets[1]!)) as [object, string]
    expect([environment, cwd]).toEqual([order.env, '/'])
  })

  it.each([
    ['is not there', 'no-such-program', [], 'ENOENT'],
    ['can not be passed its arguments', 'true', ['a\0b'], 'ERR_INVALID_ARG_VALUE'],
    ['gets too many arguments', 'true', ['x'.repeat(4_000_000)], 'E2BIG'],
  ])('says why a program that %s could not be started, and closes its pipes', async (_what, command, args, code) => {
    const { hear, start } = await keeper()
    const { order, sockets } = await start(command, args)
    expect(await hear('failed', order.id)).toMatchObject({ code })
    expect(await Promise.all(sockets.map(text))).toEqual(['', '', ''])
  })

  it('is there when it is asked', async () => {
    const { program, hear } = await keeper()
    expect(program.receive({ type: 'ping' })).toBeUndefined()
    await hear('pong')
    expect(program.receive({ type: 'leave' })).toBe('leave')
  })

  it('says so when the pipes of a process do not come', async () => {
    const { program, hear } = await keeper()
    program.receive({ type: 'spawn', id: 7, token: '0'.repeat(32), command: 'true', args: [], cwd: '/', env: {} })
    await program.close()
    expect(await hear('failed', 7)).toMatchObject({ message: expect.stringContaining('pipes did not come') as string })
  })

  it('leaves no file behind', async () => {
    const { program, path } = await keeper()
    await program.close()
    expect(existsSync(dirname(path))).toBe(false)
  })
})

describe.runIf(process.platform === 'linux')('the program of the keeper, when its host is gone,', () => {
  const DEAF = 'trap "" TERM HUP'
  const brood = `${DEAF}; setsid sh -c '${DEAF}; sleep 1000; sleep 1000' & env -i setsid sleep 1000 &`

  it('ends every process it has started, with all descendants, and the record of them', async () => {
    const { program, start, marker } = await keeper({ table: new ProcessTable({ clock: systemClock, restless: true }) })
    const record = join(await tempFolder(), 'record')
    writeFileSync(record, '')
    program.receive({ type: 'record', path: record })
    await Promise.all([1, 2, 3].map(() => start('sh', ['-c', `${brood} sleep 1000; sleep 1000`])))
    // Of each: two shells, their sleeps, and one that has no mark, or has lost it while we looked.
    const all = new Map<number, ProcessEntry>()
    while (all.size < 15) {
      const snapshot = await table.look()
      for (const entry of snapshot.marked(marker)) for (const one of [entry, ...snapshot.childrenOf(entry.pid)]) all.set(one.pid, one)
    }
    await program.endAll()
    const after = await table.look()
    expect([...all.values()].filter((entry) => after.find(entry))).toEqual([])
    expect(existsSync(record)).toBe(false)
  })

  it('ends what an earlier keeper had started, save those it was told to forget', async () => {
    const { program } = await keeper()
    const [one, other] = await Promise.all([startShell(brood), startShell('')])
    const startTime = (pid: number): number => table.identify(pid)!.startTime
    program.receive({ type: 'mind', survivors: [one, other].map(({ pid }, id) => ({ id, pid, startTime: startTime(pid) })) })
    program.receive({ type: 'forget', id: 1 })
    await program.endAll()
    expect([await one.exited, other.exit]).toEqual([{ code: null, signal: 'SIGKILL' }, undefined])
  })

  it('leaves a process alone that has only the number of one it minds', async () => {
    const { program } = await keeper()
    const stranger = await startShell('')
    program.receive({ type: 'mind', survivors: [{ id: 1, pid: stranger.pid, startTime: 1 }, { id: 2, pid: stranger.pid, startTime: undefined }] })
    await program.endAll()
    expect(stranger.exit).toBeUndefined()
  })

  it('starts nothing any more, also not what had been ordered before', async () => {
    const { program, start, marked, said } = await keeper()
    // The order is there before it knows of the pipes.
    const early = await start('sleep', ['1000'])
    await program.endAll()
    program.receive({ type: 'spawn', ...early.order, id: 9 })
    await program.close()
    expect(await marked()).toEqual([])
    expect(said.filter((message) => 'id' in message && message.id === 9)).toEqual([])
  })

  it('ends the groups of its processes even if it can not see them, and leaves the record to the next host', async () => {
    const blind = { look: () => Promise.reject(new Error('too many open files')), identify: () => undefined, mayBe: () => false } as unknown as ProcessTable
    const { program, start, hear } = await keeper({ table: blind })
    const record = join(await tempFolder(), 'record')
    writeFileSync(record, '')
    program.receive({ type: 'record', path: record })
    const { order } = await start('sleep', ['1000'])
    expect(await hear('started', order.id)).not.toHaveProperty('startTime')
    const ended = program.endAll()
    expect(await hear('exited', order.id)).toMatchObject({ signal: 'SIGKILL' })
    await ended
    expect(existsSync(record)).toBe(true)
  })
})
