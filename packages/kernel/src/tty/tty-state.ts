import { stateClass } from "@stratos/base";
import type { FileSystem } from "../vfs/file-system.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** What kernel.pty.max (pty(7)) may be set to. */
export const PTYS_MAX = 4096;

/** What the terminals keep once for each kernel. */
export class TtyState {
  /** What /dev/console and /dev/tty1 open; null when the machine has no terminal. */
  console: Terminal | null = null;
  /** What /dev/tty2 opens, and /dev/tty0; null when the machine has no screen. */
  virtual: Terminal | null = null;
  /** Made on first use (tty/devpts.ts). */
  devpts: (FileSystem & { readonly count: number }) | null = null;
  /** kernel.pty.max. */
  maximumPtys = PTYS_MAX;

  static {
    stateClass("TtyState", this);
  }

  get ptyCount(): number {
    return this.devpts?.count ?? 0;
  }
}

/** The kernel, as it is seen by what finds terminals and makes them. */
export interface TerminalsKernel extends TtyKernel {
  /** The console and the pseudo-terminals. */
  readonly tty: TtyState;
}

/** Who opens one by its number. */
export interface TerminalsCaller extends TtyCaller {
  readonly kernel: TerminalsKernel;
}
