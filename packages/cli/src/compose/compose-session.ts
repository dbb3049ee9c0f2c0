/** The composition root of `stratos compose`: ports of Node, runners, writers, and what the terminal is told. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { printable } from "@stratos/base";
import { compileLate, homeFolder, ProgressDisplay, readConfig, stratosHome } from "@stratos/host-node/home";
import {
  ComposeFolder,
  folderOutput,
  hashArtifact,
  isNativeArchitecture,
  nativeObstacle,
  NativeRunner,
  ociOutputs,
  ostreeOutput,
  publishText,
  runHostProgram,
  tarOutput,
} from "@stratos/tools-node/compose";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import {
  formatProblem,
  ScriptError,
  TreefileError,
  type Archive,
  type ComposeEvent,
  type ComposePorts,
  type ImageTarget,
  type OutputWriter,
  type ScriptRunner,
} from "@stratos/compose";
import { CommandError, hostReason } from "../command-error.ts";
import { listenForStop } from "../stop-signals.ts";
import { toldFailure } from "@stratos/images/told-failures";
import { treefileFailure } from "./open-treefile.ts";
import { readFolder, readSource } from "./read-source.ts";

interface ComposeSession {
  readonly ports: ComposePorts;
  /** aborted when a signal asks for the end */
  readonly signal: AbortSignal;
  /** the exit status that the signal asks for; undefined: none has come */
  readonly stopStatus: number | undefined;
  show(event: ComposeEvent): void;
  close(): Promise<void>;
}

/** @param folders  what is made goes into `output`; files are looked for beside `treefile` */
export async function openComposeSession(
  folders: { output: string; treefile: string },
  options: { verbose: boolean; targets: readonly ImageTarget[]; allowsHostHooks?: boolean },
): Promise<ComposeSession> {
  compileLate(true);
  const formats = new Set(
    options.targets.flatMap(({ config }) => Object.values(config.outputs ?? {}).map(({ format }) => format)),
  );
  const home = stratosHome();
  const packages = nodePackagePorts(homeFolder(home, "downloads"));
  const folder = homeFolder(home, "compose");
  const store = new ComposeFolder(folder);
  const display = new ProgressDisplay(process.stderr);
  const stop = listenForStop();
  const ports: ComposePorts = {
    packages,
    store,
    runner: (architecture, choice) => chooseRunner(architecture, choice, folder),
    outputs: [
      tarOutput(folders.output),
      folderOutput(folders.output),
      ...ociOutputs(folders.output, folder),
      ostreeOutput(folders.output, async (...job) =>
        (await import("../outputs/sign-repository.ts")).signRepository(...job),
      ),
      ...(await otherOutputs(folders, formats)),
    ],
    publish: (path, text) => publishText(folders.output, path, text),
    checksum: (path, algorithm) => hashArtifact(folders.output, path, algorithm),
    readSource: (path) => readSource(resolve(dirname(folders.treefile), path)),
    readFolder: (path) => readFolder(resolve(dirname(folders.treefile), path)),
    ...(options.allowsHostHooks === true ? { runOnHost: (program) => runHostProgram(program, folders) } : {}),
    after(milliseconds, action) {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    nowMs: () => performance.now(),
  };
  return {
    ports,
    signal: stop.signal,
    get stopStatus() {
      return stop.status;
    },
    show: (event) => show(event, display, options.verbose),
    async close() {
      stop.close();
      display.clear();
      store.close();
      await packages.close();
    },
  };
}

/** A machine is loaded only when one is needed: most of what Stratos is. It runs for long. */
function stratosRunner(folder: string): ScriptRunner {
  return {
    id: "stratos",
    async run(job) {
      compileLate(false);
      return new (await import("./stratos-runner.ts")).StratosRunner(folder).run(job);
    },
  };
}

/**
 * Writers of disks and images, loaded only when one is asked for; without any, all are there to be named in messages.
 */
async function otherOutputs(
  { output, treefile }: { output: string; treefile: string },
  formats: ReadonlySet<string>,
): Promise<OutputWriter[]> {
  const isKnown = (format: string): boolean => ["tar", "folder", "oci", "oci-archive", "ostree"].includes(format);
  if ([...formats].every(isKnown)) return [];
  const { diskOutputs } = await import("./disk-output.ts"),
    { stratosImageOutput } = await import("./stratos-image-output.ts");
  return [stratosImageOutput(), ...diskOutputs(output, (path) => readSource(resolve(dirname(treefile), path)))];
}

/** Natively what the host's processor runs; riscv64 elsewhere inside Stratos. */
export function chooseRunner(
  architecture: string,
  choice: "auto" | "stratos" | "native",
  folder: string,
): ScriptRunner {
  const native =
    choice === "native" || (choice === "auto" && (isNativeArchitecture(architecture) || architecture !== "riscv64"));
  if (!native) return stratosRunner(folder);
  const obstacle = nativeObstacle();
  if (obstacle === undefined) return new NativeRunner(folder);
  if (choice === "auto" && architecture === "riscv64") return stratosRunner(folder);
  throw new ScriptError(`maintainer scripts of ${architecture} cannot be run here: ${obstacle}`);
}

/** The mirror and the keys that are trusted for it, those of the treefile's own repositories among them. */
export function findArchive(options: {
  mirror?: string | undefined;
  treefile: string;
  targets: readonly ImageTarget[];
}): Archive {
  const given = options.mirror ?? options.targets.find(({ config }) => config.mirror !== undefined)?.config.mirror;
  const { uri, keyrings } = findMirror({ given, configured: readConfig(stratosHome()).mirror });
  const own = new Set(
    options.targets.flatMap(({ config }) => Object.values(config.repositories ?? {}).map(({ keyring }) => keyring)),
  );
  const read = [...own]
    .filter((path) => path !== undefined)
    .map((path) => {
      const place = join(dirname(options.treefile), path);
      try {
        if (!statSync(place).isFile()) throw new Error("is no regular file");
        return readFileSync(place);
      } catch (error) {
        throw new CommandError(path, `the keyring cannot be read: ${hostReason(error)}`, { cause: error });
      }
    });
  return { mirror: uri, keyrings: [...keyrings, ...read] };
}

const COMPOSE_FAILURES: ReadonlySet<string> = new Set([
  "GraphError",
  "OutputError",
  "ScriptError",
  "CustomizeError",
  "OverlayError",
  "FormatError",
]);

/** What `work` throws, as the command line tells it. */
export async function telling<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TreefileError) throw treefileFailure(error);
    throw toldFailure(what, error, COMPOSE_FAILURES);
  }
}

