/**
 * QCOW2. Judge: qemu-img checks what we write, compares it with the raw disk, and makes what we read, in each of its
 * variants. Random writes are compared with a plain disk; the seed is printed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sampleOf } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk, readBytes, type Disk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { copyToQcow2, Qcow2Image, zstdFrameLength } from "./qcow2-image.ts";

const MIB = 1 << 20;
const codecs = nodeCodecs();

/** Some noise, some text that packs well, many holes. */
function sampleDisk(disk: Disk): void {
  disk.write(0, sampleBytes(3 * MIB, 1));
  disk.write(10 * MIB + 512, Buffer.from("text that packs well ".repeat(100_000)));
  disk.write(disk.size - 5000, sampleBytes(5000, 2));
}

function qemu(...args: string[]): string {
  const { status, output } = run("qemu-img", args);
  assert.equal(status, 0, `qemu-img ${args.join(" ")}: ${output}`);
  return output;
}

for (const [name, options] of [
  ["plain", { pack: false }],
  ["small clusters", { pack: false, clusterSize: 4096 }],
  ["zlib", { pack: true, compression: "zlib" }],
  ["zstd", { pack: true, compression: "zstd" }],
  ["zlib, 2 MiB clusters", { pack: true, compression: "zlib", clusterSize: 2 * MIB }],
] as const) {
  test(`qemu-img finds our image (${name}) whole and identical`, () =>
    withFolder((folder) => {
      const raw = join(folder, "raw"),
        path = join(folder, "qcow2");
      const source = new DiskFile(raw, 40 * MIB);
      sampleDisk(source);
      const file = new DiskFile(path, 0);
      const { pack, ...create } = options;
      const image = Qcow2Image.create(file, codecs, { virtualSize: source.size, ...create });
      copyToQcow2(source, image, { pack });
      assert.match(qemu("check", path), /No errors were found/);
      assert.match(qemu("compare", "-f", "raw", "-F", "qcow2", raw, path), /Images are identical/);
      if (pack) assert.ok(statSync(path).size < 5.5 * MIB + 6 * image.clusterSize, String(statSync(path).size));
      const back = Qcow2Image.open(file, codecs);
      assert.deepEqual(readBytes(back, 10 * MIB, 3 * MIB), readBytes(source, 10 * MIB, 3 * MIB));
      // Changes of packed and plain clusters alike.
      for (const disk of [back, source]) {
        disk.write(10 * MIB + 70_000, sampleBytes(200_000, 3));
        disk.write(30 * MIB, sampleBytes(100, 4));
      }
      back.flush();
      assert.match(qemu("check", path), /No errors were found/);
      assert.match(qemu("compare", "-f", "raw", "-F", "qcow2", raw, path), /Images are identical/);
    }));
}

test("images of qemu-img are read: version 2, packed, with small clusters, other counts", () =>
  withFolder((folder) => {
    const raw = join(folder, "raw"),
      path = join(folder, "qcow2");
    const source = new DiskFile(raw, 40 * MIB);
    sampleDisk(source);
    const options = [
      ["-o", "compat=0.10"],
      ["-c"],
      ["-c", "-o", "compression_type=zstd"],
      ["-o", "cluster_size=512"],
      ["-c", "-o", "cluster_size=4096"],
      ["-o", "preallocation=metadata"],
      ["-o", "refcount_bits=1"],
    ];
    for (const args of sampleOf(options, 2)) {
      qemu("convert", "-f", "raw", "-O", "qcow2", ...args, raw, path);
      const image = Qcow2Image.open(new DiskFile(path), codecs);
      const one = new Uint8Array(MIB),
        two = new Uint8Array(MIB);
      for (let at = 0; at < image.size; at += MIB) {
        image.read(at, one);
        source.read(at, two);
        assert.ok(Buffer.from(one).equals(Buffer.from(two)), `${args.join(" ")} at ${at}`);
      }
      if (args[1] === "refcount_bits=1") assert.throws(() => image.write(0, one), /1 bits is only read/);
    }
  }));

