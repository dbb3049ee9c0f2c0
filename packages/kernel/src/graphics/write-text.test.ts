/** Goal: names in structures of DRM end within their arrays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString } from "@stratos/base";
import { writeText } from "./write-text.ts";

test("text is cut so that an end mark follows it, and nothing of what was there stays", () => {
  const bytes = new Uint8Array(10).fill(0xff);
  const view = new DataView(bytes.buffer);
  writeText(view, 1, "name too long", 8);
  assert.equal(byteString(bytes, 0, 10), "\xffname to\0\xff");
  writeText(view, 1, "ab", 8);
  assert.equal(byteString(bytes, 0, 10), "\xffab\0\0\0\0\0\0\xff");
});
