/**
 * Chibi's tests of R7RS and of SRFIs, on the reference interpreter or, with `--engine wasm`, compiled; with `--target`
 * those of R7RS as native programs:
 *
 *     npm run conformance:lisp-r7rs -- --dir FOLDER [--srfi all|N,N…] [--engine wasm] [--record]
 *     npm run conformance:lisp-r7rs -- --dir FOLDER --target all|NAME,NAME… [--load]
 *
 * FOLDER is a checkout of chibi-scheme (BSD licence; nothing of it is kept here): `tests/r7rs-tests.scm` is run as it
 * stands, with `--srfi` also `lib/srfi/N/test.sld`. Its `(chibi test)` is ours (conformance/lisp/chibi-test.sld), which
 * counts. That all targets print the same counts as one more test. With `--load` the native program is one that loads
 * the suite, which is then run by its evaluator. The last line is `N passed, N failed`.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, ExitRequest, Lisp, type NativeTarget } from "@stratos/lisp";
import { folderFinder, nodeSystem, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { nativeSession, runNative, targetsOf } from "./lisp/native.ts";
import { recordRows } from "./results.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    srfi: { type: "string" },
    record: { type: "boolean" },
    engine: { type: "string" },
    target: { type: "string" },
    load: { type: "boolean" },
  },
});
if (values.dir === undefined || !existsSync(join(values.dir, "tests/r7rs-tests.scm"))) {
  console.error("usage: npm run conformance:lisp-r7rs -- --dir FOLDER   (a checkout of chibi-scheme)");
  process.exit(2);
}
const chibi = values.dir;
const chibiTest = readFileSync(join(import.meta.dirname, "lisp/chibi-test.sld"), "utf8");

/** A program whose evaluator runs the suite. */
const LOADING = `(import (scheme base) (scheme load) (chibi test) (stratos evaluation-machine))
(machine-code-after! 0) (load "suite.scm")`;

interface Outcome {
  passed: number;
  failed: number;
  text: string;
  seconds: number;
}

const rows: { name: string; outcome: Outcome }[] = [];
const suite = join(chibi, "tests/r7rs-tests.scm");
const targets = targetsOf(values.target);
if (targets !== null) rows.push(...runAsNative(readFileSync(suite, "utf8"), targets));
else rows.push({ name: "r7rs-tests", outcome: run(readFileSync(suite, "utf8"), suite) });
for (const number of srfis()) {
  rows.push({
    name: `srfi-${number}`,
    outcome: run(`(import (scheme base) (srfi ${number} test)) (run-tests)`, "srfi.scm"),
  });
}
let passed = 0,
  failed = 0;
for (const { name, outcome } of rows) {
  passed += outcome.passed;
  failed += outcome.failed;
  console.log(
    `${outcome.failed === 0 ? "ok    " : "FAILED"} ${name.padEnd(14)} ${outcome.passed} passed, ${outcome.failed} ` +
      `failed, ${outcome.seconds.toFixed(1)} s`,
  );
  if (outcome.failed > 0) console.log(outcome.text.replaceAll(/^/gm, "         "));
}
if (values.record && targets === null) {
  recordRows(
    "lisp-r7rs",
    {
      title: "AstraLisp: chibi-scheme's tests of R7RS and of SRFIs",
      command: "npm run conformance:lisp-r7rs -- --dir FOLDER --srfi all --record",
    },
    rows.map(({ name, outcome }) => ({
      name,
      stratos: { ran: outcome.passed + outcome.failed, failed: outcome.failed, seconds: Math.round(outcome.seconds) },
      qemu: null,
      worse: [],
    })),
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function srfis(): string[] {
  if (values.srfi === undefined) return [];
  const own = folderFinder([ownLibraryFolder()]);
  const tested = readdirSync(join(chibi, "lib/srfi")).filter((name) =>
    existsSync(join(chibi, "lib/srfi", name, "test.sld")),
  );
  const wanted =
    values.srfi === "all"
      ? tested.filter(
          (name) => own(["srfi", Number(name)]) !== null || ["8", "9", "11", "16", "39", "98"].includes(name),
        )
      : values.srfi.split(",");
  return wanted.sort((a, b) => Number(a) - Number(b));
}

/** In a folder of its own, since the tests write files. */
function run(text: string, file: string): Outcome {
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
  const home = process.cwd();
  const parts: string[] = [];
  const started = performance.now();
  const sink = {
    write: (bytes: Uint8Array) => void parts.push(Buffer.from(bytes).toString()),
    flush: () => {},
    close: () => {},
  };
  const own = folderFinder([ownLibraryFolder()]);
  const tests = folderFinder([join(chibi, "lib")]);
  const lisp = new Lisp({
    system: { ...nodeSystem(["r7rs-tests"]), standardOutput: sink, standardError: sink },
    findLibrary: (name) => {
      if (name.join(" ") === "chibi test") return { text: chibiTest, file: "chibi-test.sld" };
      if (name.at(-1) !== "test") return own(name);
      const found = tests(name);
      if (found === null) return null;
      // Chibi's own base library is what R7RS and our words have, its sets of characters are SRFI 14's.
      const text = found.text
        .replace("(chibi)", "(stratos lisp)")
        .replace(/\(chibi char-set\)\s*\(chibi char-set full\)/u, "(srfi 14)");
      return { ...found, text };
    },
  });
  let broke = false;
  try {
    process.chdir(folder);
    (values.engine === "wasm" ? new CompiledLisp(lisp, { wasm: new NodeWasmEngine() }) : lisp).runProgram(text, file);
  } catch (error) {
    if (!(error instanceof ExitRequest)) {
      broke = true;
      parts.push(`\n${lisp.describe(error) ?? (error instanceof Error ? error.stack : String(error))}\n`);
    }
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  }
  return outcomeOf(parts.join(""), broke, started);
}

/** A row for each target, and one for their agreement. */
function runAsNative(suiteText: string, targets: readonly NativeTarget[]): { name: string; outcome: Outcome }[] {
  const own = folderFinder([ownLibraryFolder()]);
  const findLibrary: typeof own = (name) =>
    name.join(" ") === "chibi test" ? { text: chibiTest, file: "chibi-test.sld" } : own(name);
  const program = values.load === true ? LOADING : suiteText;
  const programs = nativeSession(new Lisp({ findLibrary })).buildNative(program, "r7rs-tests.scm", targets);
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
  try {
    const outputs = targets.map((target) => {
      const started = performance.now();
      const cwd = mkdtempSync(join(folder, "run-"));
      writeFileSync(join(cwd, "suite.scm"), suiteText);
      const { output } = runNative(target, programs[target], { file: join(folder, target), cwd });
      return { target, output, outcome: outcomeOf(output, false, started) };
    });
    const others = outputs.filter(({ output }) => output !== outputs[0]!.output).map(({ target }) => target);
    const agreement = {
      passed: others.length === 0 ? 1 : 0,
      failed: others.length === 0 ? 0 : 1,
      text: `${others.join(", ")}: not what ${outputs[0]!.target} prints`,
      seconds: 0,
    };
    return [
      ...outputs.map(({ target, outcome }) => ({ name: target, outcome })),
      { name: "the same bytes", outcome: agreement },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function outcomeOf(output: string, broke: boolean, started: number): Outcome {
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  const failures = [...output.matchAll(/^FAILED /gm)].length + (broke || counts === undefined ? 1 : 0);
  return {
    passed: Number(counts?.[1] ?? 0),
    failed: Math.max(failures, Number(counts?.[2] ?? 0)),
    text: output.trim(),
    seconds: (performance.now() - started) / 1000,
  };
}
