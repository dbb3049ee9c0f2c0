/** Modes: 0 refuses what could never be backed, 1 nothing, 2 promises no more than the limit. */
export const OVERCOMMIT_ALWAYS = 1,
  OVERCOMMIT_NEVER = 2;

export interface OvercommitPolicy {
  mode: number;
  /** CommitLimit: this part of memory, in hundredths, … */
  ratio: number;
  /** … or, above 0, so many KiB. Setting one sets the other to 0, as on Linux. */
  kilobytes: number;
}
