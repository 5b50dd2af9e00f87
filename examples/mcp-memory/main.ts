// One MCP memory server per tenant, warm before its tenant arrives. What one tenant stores, no other can read.
import { createPool } from 'greenroom'
import config from './greenroom.config.ts'

interface ToolResult {
  content: { type: string; text: string }[]
}

const pool = await createPool(config)

async function callTool(tenant: string, name: string, args: object): Promise<string> {
  const message = { method: 'tools/call', params: { name, arguments: args } }
  const { content } = await pool.request<ToolResult>(message, { tenant, key: 'memory' })
  return content.map(({ text }) => text).join('')
}

async function entitiesOf(tenant: string): Promise<string[]> {
  const { entities } = JSON.parse(await callTool(tenant, 'read_graph', {})) as { entities: { name: string }[] }
  return entities.map(({ name }) => name)
}

try {
  await pool.ready()
  const { tools } = await pool.request<{ tools: { name: string }[] }>({ method: 'tools/list' }, { tenant: 'acme', key: 'memory' })
  console.log('the server has', tools.length, 'tools, among them', tools.slice(0, 3).map(({ name }) => name).join(', '))

  await callTool('acme', 'create_entities', { entities: [{ name: 'launch date', entityType: 'secret', observations: ['1 May'] }] })
  console.log('acme stores an entity')
  console.log('acme reads  ', await entitiesOf('acme'))
  console.log('globex reads', await entitiesOf('globex'))

  console.log('\nsessions:')
  for (const { sessionId, tenant, status, requestCount } of pool.getSessionMetrics()) {
    console.log(' ', sessionId.padEnd(8), status.padEnd(8), tenant ? `belongs to ${tenant}, ${requestCount} requests` : 'spare, belongs to nobody')
  }
} finally {
  await pool.close()
}
