/**
 * What ldconfig learns of libraries. Goal: the same for a library that was built anew, another where its name, its
 * needs or its processor are another. The libraries are this host's.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { MemoryBlob } from "@stratos/formats";
import { libraryTraits } from "./library-traits.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const traits = (bytes: Uint8Array): string => libraryTraits(new MemoryBlob(bytes, sha256));

/** A shared object of three program headers: all of it loaded, its dynamic section, its notes. */
function library({
  name = "libx.so.1",
  needed = "libc.so.6",
  machine = 62,
  buildId = 1,
  feature = 1,
  code = 0,
} = {}): Uint8Array {
  const bytes = Buffer.alloc(1024);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(3, 56);
  const segment = (index: number, type: number, offset: number, size: number, align: number): void => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    bytes.writeUInt32LE(4, at + 4);
    for (const [place, value] of [
      [8, offset],
      [16, offset],
      [24, offset],
      [32, size],
      [40, size],
      [48, align],
    ] as const)
      bytes.writeBigUInt64LE(BigInt(value), at + place);
  };
  segment(0, 1, 0, 1024, 4096);
  segment(1, 2, 256, 64, 8);
  segment(2, 4, 384, 48, 4);
  [
    [5, 512],
    [14, 1],
    [1, 101],
    [0, 0],
  ].forEach(([tag, value], index) => {
    bytes.writeBigUInt64LE(BigInt(tag!), 256 + index * 16);
    bytes.writeBigUInt64LE(BigInt(value!), 264 + index * 16);
  });
  [
    [3, buildId],
    [1, feature],
  ].forEach(([type, content], index) => {
    [4, 4, type!].forEach((word, place) => bytes.writeUInt32LE(word, 384 + index * 20 + place * 4));
    bytes.write("GNU\0", 396 + index * 20);
    bytes.writeUInt32LE(content!, 400 + index * 20);
  });
  bytes.write(`${name}\0`, 513);
  bytes.write(`${needed}\0`, 613);
  bytes[1000] = code;
  return bytes;
}

test("a library that was built anew is the same to ldconfig", () => {
  assert.equal(traits(library({ code: 1, buildId: 2 })), traits(library()));
  assert.equal(traits(Buffer.concat([library(), Buffer.from("debug")])), traits(library()));
});

test("one of another name, needs, processor or features is not", () => {
  const all = [{}, { name: "libx.so.2" }, { needed: "libm.so.6" }, { machine: 183 }, { feature: 2 }].map((fields) =>
    traits(library(fields)),
  );
  assert.equal(new Set(all).size, all.length);
  assert.match(all[0]!, /libx\.so\.1.*libc\.so\.6/);
});

test("what is no library, or a damaged one, is known by its content", () => {
  const broken = Buffer.from(library());
  broken.writeBigUInt64LE(1n << 40n, 272 + 8);
  for (const bytes of [Buffer.from("GROUP ( libc.so.6 )"), Buffer.alloc(0), library().subarray(0, 300), broken])
    assert.equal(traits(bytes), `content ${sha256(bytes)}`);
});
