/**
 * Larceny's tests of R7RS, on the reference interpreter, compiled to WebAssembly and as native programs:
 *
 *     npm run conformance:lisp-larceny -- --dir FOLDER [--on all|NAME,NAME…] [--only PART,PART…] [--record]
 *
 * FOLDER is a checkout of larceny (LGPL; nothing of it is kept here): the parts of `test/R7RS/Lib/tests/scheme` for the
 * libraries of R7RS-small, and those of R7RS-large that are SRFIs we have. NAME: interpreter, wasm, or a native target.
 * `lisp/larceny-expected.txt` lists what is known not to pass, and why: one that is listed and passes counts as failed,
 * too. The last line is `N passed, N failed`.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, ExitRequest, Lisp, NATIVE_TARGETS, type NativeTarget } from "@stratos/lisp";
import { folderFinder, nodeSystem, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { nativeSession, runNative } from "./lisp/native.ts";
import { recordRows, type Row } from "./results.ts";

/** R7RS-small, then names of R7RS-large for SRFIs. */
const SMALL =
  "base case-lambda char complex cxr eval file inexact lazy load process-context read repl time write".split(" ");
const LARGE: Readonly<Record<string, number>> = {
  box: 111,
  charset: 14,
  comparator: 128,
  generator: 158,
  "hash-table": 125,
  list: 1,
  sort: 132,
  stream: 41,
  vector: 133,
};
/** Arguments of further runs, and the status they must end with (0: as `exit` without one). */
const EXITS: readonly (readonly [args: readonly string[], status: number])[] = [
  [["--test-emergency-exit"], 0],
  [["--test-emergency-exit", "37"], 37],
  [["--test-exit"], 0],
  [["--test-exit", "46"], 46],
];
const ENGINES = ["interpreter", "wasm", ...NATIVE_TARGETS] as const;
type Engine = (typeof ENGINES)[number];

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    on: { type: "string", default: "all" },
    only: { type: "string" },
    record: { type: "boolean" },
  },
});
const suite = join(values.dir ?? "", "test/R7RS/Lib");
if (values.dir === undefined || !existsSync(join(suite, "tests/scheme/base.sld"))) {
  console.error("usage: npm run conformance:lisp-larceny -- --dir FOLDER   (a checkout of larceny)");
  process.exit(2);
}
const engines = values.on === "all" ? ENGINES : ENGINES.filter((engine) => values.on.split(",").includes(engine));
const parts = values.only?.split(",") ?? [...SMALL, ...Object.keys(LARGE)];

/** What one run of a part said: how many tests it made, and the expressions that failed. */
interface Outcome {
  readonly ran: number;
  readonly failures: readonly { readonly expression: string; readonly text: string }[];
}

const own = folderFinder([ownLibraryFolder()]);
const tests = folderFinder([suite]);
const rows: Row[] = [];
let passed = 0,
  failed = 0;
