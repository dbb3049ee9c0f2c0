/**
 * What is asked of the builder and what it answers: plain data, since it also crosses the wire between a hub and its
 * workers.
 */
import type { JsonObject } from "@stratos/compose";
import type { BinNmu, ChangelogEntry } from "./bin-nmu/changelog-entry.ts";

/** Where a source package is. Paths are the builder's host's. */
export type SourceReference =
  /** of the suite's source index; without a version, its newest */
  | { readonly kind: "name"; readonly name: string; readonly version?: string }
  /** a `.dsc` file with what it lists beside it */
  | { readonly kind: "dsc"; readonly path: string }
  /** an unpacked source tree, with `debian/` in it */
  | { readonly kind: "folder"; readonly path: string }
  /** a git repository with `debian/` in it; without a reference, what its HEAD names */
  | { readonly kind: "git"; readonly url: string; readonly reference?: string };

/** A repository besides the mirror's suite, whose packages may fulfil build dependencies. */
export interface ExtraRepository {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** What a build may use; what goes beyond ends it. */
export interface BuildLimits {
  /** of the whole build stage */
  readonly timeoutSeconds: number;
  /** without a line of output */
  readonly silenceSeconds: number;
  readonly memoryBytes: number;
  readonly processes: number;
  /** that the build may have on disk */
  readonly spaceBytes: number;
  /** of its log */
  readonly logBytes: number;
}

export const DEFAULT_LIMITS: BuildLimits = {
  timeoutSeconds: 6 * 3600,
  silenceSeconds: 150 * 60,
  memoryBytes: 16 * 1024 ** 3,
  processes: 4096,
  spaceBytes: 40 * 1024 ** 3,
  logBytes: 256 * 1024 ** 2,
};

export interface BuildRequest {
  readonly source: SourceReference;
  /** of Debian, `trixie` */
  readonly suite: string;
  /** Debian's name of what the root is of, and, but for cross builds, what is built for */
  readonly architecture: string;
  /** of a cross build: what packages are made for, by tools of `architecture` (dpkg-architecture(1), "host") */
  readonly hostArchitecture?: string;
  /** build profiles, `nocheck` */
  readonly profiles: readonly string[];
  /** `any`: packages of the architecture; `all`: those of none; default: both */
  readonly parts?: "both" | "any" | "all";
  /** default: the builder's own mirror */
  readonly mirror?: string;
  readonly components?: readonly string[];
  readonly repositories?: readonly ExtraRepository[];
  /** exactly these versions, as a `.buildinfo` names them; the resolver has no say then */
  readonly installed?: readonly { readonly name: string; readonly version: string; readonly architecture?: string }[];
  /** who decides the build dependencies: Stratos' own resolver (default), or apt of the base */
  readonly resolver?: "stratos" | "apt";
  /** further packages in the root */
  readonly packages?: readonly string[];
  /** where the tree is unpacked, as a `.buildinfo` names it; default: NAME-VERSION in the build folder */
  readonly buildPath?: string;
  /** compilations are looked up in a cache that builds of the same architecture share */
  readonly ccache?: boolean;
  /** further variables of the build */
  readonly environment?: Readonly<Record<string, string>>;
  /** what of the fixed surroundings is another on purpose, for `reprotest` */
  readonly variation?: BuildVariation;
  readonly limits?: Partial<BuildLimits>;
  /** how many jobs the build may run at once */
  readonly jobs?: number;
  /** the same source, built anew: packages get another version; those for all architectures are not made */
  readonly binNmu?: BinNmu | ChangelogEntry;
}

/** Surroundings that must not show in the result. */
export interface BuildVariation {
  readonly path?: string;
  readonly hostname?: string;
  readonly user?: string;
  readonly uid?: number;
  readonly timezone?: string;
  readonly locale?: string;
  readonly umask?: string;
  readonly home?: string;
  readonly jobs?: number;
  /** of NIS: what domainname(1) prints */
  readonly domain?: string;
  /** at the end of `PATH` */
  readonly searchPath?: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** for setarch(8), which forgets what another has set */
  readonly personality?: readonly string[];
  /** before the command that builds */
  readonly prefix?: readonly string[];
  /** what that needs in the root */
  readonly packages?: readonly string[];
  /** folders of the build are read in another order */
  readonly hasOtherOrder?: boolean;
}

export const STAGE_NAMES = ["Fetch", "Install-Deps", "Unpack", "Build", "Check", "Post"] as const;
export type StageName = (typeof STAGE_NAMES)[number];

export interface StageRecord {
  readonly name: StageName;
  readonly wallMs: number;
  /** of all processes of the stage */
  readonly cpuMs: number;
  /** the most memory that the stage's root had at once; 0: not known */
  readonly peakBytes: number;
}

/** `FLAKY`: failed, and its author expects that of it now and then. */
export type TestOutcome = "PASS" | "FAIL" | "SKIP" | "FLAKY";

export interface TestResult {
  readonly name: string;
  readonly outcome: TestOutcome;
  readonly why?: string;
}

export interface TestsResult {
  /** As autopkgtest(1) would end: 0 all passed, +2 some skipped, 4 failed, 8 there is nothing to run, 12 erroneous. */
  readonly status: number;
  readonly tests: readonly TestResult[];
}

/** What a build has made. `path` is where it lies on the builder's host. */
export interface Artefact {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * - `request`  what was asked for is nowhere: a suite or an architecture that the archive does not have
 * - `infrastructure`  the builder's own trouble: mirror, disk, namespaces
 * - `dependency-wait`  a build dependency cannot be had now; may pass when the archive changes
 * - `build`  the package's own
 * - `timeout`  longer, or silent for longer, than allowed
 * - `killed`  beyond a bound of memory, processes, space or output, or stopped by the user
 * - `hook`  a hook failed
 */
export type FailureKind = "request" | "infrastructure" | "dependency-wait" | "build" | "timeout" | "killed" | "hook";

export interface BuildFailure {
  readonly kind: FailureKind;
  readonly stage: StageName;
  readonly message: string;
}

export interface BuildResult {
  readonly status: "built" | "failed";
  readonly failure?: BuildFailure;
  readonly source?: { readonly name: string; readonly version: string };
  /** of the packages, where it is not the source's: a binNMU's */
  readonly binaryVersion?: string;
  /** build dependencies as they counted; absent: it did not come to that */
  readonly depends?: readonly string[];
  readonly suite: string;
  readonly architecture: string;
  /** of a cross build: what the packages are for */
  readonly hostArchitecture?: string;
  readonly stages: readonly StageRecord[];
  readonly artefacts: readonly Artefact[];
  /** the package's own tests, where they were asked for */
  readonly autopkgtest?: TestsResult;
  /** text of the `.buildinfo` */
  readonly buildinfo?: string;
  /** in-toto statement with SLSA provenance */
  readonly provenance?: JsonObject;
  /** keys of the layers that the root consisted of, the lowest first */
  readonly layers: readonly string[];
}

export type BuildEvent =
  | {
      readonly kind: "stage";
      readonly stage: StageName;
      readonly state: "started" | "done" | "failed";
      readonly record?: StageRecord;
    }
  /** of the log, in order; `offset` is the place of its first byte */
  | { readonly kind: "log"; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: "note"; readonly message: string }
  | {
      readonly kind: "progress";
      readonly what: string;
      readonly done: number;
      readonly total: number;
      readonly unit?: "bytes";
    };

export type OnBuildEvent = (event: BuildEvent) => void;
