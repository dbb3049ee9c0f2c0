/** Goal: another order of threads is no difference, another result is, and it is named at its thread. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstThreadDifference, ThreadTrace } from "./thread-comparison.ts";

function traced(...lines: readonly string[]): ThreadTrace {
  const trace = new ThreadTrace();
  // In pieces, as they come.
  const text = lines.map((line) => `${line}\n`).join("");
  for (let at = 0; at < text.length; at += 7) trace.write(text.slice(at, at + 7));
  return trace;
}

const GOOD = traced(
  '[   2] openat(AT_FDCWD, "/n", 0) = 3',
  "[   2] futex(0x10, 0, 1) = ? (waits)",
  "[   2] futex(0x10, 0, 1) = 0",
  '[   3] newfstatat(AT_FDCWD, "/lock", {...}, 0) = 0',
  '[   3] read(3, "1", 1) = 1',
  "[   3] +++ exited with 0 +++",
);

test("another order, and waits, are no difference", () => {
  const other = traced(
    '[   3] newfstatat(AT_FDCWD, "/lock", {...}, 0) = 0',
    '[   2] openat(AT_FDCWD, "/n", 0) = 3',
    "[   3] read(3, 0x20, 1) = ? (waits)",
    '[   3] read(3, "1", 1) = 1',
    "[   3] +++ exited with 0 +++",
  );
  assert.equal(firstThreadDifference(GOOD, other, []), null);
});

test("the first result that is another one is named with its thread", () => {
  const other = traced(
    '[   2] openat(AT_FDCWD, "/n", 0) = 3',
    '[   3] newfstatat(AT_FDCWD, "/lock", {...}, 0) = -1 ENOENT',
    '[   3] read(3, "0", 1) = 1',
  );
  assert.deepEqual(firstThreadDifference(GOOD, other, []), {
    tid: 3,
    first: '[   3] newfstatat(AT_FDCWD, "/lock", {...}, 0) = 0'.slice(7),
    second: 'newfstatat(AT_FDCWD, "/lock", {...}, 0) = -1 ENOENT',
  });
  const known = [{ tid: 3, name: "newfstatat" }];
  assert.equal(firstThreadDifference(GOOD, other, known)?.second, 'read(3, "0", 1) = 1');
});

test("a thread that does more is told", () => {
  const other = traced(...["[   2] close(3) = 0", '[   9] write(1, "x", 1) = 1']);
  assert.equal(firstThreadDifference(GOOD, other, [{ tid: 2, name: "close" }])?.tid, 9);
  assert.equal(firstThreadDifference(GOOD, other, [{ tid: 2, name: "close" }])?.first, null);
});
