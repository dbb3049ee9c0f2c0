/** Goal: keys of the screen write what a keyboard's Ctrl and Alt do. Method: the codes of xterm's ctlseqs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { modifiedText } from "./modified-text.ts";

test("Ctrl and Alt change the one character that follows, and arrows; nothing else", () => {
  const control = (text: string): string => modifiedText(text, { control: true, alt: false });
  assert.deepEqual(["c", "C", "[", "_", " ", "?", "@"].map(control), [
    "\x03",
    "\x03",
    "\x1b",
    "\x1f",
    "\0",
    "\x7f",
    "\0",
  ]);
  assert.deepEqual(["1", "ä", "word", "\r", ""].map(control), ["1", "ä", "word", "\r", ""]);
  assert.equal(control("\x1bOA"), "\x1b[1;5A");
  assert.equal(modifiedText("\x1b[D", { control: true, alt: true }), "\x1b[1;7D");
  assert.equal(modifiedText("x", { control: false, alt: true }), "\x1bx");
  assert.equal(modifiedText("x", { control: true, alt: true }), "\x1b\x18");
  assert.equal(modifiedText("ls\r", { control: false, alt: false }), "ls\r");
});
