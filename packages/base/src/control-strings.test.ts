/** Goal: who begins somewhere in a program's output shows no part of a picture or a title as text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlStrings } from "./control-strings.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is shown of `text` by who begins at `from`. */
function shownFrom(text: string, from: number): string {
  const strings = new ControlStrings();
  strings.take(bytes(text.slice(0, from)));
  return text.slice(from + strings.rest(bytes(text.slice(from))));
}

test("who begins within a control string begins behind it, wherever that is", () => {
  for (const string of ["\x1bPq#0;2;0;0;0#0~~\n~~-\x1b\\", "\x1b]1337;File=inline=1:QUJD\n\x07", "\x1b]2;title\x1b\\"])
    for (let from = 2; from < string.length; from++) assert.equal(shownFrom(`${string}shown`, from), "shown");
});

test("who begins outside of one loses nothing", () => {
  const text = "a\x1b[31mb\x1bPq~\x1b\\c";
  for (const from of [0, 1, 6, 7, 13]) assert.equal(shownFrom(text, from), text.slice(from));
  assert.equal(shownFrom("\x1bPq\x07~\x18after", 4), "after");
  assert.equal(shownFrom("\x1bPq~~~~", 4), "");
});

test("a string may come in any pieces", () => {
  const strings = new ControlStrings();
  for (const byte of bytes("\x1bPq~~")) strings.take(Uint8Array.of(byte));
  assert.equal(strings.isWithin, true);
  assert.equal(strings.rest(bytes("~\x1b")), 2);
  assert.equal(strings.rest(bytes("\\shown")), 1);
  assert.equal(strings.isWithin, false);
});
