/**
 * VHDX. Judge: qemu-img checks what we write, finds the same disk of the same size in it, and converts it; the same
 * disk gives the same file.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { join } from "node:path";
import { MemoryDisk, type Disk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { writeVhdx } from "./vhdx-writer.ts";

const MIB = 1 << 20;
const OPTIONS = {
  id: (what: string): string =>
    createHash("md5")
      .update(what)
      .digest("hex")
      .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5"),
};

function check(path: string): void {
  const { status, output } = run("qemu-img", ["check", "-f", "vhdx", path]);
  assert.equal(status, 0, output);
  assert.match(output, /No errors were found/);
}

for (const size of [41 * MIB, MIB + 512]) {
  test(`${size} bytes: qemu-img finds it whole, identical and of the same size, and converts it back`, () =>
    withFolder((folder) => {
      const raw = join(folder, "raw"),
        source = new DiskFile(raw, size);
      source.write(512, sampleBytes(200_000, 1));
      source.write(size - 1000, sampleBytes(1000, 2));
      const [path, again] = [join(folder, "one"), join(folder, "two")];
      for (const name of [path, again]) {
        const file = new DiskFile(name, 0);
        writeVhdx(source, file, OPTIONS);
        file.close();
      }
      assert.equal(run("cmp", [path, again]).output, "");
      check(path);
      assert.match(run("qemu-img", ["compare", "-f", "raw", "-F", "vhdx", raw, path]).output, /Images are identical/);
      const info = JSON.parse(run("qemu-img", ["info", "--output=json", path]).stdout.toString()) as {
        "virtual-size": number;
        format: string;
      };
      assert.deepEqual([info.format, info["virtual-size"]], ["vhdx", size]);
      const back = join(folder, "back");
      assert.equal(run("qemu-img", ["convert", "-f", "vhdx", "-O", "raw", path, back]).status, 0);
      assert.equal(run("cmp", [raw, back]).output, "");
      source.close();
    }));
}

test("behind 4 GiB, where the table has an entry for a bitmap, blocks are found too", () =>
  withFolder((folder) => {
    const path = join(folder, "large"),
      file = new DiskFile(path, 0),
      at = 4097 * MIB;
    const source: Disk = {
      size: 4100 * MIB,
      read: (offset, into) => void into.fill(offset <= at && at < offset + into.length ? 7 : 0),
      write: () => {},
      resize: () => {},
    };
    writeVhdx(source, file, { ...OPTIONS, blockSize: 2 * MIB });
    file.close();
    check(path);
    for (const command of [`read -P 7 ${at} 1M`, `read -P 0 ${at + 2 * MIB} 1M`, `read -P 0 ${at - 2 * MIB} 1M`]) {
      const { status, output } = run("qemu-io", ["-r", "-f", "vhdx", "-c", command, path]);
      assert.equal(status, 0, output);
      assert.doesNotMatch(output, /failed/);
    }
  }));

test("a disk that has no form is refused", () => {
  const empty = (size: number): Disk => ({ size, read: () => {}, write: () => {}, resize: () => {} });
  assert.throws(() => writeVhdx(empty(1000), new MemoryDisk(0), OPTIONS), /whole sectors/);
  assert.throws(() => writeVhdx(empty(65 * 2 ** 40), new MemoryDisk(0), OPTIONS), /at most/);
});
