/** Goal: both ways to read a byte string give the same, of each length and from each place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString, byteStringOf, shortByteString } from "./byte-string.ts";

test("a short byte string has each of its bytes, whatever its length and where it begins", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => (index * 37) & 255);
  for (let length = 0; length <= 256; length++) {
    for (const start of [0, 3, 44]) {
      const text = shortByteString(bytes, start, start + length);
      assert.equal(text, byteString(bytes, start, start + length), `${length} from ${start}`);
      assert.deepEqual(byteStringOf(text), bytes.slice(start, start + length));
    }
  }
});
