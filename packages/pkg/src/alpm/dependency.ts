/**
 * What ALPM packages say of each other: `name`, `name>=1.2`, `libfoo.so=1-64`, and for optional ones
 * `name: what it is good for`. Source: PKGBUILD(5), depends, optdepends, provides, conflicts.
 */
import { compareAlpmVersions } from "./version.ts";

type AlpmRelation = "<" | "<=" | "=" | ">=" | ">";

export interface AlpmDependency {
  name: string;
  relation: AlpmRelation | undefined;
  /** "" without a relation */
  version: string;
  /** after the colon of an optional dependency; "" elsewhere */
  description: string;
}

/** Relations are few and repeat (`glibc` thousands of times): parsed ones are shared, up to a bound. */
const PARSED_MAX = 100_000;
const parsed = new Map<string, AlpmDependency>();

/** Any text is a relation, as to pacman: what has no known form is the name of something that nobody has. */
export function parseAlpmDependency(text: string): AlpmDependency {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const match = /^([^\s<>=:]+(?:::?[^\s<>=:]+)*)(?:(<=|>=|=|<|>)([^\s]+?))?(?::?\s+(.*)|:)?$/s.exec(text);
  const dependency: AlpmDependency =
    match === null
      ? { name: text, relation: undefined, version: "", description: "" }
      : {
          name: match[1]!,
          relation: match[2] as AlpmRelation | undefined,
          version: match[3] ?? "",
          description: match[4] ?? "",
        };
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, dependency);
  return dependency;
}

/** Whether `version` stands in `relation` to `bound`; always without a relation. */
function satisfiesAlpmRelation(version: string, relation: AlpmRelation | undefined, bound: string): boolean {
  if (relation === undefined) return true;
  const order = compareAlpmVersions(version, bound);
  switch (relation) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
  }
}

/** Whether a `provides` entry fulfils `dependency`: one without a version fulfils only what asks for none. */
function acceptsAlpmProvision(dependency: AlpmDependency, provision: AlpmDependency): boolean {
  if (dependency.name !== provision.name) return false;
  if (dependency.relation === undefined) return true;
  return (
    provision.relation === "=" && satisfiesAlpmRelation(provision.version, dependency.relation, dependency.version)
  );
}

/** What a package is called and what it stands for; of installed and offered packages alike. */
interface Satisfier {
  readonly name: string;
  readonly version: string;
  readonly provides: readonly string[];
}

/** Whether `one` fulfils `dependency`, by itself or by what it provides. */
export function satisfiesAlpmDependency(one: Satisfier, dependency: AlpmDependency): boolean {
  if (one.name === dependency.name && satisfiesAlpmRelation(one.version, dependency.relation, dependency.version))
    return true;
  return one.provides.some((text) => acceptsAlpmProvision(dependency, parseAlpmDependency(text)));
}
