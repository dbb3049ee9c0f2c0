/** Goal: the reference is that of the sources, tells of each name of the system, and counts arguments right. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Lisp } from "@stratos/lisp";
import { lispReference, REFERENCE } from "./lisp-reference.ts";

test("docs/lisp/reference.md says what the docstrings say (else: npm run docs)", () => {
  const { text, undocumented } = lispReference();
  assert.deepEqual(undocumented, []);
  assert.ok(readFileSync(REFERENCE, "utf8") === text, "the reference is older than the sources");
});

test("something is said of each name of the SRFIs", () => {
  let checked = 0;
  for (const section of readFileSync(REFERENCE, "utf8").split(/^## /m)) {
    const number = Number(/^\(srfi (\d+)\)/.exec(section)?.[1]);
    if (Number.isNaN(number)) continue;
    checked++;
    const silent = section.split("\n").filter((line) => line.startsWith("- ") && !/`(?: \*\w+\*)?: ./.test(line));
    assert.deepEqual(silent, [], `(srfi ${number})`);
  }
  assert.ok(checked > 25, `${checked} libraries`);
});

test("procedures of the system take as many arguments as the reference says", () => {
  const { linker } = new Lisp();
  let checked = 0;
  for (const section of readFileSync(REFERENCE, "utf8").split(/^## /m)) {
    if (!/^\((?:scheme|stratos base)/.test(section)) continue;
    for (const [, use, kind] of section.matchAll(/^- `\(([^`]+?)\)(?: → [^`]*)?`( \*syntax\*)?/gm)) {
      if (kind !== undefined) continue;
      const [name, ...words] = use!.split(/\s+/) as [string, ...string[]];
      const arity = linker.arityOf(name);
      // What begins with a second form is a clause of its own.
      if (arity === null || name === "error") continue;
      const hasRest = words.at(-1) === "…";
      const named = hasRest ? words.slice(0, -2) : words;
      const least = named.findIndex((word) => word.startsWith("["));
      const most = hasRest ? Infinity : named.length;
      checked++;
      const told = { name, least: least < 0 ? named.length : least, most };
      // What is written in Scheme takes optional arguments as a rest.
      const given = { name, least: arity.least, most: arity.most === Infinity ? most : arity.most };
      assert.deepEqual(told, given);
    }
  }
  assert.ok(checked > 300, `${checked} procedures`);
});
