/**
 * A compose from beginning to end. Everything that takes long is kept in the store under a hash of what it was made
 * from, so a compose that was interrupted, or comes again, goes on where something is new.
 */
import { checkImage } from "./check-images.ts";
import {
  checkOutputs,
  extendedTarget,
  extendedVariants,
  extensionName,
  outputPath,
  writerOf,
} from "./check-outputs.ts";
import { checkAnswers } from "./gather/check-answers.ts";
import { archiveEpoch } from "./gather/epoch.ts";
import {
  allPackages,
  EMPTY_LOCK,
  hasSamePackages,
  LockError,
  lockKey,
  type Lock,
  type LockedImage,
} from "./gather/lock.ts";
import { fitsLock } from "./gather/package-files.ts";
import { tellingRequest } from "./gather/request-place.ts";
import { fetchPackages, resolveImage, type Archive } from "./gather/resolve-image.ts";
import { filesOfChance } from "./build/chance.ts";
import { checkHostHooks, runHostHooks, type HostHookMode } from "./build/host-hooks.ts";
import { customize, CustomizeError } from "./build/customize.ts";
import { isSettled, JAVA_KEYSTORE } from "./build/java-keystore.ts";
import { ExtensionError, extensionTree } from "./build/extension.ts";
import { overlayText } from "./build/overlay.ts";
import { readTree, writeTree } from "./build/manifest.ts";
import { saveSoundness } from "./build/soundness.ts";
import { splitLayers } from "./build/split-layers.ts";
import { hashText, sha256Of, type StageEvent, type StageJob } from "./build/stage-job.ts";
import { buildStages } from "./build/stages.ts";
import { composeInfo, type ComposeInfo, type ImageRecord } from "./metadata/composeinfo.ts";
import { spdxDocument } from "./metadata/spdx.ts";
import { provenanceStatement, type Provenance } from "./metadata/provenance.ts";
import { runGraph, type StepEvent, type StepResult } from "./phase/run-graph.ts";
import { SharedWork, Turns } from "./phase/shared-work.ts";
import { checkPhases, planSteps, type PhaseWork } from "./plan-steps.ts";
import { ScriptError, type Artifact, type ComposePorts, type OutputWriter, type ScriptRunner } from "./ports.ts";
import { canonicalJson, type Json, type JsonObject } from "./treefile/json.ts";
import type { OutputConfig } from "./treefile/schema-output.ts";
import { overlaysOf, type HostPoint } from "./treefile/schema-content.ts";
import type { TreefileProblem } from "./treefile/parse.ts";
import type { ImageTarget, Treefile } from "./treefile/treefile.ts";
import { FormatError, rfc3339, type FileTree } from "@stratos/formats";
import type { Progress } from "@stratos/pkg";

/**
 * `use`: what the lock says where it fits, else resolved anew; `update`: all anew; `locked`: what the lock says, or an
 * error.
 */
export type LockMode = "use" | "update" | "locked";

export interface ComposeRequest {
  readonly treefile: Treefile;
  readonly targets: readonly ImageTarget[];
  readonly lock?: Lock;
  readonly lockMode: LockMode;
  readonly archive: Archive;
  /** phases side by side; 1 is sequential */
  readonly jobs: number;
  readonly skipPhases?: readonly string[];
  readonly timeoutSeconds?: number | undefined;
  readonly runner?: "auto" | "stratos" | "native" | undefined;
  /** default: refuse */
  readonly hostHooks?: HostHookMode;
  /** of Stratos, for the provenance */
  readonly version: string;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: ComposeEvent) => void;
}

export type ComposeEvent =
  | { readonly kind: "step"; readonly event: StepEvent }
  | { readonly kind: "packages"; readonly image: string; readonly progress: Progress }
  | { readonly kind: "build"; readonly image: string; readonly event: StageEvent }
  | { readonly kind: "advice"; readonly image: string; readonly problem: TreefileProblem }
  | { readonly kind: "note"; readonly image: string; readonly output: string; readonly message: string }
  | { readonly kind: "kept"; readonly image: string; readonly what: string };

export interface ComposeResult {
  readonly info: ComposeInfo;
  readonly lock: Lock;
  readonly steps: readonly StepResult[];
}

/** An output cannot be what it is asked to be. */
export class OutputError extends Error {
  override name = "OutputError";
}

/** Part of the keys of customised trees and of outputs. */
const CUSTOMIZE_CODE = 4;
const OUTPUT_CODE = 2;

