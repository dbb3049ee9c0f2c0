/**
 * What composing needs of the world outside. Node's are in `host-node` (`@stratos/tools-node/compose`) and `cli`; tests
 * bring their own.
 */
import type { FileEntry, FileTree } from "@stratos/formats";
import type { PackagePorts } from "@stratos/pkg";
import type { KeyPath } from "./treefile/positions.ts";
import type { HostPoint } from "./treefile/schema-content.ts";
import type { ImageTarget } from "./treefile/treefile.ts";
import type { OutputConfig } from "./treefile/schema-output.ts";

/**
 * A file of the store that does not change any more. Reading is synchronous: its content is looked at from within
 * formats.
 */
export interface Pack {
  readonly sizeBytes: number;
  /** @returns bytes copied: `into.length`, less only at the end */
  read(offset: number, into: Uint8Array): number;
}

/** A folder of files that are made once, under names of plain ASCII words with `/` between. */
export interface ComposeStore {
  /** undefined when there is no such file */
  read(path: string): Promise<Uint8Array | undefined>;
  /** makes the file visible at once and whole */
  write(path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
  remove(path: string): Promise<void>;
  /**
   * The file for reading in parts, undefined when there is none. The same object for the same name; the store closes
   * it.
   */
  open(path: string): Pack | undefined;
  /**
   * A text that is another whenever what the file holds may be; undefined when that cannot be told, or there is no such
   * file.
   */
  fingerprint(path: string): string | undefined;
}

/** What a script has changed in a tree. */
export interface TreeChanges {
  readonly removed: readonly string[];
  /**
   * entries that are new or different, whole, in the tree's order; hard links name a file of this list or of the tree
   */
  readonly changed: readonly FileEntry[];
  /** when the job asked for it and the runner can tell */
  readonly observations?: Observations | undefined;
}

/** What scripts have seen of the tree that they were given: paths, whether anything is there or not. */
export interface Observations {
  /** names that were looked up; of what is no folder, attributes and targets come with the name */
  readonly names: readonly string[];
  /** folders whose attributes were asked for */
  readonly attributes: readonly string[];
  /** folders that were listed */
  readonly listings: readonly string[];
  /** files that were read, by the first of their names */
  readonly contents: readonly string[];
  /** what is no folder, was there, and was looked up by ldconfig alone; not among `names` */
  readonly libraries: readonly string[];
  /** packages that dpkg-query was asked for; `*`: it may have been for any */
  readonly queries: readonly string[];
}

export interface ScriptJob {
  readonly tree: FileTree;
  readonly architecture: string;
  /** path of a shell script within the tree */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly hasNetwork: boolean;
  /** the clock of a machine that keeps its own time begins here */
  readonly epochSeconds: number;
  /** what the scripts see of the tree is of interest */
  readonly isObserved: boolean;
  /** where the host has the tree already: who runs the script there need not copy it */
  readonly place?: TreePlace;
  readonly signal: AbortSignal;
  /** lines of what the script prints */
  readonly onLine: (line: string) => void;
}

/** A folder of the host that holds a tree and stays as it is meanwhile; `brought` is what only the tree has besides. */
export interface TreePlace {
  readonly folder: string;
  readonly brought: FileTree;
}

/** Runs scripts with the tree as their root, without touching the tree. */
export interface ScriptRunner {
  /** goes into the keys of results: runners whose results could differ have different ids */
  readonly id: string;
  /** @throws ScriptError  the script failed, or could not be run; by then nothing of it is left on the host */
  run(job: ScriptJob): Promise<TreeChanges>;
}

/** A script ended with a failure, or cannot be run here. */
export class ScriptError extends Error {
  override name = "ScriptError";
}

/** A file or folder that an output has made. */
export interface Artifact {
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * of the file; of what is no single file, the digest that names its content (a manifest, a commit, the tree as an
   * archive)
   */
  readonly sha256: string;
  readonly mediaType: string;
  /** a single file of the compose's folder */
  readonly isFile: boolean;
}

export interface TreeLayer {
  /** what it holds, for people */
  readonly name: string;
  readonly tree: FileTree;
}

export interface OutputJob {
  readonly name: string;
  readonly target: ImageTarget;
  readonly config: OutputConfig;
  readonly tree: FileTree;
  /**
   * the same tree, or one made of its files, in layers, from the bottom up, of which few change when few packages do
   */
  layers(own?: FileTree): readonly TreeLayer[];
  readonly epochSeconds: number;
  readonly signal: AbortSignal;
  /** what who made the image should know of this output: a sentence */
  readonly onNote: (message: string) => void;
}

/** What of an output's configuration cannot be; the key is one within it. */
export interface OutputProblem {
  readonly key: KeyPath;
  readonly message: string;
}

/** Writes a tree in some format. */
export interface OutputWriter {
  readonly format: OutputConfig["format"];
  /** several images may go under one name: an index, a repository */
  readonly isShared?: true;
  /** default name of what it makes, with the variables of treefiles */
  filename(config: OutputConfig): string;
  /** @param path  name within the compose's folder */
  write(job: OutputJob, path: string): Promise<Artifact[]>;
  /** whether what an earlier compose made is still there, unchanged */
  has(artifact: Artifact): Promise<boolean>;
  /** what cannot be, whatever the tree */
  problems?(config: OutputConfig): readonly OutputProblem[];
}

/** A program of the host itself, as a treefile's `host-hooks` name it. */
export interface HostProgram {
  readonly command: readonly string[];
  /** from the treefile's folder */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

export interface ComposePorts {
  readonly packages: PackagePorts;
  readonly store: ComposeStore;
  /** @throws ScriptError  nothing here can run programs of the architecture */
  runner(architecture: string, choice: "auto" | "stratos" | "native"): ScriptRunner;
  readonly outputs: readonly OutputWriter[];
  /** Writes a small file into the compose's folder. */
  publish(path: string, text: string): Promise<Artifact>;
  /** The hash of a file of the compose's folder, in hexadecimal digits. */
  checksum(path: string, algorithm: "sha512"): Promise<string>;
  /** A file beside the treefile; undefined when there is none. */
  readSource(path: string): Promise<Uint8Array | undefined>;
  /** A folder beside the treefile, with the host's owners and modes; undefined when there is none. */
  readFolder(path: string): Promise<FileTree | undefined>;
  /**
   * Runs a program on the host; undefined where none may be.
   *
   * @throws ScriptError  it is not there, has not ended in time, or has failed: with its last words
   */
  runOnHost?(program: HostProgram): Promise<void>;
  /** Asks plugins about an image. @returns why the compose shall fail; undefined: none says so */
  askPlugins?(
    at: {
      readonly point: HostPoint;
      readonly name: string;
      readonly version: string;
      readonly variant: string;
      readonly architecture: string;
      readonly artifacts: readonly string[];
    },
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** calls `action` after `milliseconds`, unless the function that it returns has been called */
  after(milliseconds: number, action: () => void): () => void;
  nowMs(): number;
}
