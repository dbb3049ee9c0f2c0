/**
 * Which packages a build's root consists of. The base is the same for all builds of a suite: what is essential and
 * required, apt, and what sbuild calls core (build-essential, fakeroot). Above it comes what the source asks for, as
 * one package that nobody installs:
 *
 *     Package: stratos-build-depends     resolved over base = version, …; what that adds is the layer of build
 *     dependencies
 *     Depends: …  Conflicts: …
 *
 * Where that cannot be had with the base as it is (a Build-Conflicts, another version), the root is chosen anew as a
 * whole.
 */
import { lockChosen, type Archive, type LockedImage, type LockedPackage } from "@stratos/compose";
import {
  loadRepository,
  PackageIndex,
  packageFile,
  resolve,
  UnsatisfiableError,
  unpackOrder,
  repositoryError,
  variantPackages,
  type BinaryPackage,
  type PackagePorts,
  type Release,
  type ResolvedPackage,
} from "@stratos/pkg";
import type { BuildRequest, OnBuildEvent } from "../build-request.ts";
import type { BuildNeeds } from "../dependencies/build-relations.ts";
import { InfrastructureError } from "../ports.ts";
import { chainsTo } from "./chains.ts";
import { keyringsOf, placeOf, repositoriesOf } from "./archive-place.ts";

/**
 * What every source may take for granted besides essential packages. Source: Debian Policy §4.2; sbuild, CORE_DEPENDS.
 */
const CORE = ["build-essential", "fakeroot"];
export const DUMMY = "stratos-build-depends";

export interface RootPlan {
  /** undefined: the root is one whole */
  readonly base: LockedImage | undefined;
  /** all of it, the base's packages first */
  readonly root: LockedImage;
  /** who brought each package that is not of the base: for `why` */
  readonly reasons: readonly PackageReason[];
}

export interface PackageReason {
  readonly name: string;
  readonly version: string;
  /** undefined: the source itself */
  readonly neededBy: string | undefined;
  readonly because: string;
}

export type RootRequest = Pick<
  BuildRequest,
  "suite" | "architecture" | "hostArchitecture" | "mirror" | "components" | "repositories" | "packages" | "installed"
>;

/** What somebody else's resolver chose, over the base. */
export interface ChosenRoot {
  /** Versions, by name. */
  readonly installed: ReadonlyMap<string, string>;
  readonly removed: ReadonlySet<string>;
  /** Nothing of the base is removed, or has another version. */
  readonly isBaseKept: boolean;
}

/** @param given.dummy  stanza of the package whose dependencies are wanted; it is in the index */
export type ChooseRoot = (given: {
  readonly base: LockedImage;
  readonly index: PackageIndex;
  readonly dummy: string;
}) => Promise<ChosenRoot>;

/**
 * @param needs  undefined: the base alone
 * @param choose  instead of our own resolver
 * @throws UnsatisfiableError  what is asked for cannot be had now
 * @throws ReleaseError, FetchError, IntegrityError, MirrorError
 */
export async function planRoot(
  ports: { readonly packages: PackagePorts; readonly archive: Archive },
  request: RootRequest,
  needs: BuildNeeds | undefined,
  onEvent: OnBuildEvent,
  choose?: ChooseRoot,
): Promise<RootPlan> {
  const { architecture } = request;
  // A base is the same whatever is built on it.
  const hostArchitecture = needs === undefined ? undefined : request.hostArchitecture;
  const { index, release } = await loadIndex(
    ports,
    request,
    hostArchitecture === undefined ? [architecture] : [architecture, hostArchitecture],
    onEvent,
  );
  const circumstances = circumstancesOf(ports.archive, request, release);
  const lock = (binaries: readonly BinaryPackage[], isOfBase: (one: BinaryPackage) => boolean): LockedImage => ({
    ...circumstances,
    packages: lockChosen(
      { binaries: [...binaries], plan: { packages: binaries.map(describe) } },
      architecture,
      isOfBase,
    ),
  });
  const order = (resolved: readonly ResolvedPackage[]): BinaryPackage[] =>
    unpackOrder(
      resolved.map((one) => one.package).filter(({ name }) => name !== DUMMY),
      index,
      architecture,
    );

  if (request.installed !== undefined) {
    const pins = request.installed.map(({ name, version }) => `${name}=${version}`);
    const chosen = resolve(index, { install: [...pins, ...CORE.slice(1)] }, architecture);
    return { base: undefined, root: lock(order(chosen), () => true), reasons: reasonsOf(chosen) };
  }
  const wanted = [...new Set([...variantPackages(index, "minbase"), ...CORE])];
  const baseOrder = order(resolve(index, { install: wanted }, architecture)),
    inBase = new Set(baseOrder);
  const base = lock(baseOrder, () => true);
  const depends = [...(needs?.depends ?? []), ...(request.packages ?? [])],
    conflicts = needs?.conflicts ?? [];
  if (depends.length + conflicts.length === 0) return { base, root: base, reasons: [] };

  const dummyArchitecture = hostArchitecture ?? architecture,
    wantedDummy = hostArchitecture === undefined ? DUMMY : `${DUMMY}:${hostArchitecture}`;
  const dummy = dummyText(dummyArchitecture, depends, conflicts);
  index.addNamed(dummy, { name: "this build", baseUrl: "none:", priority: 500 }, dummyArchitecture);
  if (choose !== undefined) {
    const chosen = await choose({ base, index, dummy });
    const all = allOf(index, baseOrder, chosen);
    const resolved = chainsTo(index.candidate(DUMMY)!, all);
    const added = order(resolved).filter((one) => !inBase.has(one));
    return {
      base: chosen.isBaseKept ? base : undefined,
      root: chosen.isBaseKept
        ? lock([...baseOrder, ...added], (one) => inBase.has(one))
        : lock(order(resolved), () => true),
      reasons: reasonsOf(resolved.filter((one) => !inBase.has(one.package))),
    };
  }
  try {
    const all = resolve(
      index,
      { install: [...baseOrder.map(({ name, version }) => `${name}=${version}`), wantedDummy] },
      architecture,
    );
    const added = order(all).filter((one) => !inBase.has(one));
    return {
      base,
      root: lock([...baseOrder, ...added], (one) => inBase.has(one)),
      reasons: reasonsOf(all.filter((one) => !inBase.has(one.package))),
    };
  } catch (error) {
    if (!(error instanceof UnsatisfiableError)) throw error;
    const whole = resolve(
      index,
      { install: [...variantPackages(index, "essential"), ...CORE, wantedDummy] },
      architecture,
    );
    onEvent({
      kind: "note",
      message: "what the source asks for does not go with the base, so its root is made as a whole",
    });
    return { base: undefined, root: lock(order(whole), () => true), reasons: reasonsOf(whole) };
  }
}

