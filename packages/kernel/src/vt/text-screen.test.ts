/** Goal: what is erased on a text console, and with which colour (console_codes(4)). Method: cells are looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHARACTER_MASK, TextScreen } from "./text-screen.ts";

function screen(): TextScreen {
  const made = new TextScreen(4, 2);
  for (const letter of "abcdefgh") made.put(letter.charCodeAt(0));
  return made;
}

function textOf({ cells }: TextScreen): string {
  return String.fromCharCode(...[...cells].map((cell) => cell & CHARACTER_MASK));
}

test("parts of the cursor's line are erased, and of no other", () => {
  const made = screen();
  made.moveTo(0, 0);
  made.eraseCells(1, 3);
  assert.equal(textOf(made), "a  defgh");
  made.moveTo(0, 1);
  made.eraseCells(2, 99);
  assert.equal(textOf(made), "a  def  ");
});

test("what is erased keeps the background, and the colour that plain text has", () => {
  const made = screen();
  made.pen.background = 4;
  made.pen.colour = 1;
  made.moveTo(0, 0);
  made.eraseCells(0, 1);
  assert.equal(made.cells[0], 0x20 | (7 << 21) | (4 << 25));
  made.pen.isReversed = true;
  made.eraseCells(0, 1);
  assert.equal(made.cells[0], 0x20 | (7 << 21) | (1 << 25));
});
