/** Goal: ways to read a byte string give the same, of each length and from each place; text holds all bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString, byteStringOf, exactByteString, exactText, isUtf8, shortByteString } from "./byte-string.ts";

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

test("text of bytes that are no UTF-8 has each byte, and all else is what it was", () => {
  for (const [bytes, text] of [
    ["plain", "plain"],
    ["\xe2\x82\xac\xf0\x9f\x98\x80", "€😀"],
    ["a\xffb", "a\udcffb"],
    ["\xe2\x82", "\udce2\udc82"],
    ["\xed\xa0\x80", "\udced\udca0\udc80"],
    ["\xef\xbf\xbd", "\ufffd"],
  ] as const) {
    assert.equal(exactText(bytes), text);
    assert.equal(exactByteString(text), bytes);
    assert.equal(isUtf8(bytes), !/[\udc80-\udcff]/u.test(text), text);
  }
});
