/** What was built twice, package by package. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildInfo, comparePackages, type BuildResult, type PackageDifference } from "@stratos/builder";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import type { PackagePorts } from "@stratos/pkg";
import { nodePackagePorts } from "@stratos/tools-node/packages";

/** How a package of one build compares with that of another. */
export interface PackageComparison {
  readonly name: string;
  readonly verdict: "same" | "different" | "missing";
  /** named where both files are at hand */
  readonly differences: readonly PackageDifference[];
}

export async function compareBuilds(first: BuildResult, second: BuildResult): Promise<PackageComparison[]> {
  const packages = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
  try {
    const names = new Set([...first.artefacts, ...second.artefacts].map(({ name }) => name).filter(isPackage));
    const compared: PackageComparison[] = [];
    for (const name of names) {
      const [one, other] = [first, second].map(({ artefacts }) => artefacts.find((each) => each.name === name));
      compared.push(await comparePackage(packages, name, other, one));
    }
    return compared;
  } finally {
    await packages.close();
  }
}

/** With what a .buildinfo names. @param beside  the folder in which its packages may be */
export async function compareWithInfo(
  packages: PackagePorts,
  { artefacts }: BuildResult,
  { files }: BuildInfo,
  beside: string,
): Promise<PackageComparison[]> {
  const compared: PackageComparison[] = [];
  for (const { name, sha256 } of files.filter((one) => isPackage(one.name))) {
    const ours = artefacts.find((one) => one.name === name);
    compared.push(await comparePackage(packages, name, ours, { path: join(beside, name), sha256 }));
  }
  return compared;
}

interface BuiltFile {
  readonly path: string;
  readonly sha256: string;
}

async function comparePackage(
  packages: PackagePorts,
  name: string,
  ours: BuiltFile | undefined,
  theirs: BuiltFile | undefined,
): Promise<PackageComparison> {
  if (ours === undefined || theirs === undefined) return { name, verdict: "missing", differences: [] };
  if (ours.sha256 === theirs.sha256) return { name, verdict: "same", differences: [] };
  const differences = existsSync(theirs.path)
    ? await comparePackages(packages, readFileSync(ours.path), readFileSync(theirs.path))
    : [];
  return { name, verdict: "different", differences };
}

function isPackage(name: string): boolean {
  return /\.u?deb$/.test(name);
}
