import type { Clock } from '../../contracts/clock.ts'
import { messageOf } from '../../contracts/errors.ts'
import type { ProcessId } from '../tree/process-entry.ts'
import { HostRegister, type RegisterOptions } from './host-register.ts'

/** A pool's hold on the register of its host. */
export interface RegisterHold {
  readonly register: HostRegister
  /** The last one to let go closes the register. */
  release(): void
}

const open = new WeakMap<Clock, Map<string, HostRegister>>()

/**
 * The register of this host in a folder, shared by all who ask for it; what earlier hosts have left behind is ended in the background
 * from now on. `undefined`, with a report, when the folder can't be used: sessions work without it.
 */
export async function openRegister(options: RegisterOptions): Promise<RegisterHold | undefined> {
  const { folder, table, clock } = options
  if (!table.sees) return undefined
  const report: RegisterOptions['report'] = (problem, where) => options.report(problem, where)
  try {
    const self = await ownId(options)
    const registers = open.get(clock) ?? new Map<string, HostRegister>()
    open.set(clock, registers)
    const register = registers.get(folder) ?? new HostRegister(options, self)
    registers.set(folder, register)
    register.attach(report)
    return {
      register,
      release() {
        if (!register.detach(report) || registers.get(folder) !== register) return
        registers.delete(folder)
        register.close()
      },
    }
  } catch (problem) {
    report(
      new Error(`the state folder ${folder} can't be used (${messageOf(problem)}): set stateDir to one that can be written, or to false`, { cause: problem }),
      'opening the register of live sessions: were this process killed, the next start would not find what it leaves behind',
    )
    return undefined
  }
}

async function ownId({ table }: RegisterOptions): Promise<ProcessId> {
  const id = table.identify(process.pid) ?? (await table.look()).get(process.pid)
  if (!id) throw new Error('this process is not in the list of processes')
  return id
}
