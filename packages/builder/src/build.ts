/**
 * One build: a source package becomes binary packages in a clean root, in stages that are named as sbuild names them.
 *
 *     Fetch ─▶ Install-Deps ─▶ Unpack ─▶ Build ─▶ Check ─▶ Post
 *     source   layers, clone   dpkg-     dpkg-    .changes  files, record
 *                              source    buildpackage
 *
 * A failure is a result, not an exception, and says in which stage it happened and of which kind it is. Whatever
 * happens, the clone is dropped.
 */
import { byteString, byteStringOf, utf8ToByteString } from "@stratos/base";
import { parseSource, sourceFiles } from "@stratos/pkg";
import { buildCommand, buildEnvironment, surroundingsOf, type BuildEnvironment } from "./build-environment.ts";
import {
  DEFAULT_LIMITS,
  type Artefact,
  type BuildFailure,
  type BuildRequest,
  type BuildResult,
  type FailureKind,
  type OnBuildEvent,
  type StageName,
  type StageRecord,
} from "./build-request.ts";
import { buildNeeds } from "./dependencies/build-relations.ts";
import type { BuilderPorts, CleanRoot, RootCommand, RootExit } from "./ports.ts";
import { provenanceStatement } from "./record/provenance.ts";
import { makeLayers } from "./root/make-layers.ts";
import { planBuildRoot } from "./root/choose-by-apt.ts";
import type { RootPlan } from "./root/plan-root.ts";
import { changelogEntry, PREPEND_SCRIPT, type ChangelogEntry } from "./bin-nmu/changelog-entry.ts";
import { versionInNames } from "./source/changelog.ts";
import { checkPlace } from "./source/check-place.ts";
import { fetchSource, type FetchedSource } from "./source/fetch-source.ts";

/** A `.changes` or `.buildinfo` beyond this is none. */
const RECORD_SIZE_MAX = 16 << 20;

export async function build(request: BuildRequest, ports: BuilderPorts, onEvent: OnBuildEvent): Promise<BuildResult> {
  return new Build(request, ports, onEvent).run();
}

/** A stage failed, for a reason that is told. */
class StageError extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * What a stage used in the root, where that is counted by itself; else it is among what this process has waited for.
 */
interface Usage {
  cpuMs: number | undefined;
  peakBytes: number;
}

class Build {
  readonly #request: BuildRequest;
  readonly #ports: BuilderPorts;
  readonly #onEvent: OnBuildEvent;
  readonly #environment: BuildEnvironment;
  readonly #stages: StageRecord[] = [];
  readonly #startedMs: number;
  #logOffset = 0;
  #source: FetchedSource | undefined;
  #plan: RootPlan | undefined;
  #entry: ChangelogEntry | undefined;
  #depends: readonly string[] | undefined;
  #layers: readonly string[] = [];
  #root: CleanRoot | undefined;
  #lastCommand: RootCommand | undefined;

  constructor(request: BuildRequest, ports: BuilderPorts, onEvent: OnBuildEvent) {
    // A package for all architectures has one version for all of them, so that one build cannot give it another.
    this.#request = request.binNmu === undefined ? request : { ...request, parts: "any" };
    this.#ports = ports;
    this.#onEvent = onEvent;
    this.#environment = buildEnvironment(request, request.jobs ?? 1);
    this.#startedMs = ports.nowMs();
  }

