import type { PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { ProcOptions } from "./proc-options.ts";

/** A mount of procfs, as its files know it (procfs.ts). */
export interface ProcView extends PseudoFileSystem {
  /** Whose numbers it shows. */
  readonly pidNamespace: PidNamespace;
  readonly rules: ProcOptions;
}
