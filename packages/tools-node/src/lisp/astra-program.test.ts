/** Goal: the shell's image has a program for each utility, and none for other words of its sources. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { astraProgram } from "./astra-program.ts";

test("utilities are what the tables of the libraries name", () => {
  const { utilities } = astraProgram();
  for (const name of ["[", "awk", "ls", "ps", "sed", "useradd"]) assert.ok(utilities.includes(name), name);
  assert.deepEqual(
    utilities.filter((name) => !/^\w/.test(name)),
    ["["],
  );
  assert.equal(new Set(utilities).size, utilities.length);
});
