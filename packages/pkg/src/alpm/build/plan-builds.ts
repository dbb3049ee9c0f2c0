/**
 * What has to be built from the AUR for some packages, and in which order: what they need at run time, to be built and
 * to be checked comes from the repositories where they have it, else from the AUR.
 */
import { parseAlpmDependency, satisfiesAlpmDependency } from "../dependency.ts";
import type { SyncDatabase } from "../sync-database.ts";
import { AurError, type AurClient, type AurPackage } from "./aur.ts";

/** One base to build. */
export interface BuildStep {
  base: string;
  /** which of its packages are needed */
  packages: AurPackage[];
  /** names of packages of earlier steps that it needs while it is built */
  needsBuilt: string[];
}

export interface BuildPlan {
  /** in the order in which they are to be built */
  steps: BuildStep[];
}

/** Rounds of questions to the AUR: how deep its packages depend on each other. */
const DEPTH_MAX = 64;

/** @throws AurError  a package is not there, needs something that nobody has, or they need each other in a circle */
export async function planBuilds(
  names: readonly string[],
  around: { aur: AurClient; databases: readonly SyncDatabase[] },
): Promise<BuildPlan> {
  const chosen = new Map<string, AurPackage>();
  /** package name → dependency → name of the AUR package that provides it */
  const edges = new Map<string, Set<string>>();
  const offered = (text: string): boolean => {
    const dependency = parseAlpmDependency(text);
    return around.databases.some((database) => {
      const named = database.get(dependency.name);
      return (
        (named !== undefined && satisfiesAlpmDependency(named, dependency)) ||
        database.packages.some((one) => one.provides.length > 0 && satisfiesAlpmDependency(one, dependency))
      );
    });
  };
  let wanted = names.map((name) => ({ text: name, by: undefined as AurPackage | undefined }));
  for (let depth = 0; wanted.length > 0; depth++) {
    if (depth >= DEPTH_MAX) throw new AurError(`packages of the AUR depend on each other more than ${DEPTH_MAX} deep`);
    const found = await choose(wanted, chosen, around.aur);
    const next: typeof wanted = [];
    for (const { text, by } of wanted) {
      const one = found.get(text)!;
      if (by !== undefined) edges.get(by.name)!.add(one.name);
      if (chosen.has(one.name)) continue;
      chosen.set(one.name, one);
      edges.set(one.name, new Set());
      for (const need of [...one.depends, ...one.makeDepends, ...one.checkDepends]) {
        if (!offered(need) && !satisfiesAlpmDependency(one, parseAlpmDependency(need)))
          next.push({ text: need, by: one });
      }
    }
    wanted = next;
  }
  return { steps: inBuildOrder(chosen, edges) };
}

/** The AUR's package for each dependency: of that name, else the most popular that provides it. */
async function choose(
  wanted: readonly { text: string; by: AurPackage | undefined }[],
  chosen: ReadonlyMap<string, AurPackage>,
  aur: AurClient,
): Promise<Map<string, AurPackage>> {
  const found = new Map<string, AurPackage>();
  const open = wanted.filter(({ text }) => {
    const dependency = parseAlpmDependency(text);
    const known = [...chosen.values()].find((one) => satisfiesAlpmDependency(one, dependency));
    if (known !== undefined) found.set(text, known);
    return known === undefined;
  });
  const infos = open.length === 0 ? [] : await aur.info(open.map(({ text }) => parseAlpmDependency(text).name));
  for (const { text, by } of open) {
    const dependency = parseAlpmDependency(text);
    let one = infos.find((info) => satisfiesAlpmDependency(info, dependency) && info.name === dependency.name);
    if (one === undefined) {
      const providers = (await aur.search(dependency.name, "provides")).map((provider) => provider.name);
      one = (providers.length === 0 ? [] : await aur.info(providers))
        .sort((left, right) => providers.indexOf(left.name) - providers.indexOf(right.name))
        .find((info) => satisfiesAlpmDependency(info, dependency));
    }
    if (one === undefined)
      throw new AurError(
        by === undefined
          ? `${text}: the AUR has no such package`
          : `${by.name} needs ${text}, which neither the repositories nor the AUR have`,
      );
    found.set(text, one);
  }
  return found;
}

function inBuildOrder(
  chosen: ReadonlyMap<string, AurPackage>,
  edges: ReadonlyMap<string, ReadonlySet<string>>,
): BuildStep[] {
  const steps = new Map<string, BuildStep>();
  for (const one of chosen.values()) {
    const step = steps.get(one.base);
    if (step === undefined) steps.set(one.base, { base: one.base, packages: [one], needsBuilt: [] });
    else step.packages.push(one);
  }
  const ordered: BuildStep[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (base: string, path: readonly string[]): void => {
    if (state.get(base) === "done") return;
    if (state.get(base) === "open")
      throw new AurError(
        `packages of the AUR need each other to be built: ${[...path.slice(path.indexOf(base)), base].join(" → ")}`,
      );
    state.set(base, "open");
    const step = steps.get(base)!;
    for (const one of step.packages) {
      for (const name of edges.get(one.name)!) {
        const other = chosen.get(name)!.base;
        if (other === base) continue;
        visit(other, [...path, base]);
        // What that needs in turn has to be there too while this is built.
        for (const needed of [name, ...steps.get(other)!.needsBuilt])
          if (!step.needsBuilt.includes(needed)) step.needsBuilt.push(needed);
      }
    }
    state.set(base, "done");
    ordered.push(step);
  };
  for (const base of steps.keys()) visit(base, []);
  return ordered;
}
