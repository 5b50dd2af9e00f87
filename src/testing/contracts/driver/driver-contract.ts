import { messageOf } from '../../../contracts/index.ts'
import { suiteOf } from '../bench.ts'
import type { ContractCase } from '../contract-case.ts'
import { fail } from '../rules.ts'
import { abilitiesOf } from './abilities.ts'
import { addAbilityCases } from './ability-cases.ts'
import { DriverStage } from './driver-stage.ts'
import { addEndCases } from './end-cases.ts'
import type { DriverContract } from './options.ts'
import { SessionLot } from './session-lot.ts'
import { addStartCases } from './start-cases.ts'
import { addTurnCases } from './turn-cases.ts'

/** Adds a case: `work` gets a driver, whose program it may start for real, and can make more. */
export type AddDriverCase = (title: string, work: (stage: DriverStage, newStage: () => Promise<DriverStage>) => Promise<void>) => void

/**
 * The cases that a driver must pass with its real program, which is run by them, and once before, to see what the driver can do: there
 * are cases only for that. Resolves to them also when the program cannot be run; they say why, then.
 */
export async function driverContract(contract: DriverContract): Promise<ContractCase[]> {
  const { cases, add } = suiteOf('driver', contract, 'real')
  const abilities = await abilitiesOf(contract)
  add('can be looked at: its program runs, and shows what it can do', () => {
    const { problem } = abilities
    if (problem !== undefined) fail(`It could not be seen what it can do, so most cases are missing: ${messageOf(problem)}`, problem)
  })
  const lot = new SessionLot()
  const test: AddDriverCase = (title, work) => add(title, async (bench) => {
    const stages: DriverStage[] = []
    lot.enter()
    const newStage = async (): Promise<DriverStage> => {
      const stage = await DriverStage.of(bench, lot)
      stages.push(stage)
      return stage
    }
    try {
      await work(await newStage(), newStage)
      for (const stage of stages) stage.passed()
    } finally {
      for (const stage of stages) await stage.close()
      await lot.exit()
    }
  })
  addStartCases(test, contract, abilities)
  addTurnCases(test, contract, abilities)
  addAbilityCases(test, contract, abilities)
  addEndCases(test, contract, abilities)
  return cases
}
