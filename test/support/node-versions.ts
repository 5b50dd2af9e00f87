import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT, run } from './project.ts'

/** The lines of Node.js that greenroom supports besides the one that runs the tests; pinned, so that a run repeats. */
const VERSIONS = ['22.23.3', '24.21.0']

export interface NodeVersion {
  readonly version: string
  readonly path: string
}

/** Node.js in several versions, from npm, kept under node_modules/.cache. Loading them takes a while the first time. */
export async function nodeVersions(): Promise<NodeVersion[]> {
  const others = VERSIONS.filter((version) => version.split('.')[0] !== process.versions.node.split('.')[0])
  const found = await Promise.all(others.map(async (version) => ({ version, path: await install(version) })))
  return [{ version: process.versions.node, path: process.execPath }, ...found]
}

async function install(version: string): Promise<string> {
  const folder = join(ROOT, 'node_modules/.cache/greenroom', `node-${version}`)
  const node = join(folder, 'node_modules/node/bin/node')
  if (existsSync(node)) return node
  // Loaded beside and moved in, so that a run that is broken off leaves no half of one.
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  await writeFile(join(fresh, 'package.json'), '{ "private": true }')
  const alias = `node@npm:node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}@${version}`
  const { code, stderr } = await run('npm', ['install', alias, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], fresh)
  if (code !== 0) throw new Error(`Node.js ${version} could not be loaded from npm:\n${stderr}`)
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }))
  return node
}
