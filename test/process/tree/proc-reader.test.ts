import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ProcReader } from '../../../src/process/tree/proc-reader.ts'
import { tempFolder } from '../../support/temp-folder.ts'

interface Fake {
  name?: string
  state?: string
  ppid?: number
  startTime?: number
  environment?: string
  at?: string
  flags?: number
  children?: string
}

/** A folder in the shape of /proc: what processes may look like that can't be made on demand. */
async function fakeProc(): Promise<{ root: string; reader: ProcReader; put: (pid: number, fake?: Fake) => void }> {
  const root = await tempFolder()
  mkdirSync(join(root, 'sys'))
  const put = (pid: number, { name = 'prog', state = 'S', ppid = 1, startTime = 500, environment = '', at = '77', flags = 0, children }: Fake = {}): void => {
    mkdirSync(join(root, String(pid), 'task', String(pid)), { recursive: true })
    const fields = [state, ppid, pid, pid, 0, -1, flags, ...Array<number>(12).fill(0), startTime, ...Array<number>(27).fill(0), at, 0]
    writeFileSync(join(root, String(pid), 'stat'), `${pid} (${name}) ${fields.join(' ')}\n`)
    writeFileSync(join(root, String(pid), 'environ'), environment)
    if (children !== undefined) writeFileSync(join(root, String(pid), 'task', String(pid), 'children'), children)
  }
  return { root, reader: new ProcReader(root), put }
}

const markers = async (reader: ProcReader): Promise<unknown[]> => (await reader.read()).map(({ pid, marker }) => [pid, marker])

describe('reading /proc', () => {
  it('copes with names that look like anything', async () => {
    const { reader, put } = await fakeProc()
    put(7, { name: 'a) Z 9 (b', state: 'T', ppid: 3, startTime: 12 })
    put(8, { state: 'Z' })
    expect(await reader.read()).toEqual([
      { pid: 8, ppid: 1, pgid: 8, sid: 8, startTime: 500, alive: false, stopped: false, marker: undefined },
      { pid: 7, ppid: 3, pgid: 7, sid: 7, startTime: 12, alive: true, stopped: true, marker: undefined },
    ])
    expect(reader.readOne(7)).toEqual({ pid: 7, startTime: 12 })
    expect([reader.readOne(8), reader.readOne(9)]).toEqual([undefined, undefined])
  })

  it('finds a mark wherever it is, and only the variable of this name', async () => {
    const { reader, put } = await fakeProc()
    put(1, { environment: 'GREENROOM_SESSION=first\0A=1\0' })
    put(2, { environment: 'A=1\0GREENROOM_SESSION=last' })
    put(3, { environment: 'MY_GREENROOM_SESSION=x\0B=GREENROOM_SESSION=y\0GREENROOM_SESSION=real\0' })
    put(4, { environment: 'MY_GREENROOM_SESSION=x\0GREENROOM_SESSIONS=y\0GREENROOM_SESSION=\0' })
    put(5, { environment: `${'L=' + 'x'.repeat(200_000)}\0GREENROOM_SESSION=far\0` })
    put(6, { environment: 'GREENROOM_SESSION=kernel', flags: 0x00200000 })
    expect(await markers(reader)).toEqual([[6, undefined], [5, 'far'], [4, undefined], [3, 'real'], [2, 'last'], [1, 'first']])
  })

  it('reads an environment once, and again when the process runs another program', async () => {
    const { reader, put } = await fakeProc()
    put(1, { environment: 'A=1' })
    expect(await markers(reader)).toEqual([[1, undefined]])
    put(1, { environment: 'GREENROOM_SESSION=m' })
    expect(await markers(reader)).toEqual([[1, undefined]])
    put(1, { environment: 'GREENROOM_SESSION=m', at: '78' })
    expect(await markers(reader)).toEqual([[1, 'm']])
    // Once marked, always marked: as long as it is the same process.
    put(1, { environment: 'A=1', at: '79' })
    expect(await markers(reader)).toEqual([[1, 'm']])
    put(1, { environment: 'A=1', at: '79', startTime: 501 })
    expect(await markers(reader)).toEqual([[1, undefined]])
    put(1, { environment: 'GREENROOM_SESSION=n', at: '0', startTime: 502 })
    put(2, { environment: '', at: '0' })
    await reader.read()
    put(2, { environment: 'GREENROOM_SESSION=o', at: '0' })
    expect(await markers(reader)).toEqual([[2, 'o'], [1, 'n']])
  })

  it('follows the links from parent to child, and stops where one is gone', async () => {
    const { root, reader, put } = await fakeProc()
    put(1, { children: '2 3 9 ' })
    put(2, { children: '4 ' })
    put(3, { children: '', state: 'Z' })
    put(4)
    expect(reader.descendantsOf(1)).toEqual([{ pid: 2, startTime: 500 }, { pid: 4, startTime: 500 }])
    rmSync(join(root, '2'), { recursive: true })
    expect(reader.descendantsOf(1)).toEqual([])
    expect(reader.descendantsOf(77)).toEqual([])
  })

  it('gives up, rather than call it gone, what it can not see', async () => {
    const { root, reader, put } = await fakeProc()
    put(1)
    rmSync(join(root, '1', 'stat'))
    mkdirSync(join(root, '1', 'stat'))
    await expect(reader.read()).rejects.toThrow('EISDIR')
    expect(() => reader.readNow()).toThrow('EISDIR')
    await expect(new ProcReader(join(root, 'absent')).read()).rejects.toThrow('ENOENT')
  })

  it('reads very many, a slice per turn of the event loop', async () => {
    const { reader, put } = await fakeProc()
    for (let pid = 1; pid <= 250; pid++) put(pid)
    let turns = 0
    let over = false
    const count = (): void => {
      turns++
      if (!over) setImmediate(count)
    }
    setImmediate(count)
    expect((await reader.read()).length).toBe(250)
    over = true
    expect(turns).toBeGreaterThanOrEqual(2)
    expect(reader.readNow().length).toBe(250)
  })
})
