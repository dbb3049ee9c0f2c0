/**
 * What a stage is made for, and the keys under which what was made is found again: all that its scripts may see goes
 * into them.
 */
import { byteStringOf } from "@stratos/base";
import type { FileTree } from "@stratos/formats";
import type { LockedImage, LockedPackage, StageName } from "../gather/lock.ts";
import type { SharedWork } from "../phase/shared-work.ts";
import type { ComposePorts, ScriptRunner } from "../ports.ts";
import { canonicalJson, type JsonObject } from "../treefile/json.ts";
import type { DebconfAnswer } from "../treefile/schema-content.ts";
import { askingPackage } from "../gather/check-answers.ts";
import type { PathFilters } from "./path-filter.ts";

/** Part of every key: a change of what a stage does makes all anew. */
const STAGE_CODE = 10;
/** The name that scripts see; an image's own is set at the end. */
export const BUILD_HOSTNAME = "localhost";

export interface StageJob {
  readonly architecture: string;
  readonly locked: LockedImage;
  readonly runner: ScriptRunner;
  /** of Stratos: what another version has made is made anew */
  readonly version: string;
  readonly epochSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly hasNetwork: boolean;
  /** what of packages is not unpacked */
  readonly filters?: PathFilters | undefined;
  /** for the questions of debconf */
  readonly answers?: Readonly<Record<string, DebconfAnswer>> | undefined;
  /** scripts that run between the base and the image's own packages */
  readonly prepare?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  /** between images that are built side by side */
  readonly shared: SharedWork<FileTree>;
  readonly onEvent: (event: StageEvent) => void;
}

export type StageEvent =
  | { readonly kind: "stage"; readonly stage: StageName; readonly packages: number; readonly isKept: boolean }
  | { readonly kind: "unpack"; readonly name: string; readonly done: number; readonly total: number }
  /** the scripts of the stage would do again what they have done before, so they were not run */
  | { readonly kind: "repeated" }
  | { readonly kind: "line"; readonly line: string };

export type BuildPorts = Pick<ComposePorts, "packages" | "store">;

/** The answers to questions that these packages ask; undefined: none. */
export function answersFor(
  { answers = {} }: Pick<StageJob, "answers">,
  packages: readonly Pick<LockedPackage, "name">[],
): Readonly<Record<string, DebconfAnswer>> | undefined {
  const names = new Set(packages.map(({ name }) => name));
  const own = Object.entries(answers).filter(([question, answer]) => names.has(askingPackage(question, answer)));
  return own.length === 0 ? undefined : Object.fromEntries(own);
}

/** The same for stages of the same packages in other versions. */
export function slotKey(
  ports: BuildPorts,
  job: StageJob,
  packages: readonly LockedPackage[],
  before: readonly LockedPackage[],
): string {
  return hashText(
    ports,
    canonicalJson({
      ...circumstances(job),
      packages: packages.map(({ name }) => name),
      before: before.map(({ name }) => name),
    }),
  );
}

/** What scripts may see besides the tree, and what lays it out. */
export function circumstances(job: StageJob): JsonObject {
  const { mirror, suite, components } = job.locked;
  return {
    code: STAGE_CODE,
    version: job.version,
    architecture: job.architecture,
    runner: job.runner.id,
    epoch: job.epochSeconds,
    environment: job.environment,
    network: job.hasNetwork,
    mirror,
    suite,
    components: [...components],
    ...(job.filters === undefined ? {} : { excludes: [...job.filters.excludes], includes: [...job.filters.includes] }),
  };
}

export function hashText(ports: Pick<ComposePorts, "packages">, text: string): string {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(byteStringOf(text));
  return hasher.hex();
}

export function sha256Of(ports: Pick<ComposePorts, "packages">): (bytes: Uint8Array) => string {
  return (bytes) => {
    const hasher = ports.packages.hasher("sha256");
    hasher.update(bytes);
    return hasher.hex();
  };
}
