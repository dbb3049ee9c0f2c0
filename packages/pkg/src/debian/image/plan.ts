/** What an image will consist of, worked out before anything is downloaded. */
import type { Keyring } from "../keyring.ts";
import { PackageIndex, type BinaryPackage } from "../package-index.ts";
import type { Release } from "../release.ts";
import { loadRepository, packageFile } from "../repository.ts";
import { resolve, type ResolvedPackage } from "../resolver/resolve.ts";
import { repositoryError } from "../sources.ts";
import { trixieKeyrings } from "../trixie-keys.ts";
import type { OnProgress, PackagePorts } from "../../ports.ts";
import { unpackOrder } from "./unpack-order.ts";

/** `minbase`: essential and required packages, with apt. `essential`: only what every package may take for granted. */
export type ImageVariant = "minbase" | "essential" | "none";

export interface ImageRequest {
  mirror: string;
  suite?: string;
  components?: readonly string[];
  architecture?: string;
  /** repositories besides the mirror's suite: updates, security, one's own */
  extraSources?: readonly { uri: string; suite: string; components: readonly string[]; priority?: number }[];
  variant?: ImageVariant;
  /** besides the variant's */
  packages: readonly string[];
  /** chooses further packages when the index is there: patterns over names; it may also set priorities */
  choosePackages?: (index: PackageIndex) => readonly string[];
  recommends?: boolean;
  /** trusted besides the keys of Debian that Stratos brings */
  keyrings?: readonly Keyring[];
}

/** One package of a plan, as plain data. */
export interface PlannedPackage {
  name: string;
  version: string;
  architecture: string;
  sizeBytes: number;
  installedKiB: number;
  sha256: string;
  url: string;
  /** which package needed it first; absent when it was asked for or belongs to the variant */
  neededBy?: string;
  because: string;
  /** only needed by others: apt may remove it when they go */
  isAutomatic: boolean;
}

/** Which archive packages were chosen from. */
export interface PackageOrigin {
  mirror: string;
  suite: string;
  codename: string;
  /** of the distribution, `13.7` */
  version: string;
  /** of the signed index, seconds since 1970 */
  dateSeconds: number;
  signers: string[];
  components: string[];
  architecture: string;
}

/** Plain data: what `--json` prints. Packages are in the order of unpacking. */
export interface ImagePlan extends PackageOrigin {
  variant: ImageVariant;
  requested: string[];
  packages: PlannedPackage[];
  downloadBytes: number;
  installedKiB: number;
}

export interface PreparedPlan {
  plan: ImagePlan;
  /** in the order of `plan.packages` */
  binaries: BinaryPackage[];
}

/**
 * Loads the repository and resolves the request.
 *
 * @throws MirrorError  the mirror or a repository does not answer, or has no such suite, and no list of it is kept
 * @throws ReleaseError, FetchError, IntegrityError, UnsatisfiableError
 */
export async function planImage(
  ports: PackagePorts,
  request: ImageRequest,
  onProgress: OnProgress,
): Promise<PreparedPlan> {
  const suite = request.suite ?? "trixie",
    architecture = request.architecture ?? "riscv64";
  const components = request.components ?? ["main"],
    variant = request.variant ?? "minbase";
  const index = new PackageIndex(architecture);
  const keyrings = [...trixieKeyrings(), ...(request.keyrings ?? [])];
  const release = await loadRepository(
    ports,
    { uri: request.mirror, suite, components, architecture, keyrings },
    index,
    onProgress,
  ).catch((error: unknown) => {
    throw repositoryError({ uri: request.mirror, suite }, true, error);
  });
  for (const source of request.extraSources ?? []) {
    await loadRepository(ports, { ...source, architecture, keyrings }, index, onProgress).catch((error: unknown) => {
      throw repositoryError(source, false, error);
    });
  }
  const wanted = [...request.packages, ...(request.choosePackages?.(index) ?? [])];
  const base = variantPackages(index, variant);
  const recommends = request.recommends ?? false;
  const resolved = resolve(index, { install: [...new Set([...base, ...wanted])], recommends }, architecture);
  const manual = new Set([...wanted, ...base].map((text) => /^[^\s:=(]+/.exec(text)?.[0] ?? text));
  // What the essential set pulls in can never go, so apt need not know it as automatic.
  if (variant !== "none")
    for (const one of resolve(index, { install: variantPackages(index, "essential") }, architecture))
      manual.add(one.package.name);
  const binaries = unpackOrder(
    resolved.map((one) => one.package),
    index,
    architecture,
  );
  const byPackage = new Map(resolved.map((one) => [one.package, one]));
  const packages = binaries.map((one) => describe(byPackage.get(one)!, manual));
  return {
    binaries,
    plan: {
      ...identity(release),
      mirror: request.mirror,
      suite,
      components: [...components],
      architecture,
      variant,
      requested: wanted,
      packages,
      ...totals(packages),
    },
  };
}

/** Names that a variant consists of, before dependencies. */
export function variantPackages(index: PackageIndex, variant: ImageVariant): string[] {
  if (variant === "none") return [];
  const names = index.essential().map((one) => one.name);
  if (variant === "minbase") names.push(...index.required().map((one) => one.name), "apt");
  return [...new Set(names)];
}

function describe(resolved: ResolvedPackage, manual: ReadonlySet<string>): PlannedPackage {
  const one = resolved.package;
  const file = packageFile(one);
  return {
    name: one.name,
    version: one.version,
    architecture: one.architecture,
    sizeBytes: file.sizeBytes,
    installedKiB: one.installedSizeKiB,
    sha256: file.sha256,
    url: file.urls[0]!,
    ...(resolved.neededBy === undefined ? {} : { neededBy: resolved.neededBy.name }),
    because: resolved.because,
    isAutomatic: !manual.has(one.name),
  };
}

function identity(release: Release): Pick<ImagePlan, "codename" | "version" | "dateSeconds" | "signers"> {
  return {
    codename: release.codename,
    version: release.version,
    dateSeconds: release.dateSeconds,
    signers: release.signers,
  };
}

function totals(packages: readonly PlannedPackage[]): Pick<ImagePlan, "downloadBytes" | "installedKiB"> {
  let downloadBytes = 0,
    installedKiB = 0;
  for (const one of packages) {
    downloadBytes += one.sizeBytes;
    installedKiB += one.installedKiB;
  }
  return { downloadBytes, installedKiB };
}
