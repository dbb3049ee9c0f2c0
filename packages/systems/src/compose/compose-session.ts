/** What a compose needs of a computer that runs Node: ports, runners, writers. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { compileLate, homeFolder, hostReason, readConfig, stratosHome } from "@stratos/host-node/home";
import {
  ComposeFolder,
  folderOutput,
  hashArtifact,
  ociOutputs,
  ostreeOutput,
  publishText,
  runHostProgram,
  tarOutput,
} from "@stratos/tools-node/compose";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import { TreefileError, type Archive, type ComposePorts, type ImageTarget, type OutputWriter } from "@stratos/compose";
import { OperationError } from "@stratos/operation";
import { chooseRunner } from "../scripts/choose-runner.ts";
import { toldFailure } from "@stratos/images/told-failures";
import { treefileFailure } from "./open-treefile.ts";
import { readFolder, readSource } from "./read-source.ts";

interface ComposeSession {
  readonly ports: ComposePorts;
  close(): Promise<void>;
}

export interface ComposeFolders {
  /** what is made goes into it */
  readonly output: string;
  /** files are looked for beside it */
  readonly treefile: string;
}

export interface ComposeSessionOptions {
  readonly targets: readonly ImageTarget[];
  readonly allowsHostHooks?: boolean;
  /** modules that are asked about each image */
  readonly plugins?: readonly string[];
  /** told what plugins print */
  readonly onPluginWords?: (message: string) => void;
  /** runs what may not give way for long; default: it is run, and what would stop the compose waits for it */
  readonly unheard?: <T>(work: () => Promise<T>) => Promise<T>;
}

export async function openComposeSession(
  folders: ComposeFolders,
  options: ComposeSessionOptions,
): Promise<ComposeSession> {
  compileLate(true);
  // What is broken is told before anything is made.
  const { plugins: files = [], onPluginWords = () => {} } = options;
  const plugins =
    files.length === 0
      ? null
      : await (await import("@stratos/hub/plugins")).JobPlugins.load(files, "image", onPluginWords);
  const home = stratosHome();
  const packages = nodePackagePorts(homeFolder(home, "downloads"));
  const folder = homeFolder(home, "compose");
  const store = new ComposeFolder(folder);
  const ports: ComposePorts = {
    packages,
    store,
    runner: (architecture, choice) => chooseRunner(architecture, choice, folder),
    outputs: (await outputWriters(folders, options.targets)).map((writer) => unheardWriter(writer, options.unheard)),
    publish: (path, text) => publishText(folders.output, path, text),
    checksum: (path, algorithm) => hashArtifact(folders.output, path, algorithm),
    readSource: (path) => readSource(resolve(dirname(folders.treefile), path)),
    readFolder: (path) => readFolder(resolve(dirname(folders.treefile), path)),
    ...(options.allowsHostHooks === true ? { runOnHost: (program) => runHostProgram(program, folders) } : {}),
    ...(plugins === null ? {} : { askPlugins: (at, signal) => plugins.ask("image", at, signal) }),
    after(milliseconds, action) {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    nowMs: () => performance.now(),
  };
  return {
    ports,
    async close() {
      store.close();
      await plugins?.close();
      await packages.close();
    },
  };
}

/** Those that write in one go: a disk of some gigabytes takes minutes. */
function unheardWriter(writer: OutputWriter, unheard: ComposeSessionOptions["unheard"]): OutputWriter {
  if (unheard === undefined || GIVE_WAY.has(writer.format)) return writer;
  return { ...writer, write: (job, path) => unheard(() => writer.write(job, path)) };
}

const GIVE_WAY: ReadonlySet<string> = new Set(["tar", "oci", "oci-archive"]);

/** What writes the outputs of these images, or says that it could not. */
export async function outputWriters(
  folders: ComposeFolders,
  targets: readonly ImageTarget[],
): Promise<readonly OutputWriter[]> {
  const formats = new Set(
    targets.flatMap(({ config }) => Object.values(config.outputs ?? {}).map(({ format }) => format)),
  );
  return [
    tarOutput(folders.output),
    folderOutput(folders.output),
    ...ociOutputs(folders.output, join(stratosHome(), "compose")),
    ostreeOutput(folders.output, async (...job) =>
      (await import("../packages/sign-repository.ts")).signRepository(...job),
    ),
    ...(await otherOutputs(folders, formats)),
  ];
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
        throw new OperationError("build", path, `the keyring cannot be read: ${hostReason(error)}`, { cause: error });
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
