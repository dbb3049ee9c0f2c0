/**
 * What a list means for a system of Debian packages. Packages that the list no longer names are there from now on only
 * for others: those that nobody needs go, with what came along only for them, and the rest are marked as automatic.
 * What nobody needed before stays.
 */
import { APT_UNNEEDED, type UnneededRules } from "../debian/apt-configuration.ts";
import { candidatesFor } from "../debian/resolver/candidates.ts";
import { planChange, type PlannedChange } from "../debian/resolver/plan-change.ts";
import { UnsatisfiableError } from "../debian/resolver/resolve.ts";
import type { InstalledEntry, InstalledState } from "../debian/installed-state.ts";
import type { PackageIndex } from "../debian/package-index.ts";
import type { ListChange } from "./list-change.ts";

/** What a list asks of Debian packages, by name. */
export interface DebianWish {
  readonly listed: readonly string[];
  /** must not be there */
  readonly absent: readonly string[];
  /** an earlier list had them */
  readonly dropped: readonly string[];
  /** what else was asked for by hand goes too, save what makes a Debian system */
  readonly exact: boolean;
  readonly recommends: boolean;
}

export interface DebianListPlan {
  readonly change: PlannedChange;
  /** names of what was asked for until now, and stays for others */
  readonly nowAutomatic: readonly string[];
}

/** Every Debian system has these (Debian Policy §2.5), so that no list needs to name them. */
const BASE_PRIORITIES: ReadonlySet<string> = new Set(["required", "important"]);

/**
 * @param state  has joined `index`
 * @param unneeded  what keeps packages that came for others
 * @throws UnsatisfiableError, SolverLimitError
 */
export function planDebianList(
  index: PackageIndex,
  state: InstalledState,
  wish: DebianWish,
  unneeded: UnneededRules = APT_UNNEEDED,
): DebianListPlan {
  for (const name of wish.listed) requireReal(index, state, name);
  const listed = new Set(wish.listed);
  const entries = state.entries();
  const isListed = (entry: InstalledEntry): boolean => listed.has(entry.package.name);
  const dropped = new Set(wish.dropped);
  const isDropped = (entry: InstalledEntry): boolean =>
    !isListed(entry) &&
    !entry.isAutomatic &&
    (dropped.has(entry.package.name) ||
      (wish.exact && !entry.isEssential && !BASE_PRIORITIES.has(entry.package.field("Priority") ?? "")));
  const nowManual = entries.filter((entry) => isListed(entry) && entry.isAutomatic);
  const demoted = entries.filter(isDropped);
  const marks = new Map(entries.map((entry) => [entry, entry.isAutomatic]));
  const install = wish.listed.filter((name) => state.get(name) === undefined);
  // What must be absent must not come for others either, but a name that nothing bears needs no forbidding.
  const remove = wish.absent.filter((name) => state.get(name) !== undefined || index.versions(name).length > 0);
  try {
    const unneededAnyway = new Set(planChange(index, state, { recommends: false, unneeded }).unneeded);
    for (const entry of nowManual) entry.isAutomatic = false;
    for (const entry of demoted) entry.isAutomatic = true;
    const first = planChange(index, state, { install, remove, recommends: wish.recommends, unneeded });
    const gone =
      demoted.length + remove.length === 0
        ? []
        : first.unneeded.filter((one) => !unneededAnyway.has(one) && state.has(one)).map((one) => one.name);
    const change =
      gone.length === 0
        ? first
        : planChange(index, state, {
            install,
            remove: [...new Set([...remove, ...gone])],
            recommends: wish.recommends,
            unneeded,
          });
    const leaving = new Set(change.remove.map(({ package: one }) => one));
    // What is listed is not given up for what must be absent: this says in words why both cannot be.
    if ([...leaving].some((one) => listed.has(one.name)))
      planChange(index, state, { install: wish.listed, remove, recommends: wish.recommends });
    return {
      change: {
        ...change,
        nowManual: [
          ...new Set([
            ...change.nowManual,
            ...nowManual.filter(({ package: one }) => !leaving.has(one)).map(({ package: one }) => one.name),
          ]),
        ],
      },
      nowAutomatic: demoted.filter(({ package: one }) => !leaving.has(one)).map(({ package: one }) => one.name),
    };
  } finally {
    for (const [entry, isAutomatic] of marks) entry.isAutomatic = isAutomatic;
  }
}

/** The plan in a list's words. */
export function debianChanges({ change, nowAutomatic }: DebianListPlan): ListChange[] {
  return [
    ...change.install.map((one): ListChange => ({
      kind: "package",
      action: one.from === undefined ? "install" : "upgrade",
      system: "debian",
      name: one.package.name,
      version: one.package.version,
      because: one.neededBy === undefined ? one.because : `${one.neededBy.name}: ${one.because}`,
    })),
    ...change.remove.map((one): ListChange => ({
      kind: "package",
      action: "remove",
      system: "debian",
      name: one.package.name,
      version: one.package.version,
      because: one.because,
    })),
    ...change.nowManual.map((name): ListChange => ({ kind: "reason", name, reason: "explicit" })),
    ...nowAutomatic.map((name): ListChange => ({ kind: "reason", name, reason: "dependency" })),
  ];
}

/**
 * A name that stands for several packages would leave open which one a later list no longer wants. @throws
 * UnsatisfiableError
 */
function requireReal(index: PackageIndex, state: InstalledState, name: string): void {
  if (state.get(name) !== undefined || index.versions(name).length > 0) return;
  const providers = [
    ...new Set(
      candidatesFor(
        index,
        [{ name, qualifier: undefined, relation: undefined, version: "" }],
        state.architecture,
        state.architecture,
      ).map((one) => one.name),
    ),
  ];
  if (providers.length > 0)
    throw new UnsatisfiableError(
      [`${name} is no package itself; list one that provides it: ${providers.slice(0, 10).join(", ")}`],
      "the list cannot be fulfilled",
    );
}
