// Conversations with a coding agent: more of them than processes, each in the folder of its tenant, and none without its past.
import { rm } from 'node:fs/promises'
import { createPool, type AcquireOptions } from 'greenroom'
import type { AcpResult, AcpUpdate } from 'greenroom/plugins/drivers/acp'
import config, { root } from './greenroom.config.ts'

const pool = await createPool(config)

/** Says something to the agent, and prints what it streams. */
async function say(who: AcquireOptions, prompt: string): Promise<void> {
  const lease = await pool.acquire(who)
  try {
    process.stdout.write(`${who.tenant}/${who.key}`.padEnd(12) + lease.served.padEnd(9) + `${prompt.padEnd(24)} → `)
    for await (const message of lease.stream<AcpUpdate | AcpResult>({ prompt })) {
      if ('sessionUpdate' in message && message.sessionUpdate === 'agent_message_chunk') process.stdout.write((message['content'] as { text: string }).text)
      if ('stopReason' in message) console.log('  ', message.stopReason)
    }
  } finally {
    lease.release()
  }
}

/** Answers the agent when it asks whether it may use a tool. */
const permission = (optionId: string): AcquireOptions => ({
  handlers: { 'session/request_permission': () => ({ outcome: { outcome: 'selected', optionId } }) },
})

try {
  await pool.ready()
  await say({ tenant: 'ada', key: 'work' }, 'We build a boat')
  await say({ tenant: 'ada', key: 'garden' }, 'The roses need water')
  await say({ tenant: 'bob', key: 'work' }, 'What do you know?')
  await say({ tenant: 'ada', key: 'work' }, 'What did I say?')

  await say({ tenant: 'bob', key: 'work', ...permission('yes') }, 'delete old.txt')
  await say({ tenant: 'bob', key: 'work' }, 'delete new.txt')

  const { size, parked } = pool.getPoolStats()
  console.log(`\n${size} processes for 3 conversations, ${parked} of which is parked`)
} finally {
  await pool.close()
  await rm(root, { recursive: true, force: true })
}
