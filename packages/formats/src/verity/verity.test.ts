/**
 * dm-verity. Judge: veritysetup makes the same bytes and the same root hash, and verifies ours; one changed byte is
 * found.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { veritySizeFor, writeVerity } from "./verity.ts";

const codecs = nodeCodecs(),
  uuid = "11111111-2222-4333-8444-555555555555";

for (const blocks of [1, 2, 128, 129, 1000, 16_385]) {
  test(`${blocks} blocks: veritysetup makes the same`, () =>
    withFolder((folder) => {
      const [data, own, theirs] = ["data", "own", "theirs"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const disk = new DiskFile(data, blocks * 4096);
      disk.write(0, sampleBytes(Math.min(blocks, 1100) * 4096, blocks));
      const salt = sampleBytes(32, 5),
        hashes = new DiskFile(own, veritySizeFor(disk.size));
      const root = writeVerity(disk, hashes, { uuid, salt }, codecs);
      const made = run("veritysetup", [
        "format",
        `--uuid=${uuid}`,
        `--salt=${Buffer.from(salt).toString("hex")}`,
        data,
        theirs,
      ]);
      assert.equal(made.status, 0, made.output);
      assert.match(made.output, new RegExp(`Root hash:\\s+${root}`));
      assert.ok(readFileSync(theirs).equals(readFileSync(own)));
      assert.equal(run("veritysetup", ["verify", data, own, root]).status, 0);
      disk.write(blocks * 4096 - 1, Buffer.of(1 ^ readFileSync(data).at(-1)!));
      assert.notEqual(run("veritysetup", ["verify", data, own, root]).status, 0);
      disk.close();
      hashes.close();
    }));
}

test("what cannot be hashed is refused", () => {
  const hashes = new MemoryDisk(1 << 20);
  assert.throws(
    () => writeVerity(new MemoryDisk(5000), hashes, { uuid, salt: new Uint8Array(0) }, codecs),
    /whole blocks/,
  );
  assert.throws(
    () => writeVerity(new MemoryDisk(8192), new MemoryDisk(4096), { uuid, salt: new Uint8Array(0) }, codecs),
    /need 8192/,
  );
});
