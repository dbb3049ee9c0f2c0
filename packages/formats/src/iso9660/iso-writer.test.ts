/** ISO 9660. Judges: xorriso finds the boot records and unpacks the tree; the same tree gives the same bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lstatSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryDisk, readBytes } from "../disk/disk.ts";
import { run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes, sampleFile } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, type FileTree } from "../tree/file-tree.ts";
import { writeIso, type IsoOptions } from "./iso-writer.ts";

const OPTIONS: IsoOptions = {
  volumeId: "STRATOS_TEST",
  time: 1_700_000_000,
  biosImage: "isolinux/isolinux.bin",
  efiImage: "boot/efi.img",
};

function tree(): FileTree {
  return fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("isolinux", "directory"),
    sampleFile("isolinux/isolinux.bin", sampleBytes(40_000, 1)),
    fileEntry("boot", "directory"),
    sampleFile("boot/efi.img", sampleBytes(3_000_000, 2)),
    fileEntry("live", "directory"),
    sampleFile("live/root.squashfs", sampleBytes(1_234_567, 3), { mode: 0o444 }),
    sampleFile("a very long name with spaces and Umlauts gr\xc3\xbc\xc3\x9fe.text", "x"),
    sampleFile("empty", ""),
    fileEntry("link", "symlink", { target: "../live/./root.squashfs" }),
    fileEntry("deep", "directory"),
    fileEntry("deep/folder", "directory"),
    ...Array.from({ length: 200 }, (_, index) => sampleFile(`deep/folder/similar name ${index}`, `content ${index}`)),
  ]);
}

function image(): Uint8Array {
  const disk = new MemoryDisk();
  return readBytes(disk, 0, writeIso(disk, tree(), OPTIONS));
}

test("xorriso finds BIOS and UEFI boot records and unpacks the tree", () =>
  withFolder((folder) => {
    const path = join(folder, "iso"),
      out = join(folder, "out");
    writeFileSync(path, image());
    const boot = run("xorriso", ["-indev", path, "-report_el_torito", "plain"]);
    assert.equal(boot.status, 0, boot.output);
    assert.match(boot.output, /El Torito boot img : +1 +BIOS +y +none[\s\S]*El Torito boot img : +2 +UEFI +y +none/);
    assert.match(
      boot.output,
      /El Torito img path : +1 +\/isolinux\/isolinux\.bin[\s\S]*El Torito img path : +2 +\/boot\/efi\.img/,
    );
    assert.match(boot.output, /El Torito img opts : +1 +boot-info-table/);
    assert.match(boot.output, /Volume id +: 'STRATOS_TEST'/);
    assert.equal(run("xorriso", ["-osirrox", "on", "-indev", path, "-extract", "/", out]).status, 0);
    for (const entry of tree().entries()) {
      const place = Buffer.concat([Buffer.from(`${out}/`), Buffer.from(entry.path, "latin1")]);
      // The boot information table is the one thing that the writer adds.
      if (entry.kind === "file" && entry.path !== OPTIONS.biosImage)
        assert.equal(readFileSync(place).length, entry.content!.sizeBytes, entry.path);
      if (entry.kind === "symlink") assert.equal(readlinkSync(place), entry.target);
      else assert.equal(lstatSync(place).mode & 0o777, entry.mode & 0o777, entry.path);
    }
    assert.ok(readFileSync(join(out, "live/root.squashfs")).equals(Buffer.from(sampleBytes(1_234_567, 3))));
    assert.equal(readFileSync(join(out, "deep/folder/similar name 199"), "utf8"), "content 199");
  }));

test("the same tree gives the same bytes; what has no place is refused", () => {
  assert.deepEqual(image(), image());
  const refused =
    (entries: Parameters<typeof fileTreeOf>[0], options: Partial<IsoOptions> = {}): (() => void) =>
    () =>
      void writeIso(new MemoryDisk(), fileTreeOf(entries), { volumeId: "X", time: 0, ...options });
  assert.throws(
    refused([fileEntry("", "directory"), fileEntry("null", "character")]),
    /null: a character has no place/,
  );
  assert.throws(refused([fileEntry("", "directory"), sampleFile("n".repeat(250), "x")]), /too long for an ISO image/);
  assert.throws(refused([fileEntry("", "directory")], { volumeId: "small" }), /at most 32 of A–Z/);
  assert.throws(refused([fileEntry("", "directory")], { efiImage: "gone" }), /gone: is not in the tree/);
});

test("as a disk it has partition tables: one for UEFI, and for BIOS code that knows where isolinux is", () =>
  withFolder((folder) => {
    const ids = { diskId: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11", partitionId: "1e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a12" };
    const write = (name: string, biosCode?: Uint8Array): { path: string; bytes: Uint8Array } => {
      const disk = new MemoryDisk(),
        path = join(folder, name);
      const bytes = readBytes(
        disk,
        0,
        writeIso(disk, tree(), { ...OPTIONS, hybrid: { ...ids, ...(biosCode === undefined ? {} : { biosCode }) } }),
      );
      writeFileSync(path, bytes);
      return { path, bytes };
    };
    const plain = write("plain"),
      both = write("both", new Uint8Array(432).fill(0x90));
    assert.match(run("sgdisk", ["-v", plain.path]).output, /No problems found/);
    const report = (path: string): string => run("xorriso", ["-indev", path, "-report_system_area", "plain"]).output;
    for (const { path } of [plain, both])
      assert.match(
        report(path),
        /GPT type GUID +: +1 +28732ac11ff8d211ba4b00a0c93ec93b[\s\S]*GPT partition path : +1 +\/boot\/efi\.img/,
      );
    assert.match(
      report(both.path),
      // wide: one pattern
      /MBR partition +: +1 +0x80 +0x00 +0 +\d+\nMBR partition +: +2 +0x00 +0xef[\s\S]*MBR partition path : +2 +\/boot\/efi\.img/,
    );
    // What the code in the first sector jumps to is isolinux.
    const view = new DataView(both.bytes.buffer, both.bytes.byteOffset),
      start = view.getUint32(432, true) * 512;
    assert.deepEqual(both.bytes.subarray(start + 64, start + 1000), sampleBytes(40_000, 1).subarray(64, 1000));
    assert.equal(both.bytes.length % (1 << 20), 0);
    assert.throws(() => write("long", new Uint8Array(440)), /boot code for disks has at most 432 bytes/);
  }));
