/** Goal: cores are not left alone while files wait, and what cannot run side by side does not. Method: small plans. */
import assert from "node:assert/strict";
import { existsSync, globSync } from "node:fs";
import { test } from "node:test";
import costs from "./costs.json" with { type: "json" };
import { APART, longestFirst, MOUNTING, mounts, nextToRun, type PlannedFile } from "./lanes.ts";

const file = (path: string, seconds: number, cpuSeconds: number): PlannedFile => ({ path, seconds, cpuSeconds });

test("two that compute fill two cores, and who waits runs beside them", () => {
  const [busy, other, third] = [file("a", 9, 9), file("b", 8, 12), file("c", 7, 7)];
  const idle = file("d", 40, 4);
  assert.equal(nextToRun([busy, other], [], 2), 0);
  assert.equal(nextToRun([other, third], [busy], 2), 0);
  assert.equal(nextToRun([third, idle], [busy, other], 2), 1);
  assert.equal(nextToRun([third], [busy, other, idle], 2), -1);
  assert.equal(nextToRun([], [busy], 2), -1);
});

test("any number of files that wait is bounded by the cores", () => {
  const idle = Array.from({ length: 4 }, (_, index) => file(String(index), 10, 0));
  assert.equal(nextToRun([file("e", 10, 0)], idle.slice(0, 3), 2), 0);
  assert.equal(nextToRun([file("e", 10, 0)], idle, 2), -1);
});

test("a file that needs more than there is runs nevertheless", () => {
  assert.equal(nextToRun([file("a", 1, 5)], [], 1), 0);
});

test("what shares the builder's folder runs one after the other, and lets others go first", () => {
  const [builder, seeded, other] = ["tests/builder.test.ts", "tests/builder-stratos.test.ts", "tests/run.test.ts"].map(
    (path) => file(path, 1, 1),
  ) as [PlannedFile, PlannedFile, PlannedFile];
  assert.equal(nextToRun([seeded, other], [builder], 2), 1);
  assert.equal(nextToRun([file("tests/hub-repositories.test.ts", 1, 1)], [builder], 2), -1);
  assert.equal(nextToRun([seeded], [file("tests/fuse.test.ts", 1, 1)], 2), 0);
});

test("the longest goes first; alike ones go as they come", () => {
  const files = [file("a", 1, 1), file("b", 5, 1), file("c", 50, 2), file("d", 1, 0)];
  assert.deepEqual(
    longestFirst(files).map(({ path }) => path),
    ["c", "b", "a", "d"],
  );
});

test("mounts on the host are made in a namespace of the file's own", () => {
  assert.equal(mounts("tests/fuse-durability.test.ts"), true);
  assert.equal(mounts("packages/fuse/src/server.test.ts"), false);
});

test("files that are named here and in costs.json are there", () => {
  const files = globSync(["tests/*.test.ts", "packages/*/src/**/*.test.ts"]);
  for (const kind of [...APART, ...MOUNTING])
    assert.ok(
      files.some((path) => kind.test(path)),
      String(kind),
    );
  assert.deepEqual(
    Object.keys(costs).filter((path) => !existsSync(path)),
    [],
  );
});
