import { parseArgs } from 'node:util'

/** Something on the command line that makes no sense. */
export class UsageError extends Error {}

/**
 * The options every scenario has.
 * @param {readonly string[]} args
 * @param {number} rounds by default
 * @returns {{ rounds: number, only: readonly string[] | undefined, out: string | undefined }}
 */
export function readArguments(args, rounds) {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string' }, only: { type: 'string' }, out: { type: 'string' } } })
  const wanted = Number(values.rounds ?? rounds)
  if (!Number.isInteger(wanted) || wanted < 1) throw new UsageError(`--rounds ${values.rounds}: give a whole number from 1 on`)
  return { rounds: wanted, only: values.only?.split(','), out: values.out }
}
