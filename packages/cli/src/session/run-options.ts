import type { SharedFolder } from "@stratos/images";
import type { PublishedPort } from "@stratos/host-node";
import type { EnvironmentSetting } from "@stratos/session";

export type NetworkMode = "none" | "host";

/** Options of every command that runs a machine, as commander fills them in. */
export interface RunOptions {
  readonly image?: string;
  readonly env: readonly EnvironmentSetting[];
  readonly workdir?: string;
  readonly user?: string;
  readonly volume: readonly SharedFolder[];
  readonly net: NetworkMode;
  readonly memory?: number;
  readonly publish: readonly PublishedPort[];
  readonly harts?: number;
  /** How translated code finds a program's pages; absent: paged. */
  readonly addressMode?: "paged" | "window";
  /** Milliseconds. */
  readonly timeout?: number;
  readonly keep?: string;
  readonly seed?: number;
  readonly record?: string;
  /** Of `run` alone: its windows are shown in a page, or pictured in a file of the host. */
  readonly display?: true;
  readonly screenshot?: string;
  readonly stats?: true;
  /** false: translations of earlier runs are neither used nor added to. */
  readonly cache?: false;
  /** false: the machine starts cold, whatever the image has. */
  readonly warmStart?: false;
}
