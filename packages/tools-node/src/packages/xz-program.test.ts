/**
 * Many archives in one process of xz(1). Goal: each comes out as it went in, and one that is damaged is refused without
 * harm to those beside it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { xzUnpackedSize } from "@stratos/formats";
import { UnpackPool } from "./unpack-pool.ts";
import { XzProgram } from "./xz-program.ts";

const options = { skip: spawnSync("xz", ["--version"]).status === 0 ? false : "xz is not installed" };
const contents = Array.from({ length: 20 }, (_, index) => Buffer.from(`archive ${index} `.repeat(index * 977)));
const pack = (content: Buffer): Buffer => execFileSync("xz", ["-c", "-0"], { input: content, maxBuffer: 1 << 26 });

test("archives that are unpacked together come out apart, empty ones too", options, async () => {
  const pool = new UnpackPool(2);
  try {
    const unpacked = await Promise.all(contents.map((content) => pool.decompress("xz", pack(content), 1 << 24)));
    unpacked.forEach((bytes, index) => assert.ok(contents[index]!.equals(bytes), String(index)));
  } finally {
    await pool.close();
  }
});

test("of archives that share a process the damaged one is refused, and the others are not", options, async () => {
  const packed = contents.map(pack),
    damaged = packed[7]!;
  damaged[Math.floor(damaged.length / 2)]! ^= 0x55;
  const pool = new UnpackPool(2);
  try {
    const results = await Promise.allSettled(packed.map((one) => pool.decompress("xz", one, 1 << 24)));
    assert.deepEqual(
      results.flatMap(({ status }, index) => (status === "rejected" ? [index] : [])),
      [7],
    );
    results.forEach((result, index) => {
      if (result.status === "fulfilled") assert.ok(contents[index]!.equals(result.value), String(index));
    });
  } finally {
    await pool.close();
  }
});

test("a program that cannot be started, or is ended, says so of each archive", options, async () => {
  const packed = pack(contents[9]!),
    size = xzUnpackedSize(packed)!;
  assert.equal(await new XzProgram("/nonexistent/xz", 1).unpack(packed, size), undefined);
  const program = XzProgram.find(1)!;
  const asked = [program.unpack(packed, size), program.unpack(packed, size)];
  program.close();
  assert.deepEqual(await Promise.all(asked), [undefined, undefined]);
  assert.equal(await new XzProgram("/bin/cat", 1).unpack(packed, 3), undefined, "more than the index says");
});
