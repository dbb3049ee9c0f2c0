/**
 * A Debian repository as a client sees it: `dists/SUITE/InRelease`, the `Packages` files that it lists, and the
 * packages that those list; or, for a suite that ends with a slash, a flat repository, whose folder holds all of it.
 * Indices are fetched by hash where the suite offers that, so that a mirror which is being updated never mixes old and
 * new.
 *
 * Source: https://wiki.debian.org/DebianRepository/Format; apt's `Acquire-By-Hash`.
 */
import { byteStringOf, concatBytes } from "@stratos/base";
import { IntegrityError, withRetries, type WantedFile } from "../download.ts";
import { FetchError, type OnProgress, type PackagePorts } from "../ports.ts";
import { loadTable } from "./index/table-store.ts";
import type { Keyring } from "./keyring.ts";
import type { BinaryPackage, PackageIndex, PackageOrigin } from "./package-index.ts";
import { ReleaseError, type Release } from "./release.ts";
import { checkInRelease } from "./verified-release.ts";

export interface RepositorySource {
  /** folder that holds `dists` and `pool`; of a flat repository, the folder that `suite` is relative to */
  uri: string;
  suite: string;
  /** none for a flat repository */
  components: readonly string[];
  architecture: string;
  keyrings: readonly Keyring[];
  /** `kept`: the lists of last time without asking the net, as long as they are valid and there */
  lists?: "fresh" | "kept";
  /** lists that have expired serve too: for snapshots of the past */
  isExpiredGood?: boolean;
  /** believed without a signature, because whoever wrote the source said so */
  isTrusted?: boolean;
  /** one that has nothing for the architecture is passed over with a warning, as apt does it */
  isArchitectureOptional?: boolean;
  /** of its packages; absent: as its release says */
  priority?: number;
}

/** sources.list(5): "an exact path, in which case the components must be omitted", is told by its slash at the end. */
export function isFlat({ suite }: { suite: string }): boolean {
  return suite.endsWith("/");
}

/** Where the release of a suite stands. */
export function suiteUrlOf({ uri, suite }: { uri: string; suite: string }): string {
  const base = uri.replace(/\/+$/, "");
  if (!isFlat({ suite })) return `${base}/dists/${suite}`;
  const folder = suite
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
  return folder === "" ? base : `${base}/${folder}`;
}

/** An InRelease file of Debian is some 150 kB. */
const IN_RELEASE_SIZE_MAX = 8 << 20;
/**
 * Fetches, checks and indexes one repository.
 *
 * @throws ReleaseError  it cannot be trusted or lacks what was asked for
 * @throws FetchError, IntegrityError  it cannot be fetched whole
 */
export async function loadRepository(
  ports: PackagePorts,
  source: RepositorySource,
  index: PackageIndex,
  onProgress: OnProgress,
): Promise<Release> {
  const suiteUrl = suiteUrlOf(source);
  onProgress({ phase: "index", name: `${suiteUrl}/InRelease` });
  const release = await loadRelease(ports, source, suiteUrl, onProgress);
  if (isFlat(source)) {
    await addList(ports, { source, release, suiteUrl, component: "", baseUrl: suiteUrl }, index, onProgress);
    return release;
  }
  if (release.codename !== source.suite && release.suite !== source.suite) {
    throw new ReleaseError(`${suiteUrl}: is ${release.codename || release.suite}, not ${source.suite}`);
  }
  if (
    !release.architectures.includes(source.architecture) &&
    !(source.isArchitectureOptional === true && release.architectures.includes("all"))
  ) {
    const why = `${suiteUrl}: has no architecture ${source.architecture}, only ${release.architectures.join(", ")}`;
    if (source.isArchitectureOptional !== true) throw new ReleaseError(why);
    onProgress({ phase: "warning", name: why });
    return release;
  }
  for (const component of source.components)
    await addList(
      ports,
      { source, release, suiteUrl, component, baseUrl: source.uri.replace(/\/+$/, "") },
      index,
      onProgress,
    );
  return release;
}

interface ListToAdd {
  source: RepositorySource;
  release: Release;
  suiteUrl: string;
  component: string;
  baseUrl: string;
}

