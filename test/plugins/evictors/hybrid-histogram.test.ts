import { describe, expect, it } from 'vitest'
import { live, makeEvictor, MB, MINUTE } from './support.ts'

/** A key that comes every ten minutes, and one that nobody knows, both idle for so long. */
async function afterIdle(minutes: number, options: object = {}, gapMinutes = 10) {
  const scene = await makeEvictor('hybrid-histogram', options)
  const { regular } = live(scene, { regular: gapMinutes * MINUTE }, 10 * gapMinutes * MINUTE)
  const stranger = scene.use(scene.session('stranger'), 1)
  const known = scene.session('regular', { lastUsedAt: regular!.lastUsedAt })
  scene.clock.advance(minutes * MINUTE)
  return { ...scene, known, stranger, choice: scene.evictor.choose([stranger, known]).key }
}

describe('the evictor hybrid-histogram', () => {
  it('chooses a key that is not expected any more, then one that is not expected yet, then the least recently used', async () => {
    expect((await afterIdle(14)).choice).toBe('regular')
    expect((await afterIdle(5)).choice).toBe('regular')
    const scene = await afterIdle(10)
    // It is expected now, and so is the other: it was used a moment later.
    expect(scene.choice).toBe('regular')
    scene.known.lastUsedAt = scene.stranger.lastUsedAt + 1
    expect(scene.evictor.choose([scene.known, scene.stranger])).toBe(scene.stranger)
  })

  it('chooses the most overdue, and of those that are early the latest', async () => {
    const scene = await makeEvictor('hybrid-histogram')
    const { often, seldom } = live(scene, { often: 5 * MINUTE, seldom: 20 * MINUTE }, 200 * MINUTE)
    scene.use(seldom!)
    scene.use(often!)
    scene.clock.advance(2 * MINUTE)
    expect(scene.evictor.choose([often!, seldom!])).toBe(seldom)
    scene.clock.advance(28 * MINUTE)
    expect(scene.evictor.choose([often!, seldom!])).toBe(often)
  })

  it('expects a key that is not known for the time `fixed`', async () => {
    expect((await afterIdle(10, { fixed: '9m' })).choice).toBe('stranger')
    expect((await afterIdle(10, { fixed: '11m' })).choice).toBe('regular')
  })

  it('goes by no key whose idle times are more irregular than `spread`', async () => {
    const overdue = async (spread: number) => {
      const scene = await makeEvictor('hybrid-histogram', { spread, fixed: '3h' })
      const wild = scene.use(scene.session('wild'))
      for (const minutes of [5, 60, 10, 90, 30]) {
        scene.clock.advance(minutes * MINUTE)
        scene.use(wild)
      }
      scene.clock.advance(110 * MINUTE)
      // It is beyond all it ever was, so it goes first where its habits count; else the other does, which is older.
      const other = scene.session('other', { lastUsedAt: wild.lastUsedAt - 1 })
      return scene.evictor.choose([other, wild]).key
    }
    expect(await overdue(2)).toBe('other')
    expect(await overdue(100)).toBe('wild')
  })

  it('takes the ends of the window by `head` and `tail`', async () => {
    const chosenAfter = async (options: object, minutes: number) => {
      const { evictor, clock, session } = await prepared(options)
      clock.advance(minutes * MINUTE)
      return evictor.choose([session, { ...session, key: 'stranger', lastUsedAt: session.lastUsedAt - 1 }]).key
    }
    // Nine times four minutes, once twelve.
    const prepared = async (options: object) => {
      const made = await makeEvictor('hybrid-histogram', { spread: 100, ...options })
      const session = made.use(made.session('key'))
      for (const minutes of [4, 4, 4, 4, 12, 4, 4, 4, 4, 4]) {
        made.clock.advance(minutes * MINUTE)
        made.use(session)
      }
      return { evictor: made.evictor, clock: made.clock, session }
    }
    expect(await chosenAfter({}, 8)).toBe('stranger')
    expect(await chosenAfter({ tail: 80 }, 8)).toBe('key')
    expect(await chosenAfter({}, 5)).toBe('stranger')
    expect(await chosenAfter({ head: 95 }, 5)).toBe('key')
  })

  it('foresees nothing beyond `range`, and tells times apart by `bin`', async () => {
    expect((await afterIdle(14, { range: '8m' })).choice).toBe('regular')
    expect((await afterIdle(5, { range: '8m', fixed: '6m' }, 10)).choice).toBe('regular')
    expect((await afterIdle(5, { bin: '20m' })).choice).toBe('regular')
    const early = async (options: object) => {
      const scene = await afterIdle(5, options)
      return scene.evictor.choose([{ ...scene.stranger, lastUsedAt: scene.known.lastUsedAt - 1 }, scene.known]).key
    }
    expect(await early({})).toBe('regular')
    expect(await early({ range: '8m' })).toBe('stranger')
    expect(await early({ bin: '20m' })).toBe('stranger')
  })

  it('remembers `keys` keys, those that were used last', async () => {
    const choose = async (keys: number) => {
      const scene = await makeEvictor('hybrid-histogram', { keys })
      const { a } = live(scene, { a: 10 * MINUTE }, 100 * MINUTE)
      scene.use(scene.session('b'), 1)
      scene.clock.advance(5 * MINUTE)
      return scene.evictor.choose([scene.session('c', { lastUsedAt: a!.lastUsedAt - 1 }), a!]).key
    }
    expect(await choose(1)).toBe('c')
    expect(await choose(2)).toBe('a')
  })

  it('counts overdue times by the size where memory is scarce', async () => {
    const scene = await makeEvictor('hybrid-histogram', { fixed: '10m' })
    const now = scene.clock.now()
    scene.clock.advance(30 * MINUTE)
    const sessions = [
      scene.session('small', { lastUsedAt: now, usage: { memoryBytes: 50 * MB } }),
      scene.session('large', { lastUsedAt: now + MINUTE, usage: { memoryBytes: 500 * MB } }),
    ]
    expect(scene.evictor.choose(sessions).key).toBe('small')
    expect(scene.evictor.choose(sessions, 'memory').key).toBe('large')
  })

  it('follows a key whose habit changes', async () => {
    const scene = await makeEvictor('hybrid-histogram')
    live(scene, { key: 5 * MINUTE }, 1_500 * MINUTE)
    const { key } = live(scene, { key: 30 * MINUTE }, 120_000 * MINUTE)
    const other = { ...key!, key: 'other', lastUsedAt: key!.lastUsedAt - 1 }
    // Long before it is due by its new habit, and long after by its old one.
    scene.clock.advance(30 * MINUTE)
    expect(scene.evictor.choose([key!, other]).key).toBe('other')
  })

  it('learns nothing from sessions without a key, and of a key whose session was ended all the same', async () => {
    const scene = await makeEvictor('hybrid-histogram')
    scene.use(scene.session(undefined))
    for (let n = 0; n < 6; n++) {
      const session = scene.session('key')
      scene.begin(session)
      scene.evictor.left?.(session)
      scene.clock.advance(10 * MINUTE)
    }
    const session = scene.use(scene.session('key'))
    const before = scene.session('other', { lastUsedAt: session.lastUsedAt - 1 })
    scene.clock.advance(5 * MINUTE)
    expect(scene.evictor.choose([before, session])).toBe(session)
  })
})
