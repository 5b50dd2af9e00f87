import { definePlugin, METRICS_PAGE, size, z } from 'greenroom/kit'
import { HttpGateway } from './http/http-gateway.ts'

const options = z.strictObject({
  port: z.int().min(0).max(65_535).default(4646).describe('TCP port to listen on; 0 takes any free one. Default 4646.'),
  host: z.string().min(1).default('127.0.0.1')
    .describe('Address to listen on. Every other than a loopback address needs a token. Default 127.0.0.1.'),
  token: z.string().min(1).optional().describe('What clients must send as "Authorization: Bearer …". Default: none, on loopback only.'),
  bodyLimit: size({ min: 1 }).default(10 * 2 ** 20).describe('The largest request body. Bytes, or text such as \'512KB\'. Default 10MB.'),
})

declare module 'greenroom/kit' {
  interface GatewayOptions {
    http: z.input<typeof options>
  }
}

export default definePlugin({
  name: 'http',
  apply(kernel) {
    kernel.strategy('gateway', 'http', {
      description: 'JSON over HTTP, with server-sent events for streams of messages.',
      options,
      create: (given, context) => new HttpGateway(given, {
        clock: context.clock,
        report: (problem, where) => context.report(problem, where),
        metrics: context.container.isRegistered(METRICS_PAGE) ? kernel.get(METRICS_PAGE) : undefined,
      }),
    })
  },
})
