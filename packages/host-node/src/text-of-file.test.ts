import assert from "node:assert/strict";
import { test } from "node:test";
import { textOfFile } from "./text-of-file.ts";

test("a file that is not UTF-8 is refused with its place, one that is comes as it is", () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
  assert.equal(textOfFile(bytes("\xef\xbb\xbfa: \xc3\xa4\n\xef\xbf\xbd"), "f", "build"), "\ufeffa: ä\n\ufffd");
  for (const [text, why] of [
    ["a\nb: \xfc\n", "f:2:4: is not UTF-8 (byte 0xfc)"],
    ["\xff\xfea\0", "f:1:1: is not UTF-8 (byte 0xff)"],
    ["a: \xc3\nb", "f:1:4: is not UTF-8 (byte 0xc3)"],
    ["ok\n\n\xe2\x82", "f:3:1: is not UTF-8 (byte 0xe2)"],
  ] as const)
    assert.throws(() => textOfFile(bytes(text), "f", "build"), { message: why });
});