interface ImageState {
  locked?: LockedImage;
  tree?: { key: string; tree: FileTree };
  runner: string;
  sources: Record<string, string>;
  artifacts: (Artifact & { output: string; format: string })[];
  /** What is asked after the outputs said no, or failed: they are there, and of no compose. */
  isRefused?: true;
}

/** Whether an image has scripts of its own, which `build.packages` are there for. */
function hasScripts({ scripts = [], hooks = {} }: ImageTarget["config"]): boolean {
  return scripts.length + (hooks["post-install"] ?? []).length + (hooks.finalize ?? []).length > 0;
}

/** @throws GraphError, TreefileError  before anything runs */
export async function runCompose(ports: ComposePorts, request: ComposeRequest): Promise<ComposeResult> {
  const compose = new Compose(ports, request);
  const { hostHooks = "refuse" } = request;
  if (hostHooks === "refuse" || (hostHooks === "run" && ports.runOnHost === undefined))
    checkHostHooks(request.treefile, request.targets);
  request.treefile.requireBuilds(request.targets);
  checkOutputs(ports.outputs, request.treefile, request.targets);
  checkPhases(request.treefile, request.targets);
  const steps = planSteps(request.targets, compose, {
    skipPhases: request.skipPhases ?? [],
    timeoutSeconds: request.timeoutSeconds,
  });
  const results = await runGraph(steps, {
    width: request.jobs,
    signal: request.signal,
    after: ports.after,
    nowMs: ports.nowMs,
    onEvent: (event) => request.onEvent({ kind: "step", event }),
  });
  const info = await compose.finish(results);
  return { info, lock: compose.lock, steps: results };
}

class Compose implements PhaseWork {
  readonly #ports: ComposePorts;
  readonly #request: ComposeRequest;
  readonly #states: Map<string, ImageState>;
  readonly #images: Record<string, LockedImage>;
  /** The lists of an archive are fetched for one image at a time. */
  readonly #resolving = new Turns();
  readonly #fetching = new SharedWork<void>();
  readonly #staging = new SharedWork<FileTree>();

