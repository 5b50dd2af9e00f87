import { definePlugin, duration, loadPeer, z } from 'greenroom/kit'
import { openStore } from './sqlite/open-store.ts'

const options = z.strictObject({
  path: z.string().min(1).default('./greenroom.db').describe("The database file; it is made when it is not there. Default './greenroom.db'."),
  busyTimeout: duration().default(1_000)
    .describe('How long to try again while another process has the file locked. Default 1s.'),
})

declare module 'greenroom/kit' {
  interface StoreOptions {
    sqlite: z.input<typeof options>
  }
}

export default definePlugin({
  name: 'sqlite-store',
  apply(kernel) {
    kernel.strategy('store', 'sqlite', {
      description: 'Keeps parked sessions in an SQLite file: they outlive the host. Needs the package libsql.',
      options,
      create: async (given, { clock }) => {
        const { default: Database } = await loadPeer('libsql', 'the store sqlite', () => import('libsql'))
        return openStore(Database, given, clock)
      },
    })
  },
})
