// Runs inside the machine: the tests as root at the top, in a group that belongs to a user, and in one that does not.
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { release } from 'node:os'

const GROUPS = '/sys/fs/cgroup'
let passed = 0
let failed = 0

/** @param {string} title @param {string} suite @param {{ group?: string, user?: boolean }} where */
function suite(title, suite, { group, user = false } = {}) {
  const join = group === undefined ? '' : `echo $$ > ${GROUPS}/${group}/cgroup.procs && `
  console.log(`\n${title}`)
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', `${join}exec node /app/tests.mjs ${suite}`], {
    encoding: 'utf8', env: { ...process.env, ...(user && { AS_USER: '1' }) },
  })
  process.stdout.write(stdout + stderr)
  const [, good = '0', bad = '1'] = /^# (\d+) (\d+)$/m.exec(stdout) ?? []
  passed += Number(good)
  failed += Number(bad)
}

/** @param {string} name @param {boolean} own */
function makeGroup(name, own) {
  mkdirSync(`${GROUPS}/${name}`)
  if (!own) return
  for (const file of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads']) chownSync(`${GROUPS}/${name}${file}`, 1000, 1000)
}

console.log(`Node ${process.version}, Linux ${release()}`)
suite('as root, at the top', 'limits')
makeGroup('user.scope', true)
suite('as a user, in a group that was delegated', 'delegated', { group: 'user.scope', user: true })
makeGroup('other.scope', false)
suite('as a user, in a group that was not', 'undelegated', { group: 'other.scope', user: true })
console.log(`cgroup-vm: ${passed} passed, ${failed} failed`)
