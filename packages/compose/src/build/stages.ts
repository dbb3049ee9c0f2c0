/**
 * From packages to a configured root, stage by stage (`STAGES`). A stage is the tree before it, with its packages
 * unpacked as dpkg does and configured by their own scripts; its key is a hash of all that, so a stage that was made
 * before, by whichever compose, is taken from the store. A changed package makes its own stage and later ones anew, and
 * no earlier one.
 */
import { byteStringOf } from "@stratos/base";
import type { FileTree } from "@stratos/formats";
import { actsBeforeUnpack } from "@stratos/pkg";
import type { LockedImage, LockedPackage } from "../gather/lock.ts";
import { STAGES, type StageName } from "../gather/lock.ts";
import type { SharedWork } from "../phase/shared-work.ts";
import { ScriptError, type ComposePorts, type ScriptRunner } from "../ports.ts";
import { canonicalJson, type JsonObject } from "../treefile/json.ts";
import type { DebconfAnswer } from "../treefile/schema-content.ts";
import { buildStage } from "./build-stage.ts";
import { askingPackage } from "./debconf.ts";
import { runHook } from "./hooks.ts";
import type { PathFilters } from "./path-filter.ts";
import { openControl } from "./layer.ts";
import { readTree, writeTree } from "./manifest.ts";
import { loadSoundness } from "./soundness.ts";
import { memoryBlobs, TreeBuilder } from "./tree-builder.ts";

/** Part of every key: a change of what a stage does makes all anew. */
export const STAGE_CODE = 10;
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

export interface BuiltRoot {
  readonly key: string;
  readonly tree: FileTree;
}

export type BuildPorts = Pick<ComposePorts, "packages" | "store">;

/** @throws ScriptError, DebError, RootTreeError, LockError */
export async function buildStages(ports: BuildPorts, job: StageJob): Promise<BuiltRoot> {
  await loadSoundness(ports);
  const stages = withPreparation(await stepsOf(ports, job.locked), job.prepare ?? []);
  const keys: string[] = [];
  for (const step of stages) keys.push(stageKey(ports, job, keys.at(-1) ?? "", step));
  let from = stages.length;
  let tree: FileTree | undefined;
  while (from > 0 && (tree = await readTree(ports, keys[from - 1]!)) === undefined) from--;
  for (const { stage, packages } of stages.slice(0, from))
    job.onEvent({ kind: "stage", stage, packages: packages.length, isKept: true });
  for (let index = from; index < stages.length; index++) {
    const { stage, packages, scripts } = stages[index]!;
    const before = stages.slice(0, index).flatMap((one) => one.packages),
      base: FileTree | undefined = tree;
    tree = await job.shared.do(keys[index]!, async () => {
      // Another image may have made it while we waited.
      const made = await readTree(ports, keys[index]!);
      job.onEvent({ kind: "stage", stage, packages: packages.length, isKept: made !== undefined });
      return (
        made ??
        writeTree(
          ports,
          keys[index]!,
          await (scripts === undefined
            ? buildStage(ports, job, { key: keys[index]!, packages, before, base })
            : prepareRoot(ports, job, scripts, base)),
        )
      );
    });
  }
  return { key: keys.at(-1) ?? stageKey(ports, job, "", { packages: [] }), tree: tree ?? emptyTree(ports, job) };
}

/** Packages that are unpacked and configured together, or scripts of the treefile between such. */
interface StageStep {
  readonly stage: StageName;
  readonly packages: readonly LockedPackage[];
  readonly scripts?: readonly string[];
}

/** With `hooks.prepare` before the first package that is not of the base. */
function withPreparation(steps: readonly StageStep[], scripts: readonly string[]): StageStep[] {
  if (scripts.length === 0) return [...steps];
  const first = steps.findIndex(({ stage }) => stage === "image" || stage === "build"),
    at = first < 0 ? steps.length : first;
  if (at === 0) throw new ScriptError("hooks.prepare: an image without a base has nothing that could run it");
  return [...steps.slice(0, at), { stage: "image", packages: [], scripts }, ...steps.slice(at)];
}

async function prepareRoot(
  ports: BuildPorts,
  job: StageJob,
  scripts: readonly string[],
  base: FileTree | undefined,
): Promise<FileTree> {
  const { architecture, epochSeconds, hasNetwork, signal } = job;
  const builder = new TreeBuilder(memoryBlobs(sha256Of(ports)), base);
  await runHook(builder, {
    key: "hooks.prepare",
    scripts,
    runner: job.runner,
    sha256: sha256Of(ports),
    keepsPackages: true,
    job: {
      architecture,
      hostname: BUILD_HOSTNAME,
      hasNetwork,
      epochSeconds,
      signal,
      onLine: (line) => job.onEvent({ kind: "line", line }),
      environment: { SOURCE_DATE_EPOCH: String(epochSeconds), DEBIAN_FRONTEND: "noninteractive", ...job.environment },
    },
  });
  return builder.build({ newest: epochSeconds, ofFolders: epochSeconds });
}

/**
 * A stage's rounds are stages of their own, under its name. What packages pre-depend on matters to those that do
 * something before they are unpacked: a round without any such is one with the round before.
 */
async function stepsOf(ports: BuildPorts, locked: LockedImage): Promise<StageStep[]> {
  const steps: { stage: StageName; packages: LockedPackage[] }[] = [];
  for (const stage of STAGES) {
    const packages = locked.packages.filter((one) => one.stage === stage);
    for (const round of [...new Set(packages.map((one) => one.round ?? 0))].sort((left, right) => left - right)) {
      const own = packages.filter((one) => (one.round ?? 0) === round),
        last = steps.at(-1);
      if (last?.stage === stage && !(await anyActsBeforeUnpack(ports, own))) last.packages.push(...own);
      else steps.push({ stage, packages: own });
    }
  }
  return steps;
}

async function anyActsBeforeUnpack(ports: BuildPorts, packages: readonly LockedPackage[]): Promise<boolean> {
  for (const one of packages) if (actsBeforeUnpack({ archive: await openControl(ports, one) })) return true;
  return false;
}

function stageKey(
  ports: BuildPorts,
  job: StageJob,
  previous: string,
  { packages, scripts }: Pick<StageStep, "packages" | "scripts">,
): string {
  const answers = answersFor(job, packages);
  return hashText(
    ports,
    canonicalJson({
      ...circumstances(job),
      previous,
      packages: packages.map((one) => [one.name, one.sha256]),
      ...(scripts === undefined ? {} : { scripts: [...scripts] }),
      ...(answers === undefined ? {} : { answers: JSON.parse(JSON.stringify(answers)) as JsonObject }),
    }),
  );
}

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
function circumstances(job: StageJob): JsonObject {
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

function emptyTree(ports: BuildPorts, job: StageJob): FileTree {
  const builder = new TreeBuilder(memoryBlobs(sha256Of(ports)));
  builder.directory("", { uid: 0, gid: 0, mode: 0o755, mtime: job.epochSeconds });
  return builder.build();
}
