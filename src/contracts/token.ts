import type { Clock, Random } from './clock.ts'
import type { Spawner } from './child.ts'
import type { Pool } from './pool.ts'

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
/** The pool itself. It is there when the pool is made: ask for it when something is to be known of it, not in a plugin's `apply`. */
export const POOL: Token<Pool> = token<Pool>('Pool')

/** Figures for a program that fetches them as a text, as Prometheus does. */
export interface MetricsPage {
  /** The media type of the text. */
  readonly contentType: string
  read(): Promise<string>
}

/** What gateways show at GET /metrics; a plugin that has such a page provides it. */
export const METRICS_PAGE: Token<MetricsPage> = token<MetricsPage>('MetricsPage')
