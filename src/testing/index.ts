/**
 * For tests of programs that use greenroom, and of plugins: a clock that is moved by hand, sessions without processes that behave, or
 * misbehave, as a test says, and the contract of each kind of strategy as a suite of tests.
 *
 * @module
 */
export { seededRandom } from '../kernel/system-random.ts'
export * from './behaviour.ts'
export * from './contracts/index.ts'
export * from './in-memory-child.ts'
export * from './in-memory-driver.ts'
export * from './in-memory-program.ts'
export * from './in-memory-world.ts'
export * from './virtual-clock.ts'
