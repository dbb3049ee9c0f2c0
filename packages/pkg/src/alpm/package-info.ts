/**
 * `.PKGINFO` and `.BUILDINFO`: lines `key = value`, a key as often as it has values. Source: PKGBUILD(5); BUILDINFO(5).
 * Texts are byte strings.
 */
import { checkIdentity, numberOf, type AlpmPackage } from "./alpm-package.ts";

export interface PackageInfo extends AlpmPackage {
  /** configuration files, relative to the root */
  readonly backup: readonly string[];
}

/** All values of each key, in order. Lines that are comments or no assignments are passed over, as pacman does. */
function parseAssignments(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const match = /^\s*([A-Za-z0-9_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const known = values.get(match[1]!);
    if (known === undefined) values.set(match[1]!, [match[2]!]);
    else known.push(match[2]!);
  }
  return values;
}

/** @throws DescError  no proper name or version */
export function parsePackageInfo(text: string, where: string): PackageInfo {
  const values = parseAssignments(text);
  const one = (key: string): string => values.get(key)?.[0] ?? "";
  const all = (key: string): readonly string[] => values.get(key) ?? [];
  const name = one("pkgname"),
    version = one("pkgver");
  checkIdentity(name, version, where);
  return {
    name,
    version,
    base: one("pkgbase") === "" ? name : one("pkgbase"),
    description: one("pkgdesc"),
    url: one("url"),
    architecture: one("arch"),
    packager: one("packager"),
    buildDate: numberOf(one("builddate")),
    installedSize: numberOf(one("size")),
    licenses: all("license"),
    groups: all("group"),
    depends: all("depend"),
    optionalDepends: all("optdepend"),
    makeDepends: all("makedepend"),
    checkDepends: all("checkdepend"),
    conflicts: all("conflict"),
    provides: all("provides"),
    replaces: all("replaces"),
    backup: all("backup"),
    extraData: all("xdata"),
  };
}

export function formatPackageInfo(info: PackageInfo): string {
  const lines: string[] = [];
  const put = (key: string, values: readonly string[]): void => {
    for (const value of values) lines.push(`${key} = ${value}`);
  };
  const single = (text: string): string[] => (text === "" ? [] : [text]);
  put("pkgname", [info.name]);
  put("pkgbase", [info.base]);
  put("xdata", info.extraData);
  put("pkgver", [info.version]);
  put("pkgdesc", single(info.description));
  put("url", single(info.url));
  put("builddate", [String(info.buildDate)]);
  put("packager", single(info.packager));
  put("size", [String(info.installedSize)]);
  put("arch", [info.architecture]);
  put("license", info.licenses);
  put("replaces", info.replaces);
  put("group", info.groups);
  put("conflict", info.conflicts);
  put("provides", info.provides);
  put("backup", info.backup);
  put("depend", info.depends);
  put("optdepend", info.optionalDepends);
  put("makedepend", info.makeDepends);
  put("checkdepend", info.checkDepends);
  return `${lines.join("\n")}\n`;
}
