/**
 * Goal: a terminal shows what was drawn, by as few bytes as can be, and what comes from outside never commands it.
 * Method: a screen's sequences into xterm.js, whose cells are read.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import xterm from "@xterm/headless";
import { clip, padEnd, widthOf, wrap } from "./cell-text.ts";
import { keysOf } from "./key.ts";
import { plainText, takesUtf8 } from "./plain-text.ts";
import { Screen } from "./screen.ts";

const SIZE = { columns: 20, rows: 3 };

async function shown(terminal: InstanceType<typeof xterm.Terminal>, bytes: string): Promise<string[]> {
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  return Array.from({ length: terminal.rows }, (_, row) =>
    terminal.buffer.active.getLine(row)!.translateToString(true),
  );
}

test("only what has changed is written; characters of two cells are whole or not there", async () => {
  const terminal = new xterm.Terminal({ cols: SIZE.columns, rows: SIZE.rows, allowProposedApi: true });
  const screen = new Screen(SIZE, { hasColours: true, hasUtf8: true });
  screen.write(0, 0, "snapshot");
  screen.write(0, 1, "日本語 x");
  screen.write(18, 2, "a日");
  assert.deepEqual(await shown(terminal, screen.flush()), ["snapshot", "日本語 x", "                  a"]);
  screen.clear();
  screen.write(0, 0, "snapshOt");
  screen.write(0, 1, "日本語 x");
  // Half of a character is written over.
  screen.write(1, 1, "!");
  screen.write(18, 2, "a");
  const bytes = screen.flush();
  assert.ok(bytes.length < 80, `a few cells: ${JSON.stringify(bytes)}`);
  assert.deepEqual(await shown(terminal, bytes), ["snapshOt", " !本語 x", "                  a"]);
  assert.equal(screen.flush().replace(/\x1b\[\?\d+[hl]/g, ""), "", "nothing has changed");
});

test("what is shown commands nothing", async () => {
  const terminal = new xterm.Terminal({ cols: 40, rows: 2, allowProposedApi: true });
  const screen = new Screen({ columns: 40, rows: 2 }, { hasColours: false, hasUtf8: true });
  screen.write(0, 0, "a\x1b[2J\x1b]0;title\x07b\u202egpj\u009b1m\r\nc");
  const [line] = await shown(terminal, screen.flush());
  assert.equal(line, "a\ufffd[2J\ufffd]0;title\ufffdb\ufffdgpj\ufffd1m\ufffd\ufffdc");
});

test("text is cut and padded by cells, and wrapped at spaces or anywhere", () => {
  assert.equal(widthOf("日本e\u0301"), 5);
  assert.equal(clip("日本語", 5), "日本…");
  assert.equal(clip("日本語", 4), "日…");
  assert.equal(padEnd("é", 3), "é  ");
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
  assert.deepEqual(wrap("", 5), [""]);
});

test("in ASCII all is one cell for one", () => {
  assert.equal(plainText("└ ░█… é日"), "` .#~ ??");
  assert.equal(takesUtf8({ LC_ALL: "", LC_CTYPE: "de_DE.utf8", LANG: "C" }), true);
  assert.equal(takesUtf8({ LC_ALL: "C", LANG: "de_DE.UTF-8" }), false);
  assert.equal(takesUtf8({}), false);
});

test("Escape and a key soon after it are two keys; pasted text has no marks", () => {
  assert.deepEqual(keysOf(undefined, { name: "d", meta: true, sequence: "\x1bd" }), [
    { name: "escape", text: "" },
    { name: "d", text: "d" },
  ]);
  assert.deepEqual(keysOf(undefined, { name: "paste-start", sequence: "\x1b[200~" }), []);
  assert.deepEqual(keysOf("\r", { name: "return", sequence: "\r" }), [{ name: "enter", text: "" }]);
  assert.deepEqual(keysOf("日", { sequence: "日" }), [{ name: "日", text: "日" }]);
  assert.deepEqual(keysOf(undefined, { name: "undefined", sequence: "\x1b[99~" }), [{ name: "undefined", text: "" }]);
});
