/** Goal: a class that is in no part of the program so far is looked for in those that are not loaded, once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stateClass, stateClassNamed, whenClassMissing } from "./state-classes.ts";

test("who looks for a class by its name has what is not loaded yet loaded, once", () => {
  class Late {}
  let count = 0;
  whenClassMissing(() => {
    count++;
    stateClass("test.Late", Late);
  });
  stateClass("test.Here", class Here {});
  assert.equal(stateClassNamed("test.Here")?.name, "test.Here");
  assert.equal(count, 0);
  assert.equal(stateClassNamed("test.Late")?.name, "test.Late");
  assert.equal(stateClassNamed("test.Nowhere"), undefined);
  assert.equal(count, 1);
});
