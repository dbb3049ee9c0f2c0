/**
 * Partition tables. Judge: sgdisk. What sgdisk makes is read, what we write it finds whole, and damage of one copy is
 * survived.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { MemoryDisk, readBytes, viewOf } from "../disk/disk.ts";
import { readLayout } from "./partitions.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { gptSpace, readGpt, writeGpt, type GptTable } from "./gpt.ts";
import { guidBytes, guidText } from "./guid.ts";
import { PARTITION_TYPES } from "./partition-types.ts";

const MIB = 1 << 20;
const table: GptTable = {
  diskId: "11223344-5566-4788-99aa-bbccddeeff00",
  partitions: [
    {
      type: PARTITION_TYPES.esp,
      id: "aaaaaaaa-0000-4000-8000-000000000001",
      name: "esp",
      start: MIB,
      size: 40 * MIB,
      attributes: 0,
    },
    {
      type: PARTITION_TYPES["root-amd64"],
      id: "aaaaaaaa-0000-4000-8000-000000000002",
      name: "root größe",
      start: 41 * MIB,
      size: 20 * MIB,
      attributes: 4,
    },
  ],
};

test("sgdisk finds no problem in a table of ours, and reads the same partitions", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    const disk = new DiskFile(path, 64 * MIB);
    writeGpt(disk, table);
    assert.deepEqual(readGpt(disk), table);
    disk.close();
    const verdict = run("sgdisk", ["-v", path]);
    assert.equal(verdict.status, 0, verdict.output);
    assert.match(verdict.output, /No problems found/);
    const listing = run("sgdisk", ["-i", "2", path]).output;
    assert.match(listing, /Partition GUID code: 4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709/);
    assert.match(listing, /Partition unique GUID: AAAAAAAA-0000-4000-8000-000000000002/);
    assert.match(listing, /First sector: 83968 .*\nLast sector: 124927 /);
  }));

test("a table of sgdisk's is read", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    new DiskFile(path, 16 * MIB).close();
    assert.equal(
      run("sgdisk", ["-n", "1:2048:+4M", "-t", "1:8300", "-c", "1:data", "-n", "2:0:0", "-t", "2:ef00", path]).status,
      0,
    );
    const read = readGpt(new DiskFile(path));
    assert.deepEqual(
      read?.partitions.map(({ type, name, start, size }) => ({ type, name, start, size })),
      [
        { type: PARTITION_TYPES.linux, name: "data", start: MIB, size: 4 * MIB },
        { type: PARTITION_TYPES.esp, name: "", start: 5 * MIB, size: gptSpace(16 * MIB).end - 5 * MIB },
      ],
    );
  }));

test("partitions keep their numbers, and what is said of them that only others read", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    new DiskFile(path, 64 * MIB).close();
    assert.equal(
      run("sgdisk", [
        "-n",
        "2:2048:+4M",
        "-c",
        "2:two",
        "-A",
        "2:set:59",
        "-A",
        "2:set:2",
        "-n",
        "5:0:+4M",
        "-c",
        "5:five",
        path,
      ]).status,
      0,
    );
    const disk = new DiskFile(path),
      before = run("sgdisk", ["-i", "2", path]).output;
    assert.deepEqual(
      readGpt(disk)!.partitions.map(({ number, name, attributes, attributesHigh }) => [
        number,
        name,
        attributes,
        attributesHigh,
      ]),
      [
        [2, "two", 4, 1 << 27],
        [5, "five", 0, undefined],
      ],
    );
    assert.deepEqual(
      readLayout(disk).parts.map(({ number, name }) => [number, name]),
      [
        [2, "two"],
        [5, "five"],
      ],
    );
    writeGpt(disk, readGpt(disk)!);
    disk.close();
    assert.equal(run("sgdisk", ["-i", "2", path]).output, before);
    assert.match(run("sgdisk", ["-v", "-i", "5", path]).output, /No problems found[\s\S]*five/);
  }));

test("on a disk with sectors of 4096 bytes all is counted in those", () => {
  const disk = new MemoryDisk(64 * MIB),
    large: GptTable = { ...table, sectorSize: 4096 };
  writeGpt(disk, table);
  writeGpt(disk, large);
  assert.deepEqual(readGpt(disk), large);
  // UEFI 2.10 §5.3.2: the header in the second sector, its entries in the third, the copies at the end.
  const text = (at: number): string => Buffer.from(readBytes(disk, at, 8)).toString("latin1"),
    view = viewOf(readBytes(disk, 4096, 4096));
  assert.deepEqual(
    [text(4096), text(64 * MIB - 4096), text(512), text(64 * MIB - 512)],
    ["EFI PART", "EFI PART", "\0".repeat(8), "\0".repeat(8)],
  );
  assert.deepEqual(
    [
      view.getUint32(24, true),
      view.getUint32(32, true),
      view.getUint32(40, true),
      view.getUint32(48, true),
      view.getUint32(72, true),
    ],
    [1, 16383, 6, 16378, 2],
  );
  assert.equal(viewOf(readBytes(disk, 2 * 4096, 64)).getUint32(32, true), 256);
  assert.throws(
    () => writeGpt(disk, { ...large, partitions: [{ ...table.partitions[0]!, start: MIB + 512 }] }),
    /not a number of whole sectors/,
  );
});

test("one damaged copy is survived, two are told, none is no table", () => {
  const disk = new MemoryDisk(64 * MIB);
  assert.equal(readGpt(disk), undefined);
  writeGpt(disk, table);
  disk.write(2 * 512 + 60, Uint8Array.of(0xff));
  assert.deepEqual(readGpt(disk), table);
  disk.write(64 * MIB - 512 + 30, Uint8Array.of(0xff));
  assert.throws(() => readGpt(disk), /both copies of the partition table are damaged/);
});

test("partitions that overlap or don't fit are refused, and the boot code stays", () => {
  const disk = new MemoryDisk(64 * MIB);
  disk.write(0, Uint8Array.of(0xeb, 0x63));
  const [first, second] = table.partitions as [GptTable["partitions"][0], GptTable["partitions"][0]];
  assert.throws(
    () => writeGpt(disk, { ...table, partitions: [first, { ...second, start: 40 * MIB }] }),
    /root größe: overlaps partition esp/,
  );
  assert.throws(() => writeGpt(disk, { ...table, partitions: [{ ...first, size: 64 * MIB }] }), /ends \d+ bytes after/);
  assert.throws(
    () => writeGpt(disk, { ...table, partitions: [{ ...first, start: 512 }] }),
    /overlaps the partition table/,
  );
  writeGpt(disk, table);
  const head = new Uint8Array(2);
  disk.read(0, head);
  assert.deepEqual([...head], [0xeb, 0x63]);
});

test("a GUID's first three fields are little-endian on disk", () => {
  const bytes = guidBytes(PARTITION_TYPES.esp);
  assert.deepEqual([...bytes.subarray(0, 8)], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
  assert.equal(guidText(bytes), PARTITION_TYPES.esp);
});
