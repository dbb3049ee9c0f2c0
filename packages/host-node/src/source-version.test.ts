/** Goal: what one build keeps is not another's. Method: two packages, and one source after the other changed. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { bundledVersions } from "./source-version.ts";

const packages = mkdtempSync(join(tmpdir(), "stratos-sources-"));
after(() => rmSync(packages, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(packages, file)), { recursive: true });
  writeFileSync(join(packages, file), text);
}

test("each source is in the version of all, and those of the translator and of the compiler in their own", () => {
  write("kernel/src/task/exit.ts", "1");
  write("riscv/src/engine.ts", "1");
  const first = bundledVersions(packages);
  assert.deepEqual(bundledVersions(packages), first);
  write("kernel/src/task/exit.ts", "2");
  const second = bundledVersions(packages);
  assert.equal(second.STRATOS_TRANSLATOR, first.STRATOS_TRANSLATOR);
  assert.notEqual(second.STRATOS_SOURCES, first.STRATOS_SOURCES);
  write("riscv/src/engine.ts", "2");
  const third = bundledVersions(packages);
  assert.notEqual(third.STRATOS_TRANSLATOR, second.STRATOS_TRANSLATOR);
  assert.notEqual(third.STRATOS_SOURCES, second.STRATOS_SOURCES);
  write("kernel/src/task/exit.test.ts", "1");
  assert.deepEqual(bundledVersions(packages), third);
  let lisp = third.STRATOS_LISP;
  for (const file of ["lisp/src/back-native/program.ts", "lisp/scheme/astra/run.sld", "lisp/scheme/astra/astra.scm"]) {
    write(file, "1");
    const version = bundledVersions(packages);
    assert.notEqual(version.STRATOS_LISP, lisp, file);
    assert.equal(version.STRATOS_TRANSLATOR, third.STRATOS_TRANSLATOR);
    lisp = version.STRATOS_LISP;
  }
});
