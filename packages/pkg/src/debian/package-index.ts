/**
 * The packages that repositories offer and a system has: several lists under one roof, found by name and by what is
 * provided, the preferred version first.
 */
import { BinaryPackage, type PackageOrigin, type RelationField } from "./binary-package.ts";
import type { Alternative } from "./dependency.ts";
import { buildPackageTable, type PackageTable } from "./index/package-table.ts";
import { compareVersions } from "./version.ts";

export { BinaryPackage, type PackageOrigin, type RelationField } from "./binary-package.ts";

export interface Provider {
  package: BinaryPackage;
  provided: Alternative;
}

/** What a version is worth to the one who asks: apt's pin priority. Below zero it is never taken. */
export type PriorityOf = (one: BinaryPackage) => number;

interface Member {
  table: PackageTable;
  origin: PackageOrigin;
  architectures: ReadonlySet<string>;
  made: Map<number, BinaryPackage>;
}

const NONE: readonly never[] = [];

/** Packages of several origins under one roof. */
export class PackageIndex {
  readonly #members: Member[] = [];
  readonly #preferred: Member[] = [];
  /** packages of lists that stand for installed ones */
  readonly #joined = new Set<BinaryPackage>();
  readonly #versions = new Map<string, readonly BinaryPackage[]>();
  readonly #providers = new Map<string, readonly Provider[]>();
  /** installed ones, by name: they are in no list, or in one with other words */
  readonly #installed = new Map<string, BinaryPackage[]>();
  readonly #installedProviders = new Map<string, Provider[]>();
  #priorityOf: PriorityOf = (one) => one.origin.priority;
  readonly #native: string | undefined;

  /**
   * @param native  the system's own architecture: its packages come before those of others, whatever their versions,
   *   for a rebuild of one architecture alone counts as newer (`1.4.3-1+b1`). Without it all are alike
   */
  constructor(native?: string) {
    this.#native = native;
  }

  /** How many package versions it holds; counting them looks at each. */
  get size(): number {
    let size = 0;
    for (const name of this.names()) size += this.versions(name).length;
    return size;
  }

  /**
   * Adds the packages of one `Packages` text for `architecture` and `all`; others are left out.
   *
   * @throws ControlError  a stanza without name, version or architecture, or with a malformed one
   */
  add(text: string, origin: PackageOrigin, architecture: string): void {
    this.addTable(buildPackageTable(text, origin.name), origin, [architecture]);
  }

  /**
   * Adds packages that somebody named as files: they stand for what lists offer in the same version, unless that is
   * installed.
   */
  addNamed(text: string, origin: PackageOrigin, architecture: string): void {
    this.add(text, origin, architecture);
    this.#preferred.push(this.#members.at(-1)!);
  }

  /** Adds a list's packages for some architectures and `all`. */
  addTable(table: PackageTable, origin: PackageOrigin, architectures: readonly string[]): void {
    this.#members.push({ table, origin, architectures: new Set([...architectures, "all"]), made: new Map() });
    this.#forget();
  }

  /** Of each list. */
  origins(): PackageOrigin[] {
    return this.#members.map(({ origin }) => origin);
  }

