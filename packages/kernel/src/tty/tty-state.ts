import { stateClass } from "@stratos/base";
import type { FileSystem } from "../vfs/file-system.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** What kernel.pty.max (pty(7)) may be set to. */
export const PTYS_MAX = 4096;

/** Of /dev/tty1. */
export const CONSOLE_NUMBER = 1;

/** The text consoles of a machine with a screen (vt/). */
export interface VirtualTerminalSet {
  /** The number of the one that is shown. */
  readonly active: number;
  readonly last: number;
  /** @returns null: there is none of this number, or it is the host's */
  terminal(number: number): Terminal | null;
  /** @param number  of the terminal whose file is asked @returns −ENOTTY: it is none of a virtual terminal */
  ioctl(task: TtyCaller, number: number, command: number, argument: number): number;
  /** @param value  0: the key was released, 1: pressed, 2: repeated */
  key(key: number, value: number): void;
}

/** What the terminals keep once for each kernel. */
export class TtyState {
  /** What /dev/console and /dev/tty1 open; null when the machine has no terminal. */
  console: Terminal | null = null;
  /** What /dev/tty0 and /dev/tty2 … open; null when the machine has no screen. */
  virtual: VirtualTerminalSet | null = null;
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
