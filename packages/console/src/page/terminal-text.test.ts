/**
 * Goal: text is found in a terminal where it is, also over the end of a row and behind wide letters. Method: xterm.js
 * without a page.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import xterm from "@xterm/headless";
import { findText, lineAt, placeOf } from "./terminal-text.ts";

async function shown(text: string): Promise<Parameters<typeof findText>[0]> {
  const terminal = new xterm.Terminal({ cols: 10, rows: 4, scrollback: 100, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  return terminal as unknown as Parameters<typeof findText>[0];
}

test("text is found in rows that have scrolled away, over their ends, and behind wide letters", async () => {
  const terminal = await shown("0123456789abcdef\r\n漢字 abc\r\nÄBC\r\n\r\n\r\nabc");
  assert.deepEqual(findText(terminal, "9a"), [{ row: 0, column: 9, length: 2 }]);
  assert.deepEqual(findText(terminal, "abc"), [
    { row: 1, column: 0, length: 3 },
    { row: 2, column: 5, length: 3 },
    { row: 6, column: 0, length: 3 },
  ]);
  assert.deepEqual(findText(terminal, "äbc"), [{ row: 3, column: 0, length: 3 }]);
  assert.deepEqual(findText(terminal, "Abc"), []);
  assert.deepEqual(findText(terminal, "字"), [{ row: 2, column: 2, length: 1 }]);
  assert.deepEqual(findText(terminal, ""), []);
});

test("a line is the same from each of its rows", async () => {
  const terminal = await shown("see https://example.org/a/long/way end");
  const [first, last] = [lineAt(terminal, 0), lineAt(terminal, 3)];
  assert.deepEqual([last.row, last.rows, last.text], [first.row, first.rows, first.text]);
  assert.match(first.text, /^see https:\/\/example\.org\/a\/long\/way end *$/);
  assert.deepEqual(placeOf(terminal, first, 4, 34), { row: 0, column: 4, length: 30 });
});
