#!/usr/bin/env node
// Tries limits.cgroup on a real Linux with cgroup v2, whatever this machine has: a virtual machine of Debian's cloud kernel, with the built
// package inside. It takes about a minute: KVM is not used, as it is not to be had everywhere.
//
//   npm run test:cgroup
//
// It needs qemu-system-x86, busybox-static and the kernel, on Debian or Ubuntu; as root it gets what is missing.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeArchive } from './cgroup-vm/archive.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const inside = join(root, 'scripts/cgroup-vm')
const cache = join(root, 'node_modules/.cache/cgroup-vm')
const LIMIT_MS = 1_800_000
const VERDICT = /^cgroup-vm: (\d+) passed, (\d+) failed\r?$/m

if (process.platform !== 'linux' || process.arch !== 'x64') stop('this runs on Linux on x64 only')
if (!existsSync(join(root, 'dist/src/index.js'))) stop('the package is not built: npm run build')
provide([['qemu-system-x86_64', 'qemu-system-x86'], ['busybox', 'busybox-static']])

const folder = mkdtempSync(join(tmpdir(), 'greenroom-vm-'))
try {
  const kernel = findKernel()
  const image = join(folder, 'image.cpio')
  await writeArchive(fill(join(folder, 'root')), image)
  process.exitCode = await boot(kernel, image)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/**
 * The programs, installed where they are missing.
 * @param {readonly (readonly [string, string])[]} programs
 */
function provide(programs) {
  const missing = programs.filter(([program]) => spawnSync('which', [program]).status !== 0).map(([, debian]) => debian)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) stop(`install what it needs: apt-get install --no-install-recommends ${missing.join(' ')}`)
  run('apt-get', ['update', '-q'])
  run('apt-get', ['install', '-y', '--no-install-recommends', ...missing])
}

/** The kernel of Debian's package, which is unpacked and not installed. */
function findKernel() {
  const packages = join(cache, 'kernel')
  if (!existsSync(packages)) {
    mkdirSync(cache, { recursive: true })
    const [, name] = /Depends: (linux-image-\S+)/.exec(run('apt-cache', ['depends', 'linux-image-cloud-amd64'])) ?? []
    if (!name) stop('apt knows no linux-image-cloud-amd64: run apt-get update')
    const download = mkdtempSync(join(cache, 'download-'))
    run('apt-get', ['download', name], download)
    const [file = ''] = readdirSync(download)
    run('dpkg-deb', ['-x', join(download, file), `${packages}.part`])
    rmSync(download, { recursive: true })
    cpSync(join(`${packages}.part`, 'boot'), packages, { recursive: true })
    rmSync(`${packages}.part`, { recursive: true })
  }
  const kernel = readdirSync(packages).find((file) => file.startsWith('vmlinuz-'))
  return kernel ? join(packages, kernel) : stop(`there is no kernel in ${packages}: remove the folder, and try again`)
}

/** The machine's whole file system: busybox, Node with its libraries, the package with its dependencies, and the tests. */
function fill(/** @type {string} */ target) {
  const put = (/** @type {string} */ from, /** @type {string} */ to) => {
    mkdirSync(dirname(join(target, to)), { recursive: true })
    cpSync(from, join(target, to), { recursive: true, dereference: true })
  }
  for (const folder of ['proc', 'sys', 'dev', 'tmp', 'root', 'bin']) mkdirSync(join(target, folder), { recursive: true })
  const node = realpathSync(process.execPath)
  put(String(run('which', ['busybox'])).trim(), 'bin/busybox')
  put(node, 'bin/node')
  for (const [library] of run('ldd', [node]).matchAll(/\/\S+/g)) put(library, library)
  put(join(root, 'package.json'), 'app/package.json')
  put(join(root, 'dist'), 'app/dist')
  for (const folder of run('npm', ['ls', '--omit=dev', '--all', '--parseable'], root).trim().split('\n').slice(1)) put(folder, join('app', relative(root, folder)))
  for (const file of readdirSync(inside)) put(join(inside, file), join('app', file))
  put(join(inside, 'init.sh'), 'init')
  writeFileSync(join(target, 'passwd'), '')
  return target
}

/** @returns {Promise<number>} The exit code. */
function boot(/** @type {string} */ kernel, /** @type {string} */ image) {
  const qemu = spawn('qemu-system-x86_64', [
    '-accel', 'tcg', '-cpu', 'max', '-smp', '2', '-m', '2048', '-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio',
    '-kernel', kernel, '-initrd', image, '-append', 'console=ttyS0 quiet loglevel=1 panic=-1 init_on_alloc=0 mitigations=off',
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => qemu.kill('SIGKILL'), LIMIT_MS)
  let output = ''
  qemu.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    output += text
    process.stdout.write(text)
  })
  return new Promise((resolve) => {
    qemu.on('close', () => {
      clearTimeout(timer)
      const [, passed, failed] = VERDICT.exec(output) ?? []
      if (failed === undefined) console.error('the machine ended without a verdict')
      resolve(Number(passed) > 0 && failed === '0' ? 0 : 1)
    })
  })
}

/** @returns {string} What it printed. */
function run(/** @type {string} */ command, /** @type {string[]} */ args, cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  if (status !== 0) stop(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}`)
  return stdout
}

/** @returns {never} */
function stop(/** @type {string} */ why) {
  console.error(`cgroup-vm: ${why}`)
  process.exit(1)
}
