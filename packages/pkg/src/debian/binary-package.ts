/** One version of one binary package: what every search needs is at hand, its stanza is read when asked for. */
import { ControlError, parseSingleStanza, type Stanza } from "./control.ts";
import { parseDependencies, type Alternative, type Dependency } from "./dependency.ts";
import type { TextSource } from "./index/package-table.ts";

/** Where an index came from. */
export interface PackageOrigin {
  /** for messages: `trixie/main` */
  name: string;
  /** to which `Filename` is relative */
  baseUrl: string;
  /** as apt's pinning has it: 500 is usual, 100 for backports and what is installed; higher is preferred */
  priority: number;
  /** of the signed list, for pins; absent for what no list offers */
  release?: {
    archive: string;
    codename: string;
    origin: string;
    label: string;
    component: string;
    version: string;
    /** of the list itself: `all` where those packages have one of their own */
    architecture: string;
    dateSeconds?: number;
    signers?: readonly string[];
  };
}

export type RelationField =
  | "Depends"
  | "Pre-Depends"
  | "Recommends"
  | "Suggests"
  | "Enhances"
  | "Conflicts"
  | "Breaks"
  | "Replaces"
  | "Provides";

export class BinaryPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly origin: PackageOrigin;
  readonly #text: TextSource;
  readonly #start: number;
  readonly #end: number;
  #stanza: Stanza | undefined;
  #relations: Map<RelationField, Dependency[]> | undefined;

  constructor(
    identity: { name: string; version: string; architecture: string },
    origin: PackageOrigin,
    source: { text: TextSource; start: number; end: number },
  ) {
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
    if (this.#stanza === undefined) {
      const stanza = parseSingleStanza(this.#text.slice(this.#start, this.#end), `${this.origin.name}: ${this.name}`);
      // A kept table may belong to a text that somebody has changed since.
      if (stanza.get("Package") !== this.name || stanza.get("Version") !== this.version)
        throw new ControlError(
          `${this.origin.name}: ${this.name} ${this.version} is not where the index has it; \`stratos pkg ` +
            "update` makes the index anew",
        );
      this.#stanza = stanza;
    }
    return this.#stanza;
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

  /** Whether it must stay once it is there: `Protected`, which apt also calls `Important`. */
  get isProtected(): boolean {
    return this.field("Protected") === "yes" || this.field("Important") === "yes";
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
