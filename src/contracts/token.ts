import type { Clock, Random } from './clock.ts'
import type { Spawner } from './child.ts'

declare const carried: unique symbol

/** A symbol that carries the type of what is registered under it. Works wherever tsyringe takes a token, `@inject(…)` included. */
export type Token<T> = symbol & { readonly [carried]?: T }

/** Makes a new token; `description` is what error messages call it. */
export function token<T>(description: string): Token<T> {
  return Symbol(description) as Token<T>
}

/** The types carried by a list of tokens. */
export type TokenValues<D extends readonly Token<unknown>[]> = { [I in keyof D]: D[I] extends Token<infer T> ? T : never }

export const CLOCK: Token<Clock> = token<Clock>('Clock')
export const RANDOM: Token<Random> = token<Random>('Random')
export const SPAWNER: Token<Spawner> = token<Spawner>('Spawner')
