/** Which installed packages the sources have another version of. */
import type { InstalledState } from "./installed-state.ts";
import type { PackageIndex } from "./package-index.ts";

interface Upgradable {
  readonly name: string;
  readonly version: string;
  readonly candidate: string;
  readonly isHeld: boolean;
}

export function upgradableOf(state: InstalledState, index: PackageIndex): Upgradable[] {
  const found: Upgradable[] = [];
  for (const { package: one, isHeld } of state.entries()) {
    const candidate = index.candidateFor(one);
    if (candidate !== undefined && candidate !== one && candidate.version !== one.version)
      found.push({ name: one.name, version: one.version, candidate: candidate.version, isHeld });
  }
  return found;
}
