/**
 * Relations between packages: `libc6 (>= 2.41), default-mta | mail-transport-agent, python3:any`.
 * Source: Debian Policy §7.1; deb-control(5); the multiarch specification for `:any` and `:native`.
 */
import { isVersion, satisfiesRelation, type Relation } from "./version.ts";

/** One package name with what it must fulfil. */
export interface Alternative {
  name: string;
  /** `any`, `native` or an architecture; absent without a qualifier */
  qualifier: string | undefined;
  relation: Relation | undefined;
  /** "" without a relation */
  version: string;
}

/** Alternatives, of which one must be fulfilled; the first is preferred. */
export type Dependency = Alternative[];

/** A malformed relation field. */
export class DependencyError extends Error {
  override name = "DependencyError";
}

const ALTERNATIVE =
  // wide: one pattern
  /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?\s*(?:\[([^\]]*)\])?\s*((?:<[^>]*>\s*)*)$/;

/** Dependencies are few and repeat (`libc6 (>= 2.38)` thousands of times): parsed ones are shared, up to a bound. */
const PARSED_MAX = 200_000;
const parsed = new Map<string, Alternative>();

/**
 * The dependencies of one field's text, in order.
 *
 * @throws DependencyError  an alternative that the grammar does not know
 */
export function parseDependencies(text: string): Dependency[] {
  const dependencies: Dependency[] = [];
  for (const part of text.split(",")) {
    const trimmed = part.trim();
    if (trimmed === "") continue;
    dependencies.push(
      trimmed.includes("|")
        ? trimmed.split("|").map((one) => parseAlternative(one.trim()))
        : [parseAlternative(trimmed)],
    );
  }
  return dependencies;
}

/**
 * One alternative, such as `libc6:any (>= 2.41)`. Architecture and profile lists, which only sources have, are ignored.
 */
export function parseAlternative(text: string): Alternative {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const match = ALTERNATIVE.exec(text);
  if (match === null) throw new DependencyError(`not a package relation: ${text.slice(0, 80)}`);
  const version = match[4] ?? "";
  if (version !== "" && !isVersion(version))
    throw new DependencyError(`not a version: ${version.slice(0, 60)} in ${text.slice(0, 80)}`);
  const symbol = match[3];
  const relation = symbol === "<" ? "<=" : symbol === ">" ? ">=" : (symbol as Relation | undefined);
  const alternative: Alternative = { name: match[1]!, qualifier: match[2], relation, version };
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, alternative);
  return alternative;
}

/** Whether `version` of the alternative's package fulfils it. */
export function acceptsVersion(alternative: Alternative, version: string): boolean {
  return alternative.relation === undefined || satisfiesRelation(version, alternative.relation, alternative.version);
}

/**
 * Whether a `Provides` entry fulfils `alternative`: an unversioned one fulfils only what asks for no version,
 * a versioned one is compared (Policy §7.5).
 */
export function acceptsProvided(alternative: Alternative, provided: Alternative): boolean {
  if (alternative.relation === undefined) return true;
  return provided.relation === "=" && satisfiesRelation(provided.version, alternative.relation, alternative.version);
}

/** The alternative as a control file writes it. */
export function formatAlternative(alternative: Alternative): string {
  const name = alternative.qualifier === undefined ? alternative.name : `${alternative.name}:${alternative.qualifier}`;
  return alternative.relation === undefined ? name : `${name} (${alternative.relation} ${alternative.version})`;
}

export function formatDependency(dependency: Dependency): string {
  return dependency.map(formatAlternative).join(" | ");
}
