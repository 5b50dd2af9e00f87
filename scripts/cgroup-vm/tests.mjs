// Runs inside the machine, on the built package: what limits.cgroup promises.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool, definePlugin } from 'greenroom'

if (process.env['AS_USER']) {
  process.setgid?.(1000)
  process.setuid?.(1000)
}

const GROUPS = '/sys/fs/cgroup'
const MB = 2 ** 20
/** A shell that runs each line, and answers with what it prints last. */
const SHELL = /** @type {const} */ ({
  use: 'json-lines', command: 'sh', args: ['-c', 'while read -r line; do echo "{\\"out\\":\\"$(eval "$(echo "$line" | sed -e s/^.// -e s/.\\$//)")\\"}"; done'],
})
const HOARD = /** @param {number} megabytes */ (megabytes) => `node -e 'globalThis.hoard=Buffer.alloc(${megabytes}*2**20,1);setInterval(()=>{},1000)'`

/** Closed after each test. */
/** @type {import('greenroom').Pool[]} */
const opened = []

/** @param {NonNullable<import('greenroom').PoolConfig['limits']>} limits */
async function open(limits) {
  /** @type {string[]} */
  const problems = []
  const witness = definePlugin({ name: 'witness', apply: ({ hooks }) => hooks.problem.tap('witness', (problem, where) => void problems.push(`${where}: ${String(problem)}`)) })
  const pool = await createPool({
    driver: SHELL, keeper: false, stateDir: false, size: { max: 3, spare: 0 }, health: false, metrics: { use: 'procfs', every: '200ms', pssEvery: false },
    timeouts: { silence: false, start: '5m' }, limits, plugins: [witness],
  })
  opened.push(pool)
  return { pool, problems }
}

