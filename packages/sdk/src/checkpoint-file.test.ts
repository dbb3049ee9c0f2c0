/** Goal: a checkpoint's file gives back what went in, and no damage passes. Method: a codec that shortens runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, SeededRandom, StateError } from "@stratos/base";
import type { CompressionCodec } from "@stratos/host";
import { decodeCheckpoint, encodeCheckpoint, readCheckpointHead } from "./checkpoint-file.ts";

/** Knows only pieces of one value: value and length. */
const runs: CompressionCodec = {
  name: "runs",
  compress(input, at, length, output) {
    if (output.length < 1 || input.subarray(at, at + length).some((byte) => byte !== input[at])) return 0;
    output[0] = input[at]!;
    return 1;
  },
  decompress(input, at, length, output, to, size) {
    if (length !== 1) return false;
    output.fill(input[at]!, to, to + size);
    return true;
  },
};

const HEAD = { image: { name: "debian", content: "c0ffee" }, savedMs: 7, about: { command: ["a", "ü"] } };

function stateOf(seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const state = new Uint8Array((1 << 20) * 2 + 1000);
  for (let at = 1 << 20; at < state.length; at++) state[at] = random.below(256);
  return state;
}

test("what went in comes out, packed or not, with its head", () => {
  for (const state of [new Uint8Array(0), new Uint8Array(1), stateOf(5)]) {
    const file = concatBytes([...encodeCheckpoint(HEAD, state, runs)]);
    assert.deepEqual(readCheckpointHead(file), { ...HEAD, stateBytes: state.length });
    assert.deepEqual(decodeCheckpoint(file, runs), state);
  }
});

test("a file that was cut, lengthened or flipped is refused as damaged, another kind of file as foreign", () => {
  const seed = 6;
  const random = new SeededRandom(seed);
  const file = concatBytes([...encodeCheckpoint(HEAD, stateOf(seed).subarray(1 << 20), runs)]);
  const kindOf = (bytes: Uint8Array): string => {
    try {
      decodeCheckpoint(bytes, runs);
    } catch (error) {
      if (error instanceof StateError) return error.kind;
      throw error;
    }
    return "read";
  };
  for (let round = 0; round < 40; round++) {
    const flipped = file.slice();
    // The first places are its kind and version.
    const at = round < 20 ? 16 + round * 9 : 16 + random.below(file.length - 16);
    flipped[at]! ^= 1 << random.below(8);
    assert.equal(kindOf(flipped), "damaged", `seed ${seed}: byte ${at}`);
    assert.equal(kindOf(file.subarray(0, 16 + random.below(file.length - 16))), "damaged");
  }
  assert.equal(kindOf(concatBytes([file, new Uint8Array(1)])), "damaged");
  assert.equal(kindOf(new Uint8Array(100)), "foreign");
  const later = file.slice();
  later[8] = 9;
  assert.equal(kindOf(later), "foreign");
});
