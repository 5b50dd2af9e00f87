import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import procfs from '../../../plugins/metrics/procfs.ts'
import { proportionalMemory } from '../../../plugins/metrics/procfs/proportional-memory.ts'
import { ProcfsSampler } from '../../../plugins/metrics/procfs/sampler.ts'
import { parseStat } from '../../../plugins/metrics/procfs/stat-line.ts'
import { readUnits } from '../../../plugins/metrics/procfs/system-units.ts'
import { systemClock } from '../../../src/kernel/system-clock.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { makeStrategy, problemsWith } from '../../support/strategies.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MB = 2 ** 20

async function start(command: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  onTestFinished(() => end(child))
  return child as ChildProcess & { pid: number }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** It runs: while its program is being loaded, a process is not what it will be. */
async function node(program: string) {
  const child = await start(process.execPath, '-e', `console.log(); ${program}`)
  await once(child.stdout!, 'data')
  return child
}

function open(options: Partial<ConstructorParameters<typeof ProcfsSampler>[0]> = {}) {
  const problems: string[] = []
  const sampler = new ProcfsSampler({ clock: systemClock, descriptors: 100, report: (problem) => problems.push(String(problem)), ...options })
  onTestFinished(() => sampler.close())
  return { sampler, problems }
}

/** Descriptors of this process that are open on the stat files of others. */
function descriptorsOn(pids: readonly number[]): number {
  const paths = new Set(pids.map((pid) => `/proc/${pid}/stat`))
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return paths.has(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false
    }
  }).length
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!await check()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe.runIf(process.platform === 'linux')('the sampler procfs', () => {
  it('tells what a process uses, as the process itself knows it', async () => {
    const { sampler } = open()
    const child = await start(process.execPath, '-e', `
      globalThis.hoard = Buffer.alloc(50 * 2 ** 20, 1)
      const end = Date.now() + 300; while (Date.now() < end);
      process.stdin.on('data', () => console.log(JSON.stringify({ ...process.memoryUsage(), ...process.cpuUsage() })))`)
    child.stdin!.write('tell\n')
    const told = JSON.parse(String((await once(child.stdout!, 'data') as Buffer[])[0])) as { rss: number; user: number; system: number }
    const [usage] = (await sampler.sample([child.pid])).values()
    expect(Math.abs(usage!.memoryBytes! - told.rss)).toBeLessThan(15 * MB)
    expect(Math.abs(usage!.cpuMs! - (told.user + told.system) / 1_000)).toBeLessThan(150)
    expect(usage!.ageMs).toBeGreaterThan(300)
    expect(usage!.startTime).toBeGreaterThan(0)
    const proportional = (await sampler.proportional([child.pid])).get(child.pid)!
    expect(proportional).toBeGreaterThan(50 * MB)
    expect(proportional).toBeLessThanOrEqual(usage!.memoryBytes! + MB)
  })

  it('counts the CPU time of children that have ended apart', async () => {
    const { sampler } = open()
    const child = await start('sh', '-c', "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo done; cat")
    await once(child.stdout!, 'data')
    const [usage] = (await sampler.sample([child.pid])).values()
    expect(usage!.endedCpuMs).toBeGreaterThan(20)
    expect(usage!.cpuMs).toBeLessThan(usage!.endedCpuMs!)
  })

  it('leaves out who is gone, and who has ended but was not collected', async () => {
    const { sampler } = open()
    const [living, dying] = await Promise.all([start('cat'), start('cat')])
    const parent = await start('sh', '-c', 'sleep 1000 & echo $!; exec cat')
    const zombie = Number((await once(parent.stdout!, 'data') as Buffer[])[0])
    expect([...(await sampler.sample([living.pid, dying.pid, zombie])).keys()]).toEqual([living.pid, dying.pid, zombie])
    await end(dying)
    parent.stdin!.write('are you cat?\n')
    await once(parent.stdout!, 'data')
    process.kill(zombie, 'SIGKILL')
    await until(async () => !(await sampler.sample([zombie])).has(zombie))
    expect(() => process.kill(zombie, 0)).not.toThrow()
    expect([...(await sampler.sample([dying.pid, living.pid, zombie])).keys()]).toEqual([living.pid])
    expect((await sampler.sample([])).size).toBe(0)
    // Nothing is kept of them either.
    expect(sampler.descriptors).toBe(1)
  })

  it('keeps one descriptor for each process, no more than it may, and gives back those of who is forgotten', async () => {
    const children = await Promise.all(Array.from({ length: 5 }, () => start('cat')))
    const pids = children.map(({ pid }) => pid)
    const { sampler } = open({ descriptors: 3 })
    for (let look = 0; look < 3; look++) expect((await sampler.sample(pids)).size).toBe(5)
    expect(descriptorsOn(pids)).toBe(3)
    for (const pid of pids) sampler.forget(pid)
    expect(descriptorsOn(pids)).toBe(0)
    await sampler.sample(pids)
    sampler.close()
    expect(descriptorsOn(pids)).toBe(0)
    const none = open({ descriptors: 0 }).sampler
    expect((await none.sample(pids)).size).toBe(5)
    expect(descriptorsOn(pids)).toBe(0)
  })

  it('leaves the event loop to others between slices of a long sweep', async () => {
    const clock = new ManualClock()
    const { pid } = await start('cat')
    // Each look at the clock costs more than a slice may take.
    const slow = Object.assign(Object.create(clock) as ManualClock, { now: () => (clock.advance(10), clock.now()), setTimer: clock.setTimer.bind(clock) })
    const { sampler } = open({ clock: slow })
    let done = false
    const sampling = sampler.sample(Array.from({ length: 200 }, () => pid)).then((usages) => {
      done = true
      return usages
    })
    let turns = 0
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(0)
      turns++
    }
    expect(turns).toBeGreaterThan(3)
    expect((await sampling).size).toBe(1)
  })

  it('says once that it can not read, goes on with the others, and leaves out those it can not read', async () => {
    const root = await tempFolder()
    mkdirSync(join(root, 'self'))
    writeFileSync(join(root, 'self/statm'), readFileSync('/proc/self/statm'))
    writeFileSync(join(root, 'uptime'), '1000.00 1000.00')
    mkdirSync(join(root, '7/stat'), { recursive: true })
    mkdirSync(join(root, '8'))
    writeFileSync(join(root, '8/stat'), `8 (a) b) c) S ${Array.from({ length: 49 }, (_, n) => n + 4).join(' ')}\n`)
    const { sampler, problems } = open({ root })
    for (let look = 0; look < 2; look++) expect([...(await sampler.sample([7, 8])).keys()]).toEqual([8])
    expect(problems).toEqual([expect.stringContaining('some processes can not be measured')])
    await sampler.sample([8])
    await sampler.sample([7])
    expect(problems).toHaveLength(2)
  })

  it('knows no age where the uptime of the system is another than that of its processes', async () => {
    const root = await tempFolder()
    mkdirSync(join(root, 'self'))
    writeFileSync(join(root, 'self/auxv'), readFileSync('/proc/self/auxv'))
    mkdirSync(join(root, '8'))
    writeFileSync(join(root, '8/stat'), `8 (sh) S ${Array.from({ length: 49 }, (_, n) => (n + 4 === 22 ? 5_000 : n + 4)).join(' ')}\n`)
    writeFileSync(join(root, 'uptime'), '60.00 60.00')
    const { sampler } = open({ root })
    expect((await sampler.sample([8])).get(8)).toMatchObject({ ageMs: 10_000, startTime: 5_000, cpuMs: 290, endedCpuMs: 330 })
    writeFileSync(join(root, 'uptime'), '10.00 10.00')
    expect((await sampler.sample([8])).get(8)).not.toHaveProperty('ageMs')
  })

  it('is made from a config, and says what to do where there is no /proc', async () => {
    const { strategy } = await makeStrategy('metrics', 'procfs', procfs)
    expect((await strategy.sample([process.pid])).get(process.pid)?.memoryBytes).toBeGreaterThan(MB)
    strategy.close?.()
    expect(await problemsWith('metrics', 'procfs', procfs, { descriptors: -1 })).toHaveLength(1)
    expect(() => open({ root: '/nowhere' })).toThrow()
  })
})