/** @param {import('greenroom').Lease} lease @param {string} line */
const ask = async (lease, line) => (await /** @type {Promise<{ out: string }>} */ (lease.request(line))).out
/** @param {() => unknown} check */
async function until(check, what = String(check)) {
  for (const end = Date.now() + 240_000; !await check();) {
    if (Date.now() > end) throw new Error(`it did not come about within four minutes: ${what}`)
    await sleep(50)
  }
}
/** @param {number} pid */
const groupOf = (pid) => readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().slice(3)
/** @param {string} path */
const poolGroups = (path) => readdirSync(path).filter((name) => /^greenroom-\d/.test(name))
/** @param {import('greenroom').Pool} pool */
const pidOf = (pool) => /** @type {number} */ (pool.getSessionMetrics()[0]?.pid)
/** @param {string} group @param {string} file */
const read = (group, file) => readFileSync(join(GROUPS, group, file), 'utf8').trim()
/** @param {number} pid */
const isAlive = (pid) => {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** @type {Record<string, Record<string, () => Promise<void>>>} */
const suites = {
  limits: {
    'a session is in its group, with all it starts, before it can do anything; and the group goes with it': async () => {
      const { pool, problems } = await open({ cgroup: { memory: '300MB', cpu: 50, processes: 40 } })
      const lease = await pool.acquire({ key: 'k' })
      const group = groupOf(pidOf(pool))
      assert.match(group, /^\/greenroom-\d+-\d+-\w+\/\w+-1$/)
      const child = Number(await ask(lease, 'setsid sleep 1000 >/dev/null & echo $!'))
      assert.equal(groupOf(child), group)
      assert.deepEqual(['memory.max', 'memory.oom.group', 'cpu.max', 'pids.max'].map((file) => read(group, file)), [String(300 * MB), '1', '50000 100000', '40'])
      await pool.close({ grace: 0 })
      assert.equal(isAlive(child), false)
      assert.deepEqual(poolGroups(GROUPS), [])
      assert.deepEqual(problems, [])
    },
    'memory: what escaped into another group and lost its parent counts, and takes the whole session with it': async () => {
      const { pool, problems } = await open({ cgroup: { memory: '300MB' } })
      const lease = await pool.acquire({ key: 'k' })
      const other = await pool.acquire({ key: 'other' })
      await ask(lease, `(setsid ${HOARD(500)} >/dev/null 2>&1 &) ; echo started`)
      await until(() => lease.signal.aborted)
      assert.equal(lease.signal.reason.code, 'SESSION_CRASHED')
      assert.equal(lease.signal.reason.exit.signal, 'SIGKILL')
      await until(() => problems.length > 0)
      assert.match(problems[0] ?? '', /limits\.cgroup: .*limits\.cgroup\.memory/)
      assert.equal(await ask(other, 'echo well'), 'well')
      await pool.close({ grace: 0 })
      assert.deepEqual(poolGroups(GROUPS), [])
    },
    'processes: a loop that forks can go no further, and the session lives': async () => {
      const { pool } = await open({ cgroup: { processes: 15 } })
      const lease = await pool.acquire({ key: 'k' })
      const group = groupOf(pidOf(pool))
      // A shell that can't fork gives up; so the loop is one of the session's descendants.
      await ask(lease, "(node -e 'for(let n=0;n<40;n++){try{child_process.spawn(`sleep`,[`1000`],{stdio:`ignore`}).on(`error`,()=>{})}catch{}}setInterval(()=>{},1000)' >/dev/null 2>&1 &) ; echo ok")
      await until(() => Number(/max (\d+)/.exec(read(group, 'pids.events'))?.[1]) > 0, 'pids.max is reached')
      assert.ok(Number(read(group, 'pids.current')) <= 15)
      assert.ok(!lease.signal.aborted)
      await pool.close({ grace: 0 })
      assert.deepEqual(poolGroups(GROUPS), [])
    },
    'cpu: a session that computes gets no more than its share': async () => {
      const { pool } = await open({ cgroup: { cpu: 25 } })
      const lease = await pool.acquire({ key: 'k' })
      const group = groupOf(pidOf(pool))
      await ask(lease, '(while :; do :; done >/dev/null 2>&1 &) ; echo burning')
      const used = () => Number(/usage_usec (\d+)/.exec(read(group, 'cpu.stat'))?.[1])
      const [before, since] = [used(), performance.now()]
      await sleep(4_000)
      const percent = (used() - before) / 10 / (performance.now() - since)
      assert.ok(percent > 5 && percent < 35, `it had ${percent} % of a core`)
      await pool.close({ grace: 0 })
    },
    'limits.cpu throttles by cpu.max, and lets go again': async () => {
      const { pool } = await open({ cgroup: {}, cpu: { percent: 30, for: '1s', then: 'throttle' } })
      const lease = await pool.acquire({ key: 'k' })
      const group = groupOf(pidOf(pool))
      assert.equal(read(group, 'cpu.max'), 'max 100000')
      const burner = await ask(lease, 'while :; do :; done >/dev/null 2>&1 & echo $!')
      await until(() => read(group, 'cpu.max') === '30000 100000')
      process.kill(Number(burner), 'SIGKILL')
      await until(() => read(group, 'cpu.max') === 'max 100000')
      await pool.close({ grace: 0 })
    },
    'what hides from everybody is killed with the session: no mark, no parent, no group': async () => {
      const { pool } = await open({ cgroup: {} })
      const lease = await pool.acquire({ key: 'k' })
      writeFileSync('/tmp/hide.sh', 'env -i /bin/setsid /bin/sleep 1000 >/dev/null 2>&1 &\necho $!\n')
      const hidden = Number(await ask(lease, 'sh /tmp/hide.sh'))
      assert.ok(isAlive(hidden))
      lease.destroy()
      await until(() => !isAlive(hidden))
      await pool.close({ grace: 0 })
      assert.deepEqual(poolGroups(GROUPS), [])
    },
    'a predecessor that was killed leaves groups: the next pool kills what is in them, and removes them': async () => {
      // As a host with the number 999999 would have left it.
      mkdirSync(join(GROUPS, 'greenroom-999999-5-pool/session'), { recursive: true })
      const orphan = spawn('sleep', ['1000'], { stdio: 'ignore' }).pid ?? 0
      writeFileSync(join(GROUPS, 'greenroom-999999-5-pool/session/cgroup.procs'), String(orphan))
      const { pool } = await open({ cgroup: {} })
      await until(() => !isAlive(orphan) && poolGroups(GROUPS).length === 1)
      await pool.close({ grace: 0 })
      assert.deepEqual(poolGroups(GROUPS), [])
    },
  },
  delegated: {
    'the host moves down, and sessions have groups beside it, with limits': async () => {
      const { pool, problems } = await open({ cgroup: { memory: '300MB', processes: 30 } })
      assert.equal(groupOf(process.pid), '/user.scope/greenroom.host')
      const lease = await pool.acquire({ key: 'k' })
      const group = groupOf(pidOf(pool))
      assert.match(group, /^\/user\.scope\/greenroom-/)
      assert.equal(read(group, 'memory.max'), String(300 * MB))
      assert.equal(await ask(lease, 'echo well'), 'well')
      // A second one finds its way from down there.
      const { pool: second } = await open({ cgroup: { memory: '300MB' } })
      await second.acquire({ key: 'k' })
      assert.match(groupOf(pidOf(second)), /^\/user\.scope\/greenroom-/)
      await second.close({ grace: 0 })
      await pool.close({ grace: 0 })
      assert.deepEqual(poolGroups(`${GROUPS}/user.scope`), [])
      assert.deepEqual(problems, [])
    },
  },
  undelegated: {
    'is refused, and the error says what to do': async () => {
      await assert.rejects(open({ cgroup: { memory: '300MB' } }), (/** @type {{ code: string, message: string }} */ { code, message }) => {
        assert.equal(code, 'CONFIG_INVALID')
        assert.match(message, /limits\.cgroup needs a cgroup v2 that this process may divide, and .*other\.scope.*Delegate=yes/)
        return true
      })
    },
  },
}

let passed = 0
let failed = 0
for (const [title, test] of Object.entries(suites[process.argv[2] ?? ''] ?? {})) {
  const since = performance.now()
  try {
    await test()
    passed++
    console.log(`  ok    ${title} (${Math.round(performance.now() - since)} ms)`)
  } catch (problem) {
    failed++
    console.log(`  FAIL  ${title}\n${problem instanceof Error ? problem.stack : String(problem)}`)
  }
  await Promise.all(opened.splice(0).map((pool) => pool.close({ grace: 0 })))
}
console.log(`# ${passed} ${failed}`)
process.exit(failed === 0 ? 0 : 1)
