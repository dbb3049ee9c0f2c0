/** Goal: the examples of the library run as they stand, and show what they say. Method: in a project of a user. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hostNode, installLibrary } from "./support/library-project.ts";
import { repository, run } from "./support/stratos.ts";
import { TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
  for (const name of ["grader", "attempts"])
    cpSync(join(repository, "examples", name), join(project, name), { recursive: true });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** @returns the lines that it prints. It must not fail */
async function lines(...words: readonly string[]): Promise<string[]> {
  const env = { STRATOS_HOME: TEST_HOME, IMAGE: TEST_IMAGE };
  const { stdout, stderr, status } = await run([hostNode(), ...words], { cwd: project, env });
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

test("submissions are graded apart: none sees another, and what goes beyond its limits is told as such", async () => {
  const submissions = ["right", "first-only", "loops", "prints", "forks"].map((name) => `grader/sum/${name}.py`);
  assert.deepEqual(await lines("grader/grade.mjs", "grader/sum/task.json", ...submissions), [
    "right.py: 2/2 passed, passed",
    "first-only.py: 1/2 passed, wrong",
    "loops.py: 0/2 timeout, timeout",
    "prints.py: 0/2 output, output",
    "forks.py: 2/2 passed, passed",
  ]);
});

test("of several attempts the best is kept, and what the others have done is gone", async () => {
  const said = await lines("attempts/attempt.mjs", "attempts/calculator");
  assert.deepEqual(
    said.map((line) => /^(begun: \d|round \d: -?\d|kept: \d|\w+ \/srv.*)/.exec(line)?.[0]),
    [
      ...["begun: 0", "round 1: -1", "round 1: 1", "round 1: 0", "round 1: -1", "round 2: 2", "round 2: 3", "kept: 3"],
      ...said.slice(8),
    ],
  );
  assert.ok(said.includes("modified /srv/calculator.py"), said.join("\n"));
  assert.ok(!said.slice(8).some((line) => line.includes("check.py")));
});
