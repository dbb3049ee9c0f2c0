/** Who is told of long work. Words are for people; a display that shows them is one, and so is what only counts. */
export interface Progress {
  /** @param total  0: not known */
  update(step: string, done: number, total: number, unit?: "bytes" | "items", detail?: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** Nothing more of this step is to be seen. */
  clear(): void;
}
