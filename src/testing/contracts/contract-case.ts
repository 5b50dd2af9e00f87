/** One promise of a contract, as a test of any framework: `it(title, run)`. */
export interface ContractCase {
  /** What is promised. Unique within its suite. */
  readonly title: string
  /** Rejects with an AssertionError that says which rule was broken and how to mend it. */
  readonly run: () => Promise<void>
}
