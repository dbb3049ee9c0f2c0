/** Goal: a server has back what it stored, up to the bound. Method: pages by name, within the bound and beyond. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { StoredPages } from "./stored-pages.ts";

it("of too many pages those of the file that was first stored go, and then the file's own", () => {
  const stored = new StoredPages();
  for (let index = 0; index < 1000; index++) stored.add("first", index);
  for (let index = 0; index < 100; index++) stored.add("second", index);
  assert.equal(stored.page("first", 999), undefined);
  assert.ok(stored.page("second", 0) !== undefined);
  assert.equal(stored.count, 100);
  for (let index = 100; index < 2000; index++) stored.add("second", index);
  assert.equal(stored.count, 1024);
  assert.equal(stored.page("second", 0), undefined);
  assert.ok(stored.page("second", 1999) !== undefined);
});

it("a range changes those that are there, and takes them away", () => {
  const stored = new StoredPages();
  for (const index of [0, 2]) stored.add(7, index);
  stored.update(7, 4094, new Uint8Array(4100).fill(1));
  assert.deepEqual([...stored.page(7, 0)!.subarray(4093)], [0, 1, 1]);
  assert.deepEqual([...stored.page(7, 2)!.subarray(0, 3)], [1, 1, 0]);
  assert.equal(stored.page(7, 1), undefined);
  stored.drop(7, 4096, 8193);
  assert.deepEqual([stored.page(7, 0) !== undefined, stored.page(7, 2), stored.count], [true, undefined, 1]);
  stored.drop(7);
  assert.deepEqual([stored.count, stored.files.size], [0, 0]);
});