describe.runIf(process.platform === 'linux')('what the figures of /proc are counted in', () => {
  it('is the same by the start of the process and by how much it has', async () => {
    const units = readUnits()
    const root = await tempFolder()
    mkdirSync(join(root, 'self'))
    writeFileSync(join(root, 'self/statm'), readFileSync('/proc/self/statm'))
    expect(readUnits(root)).toEqual({ ...units, ticksPerSecond: 100 })
    expect(units.bytesPerPage).toBeGreaterThanOrEqual(4_096)
    expect(units.ticksPerSecond).toBe(100)
  })
})

describe('a line of /proc/PID/stat', () => {
  const line = (state: string, rss = 24, vsize = 23): Buffer =>
    Buffer.from(`7 (a ) S 1 ( b) ${state} ${Array.from({ length: 49 }, (_, n) => n + 4).map((n) => (n === 24 ? rss : n === 23 ? vsize : n)).join(' ')}\n`)

  it('is read by its fields, whatever the name of the program', () => {
    const bytes = line('S')
    expect(parseStat(bytes, bytes.length)).toEqual({ ended: false, ownTicks: 29, endedTicks: 33, startTime: 22, residentPages: 24 })
  })

  it.each(['Z', 'X', 'x'])('tells who has ended (%s)', (state) => {
    expect(parseStat(line(state), line(state).length)?.ended).toBe(true)
  })

  it('tells who is on its last way out, which has no memory at all', () => {
    const bytes = line('R', 0, 0)
    expect(parseStat(bytes, bytes.length)?.ended).toBe(true)
  })

  it('is none when it is too short', () => {
    for (const text of ['', '7 (sh', '7 (sh) S 1 2 3', `7 (sh) S ${'1 '.repeat(15)}`]) {
      expect(parseStat(Buffer.from(text), text.length)).toBeUndefined()
    }
  })
})

describe.runIf(process.platform === 'linux')('proportional memory', () => {
  it('is shared out among those who share, and unknown for who is gone', async () => {
    const [one, two] = await Promise.all([node('setInterval(() => {}, 1000)'), node('setInterval(() => {}, 1000)')])
    const gone = await start('true')
    await once(gone, 'exit')
    const found = await proportionalMemory([one.pid, gone.pid, two.pid])
    expect([...found.keys()]).toEqual([one.pid, two.pid])
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${one.pid}/status`, 'latin1'))![1]) * 1_024
    expect(found.get(one.pid)).toBeGreaterThan(MB)
    expect(found.get(one.pid)).toBeLessThan(resident)
  })
})
