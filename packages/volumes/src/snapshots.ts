/** Snapshots of a volume: what the command line, the daemon of a schedule and the REST service do with them. */
import {
  fileChanges,
  SUBVOLUME_READ_ONLY,
  SUBVOLUME_TRANSACTION,
  type FileChange,
  type Subvolume,
  type SubvolumeInfo,
} from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import type { SnapshotEntry } from "./listed.ts";
import { toByteString, toText } from "./file-tree.ts";
import { filesOf, type OpenedVolume } from "./open-volume.ts";
import { forgetTransfers } from "./transfer-records.ts";
import { expectResult, expectValue } from "./volume-error.ts";
import { subvolumeSpace, type SubvolumeSpace } from "./volume-usage.ts";

/** All subvolumes, the live one among them, by number. */
export function listSnapshots({ path, volume }: OpenedVolume): SnapshotEntry[] {
  const infos = expectValue(path, volume.subvolumes()).filter(
    ({ id }) => (volume.subvolume(id)!.flags & SUBVOLUME_TRANSACTION) === 0,
  );
  const names = new Map(infos.map((info) => [info.id, toText(info.name)]));
  return infos.map((info) => ({
    id: info.id,
    name: toText(info.name),
    parent: names.get(info.base) ?? null,
    children: infos.filter(({ base }) => base === info.id).map(({ name }) => toText(name)),
    createdAt: new Date(info.seconds * 1000).toISOString(),
    writable: (volume.subvolume(info.id)!.flags & SUBVOLUME_READ_ONLY) === 0,
    incomplete: volume.subvolume(info.id)!.isIncomplete,
    live: info.id === volume.superblock.defaultSubvolume,
    label: toText(info.label),
    files: info.inodes,
  }));
}

interface SnapshotRequest {
  readonly name?: string;
  readonly writable?: boolean;
  readonly label?: string;
  /** Snapshot to take it of; default: the live files. */
  readonly of?: string;
}

/** @returns its name */
export function createSnapshot(opened: OpenedVolume, request: SnapshotRequest): string {
  const { path, volume } = opened;
  const name = request.name ?? `snapshot-${compactTime(volume.seconds)}`;
  checkSnapshotName(name);
  const source = filesOf(opened, request.of ?? null);
  expectResult(
    `${path}@${name}`,
    volume.snapshot(source, toByteString(name), {
      readOnly: request.writable !== true,
      label: toByteString(request.label ?? ""),
    }),
  );
  return name;
}

/** A name can be written behind "@" in a place. @throws OperationError */
export function checkSnapshotName(name: string): void {
  if (!/^[^/:@\0]+$/.test(name) || name === "." || name === ".." || Buffer.byteLength(name) > 255)
    throw new OperationError("volume", name, "a snapshot's name has 1 to 255 bytes without '/', ':' and '@'");
}

/** `20260131T120000Z`: sorts by time, and may stand in a snapshot's name. */
export function compactTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
}

/**
 * Deletes snapshots and frees what they alone held.
 *
 * @param onProgress  called with the blocks freed so far
 * @returns bytes that came back
 */
export function deleteSnapshots(
  opened: OpenedVolume,
  names: readonly string[],
  onProgress: (bytes: number) => void = () => {},
): number {
  const { path, volume } = opened;
  const snapshots = names.map((name) => requireSnapshot(opened, name));
  const before = volume.space.freeBlocks;
  // Who has looked into one of them in `.snapshots` is to see that it is gone.
  opened.replaceFiles();
  for (const snapshot of snapshots)
    expectResult(`${path}@${toText(snapshot.name)}`, volume.deleteSubvolume(snapshot.id));
  forgetTransfers(opened);
  reclaimAll(opened, onProgress);
  return Math.max(0, volume.space.freeBlocks - before) * 4096;
}

/** Frees what was deleted, to the end. */
export function reclaimAll(opened: OpenedVolume, onProgress: (bytes: number) => void = () => {}): void {
  const { path, volume } = opened;
  const before = volume.space.freeBlocks;
  while (expectResult(path, volume.reclaim(RECLAIM_STEPS)) > 0) {
    onProgress(Math.max(0, volume.space.freeBlocks - before) * 4096);
    opened.breathe();
  }
}

const RECLAIM_STEPS = 8;

/** A subvolume that is not the live one. @throws OperationError */
export function requireSnapshot(opened: OpenedVolume, name: string): Subvolume {
  const snapshot = filesOf(opened, name);
  if (snapshot === opened.volume.root)
    throw new OperationError("volume", `${opened.path}@${name}`, "these are the live files, not a snapshot");
  return snapshot;
}

/** One that was taken or received to its end. @throws OperationError */
export function requireWhole(opened: OpenedVolume, name: string): Subvolume {
  const snapshot = requireSnapshot(opened, name);
  if (snapshot.isIncomplete)
    throw new OperationError(
      "volume",
      `${opened.path}@${name}`,
      "its transfer was not finished: go on with it (`fs receive --status` says how), or delete what it left " +
        "(`fs snapshot cleanup`)",
    );
  return snapshot;
}

/** The live files become those of the snapshot, at once. @param save  name of a snapshot that keeps what they were */
export function rollBack(opened: OpenedVolume, name: string, save?: string): void {
  const snapshot = requireWhole(opened, name);
  opened.replaceFiles();
  if (save !== undefined) createSnapshot(opened, { name: save, label: `before the rollback to ${name}` });
  expectResult(`${opened.path}@${name}`, opened.volume.rollback(snapshot.id));
  reclaimAll(opened);
}

export function snapshotSpaces(opened: OpenedVolume, names: readonly string[]): SubvolumeSpace[] {
  const wanted = new Set(names.map((name) => filesOf(opened, name).id));
  const infos: SubvolumeInfo[] = expectValue(opened.path, opened.volume.subvolumes());
  return infos.filter(({ id }) => wanted.size === 0 || wanted.has(id)).map((info) => subvolumeSpace(opened, info));
}

export interface ListedChange {
  readonly change: FileChange["kind"];
  readonly path: string;
  readonly from?: string;
  readonly type: FileChange["type"];
  readonly aspects: FileChange["aspects"];
}

/** What happened from one snapshot to another, or to the live files. */
export function listChanges(opened: OpenedVolume, from: string, to: string | null): ListedChange[] {
  const changes = expectValue(opened.path, fileChanges(opened.volume, filesOf(opened, from), filesOf(opened, to)));
  return changes.map(({ kind, path, from: source, type, aspects }) => ({
    change: kind,
    path: toText(path),
    ...(source === null ? {} : { from: toText(source) }),
    type,
    aspects,
  }));
}
