/**
 * The lock file: exactly which packages each image consists of. Later phases see nothing else of the archive, so a
 * compose from the same lock is the same, offline too.
 */
import type { PlannedPackage } from "@stratos/pkg";
import { canonicalJson, type Json, type JsonObject } from "../treefile/json.ts";
import type { ImageTarget } from "../treefile/treefile.ts";

/**
 * Packages are configured stage by stage; each stage is closed under dependencies, and a change goes no deeper than its
 * own. Those of the last are there for scripts only.
 */
export const STAGES = ["essential", "base", "image", "build"] as const;
export type StageName = (typeof STAGES)[number];

export interface LockedPackage extends Readonly<
  Pick<PlannedPackage, "name" | "version" | "architecture" | "sizeBytes" | "sha256" | "url" | "isAutomatic">
> {
  readonly stage: StageName;
  /**
   * Within its stage: packages of one round are unpacked when those of earlier ones are configured, as Pre-Depends asks
   * for. Absent: 0.
   */
  readonly round?: number;
  /** of Debian's source packages */
  readonly source: string;
}

export interface LockedImage {
  /** what was asked for, so that a lock for another request is known as such */
  readonly request: string;
  readonly suite: string;
  readonly codename: string;
  readonly release: string;
  /** of the signed index, in seconds since 1970 */
  readonly dateSeconds: number;
  readonly mirror: string;
  readonly components: readonly string[];
  readonly signers: readonly string[];
  /** in the order of unpacking, by stages */
  readonly packages: readonly LockedPackage[];
  /** what `build.packages` adds while scripts run, in the order of unpacking */
  readonly build?: readonly LockedPackage[];
}

export interface Lock {
  readonly format: 1;
  /** by `VARIANT/ARCHITECTURE` */
  readonly images: Readonly<Record<string, LockedImage>>;
}

export class LockError extends Error {
  override name = "LockError";
}

export const EMPTY_LOCK: Lock = { format: 1, images: {} };

export function lockKey(target: { variant: string; architecture: string }): string {
  return `${target.variant}/${target.architecture}`;
}

/** What of an image's configuration decides its packages, as one text. */
export function packageRequest(target: ImageTarget): string {
  const {
    suite = "trixie",
    components = ["main"],
    mirror = null,
    repositories = {},
    base = "minbase",
    recommends = false,
    packages = [],
    exclude = [],
    build = {},
  } = target.config;
  const forScripts = (build.packages ?? []).length === 0 ? {} : { build: build.packages };
  return canonicalJson({
    architecture: target.architecture,
    suite,
    components,
    mirror,
    repositories,
    base,
    recommends,
    packages,
    exclude,
    ...forScripts,
  } as unknown as Json);
}

/** @throws LockError */
export function parseLock(text: string, path: string): Lock {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new LockError(`${path}: is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const lock = value as unknown as Lock;
  if (
    typeof value !== "object" ||
    value === null ||
    (value as JsonObject)["format"] !== 1 ||
    typeof lock.images !== "object" ||
    lock.images === null
  )
    throw new LockError(`${path}: is no lock file of format 1`);
  for (const [key, image] of Object.entries(lock.images)) {
    const isSound =
      typeof image === "object" &&
      image !== null &&
      typeof image.request === "string" &&
      typeof image.mirror === "string" &&
      Number.isSafeInteger(image.dateSeconds) &&
      Array.isArray(image.packages) &&
      image.packages.every(isSoundPackage) &&
      (image.build === undefined || (Array.isArray(image.build) && image.build.every(isSoundPackage)));
    if (!isSound) throw new LockError(`${path}: the image ${key} is damaged`);
  }
  return lock;
}

function isSoundPackage(one: LockedPackage): boolean {
  return (
    typeof one === "object" &&
    one !== null &&
    /^[a-z0-9][a-z0-9+.-]+$/.test(one.name) &&
    typeof one.version === "string" &&
    /^[a-z0-9-]+$/.test(one.architecture) &&
    Number.isSafeInteger(one.sizeBytes) &&
    one.sizeBytes > 0 &&
    /^[0-9a-f]{64}$/.test(one.sha256) &&
    /^((https?|file):\/\/|treefile:)/.test(one.url) &&
    STAGES.includes(one.stage) &&
    (one.round === undefined || (Number.isSafeInteger(one.round) && one.round >= 0))
  );
}

/** All that an image is made with. */
export function allPackages(locked: Pick<LockedImage, "packages" | "build">): readonly LockedPackage[] {
  return locked.build === undefined ? locked.packages : [...locked.packages, ...locked.build];
}

/** Whether two sets are made of the same files, from the same place, in the same order. */
export function hasSamePackages(left: LockedImage, right: LockedImage): boolean {
  const describe = (one: LockedImage): string =>
    JSON.stringify([one.suite, one.mirror, one.components, one.packages, one.build ?? []]);
  return describe(left) === describe(right);
}

/** Images sorted by name, so that the file changes only where something has. */
export function formatLock(lock: Lock): string {
  const images = Object.fromEntries(
    Object.keys(lock.images)
      .sort()
      .map((key) => [key, lock.images[key]!]),
  );
  return `${JSON.stringify({ format: 1, images }, null, 1)}\n`;
}

/** What two locks' sets differ in. */
export interface PackageDifference {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export function diffPackages(
  before: readonly Pick<LockedPackage, "name" | "version">[],
  after: readonly Pick<LockedPackage, "name" | "version">[],
): PackageDifference[] {
  const old = new Map(before.map((one) => [one.name, one.version])),
    now = new Map(after.map((one) => [one.name, one.version]));
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .map((name) => ({ name, before: old.get(name), after: now.get(name) }))
    .filter((one) => one.before !== one.after);
}
