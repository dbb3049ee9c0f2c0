/** The size an xz file unpacks to. Goal: right for files of xz, undefined for anything else. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { xzUnpackedSize } from "./xz-size.ts";

const STREAM_HEADER = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46];

test("the index gives the size; damage gives undefined", () => {
  // stream header 12 · block 16 bytes (unpadded 15) · index { 1 record: 15, 300000 } · footer
  const index = [0, 1, 15, 0xe0, 0xa7, 0x12, 0, 0, 1, 2, 3, 4];
  const file = new Uint8Array([
    ...STREAM_HEADER,
    ...new Array<number>(16).fill(7),
    ...index,
    9,
    9,
    9,
    9,
    index.length / 4 - 1,
    0,
    0,
    0,
    0,
    4,
    0x59,
    0x5a,
  ]);
  assert.equal(xzUnpackedSize(file), 300000);
  assert.equal(xzUnpackedSize(new Uint8Array([...file, 0, 0, 0, 0])), 300000);
  assert.equal(xzUnpackedSize(new Uint8Array([...file, ...file])), undefined);
  assert.equal(xzUnpackedSize(file.subarray(1)), undefined);
  assert.equal(xzUnpackedSize(new Uint8Array(40)), undefined);
  assert.equal(xzUnpackedSize(new Uint8Array(0)), undefined);
});
