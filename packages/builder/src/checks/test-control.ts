/**
 * `debian/tests/control`: which tests a source package has for its installed packages, and what each asks for.
 *
 * @see autopkgtest's README.package-tests; autopkgtest(1), EXIT STATUS
 */
import { parseControl, type Stanza } from "@stratos/pkg";
import type { TestOutcome, TestResult } from "../build-request.ts";

export interface PackageTest {
  readonly name: string;
  /** A program below the source tree, or a command of bash(1). */
  readonly run: { readonly path: string } | { readonly command: string };
  /** Relations, and `@`, `@builddeps@`, `@recommends@`. */
  readonly depends: string;
  readonly restrictions: ReadonlySet<string>;
  readonly architecture: string | undefined;
}

/** @throws ControlError for what is no such file */
export function parseTestControl(text: string): PackageTest[] {
  const tests: PackageTest[] = [];
  for (const stanza of parseControl(text, "debian/tests/control")) {
    const depends = stanza.get("Depends") ?? "@";
    const restrictions = new Set(wordsOf(stanza, "Restrictions"));
    const rest = { depends, restrictions, architecture: stanza.get("Architecture") };
    const command = stanza.get("Test-Command")?.trim();
    // Features: test-name=NAME names a command's test.
    const named = wordsOf(stanza, "Features").find((word) => word.startsWith("test-name="));
    if (command !== undefined)
      tests.push({
        name: named?.slice("test-name=".length) ?? `command${tests.length + 1}`,
        run: { command },
        ...rest,
      });
    const folder = stanza.get("Tests-Directory")?.trim() ?? "debian/tests";
    for (const name of wordsOf(stanza, "Tests")) tests.push({ name, run: { path: `${folder}/${name}` }, ...rest });
  }
  return tests;
}

function wordsOf(stanza: Stanza, field: string): string[] {
  return (stanza.get(field) ?? "").split(/[\s,]+/).filter((word) => word !== "");
}

/** Restrictions that a clean root can keep, or that ask nothing of it. */
const KEPT: ReadonlySet<string> = new Set([
  ...["allow-stderr", "breaks-testbed", "build-needed", "flaky", "hint-testsuite-triggers", "needs-recommends"],
  ...["needs-root", "rw-build-tree", "skip-foreign-architecture", "skip-not-installable", "skippable", "superficial"],
]);

/** Why a test cannot be run in a clean root, whose programs are no services and reach no network. */
export function whySkipped({ restrictions }: PackageTest): string | undefined {
  const others = [...restrictions].filter((word) => !KEPT.has(word));
  return others.length === 0 ? undefined : `a clean root does not offer ${others.join(", ")}`;
}

/** autopkgtest's own exit status for such results. */
export function statusOfTests(
  tests: readonly PackageTest[],
  results: readonly TestResult[],
  isErroneous: boolean,
): number {
  const has = (...outcomes: TestOutcome[]): boolean => results.some(({ outcome }) => outcomes.includes(outcome));
  const someSkipped = has("SKIP", "FLAKY") ? 2 : 0;
  if (isErroneous) return 12 + someSkipped;
  if (has("FAIL")) return 4 + someSkipped;
  const counting = results.filter(({ name, outcome }) => {
    const test = tests.find((one) => one.name === name);
    return outcome !== "SKIP" && test?.restrictions.has("superficial") !== true;
  });
  return counting.length === 0 ? 8 : someSkipped;
}