function show(event: ComposeEvent, display: ProgressDisplay, isVerbose: boolean): void {
  switch (event.kind) {
    case "step": {
      const { event: step } = event;
      if (step.kind === "start") {
        if (isVerbose) display.note(`${step.id}: started`);
        return;
      }
      const why = step.reason === "" ? "" : `: ${step.reason}`;
      display.note(
        step.status === "failed" || step.status === "canceled"
          ? `stratos: ${step.id}: ${step.status}${why}`
          : `${step.id}: ${step.status}${why}` +
              `${step.status === "done" ? ` (${(step.milliseconds / 1000).toFixed(1)} s)` : ""}`,
      );
      return;
    }
    case "packages": {
      const { progress } = event;
      if (progress.phase === "index") return display.update("Reading package lists", 0, 0);
      if (progress.phase === "download")
        return display.update("Downloading packages", progress.doneBytes, progress.totalBytes, "bytes");
      if (progress.phase === "warning") return display.note(`stratos: ${progress.name}`);
      return;
    }
    case "build": {
      const { event: build } = event;
      if (build.kind === "unpack")
        return display.update(`Unpacking packages (${event.image})`, build.done, build.total);
      if (build.kind === "stage")
        return display.note(
          `build ${event.image}: stage ${build.stage}, ${build.packages} packages${build.isKept ? ", kept" : ""}`,
        );
      if (build.kind === "repeated")
        return display.note(`build ${event.image}: its scripts have seen nothing of what has changed`);
      if (isVerbose) display.note(`  ${build.line}`);
      return;
    }
    case "advice":
      return display.note(`stratos: note: ${printable(formatProblem(event.problem))}`);
    case "note":
      return display.note(`output ${event.image} ${event.output}: ${event.message}`);
    case "kept":
      if (isVerbose) display.note(`build ${event.image}: ${event.what} kept`);
  }
}
