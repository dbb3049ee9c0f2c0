import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadTreefile } from "@stratos/compose";
import { GUIDE, withReference } from "./treefile-guide.ts";

test("docs/treefile.md says what the schema says (else: npm run docs)", () => {
  const guide = readFileSync(GUIDE, "utf8");
  assert.ok(guide === withReference(guide), "the guide is older than the schema");
});

test("each treefile that the guide shows is one", async () => {
  const shown = [...readFileSync(GUIDE, "utf8").matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)].map(
      ([, name, text]): [string, string] => [name!, text!],
    ),
    files = new Map(shown);
  assert.ok(files.size >= 4);
  for (const [name, text] of files)
    if (/^name: /m.test(text))
      assert.ok((await loadTreefile(name, async (path) => files.get(path))).targets().length > 0, name);
});
