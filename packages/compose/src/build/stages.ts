/**
 * From packages to a configured root, stage by stage (`STAGES`). A stage is the tree before it, with its packages
 * unpacked as dpkg does and configured by their own scripts; its key is a hash of all that, so a stage that was made
 * before, by whichever compose, is taken from the store. A changed package makes its own stage and later ones anew, and
 * no earlier one.
 */
import type { FileTree } from "@stratos/formats";
import { actsBeforeUnpack } from "@stratos/pkg";
import type { LockedImage, LockedPackage } from "../gather/lock.ts";
import { STAGES, type StageName } from "../gather/lock.ts";
import { ScriptError } from "../ports.ts";
import { canonicalJson, type JsonObject } from "../treefile/json.ts";
import { buildStage } from "./build-stage.ts";
import { runHook } from "./hooks.ts";
import { openControl } from "./layer.ts";
import { readTree, writeTree } from "./manifest.ts";
import {
  answersFor,
  BUILD_HOSTNAME,
  circumstances,
  hashText,
  sha256Of,
  type BuildPorts,
  type StageJob,
} from "./stage-job.ts";
import { loadSoundness } from "./soundness.ts";
import { memoryBlobs, TreeBuilder } from "./tree-builder.ts";

export interface BuiltRoot {
  readonly key: string;
  readonly tree: FileTree;
}

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

function emptyTree(ports: BuildPorts, job: StageJob): FileTree {
  const builder = new TreeBuilder(memoryBlobs(sha256Of(ports)));
  builder.directory("", { uid: 0, gid: 0, mode: 0o755, mtime: job.epochSeconds });
  return builder.build();
}
