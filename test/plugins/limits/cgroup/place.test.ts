import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { abandonedGroups, groupName } from '../../../../plugins/limits/cgroup/owner.ts'
import { preparePlace, type Controller } from '../../../../plugins/limits/cgroup/place.ts'
import { tempFolder } from '../../../support/temp-folder.ts'

interface Machine {
  own?: string
  controllers?: string
  enabled?: string
  mounted?: boolean
  cgroup?: string
}

/** A file system of a test's own, in which this process is in the group `own`. */
async function machine(options: Machine = {}) {
  const { own = '/app.scope', controllers = 'cpu memory pids', enabled = '', mounted = true, cgroup = `0::${own}` } = options
  const root = await tempFolder()
  const group = join(root, 'sys/fs/cgroup', own)
  mkdirSync(join(root, 'proc/self'), { recursive: true })
  mkdirSync(group, { recursive: true })
  const mount = mounted ? '30 20 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n' : ''
  writeFileSync(join(root, 'proc/self/mountinfo'), `20 1 0:20 / / rw - ext4 /dev/sda1 rw\n${mount}`)
  writeFileSync(join(root, 'proc/self/cgroup'), `9:name=systemd:/\n${cgroup}\n`)
  writeFileSync(join(group, 'cgroup.controllers'), `${controllers}\n`)
  writeFileSync(join(group, 'cgroup.subtree_control'), enabled)
  writeFileSync(join(group, 'cgroup.procs'), '')
  return { root, group, control: () => readFileSync(join(group, 'cgroup.subtree_control'), 'utf8') }
}

const wants = (...controllers: Controller[]): ReadonlySet<Controller> => new Set(controllers)

describe('the place of the groups', () => {
  it('is the group of this process, which is told to pass on the controllers', async () => {
    const { root, group, control } = await machine()
    expect(preparePlace(wants('memory', 'pids'), undefined, root).path).toBe(group)
    expect(control()).toBe('+memory +pids +cpu')
  })

  it('takes cpu only where it is to be had, unless it is asked for', async () => {
    const { root, control } = await machine({ controllers: 'memory' })
    preparePlace(wants('memory'), undefined, root)
    expect(control()).toBe('+memory')
    expect(() => preparePlace(wants('cpu', 'pids'), undefined, root)).toThrow(/the controllers cpu, pids are not to be had in .*app\.scope \(there: memory\)/)
  })

  it('changes nothing where the controllers are passed on already, and says which', async () => {
    const { root, control } = await machine({ enabled: 'cpu memory pids' })
    expect(preparePlace(wants('memory'), undefined, root).controllers).toEqual(new Set(['cpu', 'memory', 'pids']))
    expect(control()).toBe('cpu memory pids')
  })

  it('is the group above where an earlier pool has moved this process down', async () => {
    const { root, group } = await machine()
    mkdirSync(join(group, 'greenroom.host'))
    writeFileSync(join(root, 'proc/self/cgroup'), '0::/app.scope/greenroom.host\n')
    expect(preparePlace(wants(), undefined, root).path).toBe(group)
  })

  it('is the top where this process is there, or the one that is named', async () => {
    const top = await machine({ own: '/' })
    expect(preparePlace(wants('memory'), undefined, top.root).path).toBe(join(top.root, 'sys/fs/cgroup'))
    const named = await machine({ own: '/elsewhere' })
    expect(preparePlace(wants('memory'), named.group, '/nowhere').path).toBe(named.group)
  })

  it.each<[string, Machine, RegExp]>([
    ['cgroup v2 is not mounted', { mounted: false }, /cgroup v2 is not mounted here/],
    ['this process is outside of what is mounted', { cgroup: '0::/../other' }, /in no group of the cgroup v2/],
    ['only v1 is in use', { cgroup: '4:memory:/x' }, /in no group of the cgroup v2/],
    ['no controller is there', { controllers: '' }, /are not to be had in .*\(there: none\)/],
  ])('is refused with what to do when %s', async (_what, options, message) => {
    const { root } = await machine(options)
    const refused = (): unknown => preparePlace(wants('memory'), undefined, root)
    expect(refused).toThrow(message)
    expect(refused).toThrow(/systemd-run --user --scope -p Delegate=yes/)
    expect(refused).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('is refused when the group takes no controllers', async () => {
    const { root, group } = await machine()
    // A folder in its place can't be written to, whoever asks.
    rmSync(join(group, 'cgroup.subtree_control'))
    mkdirSync(join(group, 'cgroup.subtree_control'))
    expect(() => preparePlace(wants('memory'), undefined, root)).toThrow(/takes no controllers \(EISDIR/)
    mkdirSync(join(root, 'none'))
    expect(() => preparePlace(wants(), join(root, 'none'), root)).toThrow(/is not delegated to this user/)
  })
})

describe('the groups of others', () => {
  it('are abandoned when the process that made them is gone, or its number is another\'s', async () => {
    const [folder, proc] = [await tempFolder(), await tempFolder()]
    const stat = (pid: number, state: string, startTime: number): void => {
      mkdirSync(join(proc, String(pid)))
      writeFileSync(join(proc, String(pid), 'stat'), `${pid} (a) b) ${state} ${Array.from({ length: 49 }, (_, n) => (n + 4 === 22 ? startTime : 0)).join(' ')}`)
    }
    stat(process.pid, 'S', 77)
    stat(2, 'S', 5)
    stat(3, 'Z', 5)
    expect(groupName('pool', proc)).toBe(`greenroom-${process.pid}-77-pool`)
    for (const name of [groupName('pool', proc), 'greenroom-1-5-x', 'greenroom-2-5-x', 'greenroom-2-4-x', 'greenroom-3-5-x', 'greenroom.host', 'user.slice']) mkdirSync(join(folder, name))
    expect(abandonedGroups(folder, proc).sort()).toEqual(['greenroom-1-5-x', 'greenroom-2-4-x', 'greenroom-3-5-x'].map((name) => join(folder, name)))
  })
})
