/**
 * What of a source package's build dependencies counts in one build: those that are meant for the architecture and the
 * profiles, in the grammar of binary packages.
 *
 *     libfoo-dev [linux-any] | libbar-dev, python3:any <!nocheck>, gcc:native  ─▶  libfoo-dev, python3:any, gcc
 *
 * Of alternatives the first that is meant counts, and others of the same package (`x (>= 2) | x (<< 1)`): what sbuild
 * asks for, so that builds do not depend on what happens to be there. Source: Debian Policy §7.1, §7.7;
 * deb-src-control(5); sbuild, ResolverBase.pm.
 *
 * In a cross build they are relations of a package of the host architecture (deb-src-control(5): "are satisfied by
 * packages of the host architecture, unless …"), and `:native` is said.
 */
import { DependencyError, type Stanza } from "@stratos/pkg";
import { isInArchitectureList } from "./architecture-match.ts";

export interface BuildSurroundings {
  readonly architecture: string;
  /** of a cross build: what packages are made for */
  readonly hostArchitecture?: string | undefined;
  readonly profiles: readonly string[];
  readonly parts: "both" | "any" | "all";
}

export interface BuildNeeds {
  /** as a Depends field says it */
  readonly depends: readonly string[];
  readonly conflicts: readonly string[];
}

const ALTERNATIVE =
  /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(\([^()]*\))?\s*(?:\[([^[\]]*)\])?\s*((?:<[^<>]*>\s*)*)$/;

/** @throws DependencyError */
export function buildNeeds(stanza: Stanza, surroundings: BuildSurroundings): BuildNeeds {
  const { parts } = surroundings;
  const fields = (kind: string): string =>
    [
      `Build-${kind}`,
      ...(parts === "all" ? [] : [`Build-${kind}-Arch`]),
      ...(parts === "any" ? [] : [`Build-${kind}-Indep`]),
    ]
      .map((name) => stanza.get(name) ?? "")
      .join(",\n");
  return {
    depends: [...reduceRelations(fields("Depends"), surroundings), ...crossNeeds(surroundings)],
    conflicts: reduceRelations(fields("Conflicts"), surroundings),
  };
}

/** What every cross build may take for granted. Source: sbuild, ResolverBase.pm, `get_dpkg_cross_depends`. */
function crossNeeds({ hostArchitecture }: BuildSurroundings): string[] {
  return hostArchitecture === undefined
    ? []
    : ["libc-dev", "libstdc++-dev", `crossbuild-essential-${hostArchitecture}:native`];
}

/** Relations that count, each once, in their order. @throws DependencyError */
export function reduceRelations(text: string, surroundings: BuildSurroundings): string[] {
  const reduced = new Set<string>();
  for (const relation of text.split(",")) {
    if (relation.trim() === "") continue;
    const meant = relation.split("|").flatMap((one) => meantAlternative(one.trim(), surroundings) ?? []);
    const first = meant[0];
    if (first !== undefined)
      reduced.add(
        meant
          .filter(({ name }) => name === first.name)
          .map(({ words }) => words)
          .join(" | "),
      );
  }
  return [...reduced];
}

function meantAlternative(
  text: string,
  { architecture, hostArchitecture = architecture, profiles }: BuildSurroundings,
): { name: string; words: string } | undefined {
  const match = ALTERNATIVE.exec(text.replaceAll(/\s+/g, " "));
  if (match === null) throw new DependencyError(`not a build dependency: ${text.slice(0, 80)}`);
  const [, name, qualifier, version, architectures, formula] = match;
  if (architectures !== undefined && !isInArchitectureList(hostArchitecture, architectures)) return undefined;
  if (formula !== "" && !fitsProfiles(formula!, profiles)) return undefined;
  // What runs on the machine that builds: as a rule that is the one that is built for.
  const isOwn = qualifier === hostArchitecture || (qualifier === "native" && architecture === hostArchitecture);
  const own = qualifier === undefined || isOwn ? "" : `:${qualifier}`;
  return { name: name!, words: `${name}${own}${version === undefined ? "" : ` ${version}`}` };
}

/** `<a !b> <c>`: a without b, or c. */
function fitsProfiles(formula: string, profiles: readonly string[]): boolean {
  return [...formula.matchAll(/<([^<>]*)>/g)].some(([, terms]) =>
    terms!
      .trim()
      .split(/\s+/)
      .every((term) => (term.startsWith("!") ? !profiles.includes(term.slice(1)) : profiles.includes(term))),
  );
}
