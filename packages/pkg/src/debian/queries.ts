/** Questions about packages: who needs one, and why it is there. */
import { formatDependency, type Dependency } from "./dependency.ts";
import { keyOf, type InstalledState } from "./installed-state.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "./package-index.ts";
import { candidatesFor } from "./resolver/candidates.ts";

/** One step of an explanation: `owner` needs `package` because of `dependency`. */
export interface NeedLink {
  owner: BinaryPackage;
  field: RelationField;
  dependency: Dependency;
  package: BinaryPackage;
}

const HARD: readonly RelationField[] = ["Pre-Depends", "Depends"];
const SOFT: readonly RelationField[] = ["Recommends", "Suggests"];

/** What `one` needs or wishes, with the installed or preferred packages that fulfil it. */
export function relationsOf(
  index: PackageIndex,
  one: BinaryPackage,
  fields: readonly RelationField[],
  architecture: string,
): { field: RelationField; dependency: Dependency; candidates: BinaryPackage[] }[] {
  const own = one.architecture === "all" ? architecture : one.architecture;
  return fields.flatMap((field) =>
    one
      .relations(field)
      .map((dependency) => ({ field, dependency, candidates: candidatesFor(index, dependency, own, architecture) })),
  );
}

/** Installed packages whose Depends, Recommends or Suggests `one` fulfils. */
export function installedDependents(index: PackageIndex, state: InstalledState, one: BinaryPackage): NeedLink[] {
  const links: NeedLink[] = [];
  for (const { package: owner } of state.entries()) {
    if (owner === one) continue;
    for (const { field, dependency, candidates } of relationsOf(index, owner, [...HARD, ...SOFT], state.architecture))
      if (candidates.includes(one)) links.push({ owner, field, dependency, package: one });
  }
  return links;
}

/**
 * Why a package is installed: the shortest chain from one that was asked for, or is essential, by dependencies; by
 * Recommends and Suggests when there is none.
 *
 * @returns the chain, empty when the package was asked for or is essential itself; undefined when nothing needs it
 */
export function whyInstalled(index: PackageIndex, state: InstalledState, one: BinaryPackage): NeedLink[] | undefined {
  const entry = state.sameAs(one);
  if (entry !== undefined && (!entry.isAutomatic || entry.isEssential)) return [];
  return chainTo(index, state, one, HARD) ?? chainTo(index, state, one, [...HARD, ...SOFT]);
}

function chainTo(
  index: PackageIndex,
  state: InstalledState,
  one: BinaryPackage,
  fields: readonly RelationField[],
): NeedLink[] | undefined {
  const reached = new Map<BinaryPackage, NeedLink | undefined>();
  const queue: BinaryPackage[] = [];
  for (const entry of state.entries()) {
    if (entry.isAutomatic && !entry.isEssential) continue;
    reached.set(entry.package, undefined);
    queue.push(entry.package);
  }
  for (let at = 0; at < queue.length && !reached.has(one); at++) {
    const owner = queue[at]!;
    for (const { field, dependency, candidates } of relationsOf(index, owner, fields, state.architecture)) {
      for (const candidate of candidates) {
        if (reached.has(candidate) || !state.has(candidate)) continue;
        reached.set(candidate, { owner, field, dependency, package: candidate });
        queue.push(candidate);
      }
    }
  }
  if (!reached.has(one)) return undefined;
  const chain: NeedLink[] = [];
  for (let link = reached.get(one); link !== undefined; link = reached.get(link.owner)) chain.unshift(link);
  return chain;
}

/** `a depends on b (>= 2)` */
export function sentenceOf(link: NeedLink): string {
  const verb = link.field === "Recommends" ? "recommends" : link.field === "Suggests" ? "suggests" : "depends on";
  const text = formatDependency(link.dependency);
  const isNamed = link.dependency.length === 1 && link.dependency[0]!.name === link.package.name;
  return `${link.owner.name} ${verb} ${text}${isNamed ? "" : `: ${link.package.name}`}`;
}

export interface SearchHit {
  name: string;
  version: string;
  summary: string;
  isInstalled: boolean;
}

/**
 * Packages in whose name or description all of `words` occur, in any case; names that are the word itself come first,
 * then names that hold it, by name.
 */
export function searchPackages(
  index: PackageIndex,
  state: InstalledState,
  words: readonly string[],
  namesOnly: boolean,
): SearchHit[] {
  // An empty word is in every text.
  const wanted = words.filter((word) => word !== "").map((word) => word.toLowerCase());
  const names = new Set<string>();
  for (const name of index.names()) if (wanted.every((word) => name.toLowerCase().includes(word))) names.add(name);
  if (!namesOnly) for (const name of index.namesWithText(wanted)) names.add(name);
  const hits: SearchHit[] = [];
  for (const name of names) {
    const one = state.get(name)?.package ?? index.candidate(name);
    if (one === undefined) continue;
    const description = one.field("Description") ?? "";
    if (!wanted.every((word) => `${name} ${description}`.toLowerCase().includes(word))) continue;
    hits.push({
      name,
      version: one.version,
      summary: description.split("\n")[0]!,
      isInstalled: state.get(keyOf(one, state.architecture)) !== undefined,
    });
  }
  const rank = (hit: SearchHit): number =>
    wanted.includes(hit.name) ? 0 : wanted.some((word) => hit.name.includes(word)) ? 1 : 2;
  return hits.sort((left, right) => rank(left) - rank(right) || (left.name < right.name ? -1 : 1));
}
