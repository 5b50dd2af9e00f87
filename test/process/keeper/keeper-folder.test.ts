import { existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { makeFolder, remove, sweepFolders } from '../../../src/process/keeper/keeper-folder.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** A process that listened there and was killed. */
function abandon(path: string): void {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', code])
  expect(existsSync(path)).toBe(true)
}

describe("a keeper's folder", () => {
  it('is for this user alone', async () => {
    const folder = await makeFolder(await tempFolder())
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('is made where the path of a socket is not too long', async () => {
    const deep = join(await tempFolder(), 'x'.repeat(100))
    mkdirSync(deep)
    const folder = await makeFolder(deep)
    onTestFinished(() => remove(folder))
    expect(dirname(folder)).toBe('/tmp')
  })

  it('is removed by a later keeper when nobody listens there any more; others are left alone, and one whose keeper may be about to listen', async () => {
    const parent = await tempFolder()
    const make = (name: string): string => {
      mkdirSync(join(parent, name))
      return join(parent, name)
    }
    const own = await makeFolder(parent)
    const [abandoned, live, fresh, old, bound, stranger] = ['-keeper-a', '-keeper-b', '-keeper-c', '-keeper-d', '-keeper-e', '-other'].map((name) => make(`greenroom${name}`))
    for (const folder of [abandoned, bound, stranger]) abandon(join(folder!, 's'))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(live!, 's'), resolve))
    onTestFinished(() => void server.close())
    writeFileSync(join(old!, 'something'), '')
    for (const folder of [abandoned, live, old, stranger]) utimesSync(folder!, 0, 0)
    await sweepFolders(own, systemClock)
    expect([own, abandoned, live, fresh, old, bound, stranger].map((folder) => existsSync(folder!))).toEqual([true, false, true, true, false, true, true])
  })

  it('that is gone already is no trouble', async () => {
    const folder = await makeFolder(await tempFolder())
    await remove(folder)
    await remove(folder)
    rmSync(dirname(folder), { recursive: true })
    await sweepFolders(folder, systemClock)
  })
})
