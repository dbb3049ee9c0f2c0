/** Puts the clauses behind an impossible transaction into sentences, beginning with what was asked for. */
import { closestName } from "@stratos/base";
import type { AlpmDependency } from "./dependency.ts";
import type { Candidate, PackagePool } from "./package-pool.ts";

/** Why a clause exists; the material of explanations. */
export type AlpmCause =
  | { kind: "target"; text: string; candidates: readonly Candidate[] }
  | { kind: "upgrade"; installed: Candidate; to: Candidate }
  | { kind: "keep"; installed: Candidate; candidates: readonly Candidate[] }
  | { kind: "remove"; installed: Candidate }
  | { kind: "depends"; owner: Candidate; dependency: AlpmDependency; text: string; candidates: readonly Candidate[] }
  | { kind: "conflict"; owner: Candidate; text: string; other: Candidate }
  | { kind: "rival"; left: Candidate; right: Candidate }
  | { kind: "unforced"; installed: Candidate };

const NAMES_MAX = 4;

/** One sentence for each cause, ordered so that each follows from those before it. */
export function explainAlpm(causes: readonly AlpmCause[], pool: PackagePool): string[] {
  const lines: string[] = [];
  const told = new Set<AlpmCause>();
  const reached = new Set<Candidate>();
  const tell = (cause: AlpmCause): void => {
    if (told.has(cause)) return;
    told.add(cause);
    const line = sentence(cause, pool);
    if (line !== "" && !lines.includes(line)) lines.push(line);
    if (cause.kind === "target" || cause.kind === "depends" || cause.kind === "keep")
      for (const one of cause.candidates) reached.add(one);
    if (cause.kind === "upgrade") reached.add(cause.to);
  };
  for (const kind of ["target", "upgrade", "remove", "keep"])
    for (const cause of causes) if (cause.kind === kind) tell(cause);
  for (let before = -1; before !== told.size;) {
    before = told.size;
    for (const cause of causes) if (cause.kind === "depends" && reached.has(cause.owner)) tell(cause);
  }
  for (const cause of causes) tell(cause);
  return lines;
}

function sentence(cause: AlpmCause, pool: PackagePool): string {
  switch (cause.kind) {
    case "target":
      if (cause.candidates.length > 0) return `${cause.text} was asked for`;
      return `${cause.text} was asked for, but no package or group of that name exists${suggestion(cause.text, pool)}`;
    case "upgrade":
      return `${cause.installed.package.name} is to become ${named(cause.to)}`;
    case "remove":
      return `${cause.installed.package.name} is to be removed`;
    case "keep":
      return (
        `${named(cause.installed)} stays ` +
        `installed${cause.candidates.length > 1 ? ", in this version or another" : ""}`
      );
    case "depends": {
      const owner = named(cause.owner);
      if (cause.candidates.length > 0)
        return `${owner} depends on ${cause.text}${listOf(cause.candidates, cause.text)}`;
      const ignored = pool.satisfying(cause.dependency);
      if (ignored.length > 0)
        return (
          `${owner} depends on ${cause.text}, but ${ignored.map(named).join(", ")} is to be ignored (IgnorePkg, ` +
          "IgnoreGroup)"
        );
      const others = pool.named(cause.dependency.name);
      return (
        `${owner} depends on ${cause.text}, but ` +
        `${others.length > 0 ? `there is only ${others.map(named).join(", ")}` : "nothing is or provides it"}`
      );
    }
    case "conflict":
      return (
        `${named(cause.owner)} conflicts with ${cause.text}, which ${named(cause.other)} ` +
        `${cause.text.startsWith(cause.other.package.name) ? "is" : "provides"}`
      );
    case "rival":
      return (
        `only one version of ${cause.left.package.name} can be installed: ${cause.left.package.version} or ` +
        `${cause.right.package.version}`
      );
    case "unforced":
      return "";
  }
}

function named(one: Candidate): string {
  return `${one.package.name} ${one.package.version}${one.isInstalled ? " (installed)" : ""}`;
}

function listOf(candidates: readonly Candidate[], text: string): string {
  const names = [...new Set(candidates.map((one) => one.package.name))];
  if (names.length === 1 && names[0] === text) return "";
  const shown = [...new Set(candidates.map(named))];
  return (
    `: ${shown.slice(0, NAMES_MAX).join(", ")}` +
    `${shown.length > NAMES_MAX ? ` and ${shown.length - NAMES_MAX} more` : ""}`
  );
}

/** The closest name, if one is within two slips. */
function suggestion(text: string, pool: PackagePool): string {
  const name = /^(?:[^/]+\/)?([^<>=]+)/.exec(text)?.[1] ?? text;
  const meant = closestName(name, pool.names(), () => 2);
  return meant === undefined ? "" : ` (did you mean ${meant}?)`;
}
