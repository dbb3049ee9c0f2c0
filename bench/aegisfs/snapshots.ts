/**
 * Snapshots, clones and rollbacks of the engine beside btrfs's ioctls (btrfs-snapshots.c), at growing numbers of files:
 * on the same backing, in the same run, by turns. The engine is measured on a device in memory, which is what its goal
 * is of, and on a file of the backing, where it waits for the host twice. Before each a file is changed and stored.
 * Medians of 21, in microseconds.
 */
import { join } from "node:path";
import { rmSync } from "node:fs";
import { format, mount, ROOT_INO, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice, type BlockDevice } from "@stratos/host";
import { FileBlockDevice } from "@stratos/host-node";
import { median } from "../statistics.ts";
import { must, type Workbench } from "../fuse/systems.ts";

export interface SnapshotRow {
  readonly files: number;
  readonly where: string;
  readonly microseconds: Readonly<Record<"snapshot" | "clone" | "rollback", number>>;
}

const ROUNDS = 21;
const IN_FOLDER = 1000;
/** btrfs takes a minute to make a million of files. */
const PATIENCE_MS = 1_800_000;
/** Of a file there is its inode, its name and its share of nodes: some 300 bytes. */
const BYTES_PER_FILE = 1024;
/** The goal of the engine, in microseconds. */
const SNAPSHOT_GOAL_US = 200;

/** @param bench  null: without btrfs, and without a file */
export function* measureSnapshots(sizes: readonly number[], bench: Workbench | null): Generator<SnapshotRow> {
  const program = bench?.compile("btrfs-snapshots", [], join(import.meta.dirname, "btrfs-snapshots.c"));
  for (const files of sizes) {
    const bytes = (64 << 20) + files * BYTES_PER_FILE;
    yield { files, where: "engine", microseconds: ofEngine(new MemoryBlockDevice(bytes), files) };
    if (bench === null) continue;
    const path = bench.image("snapshots");
    const device = new FileBlockDevice(path, { create: bytes });
    try {
      yield { files, where: `engine, file on ${bench.backing}`, microseconds: ofEngine(device, files) };
    } finally {
      device.close();
      rmSync(path, { force: true });
    }
    const [snapshot, clone, rollback] = must(program!, [bench.system("btrfs").folder, String(files)], PATIENCE_MS)
      .trim()
      .split(" ")
      .map((ns) => Number(ns) / 1000);
    yield {
      files,
      where: `btrfs, file on ${bench.backing}`,
      microseconds: { snapshot: snapshot!, clone: clone!, rollback: rollback! },
    };
  }
}

function ofEngine(device: BlockDevice, files: number): SnapshotRow["microseconds"] {
  const failed = format(device, { uuid: new Uint8Array(16), hashSeed: 3 });
  if (failed !== 0) throw new Error(failed);
  const volume = mount(device);
  if (typeof volume === "string") throw new Error(volume);
  let folder = 0;
  for (let file = 0; file < files; file++) {
    if (file % IN_FOLDER === 0) folder = expect(volume.root.create(ROOT_INO, `d${file / IN_FOLDER}`, 0o040755, 0, 0));
    expect(volume.root.create(folder, `${file}`, 0o100644, 0, 0));
  }
  const changed = expect(volume.root.create(ROOT_INO, "changed", 0o100644, 0, 0));
  expect(volume.sync());
  const take = (readOnly: boolean) =>
    medianOf(
      volume,
      changed,
      (round) => expect(volume.snapshot(volume.root, `snapshot${round}`, { readOnly })),
      (id) => void expect(volume.deleteSubvolume(id)),
    );
  const snapshot = take(true);
  const clone = take(false);
  const kept = expect(volume.snapshot(volume.root, "kept", { readOnly: true }));
  const rollback = medianOf(
    volume,
    changed,
    () => expect(volume.rollback(kept)),
    () => {},
  );
  return { snapshot, clone, rollback };
}

function medianOf(
  volume: Volume,
  changed: number,
  run: (round: number) => number,
  undo: (made: number) => void,
): number {
  const text = new Uint8Array(100);
  const took: number[] = [];
  const made: number[] = [];
  // Twice as many: the first half is translated while it runs.
  for (let round = 0; round < 2 * ROUNDS; round++) {
    expect(volume.root.write(changed, 0, text.fill(round), 0, text.length));
    expect(volume.sync());
    const start = performance.now();
    made.push(run(round));
    took.push((performance.now() - start) * 1000);
  }
  made.forEach(undo);
  while (volume.reclaim(64) > 0);
  return median(took.slice(ROUNDS));
}

function expect(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

export function snapshotLine({ files, where, microseconds: { snapshot, clone, rollback } }: SnapshotRow): string {
  const shown = (value: number): string => Math.round(value).toLocaleString("en").padStart(7);
  return (
    `  ${files.toLocaleString("en").padStart(9)} files, ${where.padEnd(28)} snapshot ${shown(snapshot)}, clone ` +
    `${shown(clone)}, rollback ${shown(rollback)} µs${where === "engine" ? ` (goal ${SNAPSHOT_GOAL_US})` : ""}`
  );
}
