/**
 * Puts the clauses behind an unsatisfiable request into sentences, beginning with what was asked for. What several
 * packages say alike (two versions of one, or all that provide something) is one sentence.
 */
import { closestName } from "@stratos/base";
import {
  acceptsVersion,
  formatDependency,
  parseAlternative,
  type Alternative,
  type Dependency,
} from "../dependency.ts";
import { keyOf } from "../installed-state.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "../package-index.ts";

/** Why a clause exists; the material of explanations. */
export type ClauseCause =
  | { kind: "request"; text: string; candidates: readonly BinaryPackage[] }
  | { kind: "exclude"; package: BinaryPackage; why: string }
  | { kind: "keep"; package: BinaryPackage; why: string; candidates: BinaryPackage[] }
  | { kind: "depends"; owner: BinaryPackage; field: RelationField; dependency: Dependency; candidates: BinaryPackage[] }
  | { kind: "conflict"; owner: BinaryPackage; field: RelationField; text: string; other: BinaryPackage }
  | { kind: "rival"; left: BinaryPackage; right: BinaryPackage };

/** How many names a list shows before it says how many more there are. */
const NAMES_MAX = 4;

/** One sentence for each cause, ordered so that each follows from those before it. */
export function explainCore(causes: readonly ClauseCause[], index: PackageIndex, architecture: string): string[] {
  const words = new Words(index, architecture);
  const sentences: Sentence[] = [];
  const told = new Set<ClauseCause>();
  const reached = new Set<BinaryPackage>();
  const tell = (cause: ClauseCause): void => {
    if (told.has(cause)) return;
    told.add(cause);
    if (cause.kind === "rival") {
      // Each two of several versions and architectures are a cause; they are one thing to know.
      const all = causes.filter((other) => other.kind === "rival" && other.left.name === cause.left.name);
      for (const other of all) told.add(other);
      sentences.push({ ...whole(words.rivals(all as Rival[])), kind: cause.kind });
      return;
    }
    const sentence = words.sentence(cause);
    const same = sentences.find(
      (other) => other.subjects.length > 0 && other.one === sentence.one && other.kind === cause.kind,
    );
    if (same === undefined) sentences.push({ ...sentence, kind: cause.kind });
    else same.subjects.push(...sentence.subjects);
    if (cause.kind === "request" || cause.kind === "depends" || cause.kind === "keep")
      for (const one of cause.candidates) reached.add(one);
  };
  for (const cause of causes) if (cause.kind === "request" || cause.kind === "keep") tell(cause);
  for (let before = -1; before !== told.size;) {
    before = told.size;
    for (const cause of causes) if (cause.kind === "depends" && reached.has(cause.owner)) tell(cause);
  }
  for (const cause of causes) tell(cause);
  return sentences.map(({ subjects, one, many }) =>
    subjects.length === 0 ? one : `${words.list(subjects, "and")} ${new Set(subjects).size === 1 ? one : many}`,
  );
}

/** `one` and `many` are what is said of one and of several subjects; of none, `one` is all of it. */
type Rival = Extract<ClauseCause, { readonly kind: "rival" }>;
interface Sentence {
  kind?: ClauseCause["kind"];
  subjects: BinaryPackage[];
  one: string;
  many: string;
}

function whole(text: string): Sentence {
  return { subjects: [], one: text, many: text };
}

class Words {
  readonly #index: PackageIndex;
  readonly #architecture: string;

  constructor(index: PackageIndex, architecture: string) {
    this.#index = index;
    this.#architecture = architecture;
  }

  sentence(cause: ClauseCause): Sentence {
    switch (cause.kind) {
      case "request":
        return whole(
          cause.candidates.length > 0
            ? `${cause.text} was asked for${this.#choices(cause.candidates, cause.text)}`
            : `${cause.text} was asked for, but ${this.#absence(cause.text)}`,
        );
      case "exclude":
        return {
          subjects: [cause.package],
          one: cause.why,
          many: cause.why.replace(/^is /, "are ").replace(/^was /, "were "),
        };
      case "keep":
        return whole(`${this.#name(cause.package)} ${cause.why}${this.#choices(cause.candidates, cause.package.name)}`);
      case "depends": {
        const text = formatDependency(cause.dependency);
        const rest =
          cause.candidates.length > 0
            ? `${text}${this.#choices(cause.candidates, text)}`
            : `${text}, but ${this.#absenceOf(cause.dependency)}`;
        if (cause.field === "Recommends")
          return { subjects: [cause.owner], one: `recommends ${rest}`, many: `recommend ${rest}` };
        const how = cause.field === "Pre-Depends" ? "beforehand on" : "on";
        return { subjects: [cause.owner], one: `depends ${how} ${rest}`, many: `depend ${how} ${rest}` };
      }
      case "conflict": {
        const { name, relation } = parseAlternative(cause.text);
        const other = this.#name(cause.other);
        const rest =
          name !== cause.other.name
            ? `${cause.text}, which ${other} provides`
            : relation === undefined
              ? other
              : `${cause.text}, which ${other} is`;
        return {
          subjects: [cause.owner],
          one: `${cause.field === "Breaks" ? "breaks" : "conflicts with"} ${rest}`,
          many: `${cause.field === "Breaks" ? "break" : "conflict with"} ${rest}`,
        };
      }
      case "rival":
        return whole(this.rivals([cause]));
    }
  }

