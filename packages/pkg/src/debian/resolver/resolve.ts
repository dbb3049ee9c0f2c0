/**
 * Which packages to install for a request: a set in which every dependency is fulfilled and nothing conflicts, chosen
 * as apt chooses: the first alternative that works, the newest version, the real package before a provider.
 *
 * The search is complete: when there is an answer it is found, and when there is none, the error says why.
 */
import { DependencyError, parseDependencies, type Dependency } from "../dependency.ts";
import { InstalledState } from "../installed-state.ts";
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import { candidatesFor } from "./candidates.ts";
import { Resolution, UnsatisfiableError, type ResolvedPackage } from "./resolution.ts";
import { walk } from "./walk.ts";

export { UnsatisfiableError, type ResolvedPackage } from "./resolution.ts";

export interface ResolveRequest {
  /**
   * what to install, each as a `Depends` entry would say it: `python3`, `gcc (>= 12)`, `vim | nano`; `name=version`
   * also works
   */
  install: readonly string[];
  /** names that must not be chosen */
  exclude?: readonly string[];
  /** whether to follow Recommends, as far as they can be fulfilled */
  recommends?: boolean;
}

/**
 * Resolves `request` over `index`.
 *
 * @returns the packages in the order in which they were found to be needed
 * @throws UnsatisfiableError  no answer exists
 * @throws SolverLimitError  the search was given up
 */
export function resolve(index: PackageIndex, request: ResolveRequest, architecture: string): ResolvedPackage[] {
  const excluded = new Set(request.exclude ?? []);
  const wanted = request.install.map((text) => ({
    text,
    candidates: candidatesFor(index, parseRequest(text), architecture, architecture),
  }));
  refuseOpenChoices(
    index,
    wanted.map(({ text, candidates }) => ({ text, candidates: candidates.filter((one) => !excluded.has(one.name)) })),
  );
  const isPlain = wanted.every(
    ({ candidates }) =>
      candidates.length > 0 &&
      !excluded.has(candidates[0]!.name) &&
      (candidates[0]!.architecture === architecture || candidates[0]!.architecture === "all"),
  );
  const walked = isPlain
    ? walk(index, new InstalledState(architecture, []), {
        install: wanted,
        remove: [],
        recommends: request.recommends === true,
        isExcluded: (name) => excluded.has(name),
      })
    : undefined;
  if (walked !== undefined) return walked.packages;
  const resolution = new Resolution(index, architecture, {
    refuses: (one) => (excluded.has(one.name) ? "was excluded" : undefined),
    follows: () => request.recommends === true,
    prefer: (candidates) => candidates,
    isThere: () => false,
  });
  for (const { text, candidates } of wanted) {
    resolution.require(candidates, { kind: "request", text, candidates });
  }
  return resolution.run();
}

/**
 * Leaves the choice to who asks, as apt does, where what was asked for is no package's name and several provide it.
 * `vim | nano` says what is wanted.
 *
 * @throws UnsatisfiableError
 */
export function refuseOpenChoices(
  index: PackageIndex,
  requests: readonly { text: string; candidates: readonly BinaryPackage[] }[],
): void {
  const open = requests.flatMap(({ text, candidates }) => {
    const name = /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::[a-z0-9-]+)?$/.exec(text)?.[1];
    const providers = [...new Set(candidates.map((one) => one.name))].sort();
    return name === undefined || index.versions(name).length > 0 || providers.length < 2
      ? []
      : [
          {
            text,
            line:
              `${text} is a virtual package, provided by ${providers.slice(0, -1).join(", ")} and ` +
              `${providers.at(-1)!}: ask for one of them`,
          },
        ];
  });
  if (open.length > 0)
    throw new UnsatisfiableError(
      open.map(({ line }) => line),
      "it is not said which package to install",
      open.map(({ text }) => text),
    );
}

/** A request's text as a dependency; `name=version` is what apt's command line takes. */
export function parseRequest(text: string): Dependency {
  const pinned = /^([A-Za-z0-9][A-Za-z0-9+.-]*(?::[a-z0-9-]+)?)=(\S+)$/.exec(text);
  try {
    return parseDependencies(pinned === null ? text : `${pinned[1]} (= ${pinned[2]})`)[0] ?? [];
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    throw new DependencyError(
      `${text.slice(0, 80)} is none of NAME, NAME=VERSION, NAME/SUITE and ` +
        `NAME:ARCHITECTURE${pinned === null ? "" : `: ${pinned[2]!.slice(0, 60)} is no version`}`,
      { cause: error },
    );
  }
}
