/**
 * Goal: pictures as chafa writes them are read, in either order of bytes, and others are refused. Method: small files
 * made here; damage by chance, under a fixed seed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { decodeTiff, isTiff } from "./tiff.ts";

const WIDTH = 2,
  HEIGHT = 2;
const RGBA = [255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 0, 9, 8, 7, 6];
const RGB = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7];

/** Pixels first, then the tags, then the values that are too long for these. */
function tiff(
  pixels: readonly number[],
  isLittle: boolean,
  changed: Readonly<Record<number, number>> = {},
): Uint8Array {
  const samples = pixels.length / (WIDTH * HEIGHT);
  const entries: [tag: number, type: 3 | 4, values: number[]][] = [
    [256, 4, [WIDTH]],
    [257, 4, [HEIGHT]],
    [258, 3, Array<number>(samples).fill(8)],
    [259, 3, [1]],
    [262, 3, [2]],
    // A strip for each row.
    [273, 4, [8, 8 + WIDTH * samples]],
    [277, 3, [samples]],
    [278, 4, [1]],
    [284, 3, [1]],
  ];
  const folder = 8 + pixels.length;
  const bytes = new Uint8Array(folder + 6 + 12 * entries.length + 64);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, folder, isLittle);
  bytes.set(pixels, 8);
  view.setUint16(folder, entries.length, isLittle);
  let more = folder + 6 + 12 * entries.length;
  for (const [index, [tag, type, values]] of entries.entries()) {
    const entry = folder + 2 + 12 * index;
    const size = type === 3 ? 2 : 4;
    const isLong = values.length * size > 4;
    view.setUint16(entry, tag, isLittle);
    view.setUint16(entry + 2, type, isLittle);
    view.setUint32(entry + 4, values.length, isLittle);
    if (isLong) view.setUint32(entry + 8, more, isLittle);
    const at = isLong ? more : entry + 8;
    for (const [each, value] of values.entries()) {
      const written = changed[tag] ?? value;
      if (type === 3) view.setUint16(at + 2 * each, written, isLittle);
      else view.setUint32(at + 4 * each, written, isLittle);
    }
    if (isLong) more += values.length * size;
  }
  return bytes;
}

test("pixels with and without alpha, in both orders of bytes", () => {
  for (const isLittle of [true, false]) {
    assert.ok(isTiff(tiff(RGBA, isLittle)));
    const whole = decodeTiff(tiff(RGBA, isLittle), 100)!;
    assert.deepEqual([whole.width, whole.height, [...whole.pixels]], [WIDTH, HEIGHT, RGBA]);
    const opaque = decodeTiff(tiff(RGB, isLittle), 100)!;
    assert.deepEqual([...opaque.pixels], [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 9, 8, 7, 255]);
  }
});

test("what is compressed, of other colours, too large, cut or no picture at all is refused", () => {
  for (const changed of [{ 259: 5 }, { 262: 1 }, { 258: 16 }, { 256: 0 }, { 284: 2 }, { 273: 4000 }, { 278: 0 }])
    assert.equal(decodeTiff(tiff(RGBA, true, changed), 100), null, JSON.stringify(changed));
  assert.equal(decodeTiff(tiff(RGBA, true), 3), null);
  assert.equal(decodeTiff(tiff(RGBA, true).subarray(0, 20), 100), null);
  assert.equal(decodeTiff(new TextEncoder().encode("II*"), 100), null);
});

test("damage by chance is a picture or none, never an exception", () => {
  const random = new SeededRandom(1);
  for (let round = 0; round < 3000; round++) {
    const bytes = tiff(round % 2 === 0 ? RGBA : RGB, round % 3 === 0);
    for (let count = 0; count < 3; count++) bytes[random.below(bytes.length)] = random.below(256);
    const read = decodeTiff(bytes.subarray(0, bytes.length - random.below(20)), 10_000);
    if (read !== null) assert.equal(read.pixels.length, 4 * read.width * read.height);
  }
});