/** Adds what one component offers, or a flat repository. */
async function addList(
  ports: PackagePorts,
  { source, release, suiteUrl, component, baseUrl }: ListToAdd,
  index: PackageIndex,
  onProgress: OnProgress,
): Promise<void> {
  const origin: PackageOrigin = {
    name: `${source.suite}${component === "" ? "" : `/${component}`}`,
    baseUrl,
    // apt_preferences(5), "APT's Default Priority Assignments".
    priority: source.priority ?? (!release.notAutomatic ? 500 : release.butAutomaticUpgrades ? 100 : 1),
    release: {
      archive: release.suite,
      codename: release.codename,
      origin: release.origin,
      label: release.label,
      component,
      version: release.version,
      architecture: source.architecture,
      dateSeconds: release.dateSeconds,
      signers: release.signers,
    },
  };
  onProgress({ phase: "index", name: `${suiteUrl} ${component}`.trimEnd() });
  const onWarning = (name: string): void => onProgress({ phase: "warning", name });
  const add = async (architecture: string): Promise<void> => {
    const place = { suiteUrl, component, architecture, name: origin.name, onWarning };
    const table = isFlat(source)
      ? await loadTable(ports, release, { ...place, isFlat: true })
      : await loadTable(ports, release, place).catch(async (error: unknown) => {
          if (!(error instanceof FetchError) && !(error instanceof IntegrityError)) throw error;
          const other = await otherName(ports, source, release, onProgress);
          if (other === undefined) throw error;
          const { version, dateSeconds } = other.release;
          const from = new Date(dateSeconds * 1000).toISOString().slice(0, 10);
          onWarning(`${error.message}; using ${other.suiteUrl}, version ${version} of ${from}`);
          return loadTable(ports, other.release, { ...place, suiteUrl: other.suiteUrl });
        });
    const own = { ...origin, release: { ...origin.release!, architecture } };
    index.addTable(table, own, [source.architecture]);
  };
  if (isFlat(source)) return add(source.architecture);
  // Debian says that each architecture's file holds the `all` packages too; other archives may list them apart.
  const isAllApart =
    release.architectures.includes("all") &&
    !release.noSupportForArchitectureAll.includes("Packages") &&
    ["", ".gz", ".xz", ".zst"].some((suffix) => release.files.has(`${component}/binary-all/Packages${suffix}`));
  if (release.architectures.includes(source.architecture)) await add(source.architecture);
  if (isAllApart) await add("all");
}

/**
 * The same release under its other name, its suite for its codename. A mirror that is being renewed may have its new
 * signed list under one, without all that this names, and under the other still the old one with all of its lists. Who
 * has lists of last time doesn't come here, so that nobody is taken back.
 */
async function otherName(
  ports: PackagePorts,
  source: RepositorySource,
  release: Release,
  onProgress: OnProgress,
): Promise<{ suiteUrl: string; release: Release } | undefined> {
  const suite = [release.suite, release.codename].find((name) => name !== source.suite);
  if (suite === undefined || !/^[a-z0-9][a-z0-9.-]*$/.test(suite)) return undefined;
  const suiteUrl = suiteUrlOf({ ...source, suite });
  try {
    const other = await loadRelease(ports, source, suiteUrl, onProgress);
    const isSame = other.codename === release.codename && other.origin === release.origin;
    return isSame && other.dateSeconds < release.dateSeconds ? { suiteUrl, release: other } : undefined;
  } catch (error) {
    if (error instanceof FetchError || error instanceof ReleaseError) return undefined;
    throw error;
  }
}

/** What a suite's signed list says of itself. @throws as {@link loadRepository} */
export function releaseOf(ports: PackagePorts, source: RepositorySource, onProgress: OnProgress): Promise<Release> {
  return loadRelease(ports, source, suiteUrlOf(source), onProgress);
}

