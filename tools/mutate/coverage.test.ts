/** Goal: what a test reaches is told from V8's counts. Method: a small program is run and counted. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { isReached, readCoverage } from "./coverage.ts";
import { countedAt, findMutations } from "./mutations.ts";

test("a branch that was taken is reached; the other one and a function that nobody calls are not", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "stratos-coverage-")));
  try {
    const text =
      "function sign(value: number): string {\n  if (value < 0) {\n    return 'minus';\n  }\n  return 'plus';\n}\n" +
      "function never(): number {\n  return 1;\n}\nsign(1);\nexport { never };\n" +
      "const first = sign(1) === 'minus' && sign(2) === 'plus';\nconst second = sign(1) === 'plus' || first;\n" +
      "const neither = () => first && second;\n";
    writeFileSync(join(folder, "program.ts"), text);
    execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(folder, "program.ts")], {
      env: { ...process.env, NODE_V8_COVERAGE: join(folder, "counts") },
    });
    const counted = readCoverage(join(folder, "counts"), `${pathToFileURL(folder).href}/`).get("program.ts")!;
    const reaches = (piece: string): boolean => isReached(counted, text.indexOf(piece));
    assert.deepEqual(
      ["value < 0", "'minus'", "'plus'", "return 1", "sign(1)"].map((piece) => reaches(piece)),
      [true, false, true, false, true],
    );
    const operators = findMutations(text).filter(({ before }) => /&&|\|\|/.test(before));
    assert.deepEqual(
      operators.map((operator) => [operator.before, isReached(counted, countedAt(operator))]),
      [
        [" &&", true],
        [" ||", true],
        [" &&", false],
      ],
      "an operator is reached with its left side, even if that decides",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
