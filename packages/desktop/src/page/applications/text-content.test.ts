/** Goal: a text that is opened and saved is the same bytes, or cannot be changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOfText, textContentOf } from "./text-content.ts";

test("a byte order mark and the ends of lines stay; what would not is not to be changed", () => {
  for (const [content, isFixed] of [
    ["", false],
    ["a\nb\n", false],
    ["a\r\nb\r\n", false],
    ["\xef\xbb\xbfa\r\nb", false],
    ["a\r\nb\n", true],
    ["a\rb", true],
    ["a\r\r\nb\r\n", true],
    ["a\0", true],
    ["\xff", true],
  ] as const) {
    const bytes = Uint8Array.from(Buffer.from(content, "latin1"));
    const opened = textContentOf(bytes);
    assert.equal(opened.isFixed, isFixed, JSON.stringify(content));
    if (isFixed) continue;
    assert.ok(!opened.text.includes("\r"));
    assert.deepEqual(bytesOfText(opened.text, opened.lineEnd), bytes);
  }
});
