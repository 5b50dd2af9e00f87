import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes longest, in a fresh clone where nothing is known of earlier runs: the size of a file says little of it. */
const LONG = [
  'acceptance/examples', 'testing/contracts/drivers', 'acceptance/limits', 'acceptance/interpreters', 'acceptance/claude-code', 'acceptance/docs', 'acceptance/trees',
  'testing/contracts/', 'plugins/drivers/shell', 'scripts/test-deep', 'properties/', 'compat/random-schedules', 'acceptance/', 'plugins/drivers/', 'cli/', 'scripts/',
]

/** Begins with the files that take long, so that no worker is left with one of them in the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONG.findIndex((part) => moduleId.includes(`/test/${part}`))
      return index < 0 ? LONG.length : index
    }
    return sorted.sort((a, b) => place(a) - place(b))
  }
}
