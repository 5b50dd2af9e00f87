import { commandOptions, size, z } from 'greenroom/kit'

/** Options of every driver that talks JSON-RPC with a program of the user's choice. */
export const programOptions = {
  ...commandOptions,
  maxFrame: size({ min: 1024 }).prefault('64MB')
    .describe("The largest message taken from it, as bytes or text such as '64MB'. Default '64MB'."),
  concurrency: z.int().min(1).default(1).describe('Requests one session works on at a time. Default 1: a lease has the session to itself.'),
}
