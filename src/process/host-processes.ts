import type { Spawner } from '../contracts/child.ts'
import type { Clock } from '../contracts/clock.ts'
import { messageOf } from '../contracts/errors.ts'
import { holdKeeper, type KeeperHold } from './keeper/host-keeper.ts'
import { keep } from './keeper/keep.ts'
import { WITHOUT_KEEPER } from './keeper/keeper.ts'
import { openRegister, type RegisterHold } from './register/open-register.ts'
import { stateFolder } from './register/state-folder.ts'
import { createSpawner } from './spawner.ts'
import { hostTable } from './tree/process-table.ts'

/** Real processes for one pool. All pools of a host share the table of processes, the register and the keeper. */
export class HostProcesses {
  readonly spawner: Spawner
  readonly #clock: Clock
  readonly #report: (problem: unknown, where: string) => void
  #hold: RegisterHold | undefined
  #keeper: KeeperHold | undefined

  constructor({ clock, report }: { clock: Clock; report: (problem: unknown, where: string) => void }) {
    this.#clock = clock
    this.#report = report
    const ledger = {
      opened: (root) => this.#hold?.register.opened(root),
      closed: (root) => this.#hold?.register.closed(root),
    } satisfies Parameters<typeof createSpawner>[0]['ledger']
    this.spawner = createSpawner({
      clock, report, ledger,
      delegate: (spec, context) => (this.#keeper?.keeper.works ? keep(spec, this.#keeper.keeper, context) : undefined),
    })
  }

  /**
   * Puts this host on the register, before its first session is started; what earlier hosts have left behind is ended in the background.
   * `stateDir`: where the register is; `false`: none; default: see {@link stateFolder}. `keeper`: has sessions started by the keeper, which
   * is started now unless another pool has done so. Never rejects: what is wrong with the one or the other is reported.
   */
  async open({ stateDir, keeper }: { stateDir: string | false | undefined; keeper: boolean }): Promise<void> {
    const folder = stateFolder(stateDir)
    const [hold] = await Promise.all([
      folder === undefined ? undefined : openRegister({ folder, table: hostTable(this.#clock), clock: this.#clock, report: this.#report }),
      keeper ? this.#hire() : undefined,
    ])
    this.#hold = hold
    if (hold) this.#keeper?.keeper.record(hold.register.path)
  }

  /** For when every session is gone. Never rejects. */
  async close(): Promise<void> {
    this.#hold?.release()
    this.#hold = undefined
    await this.#keeper?.release()
    this.#keeper = undefined
  }

  async #hire(): Promise<void> {
    // Each pool hears for itself, be its report shared with another's.
    const report = (problem: unknown, where: string): void => this.#report(problem, where)
    try {
      this.#keeper = await holdKeeper(this.#clock, report)
    } catch (problem) {
      const advice = 'to do without it on purpose, set keeper to false'
      this.#report(new Error(`it can't be used: ${messageOf(problem)}. Without it ${WITHOUT_KEEPER}; ${advice}`, { cause: problem }), 'starting the keeper')
    }
  }
}
