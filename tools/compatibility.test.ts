import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compatibilityPage } from "./compatibility.ts";

test("docs/compatibility.md says what the kernel's table says (else: npm run docs)", () => {
  assert.ok(
    readFileSync(new URL("../docs/compatibility.md", import.meta.url), "utf8") === compatibilityPage(),
    "the page is older than the table",
  );
});
