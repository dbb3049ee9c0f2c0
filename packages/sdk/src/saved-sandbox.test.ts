/** Goal: a saved sandbox is read as it was written, and other state is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, saveState, StateError } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { bytesBefore, readSaved, type SavedSandbox } from "./saved-sandbox.ts";

const sandbox = (): SavedSandbox => ({
  session: Uint8Array.of(1, 2, 3),
  changes: new MemoryBlockDevice(8192),
  seed: 7,
  programs: [],
  authority: { certificate: "public", key: "private" },
  outsidePorts: [4000],
});

function bytesOfSaved({ session, ...surroundings }: SavedSandbox): Uint8Array {
  return concatBytes([bytesBefore(surroundings), session]);
}

test("what is saved is there again", () => {
  const saved = sandbox();
  saved.changes.write(4096, new Uint8Array(4096).fill(9), 0, 4096);
  const { session, changes, seed, programs, outsidePorts, authority } = readSaved(bytesOfSaved(saved));
  const { changes: _, ...others } = sandbox();
  assert.deepEqual({ session, seed, programs, outsidePorts, authority }, others);
  const bytes = new Uint8Array(4096);
  changes.read(4096, bytes, 0, 4096);
  assert.deepEqual(bytes, new Uint8Array(4096).fill(9));
});

test("what an older version has saved has no authority", () => {
  const { authority: _, ...older } = sandbox();
  assert.equal(readSaved(saveState(older, new Map())).authority, null);
});

test("state of something else, and bytes that are no state, are refused", () => {
  const { changes: _, ...others } = sandbox();
  for (const bytes of [saveState(others, new Map()), saveState({ ...sandbox(), seed: "7" }, new Map())])
    assert.throws(
      () => readSaved(bytes),
      (error) => error instanceof StateError && error.kind === "foreign",
    );
  assert.throws(() => readSaved(Uint8Array.of(1, 2, 3)), StateError);
  const whole = bytesOfSaved(sandbox());
  for (const length of [8, 15, 40]) assert.throws(() => readSaved(whole.subarray(0, length)), StateError);
  const later = whole.slice();
  later[8] = 2;
  assert.throws(() => readSaved(later), /format 2; this version reads 1/);
});
