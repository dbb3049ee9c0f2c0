/** Goal: detach keys are found wherever the reads are cut, and nothing else that is typed is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DETACH_KEYS, DetachScanner, parseDetachKeys } from "./detach-keys.ts";

test("keys are a character or a control key", () => {
  assert.deepEqual([...parseDetachKeys(DETACH_KEYS)], [16, 17]);
  assert.deepEqual([...parseDetachKeys("ctrl-@,~,ctrl-_")], [0, 126, 31]);
  assert.deepEqual([...parseDetachKeys("")], []);
  for (const wrong of ["ctrl-", "ctrl-P", "pq", "ctrl-p,,ctrl-q", "ü"])
    assert.throws(() => parseDetachKeys(wrong), { code: "commander.invalidArgument" }, wrong);
});

for (const { typed, passed } of [
  { typed: ["a\x10", "\x11"], passed: "a" },
  { typed: ["\x10", "\x10", "\x11x"], passed: "\x10" },
  { typed: ["\x11\x10b", "\x10"], passed: "\x11\x10b" },
  { typed: ["plain"], passed: "plain" },
])
  test(`of ${JSON.stringify(typed)} the program gets ${JSON.stringify(passed)}`, () => {
    const scanner = new DetachScanner(parseDetachKeys(DETACH_KEYS));
    let got = "";
    for (const piece of typed) {
      const bytes = scanner.scan(Buffer.from(piece, "latin1"));
      if (bytes === null) break;
      got += Buffer.from(bytes).toString("latin1");
    }
    assert.equal(got, passed);
  });
