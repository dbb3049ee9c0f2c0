/**
 * What building needs of the world outside. Node's are in `host-node` (`@stratos/tools-node/builder`) and `cli`; tests
 * bring their own.
 */
import type { Archive, ComposeStore, JsonObject, ScriptRunner } from "@stratos/compose";
import type { FileTree } from "@stratos/formats";
import type { PackagePorts } from "@stratos/pkg";
import type { BuildLimits, StageName } from "./build-request.ts";

/** The builder's own trouble: nothing that the package has done. */
export class InfrastructureError extends Error {
  override name = "InfrastructureError";
}

/** What is known of a layer of roots. */
export interface LayerInfo {
  readonly key: string;
  readonly kind: "base" | "deps" | "whole";
  readonly suite: string;
  readonly architecture: string;
  /** `NAME=VERSION`, of this layer */
  readonly packages: readonly string[];
}

/** What a layer holds beyond the ones below it. */
export interface LayerContent {
  readonly tree: FileTree;
  /** paths of the layers below that are not there any more */
  readonly removed: readonly string[];
}

/** A file or folder of the builder's host that goes into a root, in its own place or as a name of the build folder. */
export interface BroughtFile {
  readonly from: string;
  readonly name: string;
}

/** Where ccache(1) finds what it has kept. */
export const COMPILER_CACHE = "/ccache";

export interface CloneSettings {
  readonly architecture: string;
  readonly hostname: string;
  /** a machine that keeps its own time begins a day after this */
  readonly epochSeconds: number;
  readonly user: { readonly name: string; readonly id: number };
  /** below `/`, made for the user */
  readonly buildFolder: string;
  /** a folder that outlives the build, at {@link COMPILER_CACHE} */
  readonly hasCompilerCache?: boolean;
  /** of NIS; undefined: the host's */
  readonly domain?: string | undefined;
  /** folders of the build are read in another order than those of other clones */
  readonly hasOtherOrder?: boolean;
  readonly limits: BuildLimits;
  readonly signal: AbortSignal;
}

export interface RootCommand {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** absolute, in the root */
  readonly folder: string;
  readonly umask: string;
  readonly asRoot?: boolean;
  readonly hasNetwork?: boolean;
  /** on the caller's terminal rather than to `onOutput` */
  readonly isInteractive?: boolean;
  readonly onOutput: (bytes: Uint8Array) => void;
}

export interface RootExit {
  readonly status: number;
  /** what ended it before its own end */
  readonly stopped?: { readonly kind: "timeout" | "killed"; readonly why: string };
  /** undefined: not counted by itself */
  readonly cpuMs: number | undefined;
  /** 0: not known */
  readonly peakBytes: number;
}

/** A root of one build. What is written in it is in no layer. */
export interface CleanRoot {
  /** where it is, for people */
  readonly place: string;
  /** @throws InfrastructureError */
  bring(files: readonly BroughtFile[]): Promise<void>;
  /** A file of the build folder, which is there already. @throws InfrastructureError */
  write(name: string, content: Uint8Array): Promise<void>;
  /** @throws InfrastructureError  the command could not be started */
  run(command: RootCommand): Promise<RootExit>;
  /** A regular file of the build folder, by its plain name; undefined: there is none, or it is something else. */
  read(name: string, sizeMax: number): Promise<Uint8Array | undefined>;
  /** Copies such a file out, whole or not at all. @returns undefined: there is none, or it is something else */
  take(name: string, target: string): Promise<{ readonly size: number; readonly sha256: string } | undefined>;
  /** Removes it, or leaves it where it is for whoever wants to look. */
  drop(): Promise<void>;
}

/** Where roots are: one of several ways to have O(1) clones of layers. */
export interface RootCarrier {
  /** goes into records */
  readonly id: string;
  /** whether roots are stacks of layers; else each is written whole, under the key of its uppermost */
  readonly isLayered: boolean;
  /** What of a build's surroundings cannot be another here, by reprotest's names, and why. */
  fixed(): Readonly<Record<string, string>>;
  /** Why programs of an architecture are not run here; asked before the packages of a root are fetched. */
  obstacle(architecture: string): string | undefined;
  has(key: string): Promise<boolean>;
  /** Makes the layer visible at once and whole. */
  write(info: LayerInfo, content: LayerContent): Promise<void>;
  /** @param layers  keys, the lowest first @throws InfrastructureError */
  clone(layers: readonly string[], settings: CloneSettings): Promise<CleanRoot>;
}

/** Source packages of the builder's host. */
export interface SourceFiles {
  /** undefined when there is no such file */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * A file of a source's tree, which may be anybody's: what leads out of the tree, is no regular file or is too large
   * is not opened.
   *
   * @returns undefined when there is no such file; a text says why it is not read
   */
  readWithin(tree: string, name: string, sizeMax: number): Promise<Uint8Array | string | undefined>;
  /** absolute path of what lies beside another file */
  beside(path: string, name: string): string;
  /** the path on the host of a file in the store of downloads */
  stored(path: string): string;
  /** Clones a repository, at a reference. @returns the folder, and the commit @throws InfrastructureError */
  checkout(
    url: string,
    reference: string | undefined,
  ): Promise<{ readonly folder: string; readonly commit: string; remove(): Promise<void> }>;
}

/** Something that the user wants to happen before or after a stage. */
export interface HookJob {
  readonly when: "pre" | "post";
  readonly stage: StageName;
  /** what is known by then; a hook reads it as JSON */
  readonly context: JsonObject;
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

export interface HookRunner {
  /** Runs all hooks of the point. @returns what the first that failed says; undefined: none did */
  run(job: HookJob): Promise<string | undefined>;
}

export interface BuilderPorts {
  readonly packages: PackagePorts;
  /** of composes: packages taken apart, and trees made of them */
  readonly store: ComposeStore;
  /** of maintainer scripts while layers are made @throws ScriptError */
  runner(architecture: string): ScriptRunner;
  readonly archive: Archive;
  readonly carrier: RootCarrier;
  readonly sources: SourceFiles;
  readonly hooks: HookRunner;
  /** where artefacts go; names are plain */
  output(name: string): string;
  /** of Stratos */
  readonly version: string;
  readonly signal: AbortSignal;
  nowMs(): number;
  /** processor time of this process, and of those that it has waited for */
  cpuMs(): { readonly own: number; readonly children: number };
  /** Called with the root of a build that has failed, before it is dropped. */
  onFailedRoot?(root: CleanRoot, command: RootCommand): Promise<void>;
}
