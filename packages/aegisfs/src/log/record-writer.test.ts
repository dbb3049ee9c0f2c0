/** Goal: a log that is too long for its place is told so, and not cut. Method: records up to the bound and beyond. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECORD_HEADER_WORDS } from "../format/log-layout.ts";
import { RecordWriter } from "./record-writer.ts";

test("records grow up to the bound; after one that does not fit nothing more is taken, until all is cleared", () => {
  const bound = 5000;
  const writer = new RecordWriter(bound);
  const put = (words: number): void => {
    writer.begin(1, 2, 3, 4);
    writer.copy(new Uint32Array(words).fill(9), 0, words);
    writer.end();
  };
  put(bound - 2 * RECORD_HEADER_WORDS - 10);
  put(10);
  assert.deepEqual([writer.length, writer.records, writer.overflowed], [bound, 2, false]);
  put(0);
  assert.ok(writer.overflowed);
  writer.u32(1);
  writer.bytes(new Uint8Array(3));
  writer.text("more");
  put(1);
  assert.deepEqual([writer.length, writer.records], [bound, 2]);
  writer.clear();
  put(1);
  assert.deepEqual([writer.length, writer.records, writer.overflowed], [RECORD_HEADER_WORDS + 1, 1, false]);

  const small = new RecordWriter(RECORD_HEADER_WORDS);
  small.begin(1, 2, 3, 4);
  small.bytes(new Uint8Array(100));
  small.u32(5);
  assert.equal(small.length, RECORD_HEADER_WORDS, "nothing small goes into the place of what did not fit");
});
