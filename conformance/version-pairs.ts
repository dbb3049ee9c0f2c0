/** Our order of versions beside dpkg's own, over pairs of the versions that an index holds: each package's, and those in relations. */
import { spawnSync } from "node:child_process";
import type { SeededRandom } from "@stratos/base";
import { compareVersions, isVersion, type PackageIndex } from "@stratos/pkg";

/** dpkg's own reading of versions in Perl, one process for all pairs; `dpkg --compare-versions` takes one for each. */
const PERL = 'use Dpkg::Version; while (<STDIN>) { chomp; my ($left, $right) = split / /; print version_compare($left, $right), "\\n"; }';
const SHELL_PAIRS_MAX = 500;

/** Every version that the index holds or names, none twice. */
export function versionsOf(index: PackageIndex): string[] {
  const versions = new Set<string>();
  for (const name of index.names()) {
    for (const one of index.versions(name)) {
      versions.add(one.version);
      for (const field of ["Depends", "Breaks", "Conflicts", "Provides"] as const) {
        for (const dependency of one.relations(field)) for (const { version } of dependency) if (version !== "") versions.add(version);
      }
    }
  }
  return [...versions].filter(isVersion).sort();
}

/** @returns how many pairs were compared, and those on which the two differ */
export function compareWithDpkg(versions: readonly string[], count: number, random: SeededRandom): { compared: number; judge: string; differences: string[] } {
  const pairs: [string, string][] = [];
  while (pairs.length < count) {
    const at = random.below(versions.length);
    // Neighbours in the order of their spelling share a beginning: that is where comparing gets hard.
    const other = random.below(2) === 0 ? Math.min(versions.length - 1, Math.max(0, at + random.below(21) - 10)) : random.below(versions.length);
    pairs.push([versions[at]!, versions[other]!]);
  }
  const differences: string[] = [];
  const perl = spawnSync("perl", ["-e", PERL], { input: pairs.map((pair) => `${pair.join(" ")}\n`).join(""), encoding: "utf8", maxBuffer: 1 << 28 });
  const hasPerl = perl.status === 0;
  if (hasPerl) {
    const answers = perl.stdout.trim().split("\n").map(Number);
    pairs.forEach(([left, right], index) => {
      if (Math.sign(compareVersions(left, right)) !== Math.sign(answers[index]!)) differences.push(`${left} ? ${right}: dpkg's order is ${answers[index]}`);
    });
  }
  const asked = pairs.slice(0, SHELL_PAIRS_MAX);
  const script = asked.map(([left, right]) => `dpkg --compare-versions '${left}' lt '${right}' && echo -1 || { dpkg --compare-versions '${left}' eq '${right}' && echo 0 || echo 1; }`).join("\n");
  const answers = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" }).stdout.trim().split("\n").map(Number);
  asked.forEach(([left, right], index) => {
    if (Math.sign(compareVersions(left, right)) !== answers[index]) differences.push(`${left} ? ${right}: dpkg --compare-versions says ${answers[index]}`);
  });
  return { compared: hasPerl ? pairs.length : asked.length, judge: hasPerl ? "Dpkg::Version, and dpkg --compare-versions for the first 500" : "dpkg --compare-versions", differences };
}
