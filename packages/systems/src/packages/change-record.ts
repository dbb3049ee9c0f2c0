/** What a change of packages leaves in the system's own records, wherever the system stands: an image or a folder. */
import type { BinaryPackage, DebianSystem, InstalledState, PlannedChange } from "@stratos/pkg";
import { keyOf, updateExtendedStates } from "@stratos/pkg";

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