/** The signed list, from the net, or the one of last time when that is newer or the net is away. */
async function loadRelease(
  ports: PackagePorts,
  source: RepositorySource,
  suiteUrl: string,
  onProgress: OnProgress,
): Promise<Release> {
  const path = `lists/${storeName(suiteUrl)}_InRelease`;
  const keptBytes = await ports.store.read(path);
  let kept: Release | undefined;
  if (keptBytes !== undefined) {
    try {
      kept = await checkInRelease(ports, path, keptBytes, source);
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error;
      await ports.store.remove(path);
      if (source.lists === "kept")
        onProgress({
          phase: "warning",
          name: `${suiteUrl}: the lists of last time cannot be used (${error.message}); fetching them anew`,
        });
    }
  }
  if (kept !== undefined && source.lists === "kept") return kept;
  let bytes: Uint8Array;
  try {
    bytes = await fetchRelease(ports, source, suiteUrl);
  } catch (error) {
    if (!(error instanceof FetchError) || kept === undefined) throw error;
    onProgress({ phase: "warning", name: `${error.message}; using the lists of last time` });
    return kept;
  }
  let release: Release;
  try {
    release = await checkInRelease(ports, path, bytes, source);
  } catch (error) {
    if (error instanceof ReleaseError) throw new ReleaseError(`${suiteUrl}: ${error.message}`, { cause: error });
    throw error;
  }
  // An older list with a good signature is a mirror that lags, or an attacker who keeps fixes away: ours is better.
  if (kept !== undefined && kept.dateSeconds > release.dateSeconds) {
    onProgress({ phase: "warning", name: `${suiteUrl}: is older than the lists of last time, which are used instead` });
    return kept;
  }
  await ports.store.write(path, bytes);
  return release;
}

/** `InRelease`, or where there is none, `Release` with the signature of `Release.gpg` behind it. @throws FetchError */
async function fetchRelease(ports: PackagePorts, source: RepositorySource, suiteUrl: string): Promise<Uint8Array> {
  const fetch = (name: string): Promise<Uint8Array> =>
    withRetries(ports, () => fetchWhole(ports, `${suiteUrl}/${name}`, IN_RELEASE_SIZE_MAX));
  const isAbsent = (error: unknown): boolean => error instanceof FetchError && error.isPermanent;
  try {
    return await fetch("InRelease");
  } catch (error) {
    if (!isAbsent(error)) throw error;
    try {
      const release = await fetch("Release");
      if (source.isTrusted !== true) return concatBytes([release, byteStringOf("\n"), await fetch("Release.gpg")]);
      return release;
    } catch (other) {
      // That there is no InRelease says more than that there is nothing else either.
      throw isAbsent(other) ? error : other;
    }
  }
}

/** Where a package is to be had, from its index entry. */
export function packageFile(one: BinaryPackage): WantedFile {
  const filename = one.field("Filename"),
    sha256 = one.field("SHA256"),
    size = one.field("Size");
  if (
    filename === undefined ||
    sha256 === undefined ||
    size === undefined ||
    !/^[0-9a-f]{64}$/.test(sha256) ||
    !/^[0-9]{1,15}$/.test(size)
  ) {
    throw new ReleaseError(`${one}: the index gives no file name, size or SHA-256 hash`);
  }
  if (filename.startsWith("/") || filename.split("/").includes(".."))
    throw new ReleaseError(`${one}: its file name leaves the repository: ${filename}`);
  const escaped = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
  const url = `${one.origin.baseUrl}/${filename.replace(/[^A-Za-z0-9/._~-]/g, escaped)}`;
  return { urls: [url], path: `debs/${sha256.slice(0, 2)}/${sha256}.deb`, sizeBytes: Number(size), sha256 };
}

async function fetchWhole(ports: PackagePorts, url: string, sizeMax: number): Promise<Uint8Array> {
  const response = await ports.fetcher.open(url, { offset: 0 });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body) {
    size += part.length;
    if (size > sizeMax) throw new FetchError(`${url}: is larger than ${sizeMax} bytes`, { isPermanent: true });
    parts.push(part);
  }
  return concatBytes(parts);
}

/** A URL as a file name, as apt makes it. */
function storeName(url: string): string {
  return url.replace(/^[a-z]+:\/\//, "").replace(/[^A-Za-z0-9.-]/g, "_");
}
