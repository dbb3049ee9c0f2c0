/**
 * Goal: an image made to do harm neither crashes nor hangs the engine. Method: random words of cached nodes are overwritten, and a commit signs
 * them, so that every checksum is right and every structure may be wrong. Then all that can be read is read, some of it is changed; each call
 * must return. What may stop an operation is an errno, or a broken invariant that is told (an Error), never a RangeError of the language.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { check, mount, ROOT_INO } from "../aegisfs.ts";
import { NODE_AT_COUNT, NODE_HEADER_WORDS } from "../format/node-layout.ts";
import { dumpSubvolume } from "./dump.ts";
import { freshVolume, mountedVolume } from "./fresh-volume.ts";
import { Workload } from "./workload.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

for (let round = 0; round < 40; round++) {
  test(`a forged image is survived (seed ${SEED + round})`, () => {
    const random = new SeededRandom(SEED + round);
    const { device, volume } = freshVolume(8);
    const workload = new Workload(random, volume.root, { sizeMax: 40_000, names: 30 });
    for (let step = 0; step < 120; step++) workload.step();
    volume.snapshot(volume.root, "snapshot", { readOnly: false });
    volume.commit();
    // Dirty nodes are there again, to be overwritten and signed.
    for (let step = 0; step < 10; step++) workload.step();
    const root = volume.cache.peek(volume.root.tree.root[0]!)!;
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
    const forged = mount(device, { readOnly: true });
    if (typeof forged !== "string") attempt(() => dumpSubvolume(forged.root));
    attempt(() => check(device, { data: true }));
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
    mountedVolume(mount(freshVolume(8).device));
  });
}

/** Lets pass what a defence says; fails for what the language says when a defence is missing. */
function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Error && !(error instanceof RangeError) && !(error instanceof TypeError), `${String(error)}\n${(error as Error).stack}`);
  }
}