  /** Versions and architectures of one name, no two of which can be there together. */
  rivals(pairs: readonly Rival[]): string {
    const all = [...new Set(pairs.flatMap(({ left, right }) => [left, right]))],
      { name } = all[0]!;
    const versions = [...new Set(all.map(({ version }) => version))],
      architectures = [...new Set(all.map(({ architecture }) => architecture))];
    const places = all.map(({ version, architecture }) => `${version} for ${architecture}`),
      each = places.length === 2 ? places.join(", or ") : shorten(places, "or");
    if (versions.length === 1)
      return `${name} can be installed for one architecture only: ${shorten(architectures, "or")}`;
    if (architectures.length === 1) return `only one version of ${name} can be installed: ${shorten(versions, "or")}`;
    return pairs.some(({ left, right }) => left.version === right.version)
      ? `${name} can be installed once only: ${each}`
      : `${name} must be of one version for each architecture: ${each}`;
  }

  /** Names with versions, those of one name together. */
  list(packages: readonly BinaryPackage[], joint: "and" | "or"): string {
    const versions = new Map<string, Set<string>>();
    for (const one of packages) {
      const name = keyOf(one, this.#architecture),
        known = versions.get(name);
      if (known === undefined) versions.set(name, new Set([one.version]));
      else known.add(one.version);
    }
    const texts = [...versions].map(([name, some]) => `${name} ${shorten([...some], joint)}`);
    return versions.size > 1 || texts.length > 1 ? shorten(texts, joint) : texts.join("");
  }

  #name(one: BinaryPackage): string {
    return `${keyOf(one, this.#architecture)} ${one.version}`;
  }

  #choices(candidates: readonly BinaryPackage[], text: string): string {
    const [first] = candidates;
    if (candidates.length === 1 && (first!.name === text || text === `${first!.name}=${first!.version}`)) return "";
    return `: ${this.list(candidates, "or")}`;
  }

  #absence(text: string): string {
    const name = /^[A-Za-z0-9+.-]+/.exec(text)?.[0] ?? text;
    const versions = this.#index.versions(name);
    const architecture = /^[A-Za-z0-9+.-]+:([a-z0-9-]+)/.exec(text)?.[1];
    if (text.includes("/") && versions.length > 0)
      return (
        "there is only " +
        `${versions
          .map(
            (one) =>
              `${this.#name(one)}${one.origin.release === undefined ? "" : ` of ${one.origin.release.codename}`}`,
          )
          .join(", ")}`
      );
    if (versions.length > 0)
      return (
        `there is only ${this.list(versions, "and")}` +
        `${
          architecture === undefined || versions.some((one) => one.architecture === architecture)
            ? ""
            : ` for ${shorten([...new Set(versions.map((one) => one.architecture))], "and")}`
        }`
      );
    return this.#ruledOut([name]) ?? `no package of that name exists${suggestion(name, this.#index)}`;
  }

  #absenceOf(dependency: Dependency): string {
    const names = dependency.map((alternative) => alternative.name);
    const versions = names.flatMap((name) => this.#index.versions(name));
    const providers = names.flatMap((name) => this.#index.providers(name).map((provider) => provider.package));
    const foreign = dependency.find(
      (alternative) => alternative.qualifier !== undefined && this.#fitting(alternative).length > 0,
    );
    if (foreign !== undefined) {
      const found = this.#fitting(foreign);
      if (foreign.qualifier === "any")
        return `${this.list(found, "and")} may not be of any architecture, not being \`Multi-Arch: allowed\``;
      return (
        `there is only ${this.list(found, "and")} for ` +
        `${shorten([...new Set(found.map((one) => one.architecture))], "and")}`
      );
    }
    if (versions.length > 0) return `there is only ${this.list(versions, "and")}`;
    if (providers.length > 0)
      return `${this.list(providers, "and")} provide${providers.length === 1 ? "s" : ""} it in no fitting version`;
    return this.#ruledOut(names) ?? "no package of that name exists, and none provides it";
  }

  #fitting(alternative: Alternative): BinaryPackage[] {
    return this.#index.versions(alternative.name).filter((one) => acceptsVersion(alternative, one.version));
  }

  #ruledOut(names: readonly string[]): string | undefined {
    const pinned = names.flatMap((name) => this.#index.ruledOut(name));
    return pinned.length === 0
      ? undefined
      : `there is only ${this.list(pinned, "and")}, which a pin of ${this.#index.priorityOf(pinned[0]!)} forbids`;
  }
}

function shorten(texts: readonly string[], joint: "and" | "or"): string {
  if (texts.length > NAMES_MAX) return `${texts.slice(0, NAMES_MAX).join(", ")} and ${texts.length - NAMES_MAX} more`;
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} ${joint} ${texts.at(-1)}`;
}

/** The closest name, if one is within two slips. */
export function suggestion(name: string, index: PackageIndex): string {
  const meant = closestName(name, index.names(), () => 2);
  return meant === undefined ? "" : ` (did you mean ${meant}?)`;
}
