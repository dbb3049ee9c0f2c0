/**
 * The results of r7rs-benchmarks as native programs:
 *
 *     npm run conformance:lisp-benchmarks -- --dir FOLDER --target all|NAME,NAME… [--only NAME,NAME…] [--limit SECONDS]
 *
 * FOLDER is a checkout of ecraven/r7rs-benchmarks (nothing of it is kept here). Each program is run once with the input
 * that it has there, and checks its result. Those that use what native programs do not have are told and not counted.
 * The last line is `N passed, N failed`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Lisp, NATIVE_TARGETS, type NativeTarget } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";
import { nativeSession, runNative, targetsOf } from "./lisp/native.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    target: { type: "string" },
    only: { type: "string" },
    limit: { type: "string", default: "1800" },
  },
});
if (values.dir === undefined || !existsSync(join(values.dir, "src/common.scm"))) {
  console.error("usage: npm run conformance:lisp-benchmarks -- --dir FOLDER   (a checkout of r7rs-benchmarks)");
  process.exit(2);
}
const folder = values.dir;
const targets = targetsOf(values.target) ?? NATIVE_TARGETS;
const common = readFileSync(join(folder, "src/common.scm"), "utf8");
const work = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
// Some read what lies beside the inputs, some write a file.
symlinkSync(resolve(folder, "inputs"), join(work, "inputs"));
mkdirSync(join(work, "outputs"));
let passed = 0,
  failed = 0,
  unserved = 0;
try {
  for (const name of names()) runOne(name);
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (unserved > 0) console.log(`${unserved} need what native programs do not have`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function names(): string[] {
  const sources = new Set(readdirSync(join(folder, "src")));
  const all = readdirSync(join(folder, "inputs"))
    .filter((file) => file.endsWith(".input") && sources.has(file.replace(".input", ".scm")))
    .map((file) => file.replace(".input", ""))
    .sort();
  if (values.only === undefined) return all;
  const wanted = values.only.split(",");
  refuseUnknown(wanted, all, isWhole);
  return wanted;
}

function runOne(name: string): void {
  const program =
    `(import (stratos lisp))\n(define (this-scheme-implementation-name) "stratos")\n` +
    `${readFileSync(join(folder, "src", `${name}.scm`), "utf8")}\n${common}\n(run-benchmark)\n`;
  const input = readFileSync(join(folder, "inputs", `${name}.input`), "utf8").replace(/^\s*\d+/u, "1");
  let programs: Record<NativeTarget, Uint8Array>;
  const lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) });
  try {
    programs = nativeSession(lisp).buildNative(program, `${name}.scm`, targets);
  } catch (error) {
    const words = lisp.describe(error) ?? String(error);
    if (words.includes("a native program has no")) {
      unserved++;
      console.log(`       ${name}: ${words}`);
      return;
    }
    failed++;
    console.log(`FAILED ${name}: ${words}`);
    return;
  }
  for (const target of targets) {
    const started = performance.now();
    const { output, status } = runNative(target, programs[target], {
      file: join(work, target),
      cwd: work,
      input,
      limitMs: Number(values.limit) * 1000,
    });
    const isRight = status === 0 && output.includes("+!CSVLINE!+") && !/INCORRECT|ERROR/u.test(output);
    if (isRight) passed++;
    else if (output.includes("served in native programs")) unserved++;
    else failed++;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${isRight ? "ok    " : "FAILED"} ${name.padEnd(12)} ${target.padEnd(8)} ${seconds} s`);
    if (!isRight) console.log(`${status}: ${output.slice(-500)}`.replaceAll(/^/gmu, "         "));
  }
}
