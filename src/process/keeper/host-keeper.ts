import type { Clock } from '../../contracts/clock.ts'
import { hostTable } from '../tree/process-table.ts'
import { Keeper, type Report } from './keeper.ts'

const keepers = new WeakMap<Clock, Keeper>()

/** A pool's hold on the keeper of its host. */
export interface KeeperHold {
  readonly keeper: Keeper
  /** The last one to let go ends it. Never rejects. */
  release(): Promise<void>
}

/**
 * The keeper of this host, shared by all who ask for it. `report` hears of its troubles.
 * @throws Error that says why there can be none.
 */
export async function holdKeeper(clock: Clock, report: Report): Promise<KeeperHold> {
  let keeper = keepers.get(clock)
  if (!keeper?.works) keepers.set(clock, (keeper = new Keeper({ clock, table: hostTable(clock) })))
  await keeper.join(report)
  return { keeper, release: () => keeper.leave(report) }
}
