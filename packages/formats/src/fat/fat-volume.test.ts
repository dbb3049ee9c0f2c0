/**
 * FAT. Judges: fsck.vfat and mtools, both ways, in each of the three widths; a model in a Map for random changes (the
 * seed is printed).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { civilTime } from "../calendar/civil-time.ts";
import { fatTime, secondsOfFatTime } from "./fat-time.ts";
import { FatVolume } from "./fat-volume.ts";

const MIB = 1 << 20;
const TIME = 1_700_000_000;
const NAMES = { label: "ESP", volumeId: 0x1234abcd };
const bytes = (length: number, seed: number): Uint8Array => {
  const out = new Uint8Array(length);
  new SeededRandom(seed).fill(out);
  return out;
};

// A disk with sectors of 4096 bytes takes no smaller ones; its ESP of 256 MiB has just too few for a FAT32.
for (const [bits, size, sectorSize] of [
  [12, 2 * MIB, 512],
  [16, 20 * MIB, 512],
  [32, 40 * MIB, 512],
  [12, 2 * MIB, 4096],
  [16, 64 * MIB, 4096],
  [16, 256 * MIB, 4096],
  [32, 260 * MIB, 4096],
] as const) {
  test(`fsck.vfat and mtools accept a FAT${bits} of ${size / MIB} MiB, in sectors of ${sectorSize} bytes`, () =>
    withFolder((folder) => {
      const path = join(folder, "disk");
      const disk = new DiskFile(path, size);
      const volume = FatVolume.format(disk, NAMES, sectorSize);
      assert.equal(volume.bits, bits);
      volume.makeDirectory("EFI/BOOT", TIME);
      volume.write("EFI/BOOT/BOOTX64.EFI", bytes(100_001, 1), TIME);
      volume.write("loader.conf with a longer Name.txt", Buffer.from("timeout 3\n"), TIME);
      volume.write("grüße.txt", Buffer.from("x"), TIME);
      volume.write("empty", new Uint8Array(0), TIME);
      for (let index = 0; index < 100; index++)
        volume.write(`EFI/entry number ${index}.conf`, Buffer.from(`${index}`), TIME);
      volume.remove("EFI/entry number 50.conf");
      volume.flush();
      disk.close();
      const check = run("fsck.vfat", ["-n", "-v", path]);
      assert.equal(check.status, 0, check.output);
      assert.match(check.output, new RegExp(`${sectorSize} bytes per logical sector[\\s\\S]*${bits} bit entries`));
      assert.deepEqual(run("mtype", ["-i", path, "::EFI/BOOT/BOOTX64.EFI"]).stdout, Buffer.from(bytes(100_001, 1)));
      assert.equal(run("mtype", ["-i", path, "::loader.conf with a longer Name.txt"]).stdout.toString(), "timeout 3\n");
      assert.match(run("mdir", ["-i", path, "::"]).output, /Volume in drive : is ESP[\s\S]*empty +0 2023-11-14 +22:13/);
      const again = FatVolume.open(new DiskFile(path));
      assert.equal(again.list("EFI").length, 100);
      assert.deepEqual(
        again.list("").map(({ name, size: length }) => [name, length]),
        [
          ["EFI", 0],
          ["loader.conf with a longer Name.txt", 10],
          ["grüße.txt", 1],
          ["empty", 0],
        ],
      );
      assert.equal(again.find("efi/boot/bootx64.efi")?.mtime, TIME);
    }));
}

test("what mkfs.vfat and mtools make is read and changed", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    new DiskFile(path, 40 * MIB).close();
    assert.equal(run("mkfs.vfat", ["-F", "32", "-n", "FOREIGN", path]).status, 0);
    writeFileSync(join(folder, "file"), bytes(30_000, 2));
    assert.equal(run("mmd", ["-i", path, "::Some Folder"]).status, 0);
    assert.equal(run("mcopy", ["-i", path, join(folder, "file"), "::Some Folder/Long Name of a file.bin"]).status, 0);
    const volume = FatVolume.open(new DiskFile(path));
    assert.deepEqual(volume.read("some folder/long name of a FILE.bin"), bytes(30_000, 2));
    volume.write("Some Folder/Long Name of a file.bin", bytes(9, 3), TIME);
    volume.write("Some Folder/another", bytes(5000, 4), TIME);
    volume.flush();
    const check = run("fsck.vfat", ["-n", path]);
    assert.equal(check.status, 0, check.output);
    assert.equal(run("mtype", ["-i", path, "::Some Folder/another"]).stdout.length, 5000);
  }));

test("a FAT32 smaller than it should be is read as Linux reads it", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    new DiskFile(path, 8 * MIB).close();
    assert.equal(run("mkfs.vfat", ["-F", "32", path]).status, 0);
    // mtools refuses it, as the specification would; Linux and fsck.vfat do not.
    const volume = FatVolume.open(new DiskFile(path));
    assert.equal(volume.bits, 32);
    volume.makeDirectory("EFI", TIME);
    volume.write("EFI/file", bytes(30_000, 2), TIME);
    volume.flush();
    const check = run("fsck.vfat", ["-n", path]);
    assert.equal(check.status, 0, check.output);
    assert.deepEqual(FatVolume.open(new DiskFile(path)).read("efi/FILE"), bytes(30_000, 2));
  }));

test("random changes leave what a model holds", () =>
  withFolder((folder) => {
    const seed = 20240607;
    const random = new SeededRandom(seed);
    const path = join(folder, "disk");
    const volume = FatVolume.format(new DiskFile(path, 3 * MIB), NAMES);
    const model = new Map<string, Uint8Array>();
    volume.makeDirectory("d", TIME);
    for (let step = 0; step < 600; step++) {
      const name =
        `${random.below(2) === 0 ? "d/" : ""}file ${random.below(40)}` +
        `${random.below(3) === 0 ? ".TXT" : " with a long tail"}`;
      if (random.below(3) === 0 && model.has(name)) {
        volume.remove(name);
        model.delete(name);
      } else {
        const content = bytes(random.below(20_000), step);
        try {
          volume.write(name, content, TIME);
          model.set(name, content);
        } catch (error) {
          assert.match(String(error), /is full/, `seed ${seed}, step ${step}`);
        }
      }
    }
    volume.flush();
    const again = FatVolume.open(new DiskFile(path));
    for (const [name, content] of model) assert.deepEqual(again.read(name), content, `seed ${seed}: ${name}`);
    assert.equal(again.list("").length + again.list("d").length, model.size + 1, `seed ${seed}`);
    const check = run("fsck.vfat", ["-n", path]);
    assert.equal(check.status, 0, `seed ${seed}: ${check.output}`);
  }));

test("a full disk leaves the old file, and bad names and places are refused", () => {
  const volume = FatVolume.format(new MemoryDisk(2 * MIB), NAMES);
  volume.write("a", bytes(1000, 1), TIME);
  assert.throws(() => volume.write("a", bytes(3 * MIB, 1), TIME), /is full/);
  assert.deepEqual(volume.read("a"), bytes(1000, 1));
  assert.throws(() => volume.write("a:b", bytes(1, 1), TIME), /cannot hold ":"/);
  assert.throws(() => volume.write("none/b", bytes(1, 1), TIME), /none: no such folder/);
  assert.throws(() => FatVolume.open(new MemoryDisk(MIB)), /not a FAT file system/);
});

test("a damaged boot sector or table is told, never followed in circles", () => {
  const disk = new MemoryDisk(2 * MIB);
  FatVolume.format(disk, NAMES).write("a", bytes(60_000, 1), TIME);
  for (let seed = 1; seed < 400; seed++) {
    const random = new SeededRandom(seed);
    const copy = new MemoryDisk(disk.size);
    const all = new Uint8Array(64 * 1024);
    disk.read(0, all);
    for (let flips = 0; flips < 4; flips++) all[random.below(flips < 2 ? 64 : all.length)] = random.below(256);
    copy.write(0, all);
    try {
      const volume = FatVolume.open(copy);
      for (const { name, isDirectory } of volume.list("")) if (!isDirectory) volume.read(name);
    } catch (error) {
      assert.equal((error as Error).name, "FormatError", `seed ${seed}: ${(error as Error).stack}`);
    }
  }
});

test("times are those of the calendar", () => {
  for (const seconds of [315532800, 951782400, TIME, 4102444799]) {
    const date = new Date(seconds * 1000);
    assert.deepEqual(civilTime(seconds), {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
    });
    const { date: day, time } = fatTime(seconds);
    assert.equal(secondsOfFatTime(day, time), seconds - (seconds % 2));
  }
});
