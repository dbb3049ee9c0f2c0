/** `stratos fs snapshot …` and `stratos fs schedule …`. */
import { realpathSync } from "node:fs";
import { lockOwner, ProgressDisplay, volumePaths } from "@stratos/host-node";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { OperationError } from "@stratos/operation";
import {
  withVolume,
  planSchedule,
  readSchedule,
  runMountedSchedule,
  runSchedule,
  SCHEDULE_PERIODS,
  writeSchedule,
  type ScheduleOutcome,
  type SnapshotSchedule,
  createSnapshot,
  deleteSnapshots,
  listChanges,
  listSnapshots,
  requireSnapshot,
  rollBack,
  snapshotSpaces,
  type ListedChange,
  type SnapshotEntry,
  discardPartialTransfers,
} from "@stratos/volumes";
import { CommandError } from "../command-error.ts";
import { formatSize } from "../option-values.ts";
import { formatTable } from "../text-table.ts";

export interface CreateSnapshotOptions {
  readonly writable?: true;
  readonly label?: string;
  readonly of?: string;
  readonly json?: true;
}
export interface SnapshotListOptions {
  readonly json?: true;
  readonly names?: true;
}
export interface DryRunOptions {
  readonly json?: true;
  readonly dryRun?: true;
}
export interface RollbackOptions extends DryRunOptions {
  readonly save?: string;
}
export type ScheduleOptions = Partial<SnapshotSchedule>;

const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

export async function createSnapshotCommand(
  path: string,
  name: string | undefined,
  options: CreateSnapshotOptions,
): Promise<number> {
  const entry = await withVolume(path, "write", (opened) => {
    const created = createSnapshot(opened, {
      ...(name === undefined ? {} : { name }),
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.of === undefined ? {} : { of: options.of }),
      writable: options.writable === true,
    });
    return listSnapshots(opened).find((one) => one.name === created)!;
  });
  if (options.json === true) printJson(entry);
  else process.stdout.write(`${entry.name}\n`);
  return 0;
}

export async function listSnapshotsCommand(path: string, options: SnapshotListOptions): Promise<number> {
  const entries = await withVolume(path, "read", listSnapshots);
  const snapshots = entries.filter(({ live }) => !live);
  if (options.json === true) printJson(entries);
  else if (options.names === true) process.stdout.write(snapshots.map(({ name }) => `${name}\n`).join(""));
  else process.stdout.write(snapshotTree(entries));
  return 0;
}

/** As a tree, each below the one that it goes on from; the live files stand where they are now. */
function snapshotTree(entries: readonly SnapshotEntry[]): string {
  const rows: string[][] = [];
  const visit = (parent: string | null, depth: number): void => {
    for (const entry of entries.filter((one) => one.parent === parent)) {
      const name = entry.live ? "(live)" : entry.name;
      rows.push([
        `${"  ".repeat(depth)}${name}`,
        entry.createdAt.slice(0, 19).replace("T", " "),
        entry.incomplete ? "incomplete" : entry.writable ? "rw" : "ro",
        String(entry.files),
        entry.label === "" ? "-" : entry.label,
      ]);
      if (!entry.live) visit(entry.name, depth + 1);
    }
  };
  visit(null, 0);
  return formatTable(["NAME", "CREATED", "ACCESS", "FILES", "LABEL"], rows);
}

export async function deleteSnapshotsCommand(
  path: string,
  names: readonly string[],
  options: DryRunOptions,
): Promise<number> {
  const progress = new ProgressDisplay(process.stderr);
  const freedBytes = await withVolume(path, options.dryRun === true ? "read" : "write", (opened) => {
    if (options.dryRun === true) {
      for (const name of names) requireSnapshot(opened, name);
      return snapshotSpaces(opened, names).reduce((sum, { exclusiveBytes }) => sum + exclusiveBytes, 0);
    }
    return deleteSnapshots(opened, names, (bytes) => {
      if (process.stderr.isTTY) progress.update("Freeing", bytes, 0, "bytes");
    });
  }).finally(() => progress.clear());
  if (options.json === true) printJson({ volume: path, snapshots: names, dryRun: options.dryRun === true, freedBytes });
  else if (options.dryRun === true)
    process.stdout.write(`would delete ${names.join(", ")} and free at least ${formatSize(freedBytes)}\n`);
  return 0;
}

export async function cleanUpSnapshotsCommand(path: string, options: DryRunOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const { snapshots, freedBytes } = await withVolume(path, dryRun ? "read" : "write", (opened) =>
    discardPartialTransfers(opened, dryRun),
  );
  if (options.json === true) printJson({ volume: path, snapshots, dryRun, freedBytes });
  else if (snapshots.length === 0) process.stdout.write(`${path}: nothing is incomplete\n`);
  else
    process.stdout.write(
      `${dryRun ? "would delete" : "deleted"} ${snapshots.join(", ")}, ${formatSize(freedBytes)}` +
        `${dryRun ? " at least" : ""}\n`,
    );
  return 0;
}

