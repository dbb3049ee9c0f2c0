/** The guess whether content is worth compressing: noise is not, text, numbers and sparse tables are. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { looksRandom } from "./entropy.ts";

const SEED = 5;

function made(byte: (index: number, random: SeededRandom) => number): Uint8Array {
  const random = new SeededRandom(SEED);
  return new Uint8Array(8192).map((_, index) => byte(index, random));
}

test(`noise looks random wherever it begins (seed ${SEED})`, () => {
  const noise = made((_, random) => random.below(256));
  for (let at = 0; at <= 4096; at += 129) assert.equal(looksRandom(noise, at), true, `${at}`);
});

test("what shrinks does not look random", () => {
  const contents: Record<string, Uint8Array> = {
    zeros: made(() => 0),
    base64: made((_, random) => 43 + random.below(64)),
    hexadecimal: made((_, random) => "0123456789abcdef".charCodeAt(random.below(16))),
    counters: made((index) => (index % 4 === 0 ? index >> 2 : 0)),
    "noise with holes": made((_, random) => (random.below(3) === 0 ? 0 : random.below(256))),
  };
  for (const [name, bytes] of Object.entries(contents)) assert.equal(looksRandom(bytes, 0), false, name);
});
