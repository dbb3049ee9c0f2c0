/**
 * Requests for many packages at once: shell patterns over names (`python3.13*`), and tasks (`standard^`). Source:
 * apt-get(8), `install`; apt-patterns(7) is not read.
 */
import { matchesGlob } from "../../glob.ts";
import type { PackageIndex } from "../package-index.ts";
import { UnsatisfiableError } from "./resolution.ts";

/**
 * A name with `*`, `?` or `[…]`, what may stand behind it (`:ARCH`, `=VERSION`, `/SUITE`), and the mark of a removal
 * or installation.
 */
const PATTERN = /^([a-z0-9*?[][a-z0-9+.*?[\]!^-]*?)([:=/][^-+]*)?([-+]?)$/;
const TASK = /^([a-z0-9][a-z0-9+.-]*)\^([-+]?)$/;

/**
 * @param isCandidate  whether a name is one that the request may mean
 * @returns the requests, with names in place of patterns and tasks, in order
 * @throws UnsatisfiableError  one that matches nothing
 */
export function expandRequests(
  index: PackageIndex,
  requests: readonly string[],
  isCandidate: (name: string) => boolean = (name) => index.candidate(name) !== undefined,
): string[] {
  return requests.flatMap((text) => {
    const task = TASK.exec(text);
    if (task !== null)
      return required(
        text,
        packagesOfTask(index, task[1]!).filter(isCandidate),
        `no package is part of this task${insteadOfTask(index, task[1]!)}`,
      ).map((name) => `${name}${task[2]!}`);
    const pattern = /[*?[]/.test(text) ? PATTERN.exec(text) : null;
    if (pattern === null) return [text];
    const [, names, rest = "", mark = ""] = pattern;
    return required(
      text,
      [...index.names()].filter((name) => matchesGlob(names!, name) && isCandidate(name)).sort(),
      "no package matches",
    ).map((name) => `${name}${rest}${mark}`);
  });
}

/** Names of the packages that a task consists of, by their own word. */
export function packagesOfTask(index: PackageIndex, task: string): string[] {
  return [...index.names()]
    .filter((name) => (index.candidate(name)?.field("Task") ?? "").split(/,\s*/).includes(task))
    .sort();
}

/** What to ask for instead: since trixie the archive has a package for each task, and the field `Task` no more. */
export function insteadOfTask(index: PackageIndex, task: string): string {
  const name = `task-${task}`;
  return index.candidate(name) === undefined ? "" : `; the archive has a package for it, ${name}`;
}

function required(text: string, names: readonly string[], why: string): readonly string[] {
  if (names.length === 0) throw new UnsatisfiableError([`${text}: ${why}`], "the change is not possible", [text]);
  return names;
}
