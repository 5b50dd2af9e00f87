import { definePlugin } from 'greenroom'

/** @param {(problem: unknown, where: string) => void} heard */
export function plugin(heard) {
  return definePlugin({ name: 'soak', apply: ({ hooks }) => void hooks.problem.tap('soak', heard) })
}
