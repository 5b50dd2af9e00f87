import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Option } from 'commander'
import { GreenroomError } from '../../contracts/index.ts'
import { CONFIG_NAMES } from '../../kernel/config-loader.ts'
import { EXIT, EXIT_HELP } from '../exit-codes.ts'
import { configFields } from '../init/config-fields.ts'
import { DRIVERS, type DriverName } from '../init/drivers.ts'
import { renderJson, renderTypeScript } from '../init/render.ts'
import { line, type CliIo } from '../io.ts'
import type { AddCommand } from './command.ts'

interface InitOptions {
  driver: DriverName
  format: 'ts' | 'json'
  force?: boolean
}

export const addInit: AddCommand = (program, io, exit) => {
  program.command('init')
    .description('write a configuration that works, with every field explained')
    .addOption(new Option('-d, --driver <name>', 'what to pool').choices(DRIVERS).default('node-repl'))
    .addOption(new Option('-f, --format <format>', 'ts has a comment for every field; JSON cannot').choices(['ts', 'json']).default('ts'))
    .option('--force', 'overwrite the file if it exists')
    .addHelpText('after', `
Examples:
  $ greenroom init
  $ greenroom init --driver mcp
  $ greenroom init --driver json-lines --format json
${EXIT_HELP}`)
    .action(async (options: InitOptions) => exit(await init(options, io)))
}

async function init({ driver, format, force = false }: InitOptions, io: CliIo): Promise<number> {
  const name = `greenroom.config.${format}`
  await checkOthers(name, io.cwd)
  const fields = configFields(driver)
  try {
    await writeFile(join(io.cwd, name), format === 'ts' ? renderTypeScript(fields) : renderJson(fields), { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new GreenroomError('ARGUMENT_INVALID', `${name} is here already: give --force to overwrite it`)
  }
  line(io.stdout, `wrote ${name}: a pool of ${driver} sessions
next    greenroom doctor    checks it and starts one session
        greenroom serve     serves it`)
  return EXIT.ok
}

/** With two of them, none would be loaded. */
async function checkOthers(name: string, cwd: string): Promise<void> {
  for (const other of CONFIG_NAMES) {
    if (other === name) continue
    const there = await access(join(cwd, other)).then(() => true, () => false)
    if (!there) continue
    throw new GreenroomError('ARGUMENT_INVALID', `${other} is here already, and greenroom wants one configuration: remove it first`)
  }
}