  async run(): Promise<BuildResult> {
    let failure: BuildFailure | undefined;
    let made: Pick<BuildResult, "buildinfo" | "provenance" | "artefacts"> = { artefacts: [] };
    try {
      await this.#stage("Fetch", () => this.#fetch());
      await this.#stage("Install-Deps", () => this.#installDeps());
      await this.#stage("Unpack", (usage) => this.#unpack(usage));
      await this.#stage("Build", (usage) => this.#build(usage));
      const names = await this.#stage("Check", () => this.#check());
      made = await this.#stage("Post", () => this.#post(names));
    } catch (error) {
      if (!(error instanceof FailedStage)) throw error;
      failure = error.failure;
      if (this.#root !== undefined && this.#lastCommand !== undefined && !this.#ports.signal.aborted)
        await this.#ports.onFailedRoot?.(this.#root, this.#lastCommand);
    } finally {
      await this.#root?.drop();
      await this.#source?.remove();
    }
    const { suite, architecture, hostArchitecture } = this.#request;
    return {
      status: failure === undefined ? "built" : "failed",
      ...(failure === undefined ? {} : { failure }),
      ...(this.#source === undefined ? {} : { source: { name: this.#source.name, version: this.#source.version } }),
      ...(this.#entry === undefined ? {} : { binaryVersion: this.#entry.version }),
      ...(this.#depends === undefined ? {} : { depends: this.#depends }),
      suite,
      architecture,
      ...(hostArchitecture === undefined ? {} : { hostArchitecture }),
      stages: this.#stages,
      ...made,
      layers: this.#layers,
    };
  }

  async #stage<T>(name: StageName, work: (usage: Usage) => Promise<T>): Promise<T> {
    const usage: Usage = { cpuMs: undefined, peakBytes: 0 };
    const startedMs = this.#ports.nowMs(),
      startedCpuMs = this.#ports.cpuMs();
    const finish = (state: "done" | "failed"): void => {
      const { own, children } = this.#ports.cpuMs(),
        cpuMs = own - startedCpuMs.own + (usage.cpuMs ?? children - startedCpuMs.children);
      const record: StageRecord = {
        name,
        wallMs: Math.round(this.#ports.nowMs() - startedMs),
        cpuMs: Math.round(cpuMs),
        peakBytes: usage.peakBytes,
      };
      this.#stages.push(record);
      this.#onEvent({ kind: "stage", stage: name, state, record });
    };
    this.#onEvent({ kind: "stage", stage: name, state: "started" });
    this.#log(`\n==== ${name} ====\n`);
    try {
      this.#ports.signal.throwIfAborted();
      await this.#hooks("pre", name);
      const result = await work(usage);
      await this.#hooks("post", name);
      finish("done");
      return result;
    } catch (error) {
      const failure = this.#failureOf(name, error);
      this.#log(`\n${name} failed (${failure.kind}): ${failure.message}\n`);
      finish("failed");
      throw new FailedStage(failure, error);
    }
  }

  #failureOf(stage: StageName, error: unknown): BuildFailure {
    if (this.#ports.signal.aborted) {
      const reason: unknown = this.#ports.signal.reason;
      return { kind: "killed", stage, message: reason instanceof Error ? reason.message : "stopped" };
    }
    if (error instanceof StageError) return { kind: error.kind, stage, message: error.message };
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const kind = KINDS[name] ?? (isHostTrouble(error) ? "infrastructure" : undefined);
    if (kind === undefined) throw error;
    return { kind, stage, message };
  }

  async #hooks(when: "pre" | "post", stage: StageName): Promise<void> {
    const { source, suite, architecture, hostArchitecture, profiles } = this.#request;
    const context = JSON.parse(
      JSON.stringify({
        when,
        stage,
        request: { source, suite, architecture, hostArchitecture, profiles },
        source: this.#source === undefined ? undefined : { name: this.#source.name, version: this.#source.version },
        root: this.#root?.place,
        layers: this.#layers,
      }),
    ) as Record<string, never>;
    const failure = await this.#ports.hooks.run({
      when,
      stage,
      context,
      signal: this.#ports.signal,
      onOutput: (bytes) => this.#logBytes(bytes),
    });
    if (failure !== undefined) throw new StageError("hook", failure);
  }

