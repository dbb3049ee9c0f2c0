/** Goal: cores are not left alone while files wait, and what cannot run side by side does not. Method: small plans. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import costs from "./costs.json" with { type: "json" };
import {
  APART,
  joinShort,
  limitSecondsOf,
  longestFirst,
  MAKES_IMAGE,
  MOUNTING,
  mounts,
  nextToRun,
  type PlannedFile,
  waitsForImage,
} from "./lanes.ts";

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
  const idle = Array.from({ length: 8 }, (_, index) => file(String(index), 10, 0));
  assert.equal(nextToRun([file("next", 10, 0)], idle.slice(0, 7), 2), 0);
  assert.equal(nextToRun([file("next", 10, 0)], idle, 2), -1);
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

test("what makes the image goes first, and what needs it begins when it is there", () => {
  const [image, unit, system] = [file(MAKES_IMAGE, 1, 1), file("packages/a", 9, 1), file("tests/run.test.ts", 99, 1)];
  assert.deepEqual(longestFirst([unit, system, image]), [image, system, unit]);
  const isUnit = ({ path }: PlannedFile): boolean => path === unit.path;
  assert.equal(nextToRun([system, unit], [image], 2, isUnit), 1);
  assert.equal(nextToRun([system], [image], 2, isUnit), -1);
  assert.equal(nextToRun([system, unit], [], 2, isUnit), 1);
});

test("who uses the image is known by what it imports", () => {
  const files = globSync(["tests/*.test.ts", "tests/*/*.test.ts"]);
  const waits = files.filter((path) => waitsForImage(path, readFileSync(path, "utf8")));
  for (const path of ["tests/programs.test.ts", "tests/library.test.ts", "tests/console.test.ts"])
    assert.ok(waits.includes(path), path);
  for (const path of [MAKES_IMAGE, "tests/abi/abi.test.ts", "tests/builder.test.ts"])
    assert.ok(!waits.includes(path), path);
  assert.equal(waitsForImage("packages/a/src/a.test.ts", "stratosRun"), false);
});

test("short files that begin alike share a process; long ones, mounts and what is apart do not", () => {
  const alone = [
    file("packages/a/src/long.test.ts", 13, 13),
    file("packages/formats/src/xfs/xfs-writer.test.ts", 1, 1),
    file("tests/fuse.test.ts", 1, 1),
    file("tests/fuse-programs.test.ts", 1, 1),
    file("tests/builder-stratos.test.ts", 1, 1),
    file(MAKES_IMAGE, 1, 1),
    file("packages/b/src/only.test.ts", 1, 1),
  ];
  const [one, two] = [file("packages/a/src/one.test.ts", 1, 1), file("packages/a/src/two.test.ts", 20, 2)];
  const [lisp, numbers] = [file("tests/lisp.test.ts", 1, 1), file("tests/lisp-numbers.test.ts", 2, 1)];
  assert.deepEqual(joinShort([one, lisp, ...alone, two, numbers]), [
    ...alone.slice(0, 6),
    { path: "packages/a", files: [one, two], seconds: 21, cpuSeconds: 3 },
    { path: "tests/lisp", files: [lisp, numbers], seconds: 3, cpuSeconds: 2 },
    alone[6],
  ]);
});

test("what shares a process is bounded, by work and by time, and each file is in one", () => {
  for (const [seconds, cpuSeconds, most] of [
    [4, 4, 10],
    [40, 1, 3],
  ] as const) {
    const files = Array.from({ length: 30 }, (_, index) =>
      file(`packages/a/src/${index}.test.ts`, seconds, cpuSeconds),
    );
    const shared = joinShort(files).map((each) => ("files" in each ? each.files : [each]));
    assert.deepEqual(shared.flat(), files);
    assert.ok(shared.every(({ length }) => length <= most));
  }
});

test("a file that is known to take long is given longer before it is taken for one that hangs", () => {
  assert.ok(limitSecondsOf(file("a", 1, 1)) >= 300);
  assert.ok(limitSecondsOf(file("a", 120, 60)) >= 600);
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
