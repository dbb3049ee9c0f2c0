/**
 * Images made to do harm. Random words of cached nodes, or of the superblock, are overwritten and signed again, so that
 * every checksum is right and every structure may be wrong. Then all that can be read is read, some of it is changed,
 * all of it is scrubbed and repaired; each call must return. What may stop an operation is an errno, or a broken
 * invariant that is told (an Error), never what the language says when a defence is missing.
 */
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import {
  check,
  COMPRESS_LZ4,
  dedupe,
  format,
  health,
  migrate,
  mount,
  repair,
  ROOT_INO,
  Scrub,
  withCompression,
  resizeDevice,
} from "../aegisfs.ts";
import type { FormatOptions } from "../aegisfs.ts";
import { NODE_AT_COUNT, NODE_HEADER_WORDS } from "../format/node-layout.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { checksumWords } from "../format/checksum.ts";
import { dumpSubvolume } from "./dump.ts";
import { mountedVolume } from "./fresh-volume.ts";
import { Workload } from "./workload.ts";

const KINDS: readonly Partial<FormatOptions>[] = [
  {},
  { properties: withCompression(0, COMPRESS_LZ4, 0) },
  { copies: 2 },
];

/** Throws when a forged image of that seed is not survived. */
export function surviveForgedImage(seed: number): void {
  const random = new SeededRandom(seed);
  const device = new MemoryBlockDevice(8 << 20);
  const options = { uuid: new Uint8Array(16).fill(9), hashSeed: 77, ...KINDS[seed % KINDS.length] };
  if (format(device, options) !== 0) throw new Error("format failed");
  const volume = mountedVolume(mount(device));
  const workload = new Workload(random, volume.root, { sizeMax: 40_000, names: 30 });
  for (let step = 0; step < 120; step++) workload.step();
  volume.snapshot(volume.root, "snapshot", { readOnly: false });
  volume.commit();
  // Dirty nodes are there again, to be overwritten and signed.
  for (let step = 0; step < 10; step++) workload.step();
  volume.settle();
  const tree = random.below(4) === 0 ? volume.tree : volume.root.tree;
  const root = volume.cache.peek(tree.root[0]!)!;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const end = root.level === 0 && random.below(2) === 0 ? NODE_HEADER_WORDS + root.words[NODE_AT_COUNT]! * 4 : 4096;
    const at = NODE_HEADER_WORDS + random.below(end - NODE_HEADER_WORDS);
    root.words[at] = random.below(3) === 0 ? random.u32() : (root.words[at]! ^ (1 << random.below(32))) >>> 0;
  }
  try {
    volume.commit();
  } catch {
    return; // the forger's own tools broke
  }
  if (random.below(3) === 0) forgeSuperblock(device, volume.superblock.generation, random);

  const forged = mount(device, { readOnly: true });
  if (typeof forged !== "string") {
    attempt(() => dumpSubvolume(forged.root, null, null, 1 << 20));
    attempt(() => scrubAll(new Scrub(forged)));
    attempt(() => health(forged));
  }
  attempt(() => check(device, { data: true }));
  attempt(() => repair(copyOf(device)));
  const written = mount(device);
  if (typeof written === "string") return;
  attempt(() => {
    for (let number = 0; number < 30; number++) {
      written.root.unlink(ROOT_INO, `name${number}`);
      written.root.create(ROOT_INO, `name${number}`, 0o100644, 0, 0);
      written.root.truncate(number, number * 1000);
      written.root.write(number, 5000, new Uint8Array(9000), 0, 9000);
    }
    written.sync();
  });
  attempt(() => dedupe(written));
  attempt(() => migrate(written));
  attempt(() => resizeDevice(written, 0, 4096));
}

/** Overwrites words of the superblock that counts, and signs it. */
function forgeSuperblock(device: MemoryBlockDevice, generation: number, random: SeededRandom): void {
  const bytes = new Uint8Array(4096);
  const words = new Uint32Array(bytes.buffer);
  const slots = SUPERBLOCK_SLOTS[generation % 2]!;
  device.read(slots[0]! * 4096, bytes, 0, 4096);
  for (let count = 1 + random.below(3); count > 0; count--) {
    // The table of devices and segments, or anything behind the version.
    const at =
      random.below(2) === 0
        ? 44 + random.below(4)
        : random.below(3) === 0
          ? 64 + random.below(800)
          : 10 + random.below(38);
    words[at] =
      random.below(3) === 0
        ? random.u32()
        : random.below(3) === 0
          ? random.below(20)
          : (words[at]! ^ (1 << random.below(32))) >>> 0;
  }
  words[2] = 0;
  words[2] = checksumWords(new Int32Array(bytes.buffer), 0, 1024, 0);
  for (const slot of slots) device.write(slot * 4096, bytes, 0, 4096);
}

function scrubAll(scrub: Scrub): void {
  for (let step = 0; step < 1000 && scrub.step(1000) === 1; step++);
}

function copyOf(device: MemoryBlockDevice): MemoryBlockDevice {
  const copy = new MemoryBlockDevice(device.size);
  const bytes = new Uint8Array(device.size);
  device.read(0, bytes, 0, bytes.length);
  copy.write(0, bytes, 0, bytes.length);
  return copy;
}

/** Lets pass what a defence says; fails for what the language says when a defence is missing. */
function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(
      error instanceof Error && !(error instanceof RangeError) && !(error instanceof TypeError),
      `${String(error)}\n${(error as Error).stack}`,
    );
  }
}