  async #fetch(): Promise<void> {
    await checkPlace(this.#ports, this.#request, this.#onEvent);
    this.#source = await fetchSource(this.#ports, this.#request, this.#onEvent);
    const { name, version, stanza } = this.#source;
    const { binNmu } = this.#request;
    if (binNmu !== undefined)
      this.#entry = changelogEntry(binNmu, this.#source, { ...this.#request, architecture: this.#target });
    this.#log(`${name} ${version} for ${this.#request.suite} ${this.#target}\n`);
    for (const { uri, digest } of this.#source.materials) this.#log(`  ${uri} ${Object.values(digest)[0] ?? ""}\n`);
    const meant = (stanza.get("Architecture") ?? "any all").split(/\s+/);
    if (this.#request.parts === "any" && meant.every((one) => one === "all"))
      throw new StageError("build", `${name} has no packages of an architecture, only of all`);
  }

  async #installDeps(): Promise<void> {
    const source = this.#source!,
      { architecture } = this.#request;
    const needs = buildNeeds(source.stanza, surroundingsOf(this.#request));
    this.#depends = needs.depends;
    this.#log(
      `Build dependencies: ${needs.depends.join(", ") || "none"}\n` +
        (needs.conflicts.length === 0 ? "" : `Build conflicts: ${needs.conflicts.join(", ")}\n`),
    );
    const asked =
      this.#request.ccache === true
        ? { ...this.#request, packages: [...(this.#request.packages ?? []), "ccache"] }
        : this.#request;
    this.#plan = await planBuildRoot(this.#ports, asked, needs, this.#onEvent);
    for (const { name, version, neededBy, because } of this.#plan.reasons)
      this.#log(`  ${name} ${version}` + (neededBy === undefined ? "" : ` (${neededBy}: ${because})`) + "\n");
    const { keys, kept } = await makeLayers(this.#ports, this.#plan, architecture, this.#onEvent);
    this.#layers = keys;
    this.#log(`Layers: ${keys.join(", ")} (${kept} of ${keys.length} kept)\n`);
    const { hostname, user, folder } = this.#environment;
    this.#root = await this.#ports.carrier.clone(keys, {
      architecture,
      hostname,
      epochSeconds: this.#plan.root.dateSeconds,
      user,
      buildFolder: folder,
      hasCompilerCache: this.#request.ccache === true,
      domain: this.#request.variation?.domain,
      hasOtherOrder: this.#request.variation?.hasOtherOrder === true,
      limits: { ...DEFAULT_LIMITS, ...this.#request.limits },
      signal: this.#ports.signal,
    });
    await this.#root.bring(source.files);
  }

  /** What packages are for. */
  get #target(): string {
    return this.#request.hostArchitecture ?? this.#request.architecture;
  }

  /** The name of the unpacked tree. */
  get #tree(): string {
    const { buildPath } = this.#request,
      { dsc, tree } = this.#source!;
    return buildPath === undefined || dsc === undefined ? tree : buildPath.slice(buildPath.lastIndexOf("/") + 1);
  }

  async #unpack(usage: Usage): Promise<void> {
    const { dsc } = this.#source!,
      { folder } = this.#environment;
    // What the files are is settled; whose signature the .dsc has is not ours to judge here.
    if (dsc !== undefined)
      await this.#command(usage, ["dpkg-source", "--no-check", "-x", dsc, this.#tree], folder, "dpkg-source");
    if (this.#entry === undefined) return;
    const argv = ["sh", "-c", PREPEND_SCRIPT, "sh", this.#entry.entry];
    await this.#command(usage, argv, `${folder}/${this.#tree}`, "debian/changelog");
  }

  async #build(usage: Usage): Promise<void> {
    await this.#command(
      usage,
      buildCommand(this.#request),
      `${this.#environment.folder}/${this.#tree}`,
      "dpkg-buildpackage",
    );
  }

  async #command(usage: Usage, argv: readonly string[], folder: string, name: string): Promise<void> {
    const { variables, umask } = this.#environment;
    this.#log(`$ ${argv.join(" ")}\n`);
    const command: RootCommand = {
      argv,
      folder,
      umask,
      environment: variables,
      onOutput: (bytes) => this.#logBytes(bytes),
    };
    this.#lastCommand = command;
    const exit: RootExit = await this.#root!.run(command);
    if (exit.cpuMs !== undefined) usage.cpuMs = (usage.cpuMs ?? 0) + exit.cpuMs;
    usage.peakBytes = Math.max(usage.peakBytes, exit.peakBytes);
    if (exit.stopped !== undefined) throw new StageError(exit.stopped.kind, `${name}: ${exit.stopped.why}`);
    if (exit.status !== 0) throw new StageError("build", `${name} ended with status ${exit.status}`);
  }

  /** @returns what `.changes` lists, with their hashes, and it itself last */
  async #check(): Promise<ExpectedFile[]> {
    const { name } = this.#source!,
      { parts } = this.#request,
      version = this.#entry?.version ?? this.#source!.version;
    const stem = `${name}_${versionInNames(version)}_${parts === "all" ? "all" : this.#target}`;
    const changes = await this.#root!.read(`${stem}.changes`, RECORD_SIZE_MAX);
    if (changes === undefined) throw new StageError("build", `the build has left no ${stem}.changes`);
    const stanza = parseSource(byteString(changes), `${stem}.changes`);
    if (stanza.get("Source")?.split(" ")[0] !== name)
      throw new StageError("build", `${stem}.changes is of another source: ${stanza.get("Source")}`);
    const files = sourceFiles(stanza, `${stem}.changes`);
    this.#log(files.map((file) => `${file.sha256}  ${file.name} (${file.sizeBytes} bytes)\n`).join(""));
    return [
      ...files.map((file) => ({ name: file.name, sha256: file.sha256 })),
      { name: `${stem}.changes`, sha256: undefined },
    ];
  }

