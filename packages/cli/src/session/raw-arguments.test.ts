import assert from "node:assert/strict";
import { test } from "node:test";
import { matchTail } from "./raw-arguments.ts";

test("the last arguments are found with their bytes", () => {
  const line = Buffer.from("node\0main.mjs\0run\0printf\0\xff\xfe\0\0\xc3\xa9\0", "latin1");
  assert.deepEqual(matchTail(line, ["printf", "\ufffd\ufffd", "", "é"]), ["printf", "\xff\xfe", "", "\xc3\xa9"]);
});

test("a command line that does not match is not believed", () => {
  assert.equal(matchTail(Buffer.from("node\0other\0"), ["printf"]), null);
  assert.equal(matchTail(Buffer.from("a\0"), ["a", "a"]), null);
  assert.equal(matchTail(Buffer.from("cut off"), ["off"]), null);
  assert.equal(matchTail(null, ["a"]), null);
});
