/** Goal: a change is followed to the tests that it can touch. Method: small trees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { touchedTests } from "./reach.ts";

const tree = (files: Record<string, string>): { path: string; text: string }[] =>
  Object.entries(files).map(([path, text]) => ({ path, text }));

const packages = tree({
  "packages/base/package.json": JSON.stringify({
    name: "@stratos/base",
    exports: { ".": "./src/base.ts", "./ring": "./src/ring.ts" },
  }),
  "packages/base/src/base.ts": 'export { a } from "./a.ts";\n',
  "packages/base/src/a.ts": "export const a = 1;\n",
  "packages/base/src/a.test.ts": 'import { a } from "./a.ts";\n',
  "packages/base/src/ring.ts": "export const ring = 1;\n",
  "packages/base/src/ring.test.ts": 'import { ring } from "./ring.ts";\n',
  "packages/cli/src/main.ts": 'import { a } from "@stratos/base";\nconst later = () => import("./late.ts");\n',
  "packages/cli/src/late.ts": 'import type { A } from "./shape.ts";\n',
  "packages/cli/src/shape.ts": "export type A = 1;\n",
  "packages/cli/src/late.test.ts": 'import "./late.ts";\n',
  "tests/run.test.ts": 'import "./support/run.ts";\n',
  "tests/suite.test.ts": 'spawn(node, [join(root, "conformance/suite.ts"), "--sample"]);\n',
  "conformance/suite.ts": 'import "./results.ts";\n',
  "conformance/results.ts": "",
  "tests/support/run.ts": "",
  "tests/abi/abi.test.ts": 'const folder = "programs";\n',
  "tests/abi/programs/pipe.c": "",
  "tools/guide.ts": 'const page = "docs/guide.md";\n',
  "tools/guide.test.ts": 'import "./guide.ts";\n',
});

test("a change touches its own test first, then those of its importers, by package doors and late imports, too", () => {
  assert.deepEqual(touchedTests(packages, ["packages/base/src/a.ts"]), [
    "packages/base/src/a.test.ts",
    "tests/abi/abi.test.ts",
    "tests/run.test.ts",
    "tests/suite.test.ts",
  ]);
  assert.deepEqual(touchedTests(packages, ["packages/base/src/ring.ts"]), ["packages/base/src/ring.test.ts"]);
  assert.deepEqual(touchedTests(packages, ["packages/cli/src/late.ts"]), [
    "packages/cli/src/late.test.ts",
    "tests/abi/abi.test.ts",
    "tests/run.test.ts",
    "tests/suite.test.ts",
  ]);
});

test("a program that a test starts touches that test, as does what the program imports", () => {
  for (const path of ["conformance/suite.ts", "conformance/results.ts"])
    assert.deepEqual(touchedTests(packages, [path]), ["tests/suite.test.ts"]);
});

test("a changed test is touched itself; a type touches nothing that runs", () => {
  assert.deepEqual(touchedTests(packages, ["tests/run.test.ts"]), ["tests/run.test.ts"]);
  assert.deepEqual(touchedTests(packages, ["packages/cli/src/shape.ts"]), []);
});

test("what is no module touches who names it and its suite; what is gone touches the tests beside it", () => {
  assert.deepEqual(touchedTests(packages, ["docs/guide.md"]), ["tools/guide.test.ts"]);
  assert.deepEqual(touchedTests(packages, ["tests/abi/programs/pipe.c"]), ["tests/abi/abi.test.ts"]);
  assert.deepEqual(touchedTests(packages, ["packages/base/src/gone.ts"]), [
    "packages/base/src/a.test.ts",
    "packages/base/src/ring.test.ts",
  ]);
});
