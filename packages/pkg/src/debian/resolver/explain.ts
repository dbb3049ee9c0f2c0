/** Puts the clauses behind an unsatisfiable request into sentences, beginning with what was asked for. */
import { formatDependency, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import type { ClauseCause } from "./resolution.ts";

/** How many names a list shows before it says how many more there are. */
const NAMES_MAX = 4;

/** One sentence for each cause, ordered so that each follows from those before it. */
export function explainCore(causes: readonly ClauseCause[], index: PackageIndex): string[] {
  const lines: string[] = [];
  const told = new Set<ClauseCause>();
  const reached = new Set<BinaryPackage>();
  const tell = (cause: ClauseCause): void => {
    if (told.has(cause)) return;
    told.add(cause);
    lines.push(sentence(cause, index));
    if (cause.kind === "request" || cause.kind === "depends" || cause.kind === "keep") for (const one of cause.candidates) reached.add(one);
  };
  for (const cause of causes) if (cause.kind === "request" || cause.kind === "keep") tell(cause);
  for (let before = -1; before !== told.size; ) {
    before = told.size;
    for (const cause of causes) if (cause.kind === "depends" && reached.has(cause.owner)) tell(cause);
  }
  for (const cause of causes) tell(cause);
  return lines;
}

function sentence(cause: ClauseCause, index: PackageIndex): string {
  switch (cause.kind) {
    case "request":
      if (cause.candidates.length > 0) return `${cause.text} was asked for${choices(cause.candidates, cause.text)}`;
      return `${cause.text} was asked for, but ${absence(cause.text, index)}`;
    case "exclude":
      return `${cause.package} ${cause.why}`;
    case "keep":
      return `${cause.package} ${cause.why}${choices(cause.candidates, cause.package.name)}`;
    case "depends": {
      const text = formatDependency(cause.dependency);
      const verb = cause.field === "Pre-Depends" ? "depends beforehand on" : cause.field === "Recommends" ? "recommends" : "depends on";
      if (cause.candidates.length > 0) return `${cause.owner} ${verb} ${text}${choices(cause.candidates, text)}`;
      return `${cause.owner} ${verb} ${text}, but ${absenceOf(cause.dependency, index)}`;
    }
    case "conflict":
      return `${cause.owner} ${cause.field === "Breaks" ? "breaks" : "conflicts with"} ${cause.text}, which ${cause.other} ${cause.text.startsWith(cause.other.name) ? "is" : "provides"}`;
    case "rival":
      return cause.left.version === cause.right.version
        ? `${cause.left.name} can be installed for one architecture only: ${cause.left.architecture} or ${cause.right.architecture}`
        : `only one version of ${cause.left.name} can be installed: ${cause.left.version} or ${cause.right.version}`;
  }
}

function choices(candidates: readonly BinaryPackage[], text: string): string {
  if (candidates.length === 1 && candidates[0]!.name === text) return "";
  return `: ${listOf(candidates.map(String))}`;
}

function absence(text: string, index: PackageIndex): string {
  const name = /^[A-Za-z0-9+.-]+/.exec(text)?.[0] ?? text;
  const versions = index.versions(name);
  if (versions.length > 0) return `there is only ${listOf(versions.map(String))}`;
  return `no package of that name exists${suggestion(name, index)}`;
}

function absenceOf(dependency: Dependency, index: PackageIndex): string {
  const names = dependency.map((alternative) => alternative.name);
  const versions = names.flatMap((name) => index.versions(name));
  const providers = names.flatMap((name) => index.providers(name).map((provider) => provider.package));
  if (versions.length > 0) return `there is only ${listOf(versions.map(String))}`;
  if (providers.length > 0) return `${listOf(providers.map(String))} provide${providers.length === 1 ? "s" : ""} it in no fitting version`;
  return "no package of that name exists, and none provides it";
}

function listOf(texts: readonly string[]): string {
  const shown = [...new Set(texts)];
  if (shown.length <= NAMES_MAX) return shown.join(", ");
  return `${shown.slice(0, NAMES_MAX).join(", ")} and ${shown.length - NAMES_MAX} more`;
}

/** The closest name, if one is within two edits. */
function suggestion(name: string, index: PackageIndex): string {
  let best = "", bestDistance = 3;
  for (const other of index.names()) {
    if (Math.abs(other.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name, other, bestDistance);
    if (distance < bestDistance) { best = other; bestDistance = distance; }
  }
  return best === "" ? "" : ` (did you mean ${best}?)`;
}

/** Levenshtein distance, or `bound` when it is at least that. */
function editDistance(left: string, right: string, bound: number): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= right.length; column++) {
      const cost = left.charCodeAt(row - 1) === right.charCodeAt(column - 1) ? 0 : 1;
      const value = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + cost);
      current.push(value);
      least = Math.min(least, value);
    }
    if (least >= bound) return bound;
    previous = current;
  }
  return Math.min(previous[right.length]!, bound);
}