/** The base, as it is then. @throws InfrastructureError  what was chosen is not in the index */
function allOf(
  index: PackageIndex,
  base: readonly BinaryPackage[],
  { installed, removed }: ChosenRoot,
): readonly BinaryPackage[] {
  const found = [...installed].map(([name, version]) => {
    const one = index.versions(name).find((other) => other.version === version);
    if (one === undefined) throw new InfrastructureError(`${name} ${version} was chosen, and is in no list`);
    return one;
  });
  return [...base.filter(({ name }) => !installed.has(name) && !removed.has(name)), ...found];
}

async function loadIndex(
  ports: { readonly packages: PackagePorts; readonly archive: Archive },
  request: RootRequest,
  architectures: readonly string[],
  onEvent: OnBuildEvent,
): Promise<{ index: PackageIndex; release: Release }> {
  const index = new PackageIndex(request.architecture),
    keyrings = keyringsOf(ports.archive),
    mirror = placeOf(ports.archive, request),
    places = [mirror, ...repositoriesOf(request)];
  const lists = architectures.flatMap((architecture) => places.map((place) => ({ ...place, architecture })));
  let first: Release | undefined;
  for (const { uri, suite, components, architecture } of lists) {
    onEvent({ kind: "progress", what: "Reading package lists", done: 0, total: 0 });
    const release = await loadRepository(
      ports.packages,
      { uri, suite, components, architecture, keyrings },
      index,
      (progress) => {
        if (progress.phase === "warning") onEvent({ kind: "note", message: progress.name });
      },
    ).catch((error: unknown) => {
      throw repositoryError({ uri, suite }, uri === mirror.uri, error);
    });
    first ??= release;
  }
  return { index, release: first! };
}

function circumstancesOf(archive: Archive, request: RootRequest, release: Release): Omit<LockedImage, "packages"> {
  const { uri, suite, components } = placeOf(archive, request);
  return {
    request: "builder",
    suite,
    codename: release.codename,
    release: release.version,
    dateSeconds: release.dateSeconds,
    mirror: uri,
    components,
    signers: release.signers,
  };
}

/** Numbers of a file that nobody fetches, since what describes packages asks for them. */
function dummyText(architecture: string, depends: readonly string[], conflicts: readonly string[]): string {
  return (
    `Package: ${DUMMY}\nVersion: 0\nArchitecture: ${architecture}\n` +
    (depends.length === 0 ? "" : `Depends: ${depends.join(", ")}\n`) +
    (conflicts.length === 0 ? "" : `Conflicts: ${conflicts.join(", ")}\n`)
  );
}

function describe(
  one: BinaryPackage,
): Omit<LockedPackage, "stage" | "round" | "source"> & { installedKiB: number; because: string } {
  const { sizeBytes, sha256, urls } = packageFile(one);
  return {
    name: one.name,
    version: one.version,
    architecture: one.architecture,
    sizeBytes,
    sha256,
    url: urls[0]!,
    isAutomatic: false,
    installedKiB: one.installedSizeKiB,
    because: "",
  };
}

function reasonsOf(resolved: readonly ResolvedPackage[]): PackageReason[] {
  return resolved
    .filter(({ package: { name } }) => name !== DUMMY)
    .map(({ package: { name, version }, neededBy, because }) => ({
      name,
      version,
      neededBy: neededBy === undefined || neededBy.name === DUMMY ? undefined : neededBy.name,
      because: because.replace(/^Depends: /, neededBy?.name === DUMMY ? "Build-Depends: " : "Depends: "),
    }));
}
