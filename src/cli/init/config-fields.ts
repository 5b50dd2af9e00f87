import { driverFields, type DriverName } from './drivers.ts'
import type { Field } from './fields.ts'

const DURATIONS = "Milliseconds, or text such as '30s', '15m', '4h'"

/** Every field of a config, with its default. */
export function configFields(driver: DriverName): readonly Field[] {
  return [
    { name: 'driver', value: driverFields(driver), comment: 'The protocol and the program.' },
    { name: 'size', value: SIZE, comment: 'How many sessions.' },
    {
      name: 'isolation', value: 'tenant',
      comment: "'tenant' (default): a session that served one tenant never serves another. 'none': sessions hold nothing of their user, you vouch for it.",
    },
    {
      name: 'bindAtSpawn', value: false,
      comment: 'Starts every session for one tenant, so that the spawn hook knows whose it is. Default: only where the driver must.',
    },
    {
      name: 'resetRequires', value: ['conversation', 'permissions', 'background', 'files', 'environment'],
      comment: 'What a reset must remove before a session goes to another key of its tenant; else the session is ended. Default: everything.',
    },
    { name: 'maxUses', value: undefined, example: '100', comment: 'Leases after which a session is ended. Default: no limit.' },
    { name: 'timeouts', value: TIMEOUTS, comment: `${DURATIONS}. false: never.` },
    { name: 'balancer', value: 'least-loaded', comment: "Chooses among sessions that would serve equally well. Default 'least-loaded'." },
    { name: 'scaler', value: 'demand', comment: "Decides how many sessions there should be. Default 'demand'." },
    { name: 'health', value: HEALTH, comment: 'Looks at idle sessions. false: never.' },
    { name: 'metrics', value: METRICS, comment: 'Measures memory and CPU of the processes. false: nothing is measured.' },
    {
      name: 'limits', value: undefined, example: "{ memory: { soft: '400MB', hard: '600MB' } }",
      comment: 'Limits for each session, by name. Default: none.',
    },
    {
      name: 'admission', value: undefined, example: "{ use: 'gradient2', min: 20, max: 200 }",
      comment: 'Whether one more caller is let in, or refused at once. Default: everybody is let in.',
    },
    { name: 'queue', value: QUEUE, comment: 'Callers who wait for a session.' },
    { name: 'evictor', value: 'lru', comment: "Chooses which idle session is ended to make room. Default 'lru'." },
    { name: 'restart', value: 'backoff', comment: "What to do after failures in a row. Default 'backoff'." },
    { name: 'store', value: 'memory', comment: "Keeps parked sessions. Default 'memory'." },
    { name: 'gateway', value: GATEWAY, comment: 'The server of `greenroom serve`.' },
    {
      name: 'stateDir', value: undefined, example: "'/var/lib/my-service/greenroom'",
      comment: "Where live sessions are on record, so that the next start ends what a killed host has left behind; false: nowhere. Default: the user's folder for state.",
    },
    {
      name: 'keeper', value: true,
      comment: 'Has sessions started by a small process beside this one, which ends them all when this one is killed. Default true; on Windows false.',
    },
    { name: 'plugins', value: undefined, example: '[myPlugin]', comment: 'Plugins, made with definePlugin. Default: none.' },
  ]
}

const SIZE: readonly Field[] = [
  { name: 'min', value: 0, comment: 'Sessions kept at all times. Default 0.' },
  { name: 'max', value: 10, comment: 'Live processes at most, starting and ending ones included. Default 10.' },
  { name: 'spare', value: 1, comment: "Sessions kept warm ahead of demand, within max; or a share such as '20%' of those busy or spare. Default 1." },
  { name: 'perTenant', value: undefined, example: '10', comment: 'Sessions one tenant may hold at most. Default: max.' },
  {
    name: 'starting', value: undefined, example: '4',
    comment: 'Processes that may be starting at the same time. Default: twice the cores, at least 4.',
  },
  {
    name: 'memory', value: undefined, example: "'8GB'",
    comment: 'For all sessions together: no more are started than it carries, and idle ones leave. Default: no budget.',
  },
]

const TIMEOUTS: readonly Field[] = [
  { name: 'start', value: '30s', comment: 'From spawn to ready. Default 30s.' },
  { name: 'acquire', value: '30s', comment: 'Waiting for a session. Default 30s.' },
  { name: 'idle', value: '15m', comment: 'How long a session may lie idle before it is ended. Default 15m.' },
  { name: 'active', value: '10m', comment: 'One lease. Default 10m.' },
  { name: 'silence', value: '2m', comment: 'No output (stdout or stderr) while a request is under way. Default 2m.' },
  { name: 'answer', value: '5m', comment: "A caller's handler that answers a request of the session. Default 5m." },
  {
    name: 'total', value: '4h',
    comment: "A session's life; drawn once per session from 90–100 % of it. It never cuts a lease short. Default 4h.",
  },
  { name: 'settle', value: '5s', comment: 'Between a release and the proof that the session may be offered again. Default 5s.' },
  { name: 'close', value: '5s', comment: 'Each step of ending a process: end of input, SIGTERM, SIGKILL. Default 5s.' },
]

const HEALTH: readonly Field[] = [
  { name: 'use', value: 'ping', comment: "Default 'ping': a round trip in the session's own protocol." },
  { name: 'every', value: '30s', comment: 'How often each idle session is looked at. Default 30s.' },
  { name: 'timeout', value: '5s', comment: 'Time for one look. Default 5s.' },
  { name: 'failures', value: 1, comment: 'Failed looks in a row until the session is ended. Default 1.' },
  { name: 'successes', value: 1, comment: 'Good looks in a row until earlier failed ones are forgotten. Default 1.' },
]

const METRICS: readonly Field[] = [
  { name: 'use', value: 'pidusage', comment: "Default 'pidusage'." },
  { name: 'every', value: '1s', comment: 'How often all processes are measured. Default 1s.' },
  {
    name: 'pssEvery', value: '30s',
    comment: 'How often the proportional memory of each session is measured; false: never, memory limits then judge resident memory. Default 30s.',
  },
]

const QUEUE: readonly Field[] = [
  { name: 'use', value: 'fair', comment: "The order in which they are served. Default 'fair': tenants take turns; 'fifo', 'priority'." },
  { name: 'max', value: 10_000, comment: 'Callers who may wait; one more is refused at once. Default 10,000.' },
]

const GATEWAY: readonly Field[] = [
  { name: 'use', value: 'http', comment: "Default 'http'." },
  { name: 'port', value: 4646, comment: 'TCP port; 0 takes any free one. Default 4646.' },
  { name: 'host', value: '127.0.0.1', comment: 'Address to listen on; one that is not loopback needs a token. Default 127.0.0.1.' },
  {
    name: 'token', value: undefined, example: "process.env['GREENROOM_TOKEN']!",
    comment: 'What clients must send; better given as GREENROOM_TOKEN. Default: none.',
  },
  { name: 'bodyLimit', value: '10MB', comment: "The largest request body. Bytes, or text such as '10MB'. Default 10MB." },
]
