/**
 * The packages that repositories offer: `Packages` files, indexed by name and by what is provided.
 *
 * A `Packages` file holds some 68 000 stanzas in 55 MB, of which a request touches a few hundred. So the reader makes one
 * pass that finds each stanza and the few fields that every search needs, and parses the rest when asked.
 */
import { ControlError, parseSingleStanza, type Stanza } from "./control.ts";
import { parseDependencies, type Alternative, type Dependency } from "./dependency.ts";
import { compareVersions, isVersion } from "./version.ts";

/** Policy §5.6.7; capitals occur in old archives. What has this form is safe in paths and scripts. */
const PACKAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9+.-]*$/;

/** Where an index came from. */
export interface PackageOrigin {
  /** for messages: `trixie/main` */
  name: string;
  /** to which `Filename` is relative */
  baseUrl: string;
  /** as apt's pinning has it: 500 is usual, 100 for backports; higher is preferred */
  priority: number;
}

export type RelationField = "Depends" | "Pre-Depends" | "Recommends" | "Suggests" | "Enhances" | "Conflicts" | "Breaks" | "Replaces" | "Provides";

/** One version of one binary package. */
export class BinaryPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly origin: PackageOrigin;
  readonly #text: string;
  readonly #start: number;
  readonly #end: number;
  #stanza: Stanza | undefined;
  #relations: Map<RelationField, Dependency[]> | undefined;

  constructor(identity: { name: string; version: string; architecture: string }, origin: PackageOrigin, source: { text: string; start: number; end: number }) {
    this.name = identity.name;
    this.version = identity.version;
    this.architecture = identity.architecture;
    this.origin = origin;
    this.#text = source.text;
    this.#start = source.start;
    this.#end = source.end;
  }

  /** All fields. */
  get stanza(): Stanza {
    return (this.#stanza ??= parseSingleStanza(this.#text.slice(this.#start, this.#end), `${this.origin.name}: ${this.name}`));
  }

  field(name: string): string | undefined {
    return this.stanza.get(name);
  }

  relations(field: RelationField): Dependency[] {
    this.#relations ??= new Map();
    let relations = this.#relations.get(field);
    if (relations === undefined) {
      relations = parseDependencies(this.field(field) ?? "");
      this.#relations.set(field, relations);
    }
    return relations;
  }

  /** What it provides besides itself. */
  get provides(): Alternative[] {
    return this.relations("Provides").map((dependency) => dependency[0]!);
  }

  get isEssential(): boolean {
    return this.field("Essential") === "yes";
  }

  get priority(): string {
    return this.field("Priority") ?? "optional";
  }

  /** `no`, `same`, `foreign` or `allowed` */
  get multiArch(): string {
    return this.field("Multi-Arch") ?? "no";
  }

  get source(): string {
    return (this.field("Source") ?? this.name).split(" ")[0]!;
  }

  /** Kibibytes on disk, as the packager estimated. */
  get installedSizeKiB(): number {
    return Number(this.field("Installed-Size") ?? 0) || 0;
  }

  toString(): string {
    return `${this.name} ${this.version}`;
  }
}

export interface Provider { package: BinaryPackage; provided: Alternative }

/** Packages of several origins under one roof. */
export class PackageIndex {
  readonly #byName = new Map<string, BinaryPackage[]>();
  readonly #providers = new Map<string, Provider[]>();
  readonly #essential: BinaryPackage[] = [];
  readonly #required: BinaryPackage[] = [];
  #size = 0;

  /** How many package versions it holds. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds the packages of one `Packages` text for `architecture` and `all`; others are left out.
   *
   * @throws ControlError  a stanza without name, version or architecture, or with a malformed one
   */
  add(text: string, origin: PackageOrigin, architecture: string): void {
    let start = 0;
    let name = "", version = "", packageArchitecture = "", provides = "", priority = "", essential = false;
    const finish = (end: number): void => {
      if (end > start && name + version + packageArchitecture !== "") {
        if (!PACKAGE_NAME.test(name) || packageArchitecture === "" || !isVersion(version)) {
          throw new ControlError(`${origin.name}: a package without a proper name, version or architecture near byte ${start}: ${name} ${version}`);
        }
        if (packageArchitecture === architecture || packageArchitecture === "all") {
          const added = new BinaryPackage({ name, version, architecture: packageArchitecture }, origin, { text, start, end });
          this.#insert(added, provides);
          if (essential) this.#essential.push(added);
          if (priority === "required") this.#required.push(added);
        }
      }
      name = version = packageArchitecture = provides = priority = "";
      essential = false;
    };
    const valueOf = (at: number, label: string, end: number): string | undefined =>
      text.startsWith(label, at) ? text.slice(at + label.length, end).trim() : undefined;
    let at = 0;
    while (at < text.length) {
      let end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      switch (text.charCodeAt(at)) {
        case 10:
          finish(at);
          start = at + 1;
          break;
        case 0x50: // P
          name = valueOf(at, "Package:", end) ?? name;
          priority = valueOf(at, "Priority:", end) ?? priority;
          provides = valueOf(at, "Provides:", end) ?? provides;
          break;
        case 0x56: // V
          version = valueOf(at, "Version:", end) ?? version;
          break;
        case 0x41: // A
          packageArchitecture = valueOf(at, "Architecture:", end) ?? packageArchitecture;
          break;
        case 0x45: // E
          if (valueOf(at, "Essential:", end) === "yes") essential = true;
          break;
      }
      at = end + 1;
    }
    finish(text.length);
  }

  #insert(added: BinaryPackage, provides: string): void {
    // Strings cut from the text would keep all of it alive only through themselves; they share it anyway.
    const versions = this.#byName.get(added.name);
    if (versions === undefined) this.#byName.set(added.name, [added]);
    else {
      const isKnown = versions.some((one) => one.version === added.version && one.architecture === added.architecture);
      if (isKnown) return;
      versions.push(added);
      versions.sort(compareCandidates);
    }
    this.#size++;
    if (provides === "") return;
    for (const [provided] of parseDependencies(provides)) {
      const providers = this.#providers.get(provided!.name);
      if (providers === undefined) this.#providers.set(provided!.name, [{ package: added, provided: provided! }]);
      else providers.push({ package: added, provided: provided! });
    }
  }

  /** Versions of a package, the preferred first. */
  versions(name: string): readonly BinaryPackage[] {
    return this.#byName.get(name) ?? [];
  }

  /** The version that apt would call the candidate. */
  candidate(name: string): BinaryPackage | undefined {
    return this.#byName.get(name)?.[0];
  }

  /** Who provides `name`, besides packages of that name. */
  providers(name: string): readonly Provider[] {
    return this.#providers.get(name) ?? [];
  }

  names(): IterableIterator<string> {
    return this.#byName.keys();
  }

  /** Candidates that are `Essential: yes`. */
  essential(): BinaryPackage[] {
    return this.#essential.filter((one) => this.candidate(one.name) === one);
  }

  /** Candidates of priority `required`. */
  required(): BinaryPackage[] {
    return this.#required.filter((one) => this.candidate(one.name) === one);
  }
}

/** Higher origin priority first, then the newer version. */
function compareCandidates(left: BinaryPackage, right: BinaryPackage): number {
  return right.origin.priority - left.origin.priority || compareVersions(right.version, left.version);
}
