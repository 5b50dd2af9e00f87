// Processes that are watched without a pool: pidusage is asked about all of them once a second, and nothing else is done.
import { spawn } from 'node:child_process'
import pidusage from 'pidusage'

/** What this is called among the samplers. */
export const BY_HAND = 'pidusage by hand'

/** @param {number} count */
export async function watchByHand(count) {
  const children = Array.from({ length: count }, () => spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] }))
  await Promise.all(children.map((child) => new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))))
  let measured = 0
  const timer = setInterval(() => void look(), 1_000)
  async function look() {
    const found = await pidusage(children.map(({ pid }) => pid ?? 0))
    measured = Object.values(found).filter(Boolean).length
  }
  return {
    size: () => children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).length,
    measured: () => measured,
    async close() {
      clearInterval(timer)
      const gone = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(gone)
    },
  }
}
