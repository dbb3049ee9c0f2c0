/** Why `Processor.run` came back. The pc is that of the instruction that did not complete, unless said otherwise. */
export const ExitReason = {
  /** The slice's instructions are used up; the pc is where to go on. */
  BUDGET: 1,
  /** The `onEcall` hook asked to leave; the pc is whatever the hook left in HART_PC. */
  ECALL: 2,
  /**
   * A load, store or AMO at the pc could not be done by the tables: unmapped, read-only, misaligned or across a page.
   * Use `faultingAccess`.
   */
  MEMORY: 3,
  /** HART_FAULT names a page without a code-table entry; where the pc lies above 4 GiB, there is none for it. */
  FETCH: 4,
  ILLEGAL: 5,
  BREAKPOINT: 6,
  /** `runExactly` stands before an instruction that it was to stop at; the pc is where to go on. */
  STOP: 7,
  /** After a `fence.i`: who knows what may have changed unnoticed forgets it; the pc is where to go on. */
  FENCE: 8,
} as const;
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];
