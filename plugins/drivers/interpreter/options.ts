import { commandOptions, duration, size } from 'greenroom/kit'

const { cwd, env, inheritEnv, folders } = commandOptions

/** The options all interpreters that are interrupted by signals have; spread them into the schema. */
export const interpreterOptions = {
  cwd,
  env,
  inheritEnv,
  folders,
  maxOutput: size({ min: 1 }).default(2 ** 20).describe("The most output, and the largest value, kept of one request. Default '1MB'."),
  timeout: duration({ min: 1 }).optional()
    .describe('A request that takes longer is interrupted and answers with what it has put out. Its own `timeout` goes before. Default: none.'),
}
