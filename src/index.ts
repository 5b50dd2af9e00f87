/**
 * greenroom keeps stateful child processes warm in a pool and hands each caller the right one.
 *
 * @module
 */
export { createPool, createPoolHost, type PoolHost, type PoolWorld } from './create-pool.ts'
export type { BundledStrategies } from './bundled.ts'
export * from './contracts/index.ts'