  constructor(ports: ComposePorts, request: ComposeRequest) {
    this.#ports = ports;
    this.#request = request;
    this.#states = new Map(
      request.targets.map((target) => [lockKey(target), { runner: "", sources: {}, artifacts: [] }]),
    );
    this.#images = { ...(request.lock ?? EMPTY_LOCK).images };
  }

  get lock(): Lock {
    return { format: 1, images: this.#images };
  }

  async init(): Promise<void> {
    if (this.#request.lockMode !== "locked") return;
    for (const target of this.#request.targets)
      if ((await this.#lockedFor(target)) === undefined)
        throw new LockError(`the lock file does not fit ${lockKey(target)} any more; --update makes it anew`);
  }

  async #lockedFor(target: ImageTarget): Promise<LockedImage | undefined> {
    const locked = this.#images[lockKey(target)];
    return (await fitsLock(this.#ports, target, locked)) ? locked : undefined;
  }

  async gather(target: ImageTarget, signal: AbortSignal): Promise<void> {
    const { archive, lockMode, onEvent } = this.#request;
    const image = lockKey(target);
    const onProgress = (progress: Progress): void => onEvent({ kind: "packages", image, progress });
    const known = await this.#lockedFor(target);
    const resolved =
      lockMode !== "update" && known !== undefined
        ? known
        : await tellingRequest(this.#request.treefile, target, () =>
            this.#resolving.take(() => resolveImage(this.#ports, target, archive, onProgress)),
          );
    // An archive that was signed again without anything new for this image makes no new image.
    const locked = known !== undefined && hasSamePackages(known, resolved) ? known : resolved;
    checkAnswers(this.#request.treefile, target, locked);
    signal.throwIfAborted();
    for (const note of checkImage(this.#request.treefile, target, locked))
      onEvent({ kind: "advice", image, problem: note });
    await fetchPackages(this.#ports, locked, target.config.mirror ?? archive.mirror, {
      onProgress,
      signal,
      shared: this.#fetching,
    });
    this.#images[image] = locked;
    this.#states.get(image)!.locked = locked;
  }

  async build(target: ImageTarget, signal: AbortSignal): Promise<void> {
    try {
      await this.#build(target, signal);
    } catch (error) {
      if (error instanceof CustomizeError && error.key.length > 0)
        throw this.#request.treefile.listProblem(target, error.key, error.item, error.message);
      throw error;
    }
  }

  async #runOnHost(target: ImageTarget, point: HostPoint, signal: AbortSignal): Promise<void> {
    const { treefile, hostHooks, onEvent } = this.#request,
      image = lockKey(target),
      { locked, artifacts } = this.#states.get(image)!;
    const made = point === "after-outputs" ? artifacts.map(({ path }) => path) : [],
      { name, version = "0" } = target.config,
      { variant, architecture } = target;
    const about = { point, name, version, variant, architecture, artifacts: made };
    const refusal = await this.#ports.askPlugins?.(about, signal);
    if (refusal !== undefined) throw new ScriptError(refusal);
    const count = target.config["host-hooks"]?.[point]?.length ?? 0;
    if (count === 0) return;
    if (hostHooks !== "run") {
      const message = `${count} of host-hooks.${point} not run: a compose that is made again runs none on the host`;
      return onEvent({ kind: "note", image, output: "root", message });
    }
    await runHostHooks(
      {
        treefile,
        target,
        point,
        epochSeconds: archiveEpoch(target, locked!),
        artifacts: made,
        signal,
        onLine: (line) => onEvent({ kind: "build", image, event: { kind: "line", line } }),
      },
      (program) => this.#ports.runOnHost!(program),
    );
  }

  async #build(target: ImageTarget, signal: AbortSignal): Promise<void> {
    await this.#runOnHost(target, "before-build", signal);
    const image = lockKey(target),
      state = this.#states.get(image)!,
      locked = state.locked!;
    const { config } = target;
    const epochSeconds = archiveEpoch(target, locked);
    let made: ScriptRunner | undefined;
    const runner = (): ScriptRunner =>
      (made ??= this.#ports.runner(target.architecture, this.#request.runner ?? config.build?.runner ?? "auto"));
    state.runner = runner().id;
    const job: StageJob = {
      architecture: target.architecture,
      locked,
      runner: runner(),
      version: this.#request.version,
      epochSeconds,
      environment: config.build?.environment ?? {},
      hasNetwork: config.build?.network === true,
      signal,
      shared: this.#staging,
      ...((config["path-excludes"] ?? []).length === 0
        ? {}
        : { filters: { excludes: config["path-excludes"]!, includes: config["path-includes"] ?? [] } }),
      answers: config.debconf,
      prepare: config.hooks?.prepare,
      onEvent: (event) => this.#request.onEvent({ kind: "build", image, event }),
    };
    const stages = await buildStages(this.#ports, job);
    const scriptRoot =
      locked.build === undefined || !hasScripts(config)
        ? undefined
        : await buildStages(this.#ports, { ...job, locked: { ...locked, packages: allPackages(locked) } });
    const sources = await this.#readSources(target);
    const overlays = await this.#readOverlays(target);
    state.sources = {
      ...Object.fromEntries([...sources].map(([name, bytes]) => [name, sha256Of(this.#ports)(bytes)])),
      ...Object.fromEntries(
        [...overlays].map(([name, tree]) => [`${name}/`, hashText(this.#ports, overlayText(tree))]),
      ),
    };
    const { hostname, timezone, locale, users, files, scripts, services, build, overlay, hooks } = config;
    const key = hashText(
      this.#ports,
      canonicalJson({
        code: CUSTOMIZE_CODE,
        by: this.#request.version,
        root: stages.key,
        ...(scriptRoot === undefined ? {} : { scriptRoot: scriptRoot.key }),
        target: [config.name, config.version ?? "", target.variant, target.architecture],
        sources: state.sources,
        automatic: locked.packages.filter((one) => one.isAutomatic).map((one) => one.name),
        config: JSON.parse(
          JSON.stringify({
            hostname,
            timezone,
            locale,
            users,
            files,
            scripts,
            services,
            build,
            overlay,
            hooks,
            removals: config["remove-files"],
          }),
        ) as Json,
      }),
    );
    let tree = await readTree(this.#ports, key);
    if (tree === undefined) {
      const customized = await customize(this.#ports, {
        target,
        locked,
        tree: stages.tree,
        scriptTree: scriptRoot?.tree,
        epochSeconds,
        runner,
        sources,
        overlays,
        signal,
        onLine: (line) => this.#request.onEvent({ kind: "build", image, event: { kind: "line", line } }),
      });
      tree = await writeTree(this.#ports, key, customized);
    } else this.#request.onEvent({ kind: "kept", image, what: "root" });
    state.tree = { key, tree };
    this.#tellChance(target, tree, runner().id);
    await saveSoundness(this.#ports);
  }

  /** An image that would not be the same again says by what. */
  #tellChance(target: ImageTarget, tree: FileTree, runner: string): void {
    if (runner !== "native") return;
    const given = target.config.files ?? {},
      found = filesOfChance(
        tree,
        (path) =>
          given[`/${path}`] !== undefined ||
          (path === JAVA_KEYSTORE && isSettled(tree, () => this.#ports.packages.hasher("sha1"))),
      );
    if (found.length > 0)
      this.#request.onEvent({
        kind: "note",
        image: lockKey(target),
        output: "root",
        message: `not the same bytes each time: ${found.map(({ path, why }) => `/${path} (${why})`).join(", ")}`,
      });
  }

  async #readSources(target: ImageTarget): Promise<Map<string, Uint8Array>> {
    const sources = new Map<string, Uint8Array>();
    for (const [path, { source }] of Object.entries(target.config.files ?? {})) {
      if (source === undefined) continue;
      const bytes = await this.#ports.readSource(source);
      if (bytes === undefined)
        throw new OutputError(`files.${JSON.stringify(path)}: there is no file ${source} beside the treefile`);
      sources.set(source, bytes);
    }
    return sources;
  }

  async #readOverlays(target: ImageTarget): Promise<Map<string, FileTree>> {
    const overlays = new Map<string, FileTree>();
    for (const { source } of overlaysOf(target.config)) {
      const tree = await this.#ports.readFolder(source);
      if (tree === undefined) throw new OutputError(`overlay: there is no folder ${source} beside the treefile`);
      overlays.set(source, tree);
    }
    return overlays;
  }

  async output(target: ImageTarget, name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#output(target, name, signal);
    } catch (error) {
      // What a writer cannot make of the tree is told where the output is asked for.
      if (error instanceof OutputError || error instanceof FormatError)
        throw this.#request.treefile.problem(target, ["outputs", name], error.message);
      throw error;
    }
  }

  async #output(target: ImageTarget, name: string, signal: AbortSignal): Promise<void> {
    const image = lockKey(target),
      state = this.#states.get(image)!,
      config = target.config.outputs![name]!;
    const { key, tree } = config.extension === undefined ? state.tree! : this.#extension(target, name, state);
    const writer = writerOf(this.#ports.outputs, target, name);
    const path = outputPath(this.#ports.outputs, target, name);
    const { container = null, ostree = null } = target.config;
    const resultKey = hashText(
      this.#ports,
      canonicalJson(
        JSON.parse(
          JSON.stringify({
            code: OUTPUT_CODE,
            by: this.#request.version,
            tree: key,
            path,
            config,
            container,
            ostree,
            version: target.config.version ?? "",
          }),
        ) as Json,
      ),
    );
    const artifacts =
      (await this.#keptOutput(writer, resultKey, config)) ??
      (await this.#telling(target, name, () =>
        this.#writeOutput(
          writer,
          resultKey,
          {
            name,
            target,
            config,
            tree,
            layers: (own = tree) => splitLayers(own, state.locked!.packages),
            epochSeconds: archiveEpoch(target, state.locked!),
            signal,
            onNote: (message) => this.#request.onEvent({ kind: "note", image, output: name, message }),
          },
          path,
        ),
      ));
    state.artifacts.push(...artifacts.map((one) => ({ ...one, output: name, format: config.format })));
  }

  /** What an image has beyond the one that it is laid over. */
  #extension(target: ImageTarget, name: string, state: ImageState): { key: string; tree: FileTree } {
    const { kind, over, level, "any-system": fitsAny } = target.config.outputs![name]!.extension!,
      base = this.#states.get(lockKey(extendedTarget(this.#request.targets, target, over!)!))!.tree!;
    const extension = {
      kind: kind!,
      name: extensionName(outputPath(this.#ports.outputs, target, name)),
      architecture: target.architecture,
      level,
      fitsAny,
      epochSeconds: archiveEpoch(target, state.locked!),
    };
    try {
      return {
        key: `${state.tree!.key} beyond ${base.key}`,
        tree: extensionTree(state.tree!.tree, base.tree, extension, sha256Of(this.#ports)),
      };
    } catch (error) {
      if (error instanceof ExtensionError)
        throw this.#request.treefile.problem(target, ["outputs", name, "extension"], error.message);
      throw error;
    }
  }

  /** What turns out to have no room is told with the key that gives it. */
  async #telling<T>(target: ImageTarget, name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "PartitionError") throw error;
      const { partition, key, message } = error as Error & { readonly partition: string; readonly key: string };
      throw this.#request.treefile.problem(
        target,
        ["outputs", name, "partitions", partition, ...(key === "" ? [] : [key])],
        message,
      );
    }
  }

  async #keptOutput(writer: OutputWriter, key: string, config: OutputConfig): Promise<Artifact[] | undefined> {
    // What a secret goes into is made each time: nothing that is kept tells of it.
    if (Object.values(config.partitions ?? {}).some(({ encrypt }) => encrypt !== undefined)) return undefined;
    const bytes = await this.#ports.store.read(`results/${key}.json`);
    if (bytes === undefined) return undefined;
    const artifacts = JSON.parse(this.#ports.packages.latin1(bytes)) as Artifact[];
    for (const one of artifacts) if (!(await writer.has(one))) return undefined;
    return artifacts;
  }

  async #writeOutput(
    writer: OutputWriter,
    key: string,
    job: Parameters<OutputWriter["write"]>[0],
    path: string,
  ): Promise<Artifact[]> {
    const artifacts = await writer.write(job, path);
    await this.#ports.store.write(`results/${key}.json`, [
      Uint8Array.from(JSON.stringify(artifacts), (character) => character.charCodeAt(0)),
    ]);
    return artifacts;
  }

  /** Bills of materials and provenance of the images that are whole; one that is refused keeps no other back. */
  async cleanup(signal: AbortSignal): Promise<void> {
    const faults: unknown[] = [];
    for (const record of this.#records()) {
      if (record.artifacts.length === 0) continue;
      const { target } = record,
        state = this.#states.get(lockKey(target))!;
      const stem = `${target.config.name}-${target.variant}-${target.architecture}`;
      const publish = async (suffix: string, value: JsonObject): Promise<void> =>
        void (await this.#ports.publish(`${stem}.${suffix}.json`, `${JSON.stringify(value, null, 1)}\n`));
      await publish("spdx", spdxDocument(record, `urn:stratos:compose:${record.treeKey}`));
      const { treefile, targets } = this.#request,
        over = extendedVariants(target);
      const inputs: Provenance = {
        treefile: over.length === 0 ? treefile.exportTarget(target) : treefile.exportExtension(target, over),
        locked: record.locked,
        sources: state.sources,
        ...(over.length === 0
          ? {}
          : {
              over: Object.fromEntries(
                over.map((variant) => {
                  const below = this.#states.get(lockKey(extendedTarget(targets, target, variant)!))!;
                  return [variant, { locked: below.locked!, sources: below.sources }];
                }),
              ),
            }),
      };
      await publish(
        "provenance",
        provenanceStatement(record, inputs, { version: this.#request.version, runner: state.runner }),
      );
      try {
        await this.#runOnHost(target, "after-outputs", signal);
      } catch (error) {
        state.isRefused = true;
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  async finish(results: readonly StepResult[]): Promise<ComposeInfo> {
    const records = this.#records();
    const { name, version = "0" } = this.#request.targets[0]?.config ?? { name: this.#request.treefile.name };
    const newest = Math.max(0, ...records.map(({ epochSeconds }) => epochSeconds));
    const info = composeInfo(
      { id: `${name}-${version}-${rfc3339(newest).slice(0, 10).replaceAll("-", "")}`, name, version },
      records,
      results,
    );
    await this.#ports.publish("composeinfo.json", `${JSON.stringify(info, null, 1)}\n`);
    const sums = records
      .flatMap(({ artifacts }) => artifacts)
      .filter(({ isFile }) => isFile)
      .map(({ path, sha256 }) => `${sha256}  ${path}\n`);
    if (sums.length > 0) await this.#ports.publish("SHA256SUMS", [...new Set(sums)].sort().join(""));
    const longSums: string[] = [];
    for (const { target, artifacts } of records) {
      for (const { path, isFile, output } of artifacts)
        if (isFile && target.config.outputs![output]!.checksum === "sha512")
          longSums.push(`${await this.#ports.checksum(path, "sha512")}  ${path}\n`);
    }
    if (longSums.length > 0) await this.#ports.publish("SHA512SUMS", [...new Set(longSums)].sort().join(""));
    return info;
  }

  #records(): ImageRecord[] {
    const records: ImageRecord[] = [];
    for (const target of this.#request.targets) {
      const { locked, tree, isRefused, artifacts: written } = this.#states.get(lockKey(target))!;
      const artifacts = isRefused === true ? [] : written;
      if (locked === undefined || tree === undefined) continue;
      // In the treefile's order, whichever was written first.
      const order = Object.keys(target.config.outputs ?? {});
      records.push({
        target,
        locked,
        treeKey: tree.key,
        epochSeconds: archiveEpoch(target, locked),
        artifacts: [...artifacts].sort((left, right) => order.indexOf(left.output) - order.indexOf(right.output)),
      });
    }
    return records;
  }
}
