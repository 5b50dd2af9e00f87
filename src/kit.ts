/**
 * What authors of plugins and drivers import: the contracts, the errors, the units and the process toolkit.
 * Bundled plugins use nothing else of greenroom.
 *
 * @module
 */
export * from './contracts/index.ts'
export * from './process/frames/content-length-decoder.ts'
export * from './process/frames/encode.ts'
export * from './process/frames/frame-buffer.ts'
export * from './process/frames/line-decoder.ts'
export * from './process/command-options.ts'
export * from './process/ending.ts'
export * from './process/environment.ts'
export * from './process/exit-text.ts'
export * from './process/lost-pipes.ts'
export * from './process/read-stdout.ts'
export * from './process/spawner.ts'
export * from './process/stderr-tail.ts'
export * from './process/tenant-folders.ts'
export * from './process/tree/end-tree.ts'
export * from './process/tree/find-tree.ts'
export * from './process/tree/process-entry.ts'
export * from './process/tree/process-snapshot.ts'
export * from './process/tree/process-table.ts'
export type { ProcessReader } from './process/tree/proc-reader.ts'
export type { TreeLedger } from './process/tree/session-trees.ts'
