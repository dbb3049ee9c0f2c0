/** Goal: the page says everything in all of its languages, with what is filled in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WORDS } from "./words.ts";

test("no language lacks a word, or a place for what is filled in", () => {
  const holes = (text: string): string => (text.match(/\{\d\}/g) ?? []).sort().join("");
  for (const [language, words] of Object.entries(WORDS))
    for (const [name, text] of Object.entries(words)) {
      assert.notEqual(text, "", `${language} ${name}`);
      assert.equal(holes(text), holes(WORDS.en[name as keyof typeof WORDS.en]), `${language} ${name}`);
    }
});
