/** VMDK. Judge: qemu-img checks what we write and finds the same disk in it; the same disk gives the same file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { writeVmdk } from "./vmdk-writer.ts";

const MIB = 1 << 20;
const codecs = nodeCodecs();

for (const kind of ["streamOptimized", "monolithicSparse"] as const) {
  for (const size of [70 * MIB, 33 * MIB + 512, 3 * 512]) {
    test(`${kind} of ${size} bytes: qemu-img finds it whole and identical`, () =>
      withFolder((folder) => {
        const raw = join(folder, "raw"),
          source = new DiskFile(raw, size);
        if (size > MIB) {
          source.write(0, sampleBytes(3 * MIB, 1));
          source.write(20 * MIB + 512, Buffer.from("text that packs well ".repeat(100_000)));
        }
        source.write(size - 1000, sampleBytes(1000, 2));
        const write = (name: string): Buffer => {
          const file = new DiskFile(join(folder, name), 0);
          writeVmdk(source, file, { kind, name: "disk.vmdk", contentId: 0x1234 }, codecs);
          file.close();
          return readFileSync(join(folder, name));
        };
        assert.ok(write("one").equals(write("two")));
        const path = join(folder, "one");
        // QEMU has no check of packed images; reading all of one is one.
        if (kind === "monolithicSparse")
          assert.match(run("qemu-img", ["check", "-f", "vmdk", path]).output, /No errors were found/);
        assert.match(run("qemu-img", ["compare", "-f", "raw", "-F", "vmdk", raw, path]).output, /Images are identical/);
        assert.match(run("qemu-img", ["info", path]).output, new RegExp(`create type: ${kind}`));
        if (size > MIB && kind === "streamOptimized") assert.ok(statSync(path).size < 5 * MIB);
        source.close();
      }));
  }
}

test("a disk that is no number of sectors is refused", () => {
  assert.throws(
    () =>
      writeVmdk(new MemoryDisk(1000), new MemoryDisk(0), { kind: "streamOptimized", name: "x", contentId: 1 }, codecs),
    /whole sectors/,
  );
});
