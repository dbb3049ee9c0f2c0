/** What a check found wrong. */
export interface Problem {
  /** What is wrong, for people. */
  what: string;
  /** Where: −1 for nowhere in particular. */
  subvolume: number;
  ino: number;
  block: number;
}