export async function rollbackCommand(path: string, name: string, options: RollbackOptions): Promise<number> {
  const changes = await withVolume(path, options.dryRun === true ? "read" : "write", (opened): ListedChange[] => {
    requireSnapshot(opened, name);
    if (options.dryRun === true) return listChanges(opened, name, null);
    rollBack(opened, name, options.save);
    return [];
  });
  if (options.dryRun === true) {
    if (options.json === true) printJson({ volume: path, snapshot: name, dryRun: true, lost: changes });
    else
      process.stdout.write(
        changes.length === 0
          ? "nothing would change\n"
          : `these changes since ${name} would be lost:\n${changes.map(changeLine).join("")}`,
      );
  } else if (options.json === true) printJson({ volume: path, snapshot: name, saved: options.save ?? null });
  return 0;
}

export async function snapshotStatisticsCommand(
  path: string,
  names: readonly string[],
  options: { readonly json?: true },
): Promise<number> {
  const spaces = await withVolume(path, "read", (opened) => snapshotSpaces(opened, names));
  if (options.json === true) printJson(spaces);
  else {
    process.stdout.write(
      formatTable(
        ["NAME", "FILES", "REFERENCED", "EXCLUSIVE", "SHARED"],
        spaces.map((one) => [
          one.name,
          String(one.files),
          formatSize(one.referencedBytes),
          formatSize(one.exclusiveBytes),
          formatSize(one.sharedBytes),
        ]),
      ),
    );
  }
  return 0;
}

export async function diffCommand(
  path: string,
  from: string,
  to: string | undefined,
  options: { readonly json?: true },
): Promise<number> {
  const changes = await withVolume(path, "read", (opened) => listChanges(opened, from, to ?? null));
  if (options.json === true) printJson(changes);
  else process.stdout.write(changes.map(changeLine).join(""));
  return 0;
}

const LETTERS = { added: "+", removed: "-", moved: "R", modified: "M" } as const;

function changeLine({ change, path, from, type, aspects }: ListedChange): string {
  const slash = type === "directory" && path !== "/" ? "/" : "";
  const detail =
    aspects.length > 0 && (change === "moved" || aspects.join() !== "content") ? ` (${aspects.join(", ")})` : "";
  return `${LETTERS[change]} ${from === undefined ? "" : `${from}${slash} -> `}${path}${slash}${detail}\n`;
}

export async function setScheduleCommand(path: string, options: ScheduleOptions): Promise<number> {
  const schedule: SnapshotSchedule = {
    hourly: options.hourly ?? 0,
    daily: options.daily ?? 0,
    weekly: options.weekly ?? 0,
    monthly: options.monthly ?? 0,
  };
  if (SCHEDULE_PERIODS.every((period) => schedule[period] === 0))
    throw new CommandError(path, "a schedule keeps something: give --hourly, --daily, --weekly or --monthly");
  await withVolume(path, "write", (opened) => writeSchedule(opened, schedule));
  return 0;
}

export async function clearScheduleCommand(path: string): Promise<number> {
  await withVolume(path, "write", (opened) => writeSchedule(opened, null));
  return 0;
}

export async function showScheduleCommand(path: string, options: { readonly json?: true }): Promise<number> {
  const schedule = await withVolume(path, "read", readSchedule);
  if (options.json === true) printJson(schedule);
  else if (schedule === null) process.stdout.write(`${path}: no schedule\n`);
  else
    process.stdout.write(
      formatTable(
        ["PERIOD", "KEPT"],
        SCHEDULE_PERIODS.map((period) => [period, String(schedule[period])]),
      ),
    );
  return 0;
}

async function runOne(path: string, isDryRun: boolean, isOnly: boolean): Promise<ScheduleOutcome> {
  const now = Math.floor(Date.now() / 1000);
  // The process that serves a mounted volume runs a command on it; one of several is done through the mount's
  // `.snapshots`.
  const mountPoint = isDryRun || isOnly ? null : mountPointOf(path);
  if (!isDryRun && mountPoint === null) return withVolume(path, "write", (opened) => runSchedule(opened, now));
  const plan = await withVolume(path, "read", (opened) => planSchedule(opened, now));
  if (mountPoint !== null) runMountedSchedule(plan, mountPoint);
  return plan;
}

/** Where the volume's live files are mounted, or null. */
function mountPointOf(path: string): string | null {
  const first = volumePaths(path)[0]!;
  if (lockOwner(first) === null) return null;
  const source = realpathSync(first);
  return (
    readMountTable().findLast((mount) => mount.type === AEGISFS_TYPE && mount.source === source)?.mountPoint ?? null
  );
}

/** For cron: quiet unless something was done; a volume that fails does not keep the others from their turn. */
export async function runScheduleCommand(paths: readonly string[], options: DryRunOptions): Promise<number> {
  const outcomes: (ScheduleOutcome & { volume: string })[] = [];
  const failures: unknown[] = [];
  for (const path of paths) {
    try {
      outcomes.push({ volume: path, ...(await runOne(path, options.dryRun === true, paths.length === 1)) });
    } catch (error) {
      if (!(error instanceof OperationError) || paths.length === 1) throw error;
      failures.push(error);
      process.stderr.write(`stratos: ${error.message}\n`);
    }
  }
  if (options.json === true) printJson(outcomes);
  else {
    const would = options.dryRun === true ? "would be " : "";
    for (const { volume, created, deleted } of outcomes) {
      if (created !== null) process.stdout.write(`${volume}: ${created} ${would}taken\n`);
      for (const name of deleted) process.stdout.write(`${volume}: ${name} ${would}deleted\n`);
    }
  }
  return failures.length === 0 ? 0 : 1;
}
