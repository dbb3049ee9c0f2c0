import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "./printable.ts";

test("control characters are shown, and lines, tabs and letters of every script stay", () => {
  assert.equal(
    printable("a\u001b[2J\u001b]0;x\u0007b\u009b31m\u007f\r\u0000"),
    "a\\x1b[2J\\x1b]0;x\\x07b\\x9b31m\\x7f\\x0d\\x00",
  );
  const plain = "Größe\t日本語 …\nзначение\u00a0é\n";
  assert.equal(printable(plain), plain);
});
