/**
 * The text of docs/errors.md.
 * @param {Readonly<Record<string, string>>} codes every error code with its meaning
 */
export function errorsPage(codes) {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning.replaceAll('|', '\\|')} |`)
  return `# Error codes

<!-- Written by \`npm run docs\` from ERROR_CODES in src/contracts/errors.ts. -->

Every error of greenroom is a \`GreenroomError\`. Its \`code\` is stable; branch on it. Its \`message\` is for people and says what to do.
Where they are known it also carries \`exit\` (exit code, signal, the last lines of stderr), \`pool\` (how many sessions there were,
and how many callers waited), \`sessionId\`, \`limit\` (which one, what was used, what is allowed), \`details\` (what the program itself said) and \`cause\`.

\`\`\`ts
import { createPool, isGreenroomError } from 'greenroom'

const pool = await createPool({ driver: { use: 'node-repl' } })
try {
  await pool.request({ code: 'process.exit(3)' })
} catch (error) {
  if (isGreenroomError(error, 'SESSION_CRASHED')) console.log('ended with code', error.exit?.code)
  else throw error
}
\`\`\`

| code | when, and what to do |
|---|---|
${rows.join('\n')}
`
}
