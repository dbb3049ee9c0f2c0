import { stateClass } from "@stratos/base";
import type { DevptsFileSystem } from "./devpts.ts";
import type { Terminal } from "./terminal.ts";

/** What the terminals keep once for each kernel. */
export class TtyState {
  /** What /dev/console and /dev/tty1 open; null when the machine has no terminal. */
  console: Terminal | null = null;
  /** Made on first use (tty/devpts.ts). */
  devpts: DevptsFileSystem | null = null;

  static {
    stateClass("TtyState", this);
  }
}
