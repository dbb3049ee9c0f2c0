/**
 * From an image's configuration to the packages that it will consist of: the signed index, the resolver, and the order
 * of stages.
 */
import {
  insteadOfTask,
  packagesOfTask,
  planImage,
  readVerified,
  download,
  inParallel,
  type BinaryPackage,
  type Keyring,
  type OnProgress,
  type PackageIndex,
  type PackagePorts,
  type RelationField,
  type WantedFile,
} from "@stratos/pkg";
import { compilePattern, isPattern } from "../treefile/pattern.ts";
import type { BaseName } from "../treefile/schema-packages.ts";
import type { ImageTarget } from "../treefile/treefile.ts";
import { SharedWork } from "../phase/shared-work.ts";
import { BESIDE_TREEFILE, PackageFiles, readPackageFiles, takePackageFile, type FilePorts } from "./package-files.ts";
import {
  allPackages,
  LockError,
  packageRequest,
  STAGES,
  type LockedImage,
  type LockedPackage,
  type StageName,
} from "./lock.ts";

export interface Archive {
  readonly mirror: string;
  /** trusted besides the keys of Debian that Stratos brings */
  readonly keyrings: readonly Keyring[];
}

/** A pattern over the archive's names matches none. */
export class PatternError extends LockError {
  readonly requests: readonly string[];
  constructor(pattern: string, instead = "") {
    super(`no package matches ${pattern}${instead}`);
    this.requests = [pattern];
  }
}

/** @throws what `planImage` throws; PatternError, PackageFileError */
export async function resolveImage(
  ports: FilePorts,
  target: ImageTarget,
  archive: Archive,
  onProgress: OnProgress,
): Promise<LockedImage> {
  const { base, packages = [], build = {} } = target.config;
  const world: Choosing = {
    ports: ports.packages,
    target,
    archive,
    onProgress,
    files: await readPackageFiles(ports, target),
  };
  const { plan, binaries } = await choose(world, (index) => expandPatterns(packages, index, world.files));
  const locked = lockPackages(world, { plan, binaries }, stagesOf(binaries, offers(binaries), target.architecture));
  const forScripts = build.packages ?? [];
  if (forScripts.length > 0 && base === "none")
    throw new LockError("build.packages: an image without a base has nothing that could configure them");
  return {
    request: packageRequest(target),
    suite: plan.suite,
    codename: plan.codename,
    release: plan.version,
    dateSeconds: plan.dateSeconds,
    mirror: plan.mirror,
    components: plan.components,
    signers: plan.signers,
    packages: locked,
    ...(forScripts.length === 0 ? {} : { build: await resolveBuild(world, locked) }),
  };
}

/** What scripts need besides the image, whose packages stay as they are. */
async function resolveBuild(world: Choosing, image: readonly LockedPackage[]): Promise<readonly LockedPackage[]> {
  const names = new Set(image.map(({ name }) => name));
  const chosen = await choose(world, (index) => [
    ...image.map(({ name, version }) => `${name}=${version}`),
    ...expandPatterns(world.target.config.build!.packages!, index, world.files),
  ]);
  const stages = new Map(
    chosen.binaries.map((one): [BinaryPackage, StageName] => [one, names.has(one.name) ? "image" : "build"]),
  );
  return lockPackages(world, chosen, stages).filter(({ stage }) => stage === "build");
}

type Chosen = Awaited<ReturnType<typeof planImage>>;

/** One image's choice of packages. */
interface Choosing {
  readonly ports: PackagePorts;
  readonly target: ImageTarget;
  readonly archive: Archive;
  readonly onProgress: OnProgress;
  readonly files: PackageFiles;
}

function choose(
  { ports, target, archive, onProgress, files }: Choosing,
  names: (index: PackageIndex) => string[],
): Promise<Chosen> {
  const {
    suite = "trixie",
    components = ["main"],
    repositories = {},
    base = "minbase",
    recommends = false,
    exclude = [],
  } = target.config;
  const isExcluded = exclude.map((pattern) => compilePattern(pattern));
  return planImage(
    ports,
    {
      mirror: target.config.mirror ?? archive.mirror,
      keyrings: archive.keyrings,
      suite,
      components,
      architecture: target.architecture,
      variant: base === "important" || base === "standard" ? "minbase" : base,
      recommends,
      packages: [],
      extraSources: Object.values(repositories).map((one) => ({
        uri: one.uri.replace(/\/+$/, ""),
        suite: one.suite,
        components: one.components ?? ["main"],
        ...(one.priority === undefined ? {} : { priority: one.priority }),
      })),
      choosePackages(index) {
        files.addTo(index, target.architecture);
        if (isExcluded.length > 0)
          index.setPriorities((one) => (isExcluded.some((matches) => matches(one.name)) ? -1 : one.origin.priority));
        const priorities = PRIORITIES[base];
        return priorities === undefined ? names(index) : [...ofPriority(index, priorities), ...names(index)];
      },
    },
    onProgress,
  );
}