test("an image on top of another shows what is below, and keeps its changes to itself", () =>
  withFolder((folder) => {
    const raw = join(folder, "base.raw"),
      path = join(folder, "top.qcow2");
    const base = new DiskFile(raw, 20 * MIB);
    sampleDisk(base);
    const before = readFileSync(raw);
    const file = new DiskFile(path, 0);
    const top = Qcow2Image.create(file, codecs, {
      virtualSize: 20 * MIB,
      backing: { name: raw, format: "raw", disk: base },
    });
    top.write(MIB + 100, sampleBytes(50, 7));
    top.resize(10 * MIB);
    top.resize(30 * MIB);
    assert.match(qemu("check", path), /No errors/);
    assert.match(qemu("info", path), /backing file: .*base\.raw[\s\S]*backing file format: raw/);
    const expected = Buffer.concat([before.subarray(0, 10 * MIB), Buffer.alloc(20 * MIB)]);
    expected.set(sampleBytes(50, 7), MIB + 100);
    assert.ok(
      Buffer.from(
        readBytes(
          Qcow2Image.open(file, codecs, () => base),
          0,
          30 * MIB,
        ),
      ).equals(expected),
    );
    qemu("convert", "-O", "raw", path, join(folder, "flat"));
    assert.ok(readFileSync(join(folder, "flat")).equals(expected));
    assert.ok(readFileSync(raw).equals(before));
    assert.throws(() => Qcow2Image.open(file, codecs), /on top of .*base\.raw, which is not opened here/);
  }));

test("growing past what the first table covers keeps all, and shrinking forgets", () =>
  withFolder((folder) => {
    const path = join(folder, "qcow2");
    const file = new DiskFile(path, 0);
    const image = Qcow2Image.create(file, codecs, { virtualSize: 1 * MIB, clusterSize: 512 });
    const content = sampleBytes(MIB, 1);
    image.write(0, content);
    image.resize(64 * MIB);
    image.write(60 * MIB, content);
    image.flush();
    assert.match(qemu("check", path), /No errors/);
    const again = Qcow2Image.open(file, codecs);
    assert.deepEqual(readBytes(again, 60 * MIB, MIB), content);
    again.resize(MIB + 100);
    assert.match(qemu("check", path), /No errors/);
    again.resize(64 * MIB);
    assert.deepEqual(readBytes(again, 60 * MIB, 1000), new Uint8Array(1000));
    assert.deepEqual(readBytes(again, 0, MIB), content);
    assert.match(qemu("check", path), /No errors/);
  }));

test("random writes read back as on a plain disk, and qemu-img agrees", () =>
  withFolder((folder) => {
    const seed = 77;
    const random = new SeededRandom(seed);
    const raw = join(folder, "raw"),
      path = join(folder, "qcow2");
    const plain = new DiskFile(raw, 8 * MIB),
      file = new DiskFile(path, 0);
    let image = Qcow2Image.create(file, codecs, { virtualSize: 8 * MIB, clusterSize: 4096, compression: "zstd" });
    for (let step = 0; step < 500; step++) {
      const length = 1 + random.below(20_000),
        offset = random.below(8 * MIB - length);
      const bytes = random.below(2) === 0 ? sampleBytes(length, step) : new Uint8Array(length).fill(step);
      if (random.below(4) === 0) {
        const index = Math.floor(offset / 4096),
          cluster = new Uint8Array(4096).fill(step);
        image.writePacked(index, cluster);
        plain.write(index * 4096, cluster);
      } else for (const disk of [image, plain]) disk.write(offset, bytes);
      if (step % 100 === 99) {
        image.flush();
        image = Qcow2Image.open(file, codecs);
      }
    }
    image.flush();
    assert.match(qemu("check", path), /No errors/, `seed ${seed}`);
    assert.match(qemu("compare", "-f", "raw", "-F", "qcow2", raw, path), /identical/, `seed ${seed}`);
  }));

test("damaged images are told, and cost no more than their size", () => {
  const file = new MemoryDisk();
  const image = Qcow2Image.create(file, codecs, { virtualSize: 4 * MIB, compression: "zlib" });
  const source = new MemoryDisk(4 * MIB);
  source.write(0, Buffer.from("abc".repeat(MIB)));
  copyToQcow2(source, image, { pack: true });
  const whole = readBytes(file, 0, file.size);
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const bytes = whole.slice();
    for (let flips = 0; flips < 5; flips++) {
      const area = [0, 2 * 65536, 4 * 65536][random.below(3)]!;
      bytes[area + random.below(area === 0 ? 112 : 256)] = random.below(256);
    }
    const disk = new MemoryDisk(bytes.length);
    disk.write(0, bytes);
    try {
      const opened = Qcow2Image.open(disk, codecs);
      readBytes(opened, 0, Math.min(opened.size, 4 * MIB));
      opened.write(0, new Uint8Array(100));
      opened.flush();
    } catch (error) {
      assert.equal((error as Error).name, "FormatError", `seed ${seed}: ${(error as Error).stack}`);
    }
  }
});

test("the length of a zstd frame is found without unpacking it", () => {
  for (const content of [new Uint8Array(0), new Uint8Array(300_000), sampleBytes(70_000, 5)]) {
    const frame = codecs.zstd(content);
    assert.equal(zstdFrameLength(Buffer.concat([frame, Buffer.from([1, 2, 3])])), frame.length);
    assert.equal(zstdFrameLength(frame.subarray(0, frame.length - 1)), undefined);
  }
});
