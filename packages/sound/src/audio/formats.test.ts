/** Goal: samples of every format are the numbers that they stand for. Method: values that their standards name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stereoGains } from "./channels.ts";
import { decodeSamples, encodeS16, formatNamed, frameBytes, isSampleSpec } from "./formats.ts";

const CASES: readonly (readonly [format: string, bytes: readonly number[], values: readonly number[]])[] = [
  ["u8", [0, 128, 192], [-1, 0, 0.5]],
  // G.711: the largest values of both laws, and their smallest.
  ["aLaw", [0xaa, 0x2a, 0xd5], [32256 / 32768, -32256 / 32768, 8 / 32768]],
  ["uLaw", [0x80, 0x00, 0xff], [32124 / 32768, -32124 / 32768, 0]],
  ["s16le", [0, 0x80, 0, 0x40], [-1, 0.5]],
  ["s16be", [0x80, 0, 0x40, 0], [-1, 0.5]],
  ["float32le", [0, 0, 0, 0xbf, 0, 0, 0xc0, 0x7f], [-0.5, 0]],
  ["float32be", [0xbf, 0, 0, 0], [-0.5]],
  ["s32le", [0, 0, 0, 0xc0], [-0.5]],
  ["s32be", [0xc0, 0, 0, 0], [-0.5]],
  ["s24le", [0, 0, 0xc0, 1, 0, 0], [-0.5, 2 ** -23]],
  ["s24be", [0xc0, 0, 0, 0, 0, 1], [-0.5, 2 ** -23]],
  ["s24-32le", [0, 0, 0xc0, 0x77], [-0.5]],
  ["s24-32be", [0x77, 0xc0, 0, 0], [-0.5]],
];

for (const [name, bytes, values] of CASES)
  test(`${name} is read as it is written`, () => {
    const into = new Float32Array(values.length);
    decodeSamples(formatNamed(name), Uint8Array.from(bytes), values.length, into);
    assert.deepEqual([...into], [...Float32Array.from(values)]);
    assert.equal(frameBytes({ format: formatNamed(name), channels: 2, rate: 1 }), (2 * bytes.length) / values.length);
  });

test("each sample of 16 bits comes out as it went in, and what is too loud at the bound", () => {
  const bytes = new Uint8Array(Int16Array.from({ length: 65536 }, (_, at) => at - 32768).buffer);
  const samples = new Float32Array(65536);
  decodeSamples(formatNamed("s16le"), bytes, samples.length, samples);
  assert.deepEqual(encodeS16(samples), bytes);
  assert.deepEqual([...encodeS16(Float32Array.of(1.5, -3))], [0xff, 0x7f, 0, 0x80]);
});

test("what is no format, rate or number of channels is none", () => {
  const fine = { format: 3, channels: 2, rate: 48_000 };
  assert.ok(isSampleSpec(fine));
  for (const change of [{ format: 13 }, { channels: 0 }, { channels: 33 }, { rate: 0 }, { rate: 768_001 }])
    assert.ok(!isSampleSpec({ ...fine, ...change }), JSON.stringify(change));
});

test("more channels than two are heard where they belong, and not louder than there is room for", () => {
  const all = { byIndex: false, onlySame: false };
  const half = Math.SQRT1_2;
  const [left, right, center, low, rearLeft] = [1, 2, 3, 7, 5];
  const gains = stereoGains([left, right, center, low, rearLeft], all);
  const sum = 1 + half + half;
  const expected = [1 / sum, 0, 0, 1 / (1 + half), half / sum, half / (1 + half), 0, 0, half / sum, 0];
  for (const [at, gain] of expected.entries()) assert.ok(Math.abs(gains[at]! - gain) < 1e-6, `${at}: ${gains[at]}`);
  assert.deepEqual([...stereoGains([center, left], { ...all, onlySame: true })], [0, 0, 1, 0]);
  assert.deepEqual([...stereoGains([center, left], { ...all, byIndex: true })], [1, 0, 0, 1]);
});
