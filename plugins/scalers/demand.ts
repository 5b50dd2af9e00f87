import { definePlugin, z, type ScaleDecision, type Scaler, type ScaleView } from 'greenroom/kit'

const options = z.strictObject({})

declare module 'greenroom/kit' {
  interface ScalerOptions {
    demand: z.input<typeof options>
  }
}

/**
 * As many sessions as there is work for, and the spares on top: busy ones, those a tenant may come back to, one for each caller
 * whom a further session would serve, and `size.spare` for whoever comes next. Spares beyond that are kept for timeouts.idle.
 */
class Demand implements Scaler {
  decide(view: ScaleView): ScaleDecision {
    const { busy, checking, idleBound, idleSpareFresh, waiting, min } = view
    // One that is being probed is a spare again in a moment; only callers who wait now don't wait for it.
    const spare = Math.max(0, waiting > 0 ? view.spare : view.spare - checking)
    const spares = Math.max(spare, idleSpareFresh)
    const wanted = busy + checking + idleBound + waiting + spares
    const reason = reasonOf(view, spares)
    return { target: Math.max(min, wanted), reason: wanted < min ? `${reason}, and ${min} is the least (size.min)` : reason }
  }
}

function reasonOf({ busy, checking, idleBound, waiting }: ScaleView, spares: number): string {
  const parts = [
    [busy, 'busy'],
    [idleBound, 'kept for their tenants'],
    [checking, 'being probed'],
    [waiting, 'waited for'],
    [spares, 'spare'],
  ] as const
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`).join(', ') || 'no demand'
}

export default definePlugin({
  name: 'demand',
  apply(kernel) {
    kernel.strategy('scaler', 'demand', {
      description: 'As many sessions as are in use or waited for, and the spares on top; unused spares go after timeouts.idle.',
      options,
      create: () => new Demand(),
    })
  },
})
