// By require: a worker that listens only after an import misses the message that the pool waits to see answered.
const { createRequire } = process.getBuiltinModule('node:module')
const { ClusterWorker } = createRequire(__filename)('poolifier')

module.exports = new ClusterWorker((/** @type {unknown} */ message) => message)
