/**
 * What a package is built from, as PKGBUILD or `.SRCINFO` say it: one base, from which one or several packages come.
 * Source: PKGBUILD(5); makepkg --printsrcinfo for the form of `.SRCINFO`. Texts are Unicode.
 */
import { isAlpmName } from "../alpm-package.ts";

/** Attributes that a package function may set for its own package. */
export const PACKAGE_ATTRIBUTES = [
  "pkgdesc",
  "url",
  "arch",
  "license",
  "groups",
  "depends",
  "optdepends",
  "provides",
  "conflicts",
  "replaces",
  "backup",
  "options",
  "install",
  "changelog",
] as const;
/** Attributes that hold one value; the others hold lists. */
export const SINGLE_ATTRIBUTES: ReadonlySet<string> = new Set([
  "pkgbase",
  "pkgver",
  "pkgrel",
  "epoch",
  "pkgdesc",
  "url",
  "install",
  "changelog",
]);
/** Attributes that may be given for one architecture: `depends_x86_64`; in the order in which makepkg writes them. */
export const PER_ARCHITECTURE: ReadonlySet<string> = new Set([
  "source",
  "provides",
  "conflicts",
  "depends",
  "replaces",
  "optdepends",
  "makedepends",
  "checkdepends",
  "cksums",
  "md5sums",
  "sha1sums",
  "sha224sums",
  "sha256sums",
  "sha384sums",
  "sha512sums",
  "b2sums",
]);
/** Strongest first: of several kinds that are given, one that is checked is enough, and all are. */
export const CHECKSUM_KINDS = [
  "b2sums",
  "sha512sums",
  "sha256sums",
  "sha384sums",
  "sha224sums",
  "sha1sums",
  "md5sums",
] as const;

/** Attribute → its values, per architecture under `NAME_ARCH`. */
export type Attributes = ReadonlyMap<string, readonly string[]>;

export class RecipeError extends Error {
  override name = "RecipeError";
}

export interface RecipePackage {
  name: string;
  /** what differs from the base; an empty list takes away */
  attributes: Attributes;
}

export interface Recipe {
  base: string;
  /** `[epoch:]pkgver-pkgrel` */
  version: string;
  attributes: Attributes;
  packages: RecipePackage[];
}

/** Checks what both forms have in common. @throws RecipeError */
export function makeRecipe(attributes: Attributes, packages: RecipePackage[], where: string): Recipe {
  const one = (key: string): string => attributes.get(key)?.[0] ?? "";
  const base = one("pkgbase") === "" ? (packages[0]?.name ?? "") : one("pkgbase");
  if (packages.length === 0) throw new RecipeError(`${where}: has no pkgname`);
  for (const name of [base, ...packages.map((each) => each.name)])
    if (!isAlpmName(name)) throw new RecipeError(`${where}: not a package name: "${name.slice(0, 60)}"`);
  if (!/^[^\s/:-]+$/.test(one("pkgver")))
    throw new RecipeError(`${where}: not a pkgver: "${one("pkgver").slice(0, 60)}"`);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(one("pkgrel")))
    throw new RecipeError(`${where}: not a pkgrel: "${one("pkgrel").slice(0, 60)}"`);
  if (one("epoch") !== "" && !/^[0-9]+$/.test(one("epoch")))
    throw new RecipeError(`${where}: not an epoch: "${one("epoch").slice(0, 60)}"`);
  if ((attributes.get("arch") ?? []).length === 0) throw new RecipeError(`${where}: has no arch`);
  const epoch = one("epoch") === "" || one("epoch") === "0" ? "" : `${one("epoch")}:`;
  return { base, version: `${epoch}${one("pkgver")}-${one("pkgrel")}`, attributes, packages };
}

/** All values of a list for one architecture: the general ones and its own. */
export function valuesFor(attributes: Attributes, key: string, architecture: string): string[] {
  return [
    ...(attributes.get(key) ?? []),
    ...(PER_ARCHITECTURE.has(key) ? (attributes.get(`${key}_${architecture}`) ?? []) : []),
  ];
}

/** What counts for one package: its own value where it has one, else the base's. */
export function packageValues(recipe: Recipe, one: RecipePackage, key: string, architecture: string): string[] {
  const own = one.attributes.get(key) ?? recipe.attributes.get(key) ?? [];
  const ownPer = PER_ARCHITECTURE.has(key)
    ? (one.attributes.get(`${key}_${architecture}`) ?? recipe.attributes.get(`${key}_${architecture}`) ?? [])
    : [];
  return [...own, ...ownPer];
}

/** Reads a `.SRCINFO`. @throws RecipeError */
export function parseSourceInfo(text: string, where = ".SRCINFO"): Recipe {
  const base = new Map<string, string[]>();
  const packages: { name: string; attributes: Map<string, string[]> }[] = [];
  let current = base;
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z0-9_]+)\s*=\s*(.*)$/.exec(line);
    if (match === null) throw new RecipeError(`${where}:${index + 1}: "key = value" was expected`);
    const [, key, value] = match as unknown as [string, string, string];
    if (key === "pkgname") {
      packages.push({ name: value, attributes: new Map() });
      current = packages.at(-1)!.attributes;
      continue;
    }
    if (key === "pkgbase" && base.size > 0) throw new RecipeError(`${where}:${index + 1}: pkgbase stands twice`);
    const values = current.get(key);
    // An empty value says that the package has none of what the base has.
    if (value === "") current.set(key, values ?? []);
    else if (values === undefined) current.set(key, [value]);
    else values.push(value);
  }
  return makeRecipe(base, packages, where);
}

const BASE_ORDER = [
  "pkgdesc",
  "pkgver",
  "pkgrel",
  "epoch",
  "url",
  "install",
  "changelog",
  "arch",
  "groups",
  "license",
  "checkdepends",
  "makedepends",
  "depends",
  "optdepends",
  "provides",
  "conflicts",
  "replaces",
  "noextract",
  "options",
  "backup",
  "source",
  "validpgpkeys",
  "cksums",
  "md5sums",
  "sha1sums",
  "sha224sums",
  "sha256sums",
  "sha384sums",
  "sha512sums",
  "b2sums",
];
const PACKAGE_ORDER = [
  "pkgdesc",
  "url",
  "install",
  "changelog",
  "arch",
  "groups",
  "license",
  "checkdepends",
  "depends",
  "optdepends",
  "provides",
  "conflicts",
  "replaces",
  "options",
  "backup",
];

/** The `.SRCINFO` of a recipe, as makepkg writes it. */
export function formatSourceInfo(recipe: Recipe): string {
  const architectures = recipe.attributes.get("arch") ?? [];
  const section = (attributes: Attributes, order: readonly string[], isOwn: boolean): string => {
    let text = "";
    const put = (key: string): void => {
      const values = attributes.get(key);
      if (values === undefined) return;
      for (const value of values) if (value !== "") text += `\t${key} = ${value}\n`;
      if (isOwn && values.every((value) => value === "")) text += `\t${key} = \n`;
    };
    for (const key of order) put(key);
    for (const architecture of architectures)
      if (architecture !== "any")
        for (const key of PER_ARCHITECTURE) if (order.includes(key)) put(`${key}_${architecture}`);
    return text;
  };
  const parts = [`pkgbase = ${recipe.base}\n${section(recipe.attributes, BASE_ORDER, false)}`];
  for (const one of recipe.packages)
    parts.push(`pkgname = ${one.name}\n${section(one.attributes, PACKAGE_ORDER, true)}`);
  return parts.join("\n");
}
