import { stateClass } from "@stratos/base";
import type { DevptsFileSystem } from "./devpts.ts";
import type { Terminal } from "./terminal.ts";

/** What kernel.pty.max (pty(7)) may be set to. */
export const PTYS_MAX = 4096;

/** What the terminals keep once for each kernel. */
export class TtyState {
  /** What /dev/console and /dev/tty1 open; null when the machine has no terminal. */
  console: Terminal | null = null;
  /** Made on first use (tty/devpts.ts). */
  devpts: DevptsFileSystem | null = null;
  /** kernel.pty.max. */
  maximumPtys = PTYS_MAX;

  static {
    stateClass("TtyState", this);
  }

  get ptyCount(): number {
    return this.devpts?.count ?? 0;
  }
}
