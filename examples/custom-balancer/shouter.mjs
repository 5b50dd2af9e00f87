// Answers each line of JSON with one line of JSON: all that the json-lines driver asks of a program.
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin })) {
  const { text } = JSON.parse(line)
  console.log(JSON.stringify({ text: `${text.toUpperCase()}!` }))
}