  async #post(files: readonly ExpectedFile[]): Promise<Pick<BuildResult, "buildinfo" | "provenance" | "artefacts">> {
    const artefacts: Artefact[] = [];
    for (const { name, sha256 } of files) {
      const path = this.#ports.output(name),
        taken = await this.#root!.take(name, path);
      if (taken === undefined)
        throw new StageError("build", `${name} is listed, and is no regular file of the build folder`);
      if (sha256 !== undefined && taken.sha256 !== sha256)
        throw new StageError("build", `${name} is not the file that .changes lists`);
      artefacts.push({ name, path, size: taken.size, sha256: taken.sha256 });
    }
    const record = files.find(({ name }) => name.endsWith(".buildinfo"));
    const buildinfo = record === undefined ? undefined : await this.#root!.read(record.name, RECORD_SIZE_MAX);
    const provenance = provenanceStatement(artefacts, {
      request: this.#request,
      source: this.#source!,
      packages: this.#plan!.root.packages,
      layers: this.#layers,
      environment: this.#environment.variables,
      folder: this.#environment.folder,
      carrier: this.#ports.carrier.id,
      version: this.#ports.version,
      startedMs: this.#startedMs,
      finishedMs: this.#ports.nowMs(),
    });
    return { artefacts, provenance, ...(buildinfo === undefined ? {} : { buildinfo: byteString(buildinfo) }) };
  }

  #log(text: string): void {
    this.#logBytes(byteStringOf(utf8ToByteString(text)));
  }

  #logBytes(bytes: Uint8Array): void {
    this.#onEvent({ kind: "log", bytes, offset: this.#logOffset });
    this.#logOffset += bytes.length;
  }
}

interface ExpectedFile {
  readonly name: string;
  readonly sha256: string | undefined;
}

/** A stage's failure on its way out. */
class FailedStage extends Error {
  readonly failure: BuildFailure;

  constructor(failure: BuildFailure, cause: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** Failures of what the builder stands on, by their names. Any other is a defect. */
const KINDS: Readonly<Record<string, FailureKind>> = {
  UnsatisfiableError: "dependency-wait",
  SolverLimitError: "dependency-wait",
  RequestError: "request",
  SourceError: "build",
  ControlError: "build",
  DependencyError: "build",
  InfrastructureError: "infrastructure",
  FetchError: "infrastructure",
  IntegrityError: "infrastructure",
  ReleaseError: "infrastructure",
  MirrorError: "infrastructure",
  DebError: "infrastructure",
  RootTreeError: "infrastructure",
  LockError: "infrastructure",
  ScriptError: "infrastructure",
  HostProgramError: "infrastructure",
};

/**
 * What the system says when the host, and not the package, has run out of something or has lost a disk, wherever that
 * was met. Source: errno(3).
 */
const HOST_TROUBLES: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "ENOMEM"]);

function isHostTrouble(error: unknown): boolean {
  return error instanceof Error && HOST_TROUBLES.has((error as { code?: unknown }).code);
}
