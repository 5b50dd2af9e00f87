import { definePlugin, z, type HealthCheck, type HealthSubject, type HealthVerdict } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface HealthOptions {
    ping: z.input<typeof options>
  }
}

/** The driver's own round trip. A driver without one leaves nothing to find out: that its process lives is watched anyway. */
class Ping implements HealthCheck {
  async check({ ping }: HealthSubject, signal: AbortSignal): Promise<HealthVerdict> {
    return (await ping(signal)) ? { healthy: true, reason: 'it answered' } : { healthy: undefined, reason: 'the driver has no ping' }
  }
}

export default definePlugin({
  name: 'ping',
  apply(kernel) {
    kernel.strategy('health', 'ping', {
      description: "A round trip in the session's own protocol, where its driver has one.",
      options,
      create: () => new Ping(),
    })
  },
})
