import type { EnvironmentSetting } from "@stratos/session";
import type { SharedFolder } from "../host-folders.ts";

/** What may be said of a run beside its image and its program. */
export interface RunSettings {
  readonly env: readonly EnvironmentSetting[];
  readonly workdir?: string;
  readonly user?: string;
  readonly volume: readonly SharedFolder[];
  readonly harts?: number;
  /** How translated code finds a program's pages; absent: paged. */
  readonly addressMode?: "paged" | "window";
  /** Milliseconds. */
  readonly timeout?: number;
  /** The name of the image that it leaves behind. */
  readonly keep?: string;
  readonly seed?: number;
  /** The order of events; without a seed that is 0. */
  readonly schedule?: number;
  /** A file that the run is recorded in. */
  readonly record?: string;
  /** The machine has a screen of so many pixels, a keyboard and a pointer. */
  readonly screen?: { readonly width: number; readonly height: number };
  readonly stats?: true;
  /** false: translations of earlier runs are neither used nor added to. */
  readonly cache?: false;
  /** false: the machine starts cold, whatever the image has. */
  readonly warmStart?: false;
}

/** undefined: the run is no deterministic one by its settings. */
export function chosenSeed({ seed, schedule }: Pick<RunSettings, "seed" | "schedule">): number | undefined {
  return seed ?? (schedule === undefined ? undefined : 0);
}
