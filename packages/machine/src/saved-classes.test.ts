/**
 * Goal: whatever a machine holds can be loaded. Method: of each class of state that a kernel's modules declare, a blank
 * one is made, as loading does before it fills it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allStateClasses, blankOf } from "@stratos/base";
import "@stratos/kernel";

test("each class of saved state has a blank one to fill", () => {
  const classes = allStateClasses().filter(({ options }) => options.remake === undefined);
  assert.ok(classes.length > 200, `${classes.length} classes`);
  for (const each of classes) assert.doesNotThrow(() => blankOf(each), each.name);
});
