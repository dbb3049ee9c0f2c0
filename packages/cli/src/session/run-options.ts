import type { PublishedPort } from "@stratos/host-node";
import type { RunSettings } from "@stratos/images/run";
import type { NetTarget, SecretChoice } from "../option-values.ts";

export type NetworkMode = "none" | "host";

/** Options of every command that runs a machine, as commander fills them in. */
export interface RunOptions extends RunSettings {
  readonly image?: string;
  readonly net: NetworkMode;
  readonly memory?: number;
  readonly publish: readonly PublishedPort[];
  /** Without any, all that is not denied. */
  readonly allow?: readonly NetTarget[];
  readonly deny?: readonly NetTarget[];
  readonly secret?: readonly SecretChoice[];
  /** Of `run` alone: its windows are shown in a page, or pictured in a file of the host. */
  readonly display?: true;
  readonly screenshot?: string;
  /** A file of the host for what it plays. */
  readonly sound?: string;
}

/** Of commands whose program a debugger can look at. */
export interface DebugOptions {
  /** A port, or "-": standard input and output. */
  readonly gdb?: number | "-";
  readonly dap?: number | "-";
}
