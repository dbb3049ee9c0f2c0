/**
 * Automatic snapshots. A schedule is a property of the volume: how many hourly, daily, weekly and monthly snapshots are
 * kept. `runSchedule` is called as often as one likes (cron, a daemon); it takes a snapshot when the shortest period of
 * the schedule has none yet, and deletes those that no rule keeps. Only snapshots that a schedule took are ever
 * deleted: their names begin with "auto-".
 *
 * The rules: going back in time, the newest snapshot of each hour (day, ISO week, month; UTC) is kept, for as many of
 * them as the schedule says.
 */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { ENODATA } from "@stratos/abi";
import { SCHEDULE_PROPERTY } from "@stratos/tools-node/fuse";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import type { SnapshotSchedule } from "./listed.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { compactTime, createSnapshot, deleteSnapshots, listSnapshots } from "./snapshots.ts";
import { expectResult, expectValue } from "./volume-error.ts";

export const SCHEDULE_PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
const PREFIX = "auto-";

/** @returns null when the volume has none */
export function readSchedule({ path, volume }: OpenedVolume): SnapshotSchedule | null {
  const value = volume.properties.get(SCHEDULE_PROPERTY);
  if (value === -ENODATA) return null;
  let schedule: SnapshotSchedule;
  try {
    schedule = JSON.parse(Buffer.from(expectValue(path, value)).toString("utf8")) as SnapshotSchedule;
  } catch (error) {
    throw new OperationError(
      "volume",
      path,
      "its snapshot schedule cannot be read; `stratos fs schedule set` makes a new one",
      {
        cause: error,
      },
    );
  }
  if (!SCHEDULE_PERIODS.every((period) => Number.isInteger(schedule[period]) && schedule[period] >= 0))
    throw new OperationError("volume", path, "its snapshot schedule makes no sense");
  return schedule;
}

export function writeSchedule({ path, volume }: OpenedVolume, schedule: SnapshotSchedule | null): void {
  if (schedule === null) {
    const result = volume.properties.remove(SCHEDULE_PROPERTY);
    if (result !== -ENODATA) expectResult(path, result);
  } else expectResult(path, volume.properties.set(SCHEDULE_PROPERTY, Buffer.from(JSON.stringify(schedule))));
}

interface AutomaticSnapshot {
  readonly name: string;
  readonly seconds: number;
}

export interface ScheduleOutcome {
  readonly created: string | null;
  readonly deleted: readonly string[];
  readonly kept: readonly string[];
}

/** What the schedule asks for now. @throws OperationError when the volume has none */
export function planSchedule(opened: OpenedVolume, nowSeconds: number): ScheduleOutcome {
  const schedule = readSchedule(opened);
  if (schedule === null)
    throw new OperationError("volume", opened.path, "has no snapshot schedule; `stratos fs schedule set` gives it one");
  const snapshots: AutomaticSnapshot[] = listSnapshots(opened)
    .filter(({ name, live }) => !live && name.startsWith(PREFIX))
    .map(({ name, createdAt }) => ({ name, seconds: Date.parse(createdAt) / 1000 }));
  const created = isDue(schedule, snapshots, nowSeconds) ? `${PREFIX}${compactTime(nowSeconds)}` : null;
  if (created !== null) snapshots.push({ name: created, seconds: nowSeconds });
  const kept = keptSnapshots(schedule, snapshots);
  return {
    created,
    deleted: snapshots.filter(({ name }) => !kept.has(name)).map(({ name }) => name),
    kept: snapshots.filter(({ name }) => kept.has(name)).map(({ name }) => name),
  };
}

/** Brings a volume up to date with its schedule. @throws OperationError when it has none */
export function runSchedule(opened: OpenedVolume, nowSeconds: number): ScheduleOutcome {
  const plan = planSchedule(opened, nowSeconds);
  if (plan.created !== null) createSnapshot(opened, { name: plan.created, label: "by schedule" });
  if (plan.deleted.length > 0) deleteSnapshots(opened, plan.deleted);
  return plan;
}

/** The same for a volume that is mounted: its server does it, asked through the mount's `.snapshots`. */
export function runMountedSchedule(plan: ScheduleOutcome, mountPoint: string): void {
  const folder = join(mountPoint, ".snapshots");
  try {
    if (plan.created !== null) mkdirSync(join(folder, plan.created));
    for (const name of plan.deleted) rmdirSync(join(folder, name));
  } catch (error) {
    throw new OperationError("volume", folder, `the mount does not take or delete snapshots: ${hostReason(error)}`, {
      cause: error,
    });
  }
}

/** Has the running hour (or the schedule's shortest period) no snapshot yet? */
export function isDue(
  schedule: SnapshotSchedule,
  snapshots: readonly AutomaticSnapshot[],
  nowSeconds: number,
): boolean {
  const shortest = SCHEDULE_PERIODS.find((period) => schedule[period] > 0);
  return (
    shortest !== undefined &&
    !snapshots.some(({ seconds }) => periodOf(shortest, seconds) === periodOf(shortest, nowSeconds))
  );
}

/** Names that the rules keep. */
export function keptSnapshots(schedule: SnapshotSchedule, snapshots: readonly AutomaticSnapshot[]): Set<string> {
  const newestFirst = [...snapshots].sort((a, b) => b.seconds - a.seconds);
  const kept = new Set<string>();
  for (const period of SCHEDULE_PERIODS) {
    const seen = new Set<number>();
    for (const { name, seconds } of newestFirst) {
      const number = periodOf(period, seconds);
      if (seen.has(number) || seen.size >= schedule[period]) continue;
      seen.add(number);
      kept.add(name);
    }
  }
  return kept;
}

/** A number that all moments of one hour, day, week (from Monday) or month share. */
function periodOf(period: (typeof SCHEDULE_PERIODS)[number], seconds: number): number {
  const days = Math.floor(seconds / 86_400);
  switch (period) {
    case "hourly":
      return Math.floor(seconds / 3600);
    case "daily":
      return days;
    case "weekly":
      return Math.floor((days + 3) / 7); // 1 January 1970 was a Thursday.
    case "monthly": {
      const date = new Date(seconds * 1000);
      return date.getUTCFullYear() * 12 + date.getUTCMonth();
    }
  }
}
