/** Goal: a terminal that is shown the last of a history has the size, the modes and whole lines of one that saw all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "@stratos/sdk/wire";
import { costOf, lastOfHistory, type LogEntry, sizeFrame } from "./terminal-history.ts";

const written = (text: string): Frame => ({
  head: { stream: 1, atMs: 0 } satisfies LogEntry,
  bytes: Buffer.from(text),
});
const size = (columns: number): Frame => sizeFrame({ columns, rows: 24 });

/** `[80]` is a size; text is text. */
function told(frames: readonly Frame[]): string {
  return frames
    .map(({ head, bytes }) => {
      const entry = head as LogEntry;
      return "size" in entry ? `[${entry.size.columns}]` : Buffer.from(bytes).toString("latin1");
    })
    .join("");
}

test("what fits is shown as it was", () => {
  const frames = [size(80), written("one\n"), size(90), written("two")];
  assert.equal(told(lastOfHistory(frames, 1 << 20)), "[80]one\n[90]two");
});

test("of what does not fit the last is shown, from the beginning of a line, in the size that it had", () => {
  const frames = [size(80), written("first\n"), size(90), written(`${"x".repeat(1000)}\nsecond\nthird\n`), size(95)];
  assert.equal(told(lastOfHistory(frames, costOf(frames.slice(-2)) - 1000)), "[90]second\nthird\n[95]");
});

test("modes that were set in what is left out are set as they were last", () => {
  const modes = "\x1b[?1049h\x1b[?2004;25h\x1b[?25l\x1b[?1049l\x1b[?1h";
  const frames = [size(80), written(`${modes}${"x".repeat(1000)}\n`), written("rest\n")];
  assert.equal(told(lastOfHistory(frames, 300)), "[80]\x1b[?2004h\x1b[?25l\x1b[?1049l\x1b[?1hrest\n");
});

test("a line without end, and sizes without end, have the same bound", () => {
  const frames = [size(80), written("x".repeat(5000)), written("\nlast\n")];
  assert.equal(told(lastOfHistory(frames, 1000)), "[80]\nlast\n");
  const sizes = Array.from({ length: 1000 }, (_, index) => size(index + 1));
  const last = lastOfHistory(sizes, 1000);
  assert.ok(last.length < 10);
  assert.equal(told(last.slice(-1)), "[1000]");
});

test("what was written a word at a time takes no more than what was written at once", () => {
  const words = Array.from({ length: 5000 }, (_, index) => [written(String(index)), written("\n")]).flat();
  const last = lastOfHistory([size(80), ...words, size(90)], 40_000);
  const lines = told(last).split("\n");
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [5001, "[80]0", "[90]"]);
});

test("a picture that is cut is left out to its end", () => {
  const picture = `\x1bPq#0;2;0;0;0\n${"~\n".repeat(2000)}`;
  const frames = [size(80), written(picture), written("~~\n"), written("~\x1b\\after\n"), written("rest\n")];
  assert.equal(told(lastOfHistory(frames, 1000)), "[80]after\nrest\n");
  // What begins behind it is whole.
  const whole = "\x1bPq~\x1b\\";
  assert.equal(told(lastOfHistory([size(80), written("x\n".repeat(2000)), written(whole)], 200)).endsWith(whole), true);
});