/**
 * Bases that are told by priority, as debootstrap's and mmdebstrap's variants of these names are. Source: Debian Policy
 * §2.5.
 */
const PRIORITIES: Readonly<Partial<Record<BaseName, readonly string[]>>> = {
  important: ["important"],
  standard: ["important", "standard"],
};

/** Packages of these priorities that an image may have. */
function ofPriority(index: PackageIndex, priorities: readonly string[]): string[] {
  return [...index.names()].filter((name) => priorities.includes(index.candidate(name)?.priority ?? "")).sort();
}

/**
 * The lock of packages that were chosen otherwise than by a treefile: the image's in their stages, the others as what
 * is there for scripts only.
 *
 * @param chosen  packages in the order of unpacking, with what a plan says of each
 * @param isOfImage  closed under dependencies
 */
export function lockChosen(
  chosen: { readonly plan: Pick<Chosen["plan"], "packages">; readonly binaries: Chosen["binaries"] },
  architecture: string,
  isOfImage: (one: BinaryPackage) => boolean,
): LockedPackage[] {
  const own = chosen.binaries.filter(isOfImage),
    stages = stagesOf(own, offers(own), architecture);
  for (const one of chosen.binaries) if (!stages.has(one)) stages.set(one, "build");
  return lockPackages({ files: new PackageFiles([]) }, chosen, stages);
}

function lockPackages(
  { files }: Pick<Choosing, "files">,
  { plan, binaries }: { readonly plan: Pick<Chosen["plan"], "packages">; readonly binaries: Chosen["binaries"] },
  stages: ReadonlyMap<BinaryPackage, StageName>,
): LockedPackage[] {
  const rounds = roundsOf(binaries, offers(binaries), stages);
  const locked = binaries.map((one, index): LockedPackage => {
    const { name, version, architecture, sizeBytes, sha256, url, isAutomatic } = plan.packages[index]!,
      round = rounds.get(one) ?? 0;
    return {
      name,
      version,
      architecture,
      sizeBytes,
      sha256,
      url: files.urlOf(url, sha256),
      stage: stages.get(one)!,
      ...(round > 0 ? { round } : {}),
      isAutomatic,
      source: one.source,
    };
  });
  return STAGES.flatMap((stage) =>
    locked.filter((one) => one.stage === stage).sort((left, right) => (left.round ?? 0) - (right.round ?? 0)),
  );
}

function expandPatterns(packages: readonly string[], index: PackageIndex, files: PackageFiles): string[] {
  const names = new Set<string>();
  let all: string[] | undefined;
  for (const item of packages) {
    const one = files.requestOf(item);
    if (one.endsWith("^")) {
      const members = packagesOfTask(index, one.slice(0, -1));
      if (members.length === 0) throw new PatternError(one, insteadOfTask(index, one.slice(0, -1)));
      for (const name of members) names.add(name);
      continue;
    }
    if (one !== item || !isPattern(one)) {
      names.add(one);
      continue;
    }
    all ??= [...index.names()].sort();
    const matches = compilePattern(one);
    const found = all.filter((name) => matches(name) && index.candidate(name) !== undefined);
    if (found.length === 0) throw new PatternError(one);
    for (const name of found) names.add(name);
  }
  return [...names];
}

type Offers = ReadonlyMap<string, readonly BinaryPackage[]>;

/**
 * Which packages can stand for a name. The set is consistent, so each of them can; taking all errs on the safe side.
 */
function offers(binaries: readonly BinaryPackage[]): Offers {
  const byName = new Map<string, BinaryPackage[]>();
  const offer = (name: string, one: BinaryPackage): void => {
    const others = byName.get(name);
    if (others === undefined) byName.set(name, [one]);
    else others.push(one);
  };
  for (const one of binaries) {
    offer(one.name, one);
    for (const { name } of one.provides) offer(name, one);
  }
  return byName;
}

/** Beyond it packages wait for each other in a circle, which dpkg breaks somewhere, and we by one round. */
const ROUNDS_MAX = 16;

/**
 * A package whose script may run before it is unpacked needs what it pre-depends on configured by then (Debian Policy
 * §7.2), and so comes a round later. Essential ones need no rounds: all are unpacked first.
 */
