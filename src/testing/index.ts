/**
 * For tests of programs that use greenroom, and of plugins: a clock that is moved by hand, and sessions without processes that
 * behave, or misbehave, as a test says.
 *
 * @module
 */
export * from './behaviour.ts'
export * from './in-memory-child.ts'
export * from './in-memory-driver.ts'
export * from './in-memory-program.ts'
export * from './in-memory-world.ts'
export * from './virtual-clock.ts'
