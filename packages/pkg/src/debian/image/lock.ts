/**
 * A lock: exactly which packages an image consists of, as plain data. An image that is made from it has these and no
 * others, and needs no lists: only the packages themselves, which are checked against the hashes of the lock, and which
 * the store may hold already.
 */
import { BinaryPackage } from "../binary-package.ts";
import { openDeb } from "../deb-archive.ts";
import { isVersion } from "../version.ts";
import { download, inParallel, readVerified, type WantedFile } from "../../download.ts";
import type { OnProgress, PackagePorts } from "../../ports.ts";
import type { PackageOrigin, PlannedPackage, PreparedPlan } from "./plan.ts";

/** Not a lock, or one that cannot be followed. */
export class LockError extends Error {
  override name = "LockError";
}

export interface PackageLock extends PackageOrigin {
  format: 1;
  kind: "packages";
  /** in the order of unpacking */
  packages: LockedPackage[];
}

export type LockedPackage = Pick<
  PlannedPackage,
  "name" | "version" | "architecture" | "sizeBytes" | "sha256" | "url" | "isAutomatic"
>;

const DOWNLOADS_AT_ONCE = 6;

export function lockOf(plan: PackageOrigin, packages: readonly LockedPackage[]): PackageLock {
  const { architecture, mirror, suite, codename, version, dateSeconds, signers, components } = plan;
  return {
    format: 1,
    kind: "packages",
    architecture,
    mirror,
    suite,
    codename,
    version,
    dateSeconds,
    signers,
    components,
    packages: packages.map((one) => ({
      name: one.name,
      version: one.version,
      architecture: one.architecture,
      sizeBytes: one.sizeBytes,
      sha256: one.sha256,
      url: one.url,
      isAutomatic: one.isAutomatic,
    })),
  };
}

/**
 * Reads a lock, every value of which is checked.
 *
 * @param source  for messages
 * @throws LockError
 */
export function parsePackageLock(text: string, source: string): PackageLock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LockError(`${source}: is no JSON: ${(cause as Error).message}`, { cause });
  }
  const lock = value as PackageLock;
  const isText = (one: unknown): boolean => typeof one === "string" && !/[\n\0]/.test(one);
  if (typeof value !== "object" || value === null || lock.format !== 1 || lock.kind !== "packages")
    throw new LockError(`${source}: is no package lock of format 1`);
  const isHead =
    [lock.mirror, lock.suite, lock.codename, lock.version].every(isText) &&
    /^[a-z0-9-]+$/.test(lock.architecture) &&
    Number.isSafeInteger(lock.dateSeconds) &&
    [lock.signers, lock.components].every((list) => Array.isArray(list) && list.every(isText));
  if (!isHead || !Array.isArray(lock.packages) || lock.packages.length === 0)
    throw new LockError(`${source}: the lock is damaged`);
  const seen = new Set<string>();
  for (const one of lock.packages) {
    const isSound =
      typeof one === "object" &&
      one !== null &&
      /^[a-z0-9][a-z0-9+.-]+$/.test(one.name) &&
      isVersion(String(one.version)) &&
      /^[a-z0-9-]+$/.test(one.architecture) &&
      Number.isSafeInteger(one.sizeBytes) &&
      one.sizeBytes > 0 &&
      /^[0-9a-f]{64}$/.test(one.sha256) &&
      /^(https?|file):\/\/\S+$/.test(one.url) &&
      typeof one.isAutomatic === "boolean";
    if (!isSound)
      throw new LockError(`${source}: the entry of ${String((one as LockedPackage | null)?.name)} is damaged`);
    const key = `${one.name}:${one.architecture}`;
    if (seen.has(key)) throw new LockError(`${source}: ${key} is there twice`);
    seen.add(key);
  }
  return lock;
}

/**
 * A plan from a lock, for `buildRoot`. Packages that the store lacks are downloaded.
 *
 * @throws LockError  a package is not what the lock says
 * @throws FetchError, IntegrityError  a package cannot be had
 */
export async function planFromLock(
  ports: PackagePorts,
  lock: PackageLock,
  onProgress: OnProgress,
): Promise<PreparedPlan> {
  const fileOf = (one: LockedPackage): WantedFile => ({
    urls: [one.url],
    path: `debs/${one.sha256.slice(0, 2)}/${one.sha256}.deb`,
    sizeBytes: one.sizeBytes,
    sha256: one.sha256,
  });
  const totalBytes = lock.packages.reduce((sum, one) => sum + one.sizeBytes, 0);
  let doneBytes = 0,
    doneFiles = 0;
  const binaries: BinaryPackage[] = [];
  await inParallel(lock.packages, DOWNLOADS_AT_ONCE, async (one, at) => {
    await download(ports, fileOf(one), (count) => {
      doneBytes += count;
      onProgress({
        phase: "download",
        name: one.name,
        doneBytes,
        totalBytes,
        doneFiles,
        totalFiles: lock.packages.length,
      });
    });
    doneFiles++;
    const bytes = await readVerified(ports, fileOf(one));
    if (bytes === undefined) throw new LockError(`${one.name}: was downloaded and is not there any more`);
    const { control } = await openDeb(bytes, one.name, ports, "control");
    if (
      control.get("Package") !== one.name ||
      control.get("Version") !== one.version ||
      control.get("Architecture") !== one.architecture
    )
      throw new LockError(
        `${one.url}: is ${control.get("Package")} ${control.get("Version")}, not the ${one.name} ${one.version} ` +
          "of the lock",
      );
    // As an index would have it: the file's place is relative to a root of its own.
    const slash = one.url.lastIndexOf("/");
    control.set("Filename", decodeURIComponent(one.url.slice(slash + 1)));
    control.set("Size", String(one.sizeBytes));
    control.set("SHA256", one.sha256);
    const text = control.toString();
    binaries[at] = new BinaryPackage(
      one,
      { name: "lock", baseUrl: one.url.slice(0, slash), priority: 500 },
      { text, start: 0, end: text.length },
    );
  });
  const packages = lock.packages.map((one, at): PlannedPackage => ({
    ...one,
    installedKiB: binaries[at]!.installedSizeKiB,
    because: "locked",
  }));
  const { architecture, mirror, suite, codename, version, dateSeconds, signers, components } = lock;
  return {
    binaries,
    plan: {
      architecture,
      mirror,
      suite,
      codename,
      version,
      dateSeconds,
      signers,
      components,
      variant: "none",
      requested: [],
      packages,
      downloadBytes: totalBytes,
      installedKiB: packages.reduce((sum, one) => sum + one.installedKiB, 0),
    },
  };
}