  /**
   * The same lists and priorities without what has been added as installed: for another system with the same sources.
   */
  withoutInstalled(): PackageIndex {
    const other = new PackageIndex(this.#native);
    other.#members.push(...this.#members);
    other.#preferred.push(...this.#preferred);
    other.#priorityOf = this.#priorityOf;
    return other;
  }

  /**
   * Adds a version that is installed; when a list offers the very same one, that stands for it. One of the same version
   * with other relations is another package, built here or by somebody else; apt takes it for that, too. @returns the
   * one to go by
   */
  addInstalled(one: BinaryPackage): BinaryPackage {
    const offered = this.versions(one.name).find(
      (other) =>
        other.version === one.version && other.architecture === one.architecture && hasSameRelations(one, other),
    );
    if (offered !== undefined) {
      this.#joined.add(offered);
      return offered;
    }
    const known = this.#installed.get(one.name);
    if (known === undefined) this.#installed.set(one.name, [one]);
    else known.push(one);
    for (const provided of one.provides) {
      const provider = { package: one, provided };
      const others = this.#installedProviders.get(provided.name);
      if (others === undefined) this.#installedProviders.set(provided.name, [provider]);
      else others.push(provider);
    }
    this.#versions.delete(one.name);
    this.#providers.clear();
    return one;
  }

  /** Has versions ordered by other priorities than those of their origins, such as pins. */
  setPriorities(priorityOf: PriorityOf): void {
    this.#priorityOf = priorityOf;
    this.#forget();
  }

  priorityOf(one: BinaryPackage): number {
    return this.#priorityOf(one);
  }

  /** Versions of a package that may be taken, the preferred first. */
  versions(name: string): readonly BinaryPackage[] {
    let versions = this.#versions.get(name);
    if (versions === undefined) {
      const found = this.#named(name);
      versions = found.filter((one) => this.#priorityOf(one) >= 0);
      if (found.length > 1)
        (versions as BinaryPackage[]).sort(
          (left, right) =>
            Number(this.#isForeign(left)) - Number(this.#isForeign(right)) ||
            this.#priorityOf(right) - this.#priorityOf(left) ||
            compareVersions(right.version, left.version),
        );
      this.#versions.set(name, versions);
    }
    return versions;
  }

  /** All that offer a version, the first list's first: of a system's own, the system. */
  originsOf(one: BinaryPackage): PackageOrigin[] {
    const origins = [one.origin];
    for (const { table, origin } of this.#members) {
      table.eachNamed(one.name, (id) => {
        if (
          origin !== one.origin &&
          table.versionAt(id) === one.version &&
          table.architectureAt(id) === one.architecture
        )
          origins.push(origin);
      });
    }
    return origins;
  }

  /** Versions of a package that may not be taken, since their priority is below zero. */
  ruledOut(name: string): BinaryPackage[] {
    return this.#named(name).filter((one) => this.#priorityOf(one) < 0);
  }

  #named(name: string): BinaryPackage[] {
    const found: BinaryPackage[] = [];
    for (const member of this.#members) {
      member.table.eachNamed(name, (id) => {
        const one = make(member, id);
        if (
          one !== undefined &&
          !found.some((other) => other.version === one.version && other.architecture === one.architecture)
        )
          found.push(one);
      });
    }
    for (const member of this.#preferred) {
      member.table.eachNamed(name, (id) => {
        const one = make(member, id);
        const at =
          one === undefined
            ? -1
            : found.findIndex((other) => other.version === one.version && other.architecture === one.architecture);
        if (at >= 0 && !this.#joined.has(found[at]!)) found[at] = one!;
      });
    }
    found.push(...(this.#installed.get(name) ?? NONE));
    return found;
  }

  /** The version that apt would call the candidate. */
  candidate(name: string): BinaryPackage | undefined {
    return this.versions(name)[0];
  }

  /** The candidate for a package that is installed: of the same architecture. */
  candidateFor(one: BinaryPackage): BinaryPackage | undefined {
    return this.versions(one.name).find(
      (other) => other.architecture === one.architecture || (!this.#isForeign(other) && !this.#isForeign(one)),
    );
  }

  #isForeign({ architecture }: BinaryPackage): boolean {
    return this.#native !== undefined && architecture !== this.#native && architecture !== "all";
  }

  /** Who provides `name`, besides packages of that name. */
  providers(name: string): readonly Provider[] {
    let providers = this.#providers.get(name);
    if (providers === undefined) {
      const found: Provider[] = [];
      const add = (one: BinaryPackage): void => {
        // The same version of two lists is one package.
        if (!this.versions(one.name).includes(one) || found.some((other) => other.package === one)) return;
        for (const provided of one.provides) if (provided.name === name) found.push({ package: one, provided });
      };
      for (const member of this.#members) {
        member.table.eachProviding(name, (id) => {
          const one = make(member, id);
          if (one !== undefined) add(one);
        });
      }
      for (const { package: one } of this.#installedProviders.get(name) ?? NONE) add(one);
      providers = found;
      this.#providers.set(name, providers);
    }
    return providers;
  }

  /**
   * When apt meets a name, be it only in a relation, reading the same lists in the same order: a number that is higher
   * for later ones.
   */
  turnOf(name: string): number {
    for (const [place, { table }] of this.#members.entries()) {
      const turn = table.turnOf(name);
      if (turn >= 0) return place * 2 ** 32 + turn;
    }
    return Infinity;
  }

  /** Names of all packages, none twice. */
  names(): IterableIterator<string> {
    const names = new Set<string>(this.#installed.keys());
    for (const { table } of this.#members) for (let id = 0; id < table.count; id++) names.add(table.nameAt(id));
    return names.values();
  }

  /** The text of its first list, whole. */
  text(): string {
    const table = this.#members[0]?.table;
    return table === undefined ? "" : wholeText(table);
  }

  /**
   * Names of packages in whose stanzas all of `words`, in lower case and none of them empty, occur somewhere: some may
   * not be meant.
   */
  namesWithText(words: readonly string[]): string[] {
    const names: string[] = [];
    for (const { table } of this.#members) {
      const text = wholeText(table).toLowerCase();
      const [first = "", ...others] = words;
      let id = 0;
      // A line's end may be found behind a stanza: on from there, not from the stanza's end again.
      for (
        let at = first === "" ? -1 : text.indexOf(first);
        at >= 0;
        at = text.indexOf(first, Math.max(table.endAt(id), at + 1))
      ) {
        while (id + 1 < table.count && table.startAt(id + 1) <= at) id++;
        const stanza = others.length === 0 ? "" : text.slice(table.startAt(id), table.endAt(id));
        if (others.every((word) => stanza.includes(word))) names.push(table.nameAt(id));
      }
    }
    return names;
  }

  /** Candidates that are `Essential: yes`. */
  essential(): BinaryPackage[] {
    return this.#flagged("isEssential");
  }

  /** Candidates of priority `required`. */
  required(): BinaryPackage[] {
    return this.#flagged("isRequired");
  }

  #flagged(flag: "isEssential" | "isRequired"): BinaryPackage[] {
    const found: BinaryPackage[] = [];
    for (const member of this.#members) {
      member.table.eachFlagged((id, flags) => {
        const one = flags[flag] ? make(member, id) : undefined;
        if (one !== undefined && this.candidate(one.name) === one) found.push(one);
      });
    }
    return found;
  }

  #forget(): void {
    this.#versions.clear();
    this.#providers.clear();
  }
}

/** What tells packages of one version apart. Source: apt-pkg/deb/deblistparser.cc, `VersionHash`. */
const TELLING: readonly RelationField[] = ["Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces"];

function hasSameRelations(one: BinaryPackage, other: BinaryPackage): boolean {
  return TELLING.every((field) => {
    const left = one.field(field),
      right = other.field(field);
    // dpkg writes blanks and the old operators in its own way.
    return left === right || plain(left) === plain(right);
  });
}

function plain(field: string | undefined): string {
  return (field ?? "")
    .replaceAll(/\s+/g, "")
    .replaceAll(/\(([<>])(?![<>=])/g, "($1=")
    .toLowerCase();
}

function wholeText(table: PackageTable): string {
  return table.count === 0 ? "" : table.text.slice(0, table.endAt(table.count - 1));
}

/** The package object of a table's row, one and the same each time; undefined for other architectures. */
function make(member: Member, id: number): BinaryPackage | undefined {
  let one = member.made.get(id);
  if (one === undefined) {
    const { table } = member;
    const architecture = table.architectureAt(id);
    if (!member.architectures.has(architecture)) return undefined;
    one = new BinaryPackage({ name: table.nameAt(id), version: table.versionAt(id), architecture }, member.origin, {
      text: table.text,
      start: table.startAt(id),
      end: table.endAt(id),
    });
    member.made.set(id, one);
  }
  return one;
}
