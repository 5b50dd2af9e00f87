/**
 * The JSON of a value. Bytes in it, or in a field of it, are a program's JSON already (a driver that passes messages through without parsing
 * them): they are put in as they are.
 */
export function toJson(value: unknown): string | Buffer {
  if (Buffer.isBuffer(value)) return value
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  if (!fields.some(([, part]) => Buffer.isBuffer(part))) return JSON.stringify(value)
  const parts = fields.filter(([, part]) => part !== undefined).flatMap(([name, part]: [string, unknown], index) => [
    Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`), Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part)),
  ])
  return Buffer.concat([...parts, Buffer.from('}')])
}
