/** What a change of packages leaves in the system's own records, wherever the system stands: an image or a folder. */
import type { BinaryPackage, DebianSystem, InstalledState, PlannedChange } from "@stratos/pkg";
import { acceptsVersion, keyOf, updateExtendedStates } from "@stratos/pkg";

/** Names of what a change did, for histories. */
export interface ChangeSummary {
  readonly installed: string[];
  readonly upgraded: string[];
  readonly removed: string[];
}

export function summaryOf(change: PlannedChange): ChangeSummary {
  return {
    installed: change.install.filter(({ from }) => from === undefined).map(({ package: one }) => String(one)),
    upgraded: change.install
      .filter(({ from }) => from !== undefined)
      .map(({ package: one, from }) => `${one.name} ${from!.version} → ${one.version}`),
    removed: change.remove.map(({ package: one }) => String(one)),
  };
}

/**
 * apt in the system must know who came along only for others: its record after the change.
 *
 * @param nowAutomatic  names of what was asked for until now
 */
export function extendedStatesAfter(
  before: string,
  change: PlannedChange,
  { architecture, state }: DebianSystem,
  nowAutomatic: readonly string[] = [],
): string {
  const marks = new Map<string, { architecture: string; isAutomatic: boolean } | undefined>();
  const archOf = (one: BinaryPackage): string => (one.architecture === "all" ? architecture : one.architecture);
  for (const { package: one } of change.remove) marks.set(keyOf(one, architecture), undefined);
  for (const planned of change.install)
    marks.set(keyOf(planned.package, architecture), {
      architecture: archOf(planned.package),
      isAutomatic: planned.isAutomatic,
    });
  for (const name of change.nowManual)
    marks.set(name, { architecture: state.get(name)?.package.architecture ?? architecture, isAutomatic: false });
  for (const name of nowAutomatic)
    marks.set(name, { architecture: state.get(name)?.package.architecture ?? architecture, isAutomatic: true });
  return updateExtendedStates(before, marks, architecture);
}

/**
 * What dpkg took for gone without being told to: packages all of whose files one that came has replaced. Source: Policy
 * §7.6.1; dpkg src/main/unpack.c, `pkg_disappear`.
 */
export function disappeared(before: InstalledState, after: InstalledState, change: PlannedChange): BinaryPackage[] {
  const planned = new Set(change.remove.map(({ package: one }) => before.sameAs(one)));
  const candidates = [
    ...before
      .entries()
      .filter((entry) => !planned.has(entry) && change.install.every(({ from }) => from !== entry.package)),
    ...change.install,
  ];
  return candidates
    .map((one) => one.package)
    .filter(
      (gone) =>
        after.sameAs(gone) === undefined &&
        change.install.some(({ package: other }) => after.sameAs(other) !== undefined && replaces(other, gone)),
    );
}

function replaces(one: BinaryPackage, other: BinaryPackage): boolean {
  return one
    .relations("Replaces")
    .some(([replaced]) => replaced!.name === other.name && acceptsVersion(replaced!, other.version));
}

/**
 * The change as it came about. Where what disappeared had been asked for, so are those that it depends on and that have
 * its files now. Source: apt-pkg/deb/dpkgpm.cc, `handleDisappearAction`.
 */
export function withDisappeared(
  before: InstalledState,
  change: PlannedChange,
  gone: readonly BinaryPackage[],
): PlannedChange {
  if (gone.length === 0) return change;
  const heirs = new Set(
    gone
      .filter((one) => change.install.find((planned) => planned.package === one)?.isAutomatic !== true)
      .filter((one) => before.sameAs(one)?.isAutomatic !== true)
      .flatMap((one) =>
        (["Pre-Depends", "Depends"] as const)
          .flatMap((field) => one.relations(field).flat())
          .flatMap(({ name }) => change.install.filter((planned) => planned.package.name === name))
          .filter((planned) => replaces(planned.package, one)),
      ),
  );
  return {
    ...change,
    install: change.install
      .filter((planned) => !gone.includes(planned.package))
      .map((planned) => (heirs.has(planned) ? { ...planned, isAutomatic: false } : planned)),
    remove: [
      ...change.remove,
      ...gone.map((one) => ({ package: one, isPurge: false, because: "others brought all of its files" })),
    ],
  };
}

/** dpkg has said that all is well; its record must say the same. @returns what is not as planned */
export function missedBy(state: InstalledState, change: PlannedChange): string[] {
  const missed: string[] = [];
  for (const { package: one } of change.install) {
    const entry = state.sameAs(one);
    if (entry === undefined || entry.package.version !== one.version || entry.state !== "installed")
      missed.push(`${one} is ${entry === undefined ? "not there" : `${entry.package.version}, ${entry.state}`}`);
  }
  for (const { package: one } of change.remove)
    if (state.sameAs(one)?.package.version === one.version) missed.push(`${one} is still there`);
  return missed;
}
