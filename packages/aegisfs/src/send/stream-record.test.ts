/** Goal: a stream is taken for what it is of, and for nothing else. Method: identities that differ in one part each. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { sameIdentity, type SnapshotIdentity } from "./stream-record.ts";

test("two snapshots are the same when volume, number and generation are", () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, index) => index);
  const one: SnapshotIdentity = { uuid, id: 5, generation: 9 };
  assert.equal(sameIdentity(one, { uuid: uuid.slice(), id: 5, generation: 9 }), true);
  assert.equal(sameIdentity(one, { ...one, id: 6 }), false);
  assert.equal(sameIdentity(one, { ...one, generation: 10 }), false);
  assert.equal(sameIdentity(one, { ...one, id: 6, generation: 10 }), false);
  for (const at of [0, 15]) {
    const other = uuid.slice();
    other[at]! ^= 1;
    assert.equal(sameIdentity(one, { ...one, uuid: other }), false, `byte ${at}`);
  }
});
