/** Goal: what shows pictures is loaded when a program writes one or asks for them, and not otherwise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { wantsImages } from "./image-sequences.ts";

test("pictures, and questions for them, are seen in whatever pieces they come", () => {
  for (const text of [
    "\x1bPq~\x1b\\",
    "\x1bP0;1;0q",
    "\x1b]1337;File=inline=1:QQ==\x07",
    "\x1b[c",
    "\x1b[?2;1;0S",
    "\x1b[14t",
  ])
    for (const length of [1, 3, 100]) {
      const wants = wantsImages();
      let seen = wants(`before \x1b[31m`);
      for (let at = 0; at < text.length; at += length)
        seen = wants(new TextEncoder().encode(text.slice(at, at + length))) || seen;
      assert.ok(seen, JSON.stringify({ text, length }));
    }
});

test("what shells and editors write is none", () => {
  const wants = wantsImages();
  for (const text of [
    "\x1b]0;title\x07\x1b[?2004h$ ",
    "\x1b[>c\x1b[6n\x1b[22;0;0t\x1b[?25l",
    "P c",
    "\x1b",
    "[31m",
    "grün 日本",
  ])
    assert.equal(wants(new TextEncoder().encode(text)), false, JSON.stringify(text));
});
