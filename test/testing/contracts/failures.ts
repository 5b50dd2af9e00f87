import { AssertionError } from 'node:assert'
import { expect } from 'vitest'
import type { ContractCase } from 'greenroom/testing'

/** The cases that fail, by title, and what they say. Whatever fails in another way than by a broken rule is thrown. */
export async function failuresOf(cases: readonly ContractCase[], titles?: readonly string[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  const wanted = titles ? titles.map((title) => cases.find((one) => one.title === title) ?? missing(title, cases)) : cases
  for (const { title, run } of wanted) {
    try {
      await run()
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error
      failures.set(title, error.message)
    }
  }
  return failures
}

function missing(title: string, cases: readonly ContractCase[]): never {
  throw new Error(`There is no case "${title}". There are:\n${cases.map((one) => one.title).join('\n')}`)
}

/** What is wrong with it, its suite, the cases that fail, and what the first of them says. */
export type Broken = readonly [string, () => readonly ContractCase[], readonly string[], RegExp]

/** Exactly these cases fail. */
export async function check(_what: string, suite: Broken[1], titles: readonly string[], message: RegExp): Promise<void> {
  const failures = await failuresOf(suite())
  expect([...failures.keys()].sort()).toEqual([...titles].sort())
  expect([...failures.values()][0] ?? '').toMatch(message)
}

/** At least these cases fail; no others are run. */
export async function checkSome(_what: string, suite: Broken[1], titles: readonly string[], message: RegExp): Promise<void> {
  const failures = await failuresOf(suite(), titles)
  expect([...failures.keys()]).toEqual(titles)
  expect([...failures.values()][0]).toMatch(message)
}
