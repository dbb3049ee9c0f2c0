/** `composeinfo.json`: what a compose has made, of what. */
import type { Artifact } from "../ports.ts";
import type { JsonObject } from "../treefile/json.ts";
import type { LockedImage } from "../gather/lock.ts";
import type { StepResult } from "../phase/run-graph.ts";
import type { ImageTarget } from "../treefile/treefile.ts";

export interface ImageInfo {
  readonly variant: string;
  readonly architecture: string;
  readonly description?: string;
  /** key of the tree that all outputs are views of */
  readonly tree: string;
  readonly sourceDateEpoch: number;
  readonly suite: string;
  readonly release: string;
  readonly packages: number;
  readonly artifacts: readonly (Artifact & { readonly output: string; readonly format: string })[];
  readonly custom: JsonObject;
}

export interface ComposeInfo {
  readonly format: 1;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly status: "finished" | "failed";
  readonly images: readonly ImageInfo[];
  readonly phases: readonly { readonly id: string; readonly status: string; readonly reason: string }[];
}

export interface ImageRecord {
  readonly target: ImageTarget;
  readonly locked: LockedImage;
  readonly treeKey: string;
  readonly epochSeconds: number;
  readonly artifacts: readonly (Artifact & { output: string; format: string })[];
}

/** Holds no time and no place, so that the same compose says the same. */
export function composeInfo(
  identity: { id: string; name: string; version: string },
  records: readonly ImageRecord[],
  results: readonly StepResult[],
): ComposeInfo {
  const isFine = results.every(({ status }) => status === "done" || status === "skipped");
  return {
    format: 1,
    ...identity,
    status: isFine ? "finished" : "failed",
    images: records.map(({ target, locked, treeKey, epochSeconds, artifacts }) => ({
      variant: target.variant,
      architecture: target.architecture,
      ...(target.config.description === undefined ? {} : { description: target.config.description }),
      tree: treeKey,
      sourceDateEpoch: epochSeconds,
      suite: locked.suite,
      release: locked.release,
      packages: locked.packages.length,
      artifacts,
      custom: customOf(target),
    })),
    phases: results.filter(({ id }) => id !== "cleanup").map(({ id, status, reason }) => ({ id, status, reason })),
  };
}

/** `custom` and the keys that begin with `x-`. */
export function customOf(target: ImageTarget): JsonObject {
  const own = Object.entries(target.config as unknown as JsonObject).filter(([key]) => key.startsWith("x-"));
  return { ...target.config.custom, ...Object.fromEntries(own) };
}
