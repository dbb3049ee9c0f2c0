/** Judge: openssl. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { sha512Crypt } from "./sha512-crypt.ts";

test("the password's hash is that of openssl", () => {
  for (const [password, salt] of [
    ["secret", "saltsalt"],
    ["x", "x"],
    ["a much longer password than sixty-four bytes of a digest, to be sure of repeats", "0123456789abcdef"],
    ["grüße", "./az"],
  ] as const) {
    assert.equal(
      sha512Crypt(password, salt),
      execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], {
        input: `${password}\n`,
        encoding: "utf8",
      }).trim(),
    );
  }
});
