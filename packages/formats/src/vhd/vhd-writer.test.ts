/**
 * VHD. Judge: qemu-img checks what we write and finds the same disk, of the same size, in it; the same disk gives the
 * same file.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { writeVhd } from "./vhd-writer.ts";

const MIB = 1 << 20;
const OPTIONS = { uuid: "11111111-2222-4333-8444-555555555555", time: 1_700_000_000 } as const;

for (const kind of ["fixed", "dynamic"] as const) {
  for (const size of [41 * MIB, 8 * MIB, MIB]) {
    test(`${kind}, ${size} bytes: qemu-img finds it whole, identical and of the same size`, () =>
      withFolder((folder) => {
        const raw = join(folder, "raw"),
          source = new DiskFile(raw, size);
        source.write(512, sampleBytes(200_000, 1));
        source.write(size - 1000, sampleBytes(1000, 2));
        const write = (name: string): Buffer => {
          const file = new DiskFile(join(folder, name), 0);
          writeVhd(source, file, { kind, ...OPTIONS });
          file.close();
          return readFileSync(join(folder, name));
        };
        assert.ok(write("one").equals(write("two")));
        const path = join(folder, "one");
        assert.match(run("qemu-img", ["compare", "-f", "raw", "-F", "vpc", raw, path]).output, /Images are identical/);
        assert.match(
          run("qemu-img", ["info", "-f", "vpc", path]).output,
          new RegExp(`virtual size: .*\\(${size} bytes\\)`),
        );
        if (kind === "fixed") assert.equal(readFileSync(path).length, size + 512);
        source.close();
      }));
  }
}

test("a size that Azure refuses is refused", () => {
  assert.throws(
    () => writeVhd(new MemoryDisk(MIB + 512), new MemoryDisk(0), { kind: "fixed", ...OPTIONS }),
    /whole MiB/,
  );
});
