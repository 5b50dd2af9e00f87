import { commandOptions, GUARANTEES, size, z } from 'greenroom/kit'
import { isObject } from './partial-match.ts'

const message = z.unknown().refine((value) => value !== undefined, { error: 'expected a message to send (any JSON)' })
const object = z.record(z.string(), z.unknown())
const pattern = object.describe('Fields a line must have, to any depth; it may have more.')
const field = z.string().min(1)

const ready = z.union([
  z.strictObject({ match: pattern.describe('The line it says by itself when it is ready.') }),
  z.strictObject({ send: message.describe('What to ask it.'), expect: pattern.describe('The answer that shows it is ready.') }),
], { error: 'expected { match } or { send, expect }' })

const ping = z.strictObject({
  send: message.describe('A message that changes nothing.'),
  expect: pattern.optional().describe('Its answer. Default: the next line.'),
})

const reset = ping.extend({
  send: message.describe('The message that makes it forget.'),
  guarantees: z.array(z.enum(GUARANTEES)).min(1)
    .describe('What the reset removes for certain. A promise you make: sessions are handed on by it.'),
})

const park = ping.extend({
  send: message.describe('The message that asks for a token of its state.'),
  field: field.describe('The field of the answer that is the token, a string.'),
})

const resume = ping.extend({
  send: object.describe('The message that restores a state.'),
  field: field.describe('The field of that message the token is put in.'),
})

const only = z.strictObject({ send: message.describe('The message.') })

export const options = z
  .strictObject({
    ...commandOptions,
    maxFrame: size({ min: 1 }).default(64 * 2 ** 20).describe("The longest line taken from it. Default '64MB'."),
    raw: z.boolean().default(false)
      .describe('Answers and events are Buffers, and messages may be: a line of JSON each, which is passed through and not parsed. Default false.'),
    ready: ready.optional().describe('How to tell that it is ready. Default: as soon as it runs.'),
    terminal: pattern.optional()
      .describe('The line that ends a request; those before it are its events. Default: every line is an answer.'),
    error: pattern.optional().describe('A line that ends a request as failed.'),
    id: field.optional()
      .describe('The field of messages and their answers that holds an id; greenroom sets it. Default: answers come in order.'),
    concurrency: z.int().min(1).default(1).describe('Requests one session works on at a time. More than 1 needs `id`. Default 1.'),
    ping: ping.optional().describe('A round trip for health checks.'),
    reset: reset.optional().describe('How it forgets its last user.'),
    park: park.optional().describe('How it hands out its state.'),
    resume: resume.optional().describe('How it takes a state back.'),
    cancel: only.optional()
      .describe('Sent to stop a request under way, with its id when `id` is set. The request must then still get its last line.'),
    goodbye: only.optional().describe('Sent before its input is closed.'),
    harmless: z.union([pattern, z.array(pattern)]).optional().describe('Lines that may come at any time and are dropped.'),
  })
  .refine(({ id, concurrency }) => concurrency === 1 || id !== undefined, {
    path: ['concurrency'],
    error: 'more than 1 needs `id`, the field by which answers are told apart',
  })
  .superRefine(({ id, ready, ping, reset, park, resume, cancel, goodbye }, context) => {
    if (id === undefined) return
    for (const [name, question] of Object.entries({ ready, ping, reset, park, resume, cancel, goodbye })) {
      if (question === undefined || !('send' in question) || (isObject(question.send) && !Object.hasOwn(question.send, id))) continue
      const message = `with \`id\` it must be an object without the field "${id}", which the driver sets`
      context.addIssue({ code: 'custom', path: [name, 'send'], message })
    }
  })
  .refine(({ park, resume }) => (park === undefined) === (resume === undefined), {
    path: ['park'],
    error: 'park and resume need each other',
  })

export type JsonLinesOptions = z.output<typeof options>
