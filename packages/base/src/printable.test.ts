import assert from "node:assert/strict";
import { test } from "node:test";
import { plainText, printable } from "./printable.ts";

test("control characters are shown, and lines, tabs and letters of every script stay", () => {
  assert.equal(
    printable("a\u001b[2J\u001b]0;x\u0007b\u009b31m\u007f\r\u0000"),
    "a\\x1b[2J\\x1b]0;x\\x07b\\x9b31m\\x7f\\x0d\\x00",
  );
  const plain = "Größe\t日本語 …\nзначение\u00a0é\n";
  assert.equal(printable(plain), plain);
});

test("what only a terminal understands goes; of a line that is written anew, the end stays", () => {
  assert.equal(
    plainText(
      "\x1b[1;31mred\x1b[0m \x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b(B\x1b=\x1b[?25l c\x1b[38:5:1md\u009b1\x07\n",
    ),
    "red ab cd1\n",
  );
  assert.equal(plainText("10 %\r20 %\r100 %\ndone\r\nlast\r"), "100 %\ndone\nlast");
  assert.equal(plainText("\x1b[999999"), "[999999", "no sequence, as it has no end");
});
