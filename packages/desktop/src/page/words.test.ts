/** Goal: the page says everything in all of its languages, with what is filled in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LOADERS } from "./words.ts";

test("no language lacks a word, or a place for what is filled in", async () => {
  const english = await LOADERS.en();
  const holes = (text: string): string => (text.match(/\{\d\}/g) ?? []).sort().join("");
  for (const [language, load] of Object.entries(LOADERS)) {
    const words = await load();
    assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort(), language);
    for (const [name, text] of Object.entries(words)) {
      assert.notEqual(text, "", `${language} ${name}`);
      assert.equal(holes(text), holes(english[name as keyof typeof english]), `${language} ${name}`);
    }
  }
});
