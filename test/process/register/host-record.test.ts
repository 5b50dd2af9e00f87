import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { canJudge, formatHostId, isSameHost, newHostId, parseHostId } from '../../../src/process/register/host-id.ts'
import { HostRecord, readRecord } from '../../../src/process/register/host-record.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const self = { pid: process.pid, startTime: 4_711 }
const root = (pid: number): { pid: number; startTime: number } => ({ pid, startTime: pid * 10 })
const flushed = (): Promise<void> => Promise.resolve()

async function open(): Promise<{ folder: string; record: HostRecord; problems: unknown[] }> {
  const folder = join(await tempFolder(), 'deep', 'down')
  const problems: unknown[] = []
  return { folder, problems, record: new HostRecord(folder, { id: newHostId(self), marker: 'm-1/2', onProblem: (problem) => problems.push(problem) }) }
}

describe("a host's name", () => {
  it('says which process of which run of which system it is, and can be read back', () => {
    const id = newHostId(self)
    expect(parseHostId(formatHostId(id))).toEqual(id)
    expect(isSameHost(id, parseHostId(formatHostId(id))!)).toBe(true)
    // Threads of one process.
    expect(isSameHost(id, newHostId(self))).toBe(false)
    expect([canJudge(id, newHostId(self)), canJudge(id, { ...id, boot: 'other' }), canJudge(id, { ...id, namespace: '1' })]).toEqual([true, false, false])
    expect([parseHostId('notes.txt'), parseHostId(''), parseHostId(`${formatHostId(id)}.new`)]).toEqual([undefined, undefined, undefined])
  })
})

describe('a record', () => {
  it('is whole, and its owner known, from the moment it is there', async () => {
    const { folder, record } = await open()
    expect(readdirSync(folder).map(parseHostId)).toEqual([expect.objectContaining(self)])
    expect(readRecord(record.path)).toEqual({ marker: 'm-1/2', roots: [] })
    expect([statSync(folder).mode & 0o777, statSync(record.path).mode & 0o777]).toEqual([0o700, 0o600])
    record.close()
  })

  it('has what may live, written in one go per round of microtasks', async () => {
    const { record } = await open()
    for (const pid of [1, 2, 3]) record.add(root(pid))
    record.remove(root(2))
    record.remove({ pid: 3, startTime: 1 })
    record.remove(root(9))
    await flushed()
    expect(readFileSync(record.path, 'utf8')).toBe('greenroom 1 m-1/2\n+1 10\n+2 20\n+3 30\n-2 20\n')
    expect(readRecord(record.path)?.roots).toEqual([root(1), root(3)])
    record.close()
  })

  it('is removed at the close, unless something may live still', async () => {
    const { record } = await open()
    record.add(root(1))
    record.remove(root(1))
    record.close()
    expect(existsSync(record.path)).toBe(false)
    const { record: other } = await open()
    other.add(root(1))
    other.close()
    other.add(root(2))
    await flushed()
    expect(readRecord(other.path)?.roots).toEqual([root(1)])
  })

  it('stays small however many sessions there were', async () => {
    const { record, folder } = await open()
    record.add(root(7))
    for (let pid = 10; pid < 3_010; pid++) {
      record.add(root(pid))
      record.remove(root(pid))
      await flushed()
    }
    expect(statSync(record.path).size).toBeLessThan(16_384)
    expect(readRecord(record.path)?.roots).toEqual([root(7)])
    expect(readdirSync(folder).length).toBe(1)
    record.close()
  })

  it('is made again when somebody has removed it, and shows that its host is alive', async () => {
    const { record, problems } = await open()
    record.add(root(7))
    await flushed()
    rmSync(record.path)
    record.touch(new Date(1_600_000_000_000))
    expect(readRecord(record.path)?.roots).toEqual([root(7)])
    expect(statSync(record.path).mtimeMs).toBe(1_600_000_000_000)
    expect(problems).toEqual([])
    record.close()
  })

  it('reports that it can not be written, and goes on', async () => {
    const { record, folder, problems } = await open()
    rmSync(folder, { recursive: true })
    record.touch(new Date(0))
    expect(problems).toEqual([expect.objectContaining({ code: 'ENOENT' })])
    // So many that it would be written anew.
    for (let n = 0; n < 600; n++) record.add(root(1))
    await flushed()
    expect(problems.length).toBe(2)
    record.close()
  })

  it('is read as far as it was written', async () => {
    const path = join(await tempFolder(), 'record')
    const read = (text: string): unknown => (writeFileSync(path, text), readRecord(path))
    expect(read('greenroom 1 m\n+1 10\n+2 2')).toEqual({ marker: 'm', roots: [root(1)] })
    expect(read('greenroom 1 m\nnonsense\n+1 10\n')).toEqual({ marker: 'm', roots: [root(1)] })
    expect([read(''), read('greenroom 2 m\n+1 10\n'), read('other\n')]).toEqual([undefined, undefined, undefined])
  })
})
