/**
 * Commands that requests may start: those that do their work and end by themselves, and ask nobody anything. The rest
 * of the command line has operations of its own (systems, volumes), or is of a terminal.
 */
export const REACH: readonly string[] = [
  ...["build", "convert", "export", "import", "ls", "pull", "push", "rm", "seed", "warm-start", "web"].map(
    (verb) => `image ${verb}`,
  ),
  ...["install", "remove", "purge", "autoremove", "upgrade", "update", "hold", "unhold", "rollback", "clean"].map(
    (verb) => `pkg ${verb}`,
  ),
  ...["list", "show", "search", "depends", "why", "download", "lock", "history"].map((verb) => `pkg ${verb}`),
  ...["validate", "plan", "export", "run", "diff", "rebuild", "clean"].map((verb) => `compose ${verb}`),
  ...["build", "why", "verify", "reprotest"].map((verb) => `builder ${verb}`),
  ...["make", "update", "ls", "rm", "scrub"].map((verb) => `builder root ${verb}`),
  ...["ls", "prune"].map((verb) => `builder cache ${verb}`),
  ...["format", "check", "df", "stats", "resize", "scrub", "health", "dedupe", "defrag"].map((verb) => `fs ${verb}`),
  ...["run", "list", "verify", "restore"].map((verb) => `fs backup ${verb}`),
  ...["ls", "warm", "prune"].map((verb) => `cache ${verb}`),
  "explore",
  "check",
  "install",
];

/** Null: it is not to be started from here. */
export function reached(command: readonly string[]): string | null {
  return REACH.find((words) => words.split(" ").every((word, at) => word === command[at])) ?? null;
}
