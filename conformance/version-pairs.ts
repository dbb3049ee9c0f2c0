/**
 * Our order of versions beside dpkg's own, over pairs of the versions that an index holds: each package's, and those in
 * relations.
 */
import { spawnSync } from "node:child_process";
import type { SeededRandom } from "@stratos/base";
import { compareVersions, isVersion, type PackageIndex } from "@stratos/pkg";

/** dpkg's own reading of versions in Perl: one process for all pairs. */
const PERL =
  "use Dpkg::Version; while (<STDIN>) { chomp; my ($left, $right) = split / /; print version_compare($left, " +
  '$right), "\\n"; }';
/** dpkg itself takes a process for each question, of which a pair costs one or two. */
const SHELL =
  'while read -r left right; do if dpkg --compare-versions "$left" lt "$right"; then echo -1; elif dpkg ' +
  '--compare-versions "$left" eq "$right"; then echo 0; else echo 1; fi; done';

/** Every version that the index holds or names, none twice. */
export function versionsOf(index: PackageIndex): string[] {
  const versions = new Set<string>();
  for (const name of index.names()) {
    for (const one of index.versions(name)) {
      versions.add(one.version);
      for (const field of ["Depends", "Breaks", "Conflicts", "Provides"] as const) {
        for (const dependency of one.relations(field))
          for (const { version } of dependency) if (version !== "") versions.add(version);
      }
    }
  }
  return [...versions].filter(isVersion).sort();
}

interface ComparedVersions {
  /** who was asked about how many pairs */
  judges: { name: string; pairs: number; differing: number }[];
  differences: string[];
}

/** @param shellPairs  how many of the pairs `dpkg --compare-versions` is asked about too */
export function compareWithDpkg(
  versions: readonly string[],
  options: { pairs: number; shellPairs: number },
  random: SeededRandom,
): ComparedVersions {
  const pairs: [string, string][] = [];
  while (pairs.length < options.pairs) {
    const at = random.below(versions.length);
    // Neighbours in the order of their spelling share a beginning: that is where comparing gets hard.
    const other =
      random.below(2) === 0
        ? Math.min(versions.length - 1, Math.max(0, at + random.below(21) - 10))
        : random.below(versions.length);
    pairs.push([versions[at]!, versions[other]!]);
  }
  const compared: ComparedVersions = { judges: [], differences: [] };
  const ask = (name: string, command: readonly string[], asked: readonly [string, string][]): void => {
    const { status, stdout } = spawnSync(command[0]!, command.slice(1), {
      input: asked.map((pair) => `${pair.join(" ")}\n`).join(""),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const answers = stdout.trim().split("\n");
    // Where the judge is not there, it has not been asked.
    if (status !== 0) return;
    if (answers.length !== asked.length)
      throw new Error(`${name}: ${answers.length} answers to ${asked.length} questions`);
    const differing = asked
      .map(([left, right], index) => ({ left, right, answer: answers[index]! }))
      .filter(({ left, right, answer }) => String(Math.sign(compareVersions(left, right))) !== answer);
    compared.judges.push({ name, pairs: asked.length, differing: differing.length });
    compared.differences.push(
      ...differing.map(({ left, right, answer }) => `${left} ? ${right}: ${name} says ${answer}`),
    );
  };
  ask("Dpkg::Version", ["perl", "-e", PERL], pairs);
  ask("dpkg --compare-versions", ["sh", "-c", SHELL], pairs.slice(0, options.shellPairs));
  return compared;
}
