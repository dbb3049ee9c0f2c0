/**
 * Random expressions, evaluated here, by Guile and by Chez Scheme, or, with `--target`, by native programs:
 *
 *     npm run conformance:lisp-peers -- [--seed N] [--count N] [--record]
 *     npm run conformance:lisp-peers -- [--seed N] [--count N] --target all|NAME,NAME… [--load]
 *
 * An expression counts as failed when both peers agree with each other and not with us: Guile is asked where Chez says
 * something else than we do. Where they differ from each other, nothing is counted. `--record` keeps the answers of
 * the first ones for the test without peers. A native program must say what the interpreter says, or that it is not
 * served there; with `--load` it is one that loads them, so that its evaluator does. The last line is `N passed, N
 * failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { closedSystem, Lisp, type NativeTarget } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { programOf, randomExpression } from "../packages/lisp/src/testing/random-program.ts";
import { nativeSession, runNative, targetsOf } from "./lisp/native.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "2000" },
    record: { type: "boolean" },
    target: { type: "string" },
    load: { type: "boolean" },
  },
});
const BATCH = 4000;
const RECORDED = 300;
const RECORD = join(import.meta.dirname, "../packages/lisp/src/testing/peer-answers.json");
const targets = targetsOf(values.target);
const random = new SeededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
/** Lambdas become machine code at their second call. */
const LOADING = `(import (scheme load) (stratos evaluation-machine)) (machine-code-after! 0) (load "random.scm")`;
let loaders: Record<NativeTarget, Uint8Array> | null = null;
let passed = 0,
  failed = 0,
  open = 0;
const recorded: [expression: string, answer: string][] = [];
for (let left = Number(values.count); left > 0; left -= BATCH) {
  const expressions = Array.from({ length: Math.min(BATCH, left) }, () => randomExpression(random));
  const program = programOf(expressions);
  if (targets !== null) {
    compareNative(expressions, program, targets);
    continue;
  }
  const mine = ours(program),
    chez = peer("chezscheme", ["--script"], program);
  const asked = [...expressions.keys()].filter((index) => values.record || mine[index] !== chez[index]);
  const guile = guiles(asked.map((index) => expressions[index]!));
  const ofGuile = new Map(asked.map((index, at) => [index, guile[at]]));
  for (const [index, expression] of expressions.entries()) {
    const [a, c] = [mine[index], chez[index]];
    const b = ofGuile.has(index) ? ofGuile.get(index) : c;
    if (b !== c) {
      open++;
      continue;
    }
    if (recorded.length < RECORDED && c !== "err") recorded.push([expression, `${c}`]);
    if (a === b) passed++;
    else {
      failed++;
      console.log(`FAILED ${expression}\n  ours  ${a}\n  peers ${b}`);
    }
  }
}
rmSync(folder, { recursive: true });
if (values.record) writeFileSync(RECORD, `${JSON.stringify(recorded, null, 1)}\n`);
console.log(
  `seed ${values.seed}; ` +
    (targets === null
      ? `where Chez differs from us, Guile differs from it on ${open}`
      : `${open} need what native programs do not have`),
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function compareNative(expressions: readonly string[], program: string, names: readonly NativeTarget[]): void {
  const expected = ours(program);
  const text = tellingOfUnserved(program);
  const programs =
    values.load === true ? loading(names) : nativeSession(new Lisp({})).buildNative(text, "random.scm", names);
  writeFileSync(join(folder, "random.scm"), text);
  for (const name of names) {
    const { output } = runNative(name, programs[name], { file: join(folder, name), cwd: folder });
    const lines = output.split("\n");
    for (const [index, expression] of expressions.entries()) {
      if (lines[index] === "unserved") open++;
      else if (lines[index] === expected[index]) passed++;
      else {
        failed++;
        console.log(`FAILED ${name} ${expression}\n  native      ${lines[index]}\n  interpreter ${expected[index]}`);
      }
    }
  }
}

/** Programs that load what stands beside them. */
function loading(names: readonly NativeTarget[]): Record<NativeTarget, Uint8Array> {
  const lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) });
  return (loaders ??= nativeSession(lisp).buildNative(LOADING, "load.scm", names));
}

/** What native programs do not have raises an error that says so. */
function tellingOfUnserved(program: string): string {
  return (
    `(define (unserved? e)
      (and (error-object? e)
           (let* ((message (error-object-message e)) (words "served in native programs") (n (string-length words)))
             (let loop ((i 0))
               (and (<= (+ i n) (string-length message))
                    (or (string=? (substring message i (+ i n)) words) (loop (+ i 1))))))))
` + program.replaceAll("(write (guard (e (#t 'err))", "(write (guard (e ((unserved? e) 'unserved) (#t 'err))")
  );
}

function ours(program: string): string[] {
  const parts: string[] = [];
  const lisp = new Lisp({
    system: closedSystem({
      standardOutput: {
        write: (bytes) => void parts.push(Buffer.from(bytes).toString()),
        flush: () => {},
        close: () => {},
      },
    }),
  });
  lisp.runProgram(program, "random.scm");
  return parts.join("").split("\n");
}

function guiles(expressions: readonly string[]): string[] {
  if (expressions.length === 0) return [];
  return peer(
    "guile",
    ["--no-auto-compile"],
    "(use-modules (srfi srfi-34) (srfi srfi-11) (rnrs base))\n(define exact inexact->exact) (define inexact " +
      `exact->inexact)\n${programOf(expressions)}`,
  );
}

function peer(command: string, args: readonly string[], program: string): string[] {
  const file = join(folder, `${command}.scm`);
  writeFileSync(file, program);
  const { stdout, error } = spawnSync(command, [...args, file], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 3_600_000,
  });
  if (error !== undefined) throw new Error(`${command}: ${error.message} (apt-get install guile-3.0 chezscheme)`);
  return stdout.split("\n");
}