function roundsOf(
  binaries: readonly BinaryPackage[],
  byName: Offers,
  stages: ReadonlyMap<BinaryPackage, StageName>,
): ReadonlyMap<BinaryPackage, number> {
  const rounds = new Map<BinaryPackage, number>();
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const one of binaries) {
      if (stages.get(one) === "essential") continue;
      let round = rounds.get(one) ?? 0;
      for (const [field, step] of [
        ["Pre-Depends", 1],
        ["Depends", 0],
      ] as const) {
        for (const { name } of one.relations(field).flat()) {
          for (const other of byName.get(name) ?? [])
            if (other !== one && stages.get(other) === stages.get(one))
              round = Math.max(round, (rounds.get(other) ?? 0) + step);
        }
      }
      if (round === (rounds.get(one) ?? 0)) continue;
      if (round > ROUNDS_MAX) return new Map();
      rounds.set(one, round);
      isChanged = true;
    }
  }
  return rounds;
}

/** What the essential packages need is the first stage, what the required ones and apt need is the second. */
function stagesOf(
  binaries: readonly BinaryPackage[],
  byName: Offers,
  architecture: string,
): Map<BinaryPackage, StageName> {
  const stages = new Map<BinaryPackage, StageName>();
  const take = (one: BinaryPackage, stage: StageName): void => {
    const stack = [one];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (stages.has(next)) continue;
      stages.set(next, stage);
      for (const field of ["Pre-Depends", "Depends"] satisfies RelationField[]) {
        for (const dependency of next.relations(field))
          for (const { name } of dependency) stack.push(...(byName.get(name) ?? []));
      }
    }
  };
  for (const one of binaries) if (one.isEssential) take(one, "essential");
  for (const one of binaries) if (one.priority === "required" || one.name === "apt") take(one, "base");
  for (const one of binaries) take(one, "image");
  // Without the essential ones nothing can be configured, so smaller sets are one stage.
  if (!binaries.some((one) => one.isEssential && one.architecture === architecture))
    for (const one of binaries) stages.set(one, "image");
  return stages;
}

/** @param mirrors  tried before the place that the lock names, for what is below the mirror that it was made from */
function wantedFile(one: LockedPackage, mirrors: { locked: string; now: string } | undefined = undefined): WantedFile {
  const own =
    mirrors !== undefined && one.url.startsWith(`${mirrors.locked}/`)
      ? mirrors.now + one.url.slice(mirrors.locked.length)
      : one.url;
  return {
    urls: [...new Set([own, one.url])],
    path: `debs/${one.sha256.slice(0, 2)}/${one.sha256}.deb`,
    sizeBytes: one.sizeBytes,
    sha256: one.sha256,
  };
}

const DOWNLOADS_AT_ONCE = 6;

/**
 * Brings packages into the store of downloads.
 *
 * @throws FetchError, IntegrityError
 */
export async function fetchPackages(
  ports: FilePorts,
  locked: Pick<LockedImage, "packages" | "build" | "mirror">,
  mirror: string,
  options: { onProgress: OnProgress; signal: AbortSignal; shared?: SharedWork<void> },
): Promise<void> {
  const { onProgress, signal, shared = new SharedWork() } = options;
  const packages = allPackages(locked);
  const totalBytes = packages.reduce((sum, one) => sum + one.sizeBytes, 0);
  let doneBytes = 0,
    doneFiles = 0;
  await inParallel(packages, DOWNLOADS_AT_ONCE, async (one) => {
    signal.throwIfAborted();
    let ownBytes = 0;
    await shared.do(one.sha256, () =>
      one.url.startsWith(BESIDE_TREEFILE)
        ? takePackageFile(ports, one)
        : download(ports.packages, wantedFile(one, { locked: locked.mirror, now: mirror }), (count) => {
            ownBytes += count;
            doneBytes += count;
            onProgress({
              phase: "download",
              name: one.name,
              doneBytes,
              totalBytes,
              doneFiles,
              totalFiles: packages.length,
            });
          }),
    );
    // What was there already, or came for another image.
    doneBytes += Math.max(0, one.sizeBytes - ownBytes);
    doneFiles++;
  });
}

/** A package's bytes from the store of downloads. @throws LockError  it is not there any more */
export async function readPackage(ports: PackagePorts, one: LockedPackage): Promise<Uint8Array> {
  const bytes = await readVerified(ports, wantedFile(one));
  if (bytes === undefined) throw new LockError(`${one.name} ${one.version}: was downloaded and is not there any more`);
  return bytes;
}