for (const engine of engines) {
  const known = readKnown(engine);
  let ran = 0,
    bad = 0;
  const worse: string[] = [];
  const started = performance.now();
  for (const part of parts) {
    const outcome = runPart(engine, part);
    ran += outcome.ran;
    bad += outcome.failures.length;
    const names = outcome.failures.map(({ expression }) => expression);
    const unknown = outcome.failures.filter(({ expression }) => !known.has(`${part} ${expression}`));
    const mended = [...known].filter(
      (name) => name.startsWith(`${part} `) && !names.includes(name.slice(part.length + 1)),
    );
    for (const { text } of unknown) console.log(`FAILED ${engine} ${part}: ${text}`);
    for (const name of mended) console.log(`FAILED ${engine} ${name}: passes, and is listed as one that does not`);
    worse.push(...unknown.map(({ expression }) => `${part} ${expression}`), ...mended);
    failed += unknown.length + mended.length;
    passed += outcome.ran - unknown.length;
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${engine.padEnd(12)} ${ran} ran, ${bad} did not pass, ${seconds} s`);
  rows.push({ name: engine, stratos: { ran, failed: bad, seconds }, qemu: null, worse });
}
if (values.record)
  recordRows(
    "lisp-larceny",
    {
      title: "AstraLisp: Larceny's tests of R7RS",
      command: "npm run conformance:lisp-larceny -- --dir FOLDER --record",
    },
    rows,
  );
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function runPart(engine: Engine, part: string): Outcome {
  const main = readFileSync(join(suite, `tests/scheme/run/${part}.sps`), "utf8");
  // Its files are looked for in the current folder, which the tests write to.
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
  const home = process.cwd();
  try {
    cpSync(suite, folder, { recursive: true });
    process.chdir(folder);
    const run = runnerOf(engine, main, part, folder);
    let first = outcomeOf(run([]).output);
    // It asks that a second is seen to end within a tenth of one, which a busy host may spend on others.
    for (let again = 0; part === "time" && first.failures.length > 0 && again < 9; again++)
      first = outcomeOf(run([]).output);
    if (part !== "process-context") return first;
    process.env["STRATOS_LARCENY"] = "2776e8e";
    const environment = outcomeOf(run(["--test-getenv", "STRATOS_LARCENY", "2776e8e"]).output);
    delete process.env["STRATOS_LARCENY"];
    const exits = EXITS.flatMap(([args, wanted]) => {
      const { status, output } = run(args);
      if (status === wanted) return [];
      return [
        { expression: args.join(" "), text: `${args.join(" ")}: ended with ${status}, not ${wanted}\n${output}` },
      ];
    });
    return {
      ran: first.ran + environment.ran + EXITS.length,
      failures: [...first.failures, ...environment.failures, ...exits],
    };
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Ended {
  readonly output: string;
  readonly status: number | null;
}

function runnerOf(engine: Engine, text: string, part: string, folder: string): (args: readonly string[]) => Ended {
  const file = `tests/scheme/run/${part}.sps`;
  if (engine === "interpreter" || engine === "wasm") return (args) => runHere(engine, text, file, args);
  const target: NativeTarget = engine;
  let program: Uint8Array;
  try {
    program = nativeSession(new Lisp({ system: nodeSystem([]), findLibrary })).buildNative(text, file, [target])[
      target
    ];
  } catch (error) {
    return () => ({ output: `${error instanceof Error ? error.message : String(error)}\n`, status: 70 });
  }
  return (args) => runNative(target, program, { file: join(folder, "program"), cwd: folder, args });
}

function runHere(engine: "interpreter" | "wasm", text: string, file: string, args: readonly string[]): Ended {
  const output: string[] = [];
  const sink = {
    write: (bytes: Uint8Array) => void output.push(Buffer.from(bytes).toString()),
    flush: () => {},
    close: () => {},
  };
  const system = { ...nodeSystem([file, ...args]), standardOutput: sink, standardError: sink };
  const lisp = new Lisp({ system, findLibrary });
  try {
    (engine === "wasm" ? new CompiledLisp(lisp, { wasm: new NodeWasmEngine() }) : lisp).runProgram(text, file);
    return { output: output.join(""), status: 0 };
  } catch (error) {
    if (error instanceof ExitRequest) return { output: output.join(""), status: error.status };
    output.push(`\n${lisp.describe(error) ?? (error instanceof Error ? error.stack : String(error))}\n`);
    return { output: output.join(""), status: 70 };
  }
}

function findLibrary(name: readonly (string | number)[]): ReturnType<typeof own> {
  const srfi = name[0] === "scheme" ? LARGE[String(name[1])] : undefined;
  if (srfi === undefined) return name[0] === "tests" ? tests(name) : own(name);
  // One library under two names, or its records would be of two types.
  const names = /\(export\s([^()]*)\)/u.exec(own(["srfi", srfi])!.text)![1]!;
  return { text: `(define-library (scheme ${name[1]}) (import (srfi ${srfi})) (export ${names}))`, file: "alias.sld" };
}

/** `N tests passed`, or `N of M tests failed.` after what failed; else it did not come to its end. */
function outcomeOf(output: string): Outcome {
  const all = /^(\d+) tests passed$/m.exec(output);
  if (all !== null) return { ran: Number(all[1]), failures: [] };
  const some = /^(\d+) of (\d+) tests failed\.$/m.exec(output);
  if (some === null) return { ran: 0, failures: [{ expression: "(end)", text: output.trim() }] };
  const failures = output
    .split(/^Expression:\n /m)
    .slice(1)
    .map((text) => ({ expression: text.slice(0, text.indexOf("\n")), text: text.trim() }));
  return { ran: Number(some[2]), failures };
}

/** Lines `PART EXPRESSION`, `native` before those of native programs alone, each after a reason in a comment. */
function readKnown(engine: Engine): ReadonlySet<string> {
  const isNative = engine !== "interpreter" && engine !== "wasm";
  const lines = readFileSync(join(import.meta.dirname, "lisp/larceny-expected.txt"), "utf8").split("\n");
  const counted = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return new Set(counted.flatMap((line) => (!line.startsWith("native ") ? [line] : isNative ? [line.slice(7)] : [])));
}
