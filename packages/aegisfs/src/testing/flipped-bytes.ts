/**
 * Every byte of every block that a volume reads is flipped in turn: superblocks, nodes of each tree, what the audit log
 * keeps, the intent log, content. Nothing else than what was written is ever shown: with a second copy all of it,
 * without one an error instead, with a name in `check`.
 *
 *     node packages/aegisfs/src/testing/flipped-bytes.ts [--stride N] [--seed S]      every Nth byte (default: each;
 *     some minutes)
 */
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { AuditLog, check, COMPRESS_LZ4, format, mount, verifyAudit, withCompression } from "../aegisfs.ts";
import type { FormatOptions, Volume } from "../aegisfs.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { numberOption } from "./command-options.ts";
import { dumpSubvolume } from "./dump.ts";
import { mountedVolume } from "./fresh-volume.ts";
import { difference, Workload } from "./workload.ts";

const BLOCK = 4096;

interface FlipOptions {
  seed: number;
  copies: 1 | 2;
  /** Bytes from one flip to the next; a number that shares no factor with 4096 meets other places in each block. */
  stride: number;
}

interface FlipOutcome {
  readonly flips: number;
  readonly blocks: number;
  readonly named: number;
}

/** Throws at the first flip that shows. */
export function flipBytes({ seed, copies, stride }: FlipOptions): FlipOutcome {
  const device = new MemoryBlockDevice(copies === 1 ? 6 << 20 : 10 << 20);
  const options: FormatOptions = {
    uuid: new Uint8Array(16).fill(6),
    hashSeed: 5,
    copies,
    properties: withCompression(0, COMPRESS_LZ4, 0),
  };
  const failed = format(device, options);
  if (failed !== 0) throw new Error(failed);
  const volume = mountedVolume(mount(device));
  AuditLog.enable(volume);
  const workload = new Workload(new SeededRandom(seed), volume.root, { sizeMax: 20_000, names: 30 });
  for (let step = 0; step < 150; step++) workload.step();
  volume.snapshot(volume.root, "snapshot", { readOnly: true });
  for (let step = 0; step < 150; step++) workload.step();
  volume.sync();
  // The last changes are in the intent log alone: with an audit log, which goes on without them, each fsync would be a
  // commit.
  volume.observer = null;
  for (let step = 0; step < 20; step++) workload.step();
  for (let file = 0; file < 3; file++) volume.root.fsync(workload.pickFile());
  if (volume.log.used === 0) throw new Error("nothing is in the intent log");
  const expected = shown(mountedVolume(mount(device, { readOnly: true })));
  const places = placesOf(volume);
  const byte = new Uint8Array(1);
  let flips = 0;
  let named = 0;
  for (let at = 0; at < places.length * BLOCK; at += stride) {
    const offset = places[Math.floor(at / BLOCK)]! * BLOCK + (at % BLOCK);
    device.read(offset, byte, 0, 1);
    byte[0]! ^= 1 << (flips % 8);
    device.write(offset, byte, 0, 1);
    flips++;
    const where = `seed ${seed}, copies ${copies}: block ${Math.floor(offset / BLOCK)}, byte ${offset % BLOCK}`;
    const error = look(device, expected, where);
    if (error !== null) {
      if (copies === 2) throw new Error(`${where}: ${error}`);
      named++;
      const problems = check(device, { data: true });
      if (typeof problems !== "string" && problems.length === 0)
        throw new Error(`${where}: ${error}, and check finds nothing`);
    }
    byte[0]! ^= 1 << ((flips - 1) % 8);
    device.write(offset, byte, 0, 1);
  }
  if (look(device, expected, "at the end") !== null) throw new Error("the image was changed by being read");
  return { flips, blocks: places.length, named };
}

/**
 * Null when all is as it was written; an error in words when somebody would meet one. Throws when something else is
 * shown.
 */
function look(device: MemoryBlockDevice, expected: string, where: string): string | null {
  const volume = mount(device, { readOnly: true });
  if (typeof volume === "string") return volume;
  let found: string;
  try {
    found = shown(volume);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new Error(where, { cause: error });
    return (error as Error).message;
  }
  if (found !== expected) throw new Error(`${where}: other content than was written:\n${difference(expected, found)}`);
  return null;
}

function shown(volume: Volume): string {
  const audit = verifyAudit(volume);
  if (typeof audit === "number") throw new Error(`audit log: ${audit}`);
  return [...volume.subvolumeIds().map((id) => dumpSubvolume(volume.subvolume(id)!)), JSON.stringify(audit)].join("\n");
}

/** Blocks of the device that hold something: superblocks, and what the space map says, with all copies. */
function placesOf(volume: Volume): number[] {
  const places = new Set<number>(SUPERBLOCK_SLOTS.flat());
  for (const segment of volume.store.layout.segments) {
    for (let block = segment.first; block < segment.first + segment.blocks; block++) {
      if (!volume.space.isAllocated(block)) continue;
      for (const place of segment.places) places.add(place.first + block - segment.first);
    }
    // What it holds is free for the space map. Behind the receipt is nothing.
    for (let block = volume.log.start; block <= volume.log.start + volume.log.used; block++)
      for (const place of segment.places) if (volume.log.used > 0) places.add(place.first + block - segment.first);
  }
  return [...places].sort((a, b) => a - b);
}

if (process.argv[1] === import.meta.filename) {
  const stride = numberOption("stride", 1);
  const seed = numberOption("seed", 1);
  for (const copies of [1, 2] as const) {
    const { flips, blocks, named } = flipBytes({ seed, copies, stride });
    console.log(
      `${copies === 1 ? "one copy" : "two copies"}: ${flips} bytes of ${blocks} blocks flipped: ${named} errors ` +
        "that are named, no other content",
    );
  }
}
