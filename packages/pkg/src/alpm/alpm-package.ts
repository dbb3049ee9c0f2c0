/**
 * One version of one package, as a repository offers it, as it is installed, or as its archive describes it. Texts are
 * byte strings.
 */
import { DescError, type DescFields } from "./desc.ts";
import { isAlpmVersion } from "./version.ts";

export interface AlpmPackage {
  readonly name: string;
  readonly version: string;
  readonly base: string;
  readonly description: string;
  readonly url: string;
  readonly architecture: string;
  readonly packager: string;
  /** seconds since 1970; 0 when unknown */
  readonly buildDate: number;
  /** bytes on disk */
  readonly installedSize: number;
  readonly licenses: readonly string[];
  readonly groups: readonly string[];
  readonly depends: readonly string[];
  readonly optionalDepends: readonly string[];
  readonly makeDepends: readonly string[];
  readonly checkDepends: readonly string[];
  readonly conflicts: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  /** `key=value` notes of newer pacmans, kept as they are */
  readonly extraData: readonly string[];
}

/** What a repository adds. */
export interface SyncPackage extends AlpmPackage {
  readonly repository: string;
  readonly fileName: string;
  readonly downloadSize: number;
  readonly sha256: string;
  readonly md5: string;
  /** a detached OpenPGP signature in base64; "" when there is none */
  readonly signature: string;
}

export type InstallReason = "explicit" | "dependency";

/** What being installed adds. */
export interface InstalledPackage extends AlpmPackage {
  readonly installDate: number;
  readonly reason: InstallReason;
  /** how it was checked: `pgp`, `sha256`, `md5` or `none` */
  readonly validation: readonly string[];
}

/** PKGBUILD(5), pkgname; what has this form is safe in paths. */
export function isAlpmName(name: string): boolean {
  return /^[a-zA-Z0-9@_+][a-zA-Z0-9@._+-]{0,199}$/.test(name);
}

/** The identity that file names and folders are made of. @throws DescError */
export function checkIdentity(name: string, version: string, where: string): void {
  if (!isAlpmName(name)) throw new DescError(`${where}: not a package name: "${name.slice(0, 60)}"`);
  if (!isAlpmVersion(version)) throw new DescError(`${where}: ${name}: not a version: "${version.slice(0, 60)}"`);
}

/** @throws DescError  no proper name or version */
export function packageOfDesc(fields: DescFields, where: string): AlpmPackage {
  const one = (field: string): string => fields.get(field)?.[0] ?? "";
  const all = (field: string): readonly string[] => fields.get(field) ?? [];
  const name = one("NAME"),
    version = one("VERSION");
  checkIdentity(name, version, where);
  return {
    name,
    version,
    base: one("BASE") === "" ? name : one("BASE"),
    description: one("DESC"),
    url: one("URL"),
    architecture: one("ARCH"),
    packager: one("PACKAGER"),
    buildDate: numberOf(one("BUILDDATE")),
    installedSize: numberOf(one("ISIZE") === "" ? one("SIZE") : one("ISIZE")),
    licenses: all("LICENSE"),
    groups: all("GROUPS"),
    depends: all("DEPENDS"),
    optionalDepends: all("OPTDEPENDS"),
    makeDepends: all("MAKEDEPENDS"),
    checkDepends: all("CHECKDEPENDS"),
    conflicts: all("CONFLICTS"),
    provides: all("PROVIDES"),
    replaces: all("REPLACES"),
    extraData: all("XDATA"),
  };
}

/** A number that a database gives; what is malformed counts as 0, since nothing is decided by it. */
export function numberOf(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}

/** `name-version`: the folder of the entry in a database. */
export function entryName(one: { name: string; version: string }): string {
  return `${one.name}-${one.version}`;
}
