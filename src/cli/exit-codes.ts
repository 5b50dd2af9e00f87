/** How the command line ends. */
export const EXIT = {
  ok: 0,
  /** What was asked for did not work; stderr says why. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Ended by Ctrl-C before it was done. */
  interrupted: 130,
} as const

export const EXIT_HELP = `
Exit codes:
  0    done
  1    failed; the reason is on stderr
  2    wrong usage: unknown command or option, bad value
  130  interrupted before it was done (Ctrl-C)`
