import type { OpenFile } from "@stratos/kernel";

/** What a program's standard files are beyond the machine. */
export interface TerminalShape {
  /** Its size, when both directions are one; null: each descriptor is what it is. */
  readonly terminal: { readonly rows: number; readonly columns: number } | null;
  readonly isErrorTerminal: boolean;
}

/** Descriptors 0, 1 and 2 of a machine's first program. */
export interface StandardFiles {
  readonly files: readonly OpenFile[];
  /** Waits for output that is on its way, and gives back what it came by. */
  finish(): Promise<void>;
}
