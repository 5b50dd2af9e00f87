// Writes a folder as an archive that the kernel takes for its first file system (cpio, "newc").
import { createReadStream, createWriteStream, lstatSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

const FOLDER = 0o040755
const FILE = 0o100755

export async function writeArchive(/** @type {string} */ folder, /** @type {string} */ file) {
  const out = createWriteStream(file)
  let at = 0
  let inode = 0
  const write = async (/** @type {Buffer} */ bytes) => {
    at += bytes.length
    if (!out.write(bytes)) await once(out, 'drain')
  }
  const pad = () => write(Buffer.alloc((4 - (at % 4)) % 4))
  const head = async (/** @type {string} */ name, /** @type {number} */ mode, /** @type {number} */ size) => {
    const fields = [++inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0]
    await write(Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`))
    await pad()
  }
  const add = async (/** @type {string} */ name) => {
    const path = join(folder, name)
    if (lstatSync(path).isDirectory()) {
      if (name !== '') await head(name, FOLDER, 0)
      for (const child of readdirSync(path)) await add(join(name, child))
      return
    }
    await head(name, FILE, lstatSync(path).size)
    for await (const chunk of createReadStream(path)) await write(chunk)
    await pad()
  }
  await add('')
  await head('TRAILER!!!', 0, 0)
  out.end()
  await finished(out)
}
