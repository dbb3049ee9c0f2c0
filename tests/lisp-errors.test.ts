/**
 * Goal: procedures of the system that are given anything do the same on each engine: they give the same value, or raise
 * an error of the same kind, which is none of the engine's own. Method: random calls of all procedures that take data.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { standardExports } from "../packages/lisp/src/library/standard.ts";
import { makeLisp } from "../packages/lisp/src/testing/run.ts";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, type Lisp } from "@stratos/lisp";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const LIBRARIES = [
  "(scheme base)",
  "(scheme char)",
  "(scheme complex)",
  "(scheme cxr)",
  "(scheme inexact)",
  "(scheme lazy)",
  "(stratos base)",
  "(stratos memory)",
];
/** They read, write, end, wait, tell what differs, call procedures with the rest of the program, or take long. */
const LEFT_OUT = `call/cc call-with-current-continuation call-with-port char-ready? collect-garbage
  current-error-port current-input-port current-output-port dynamic-wind error expand features flush-output
  flush-output-port fresh-line gc-statistics generate-uninterned-symbol heap-limit make-guardian make-list newline
  nursery-size peek-char peek-u8 raise raise-continuable read-bytevector read-bytevector! read-char read-line
  read-string read-u8 string->uninterned-symbol the-environment u8-ready? void with-exception-handler write-bytevector
  write-char write-string write-u8`.split(/\s+/);
const OPERANDS =
  String.raw`0; 1; -1; 2; 3; 7; 100; 256; 1/2; -7/3; 1.5; -0.0; +inf.0; 1e10; 123456789012345678901234567890; 1+2i
  '(); '(1 2 3); '(a . b); '((1 . 2) (3 . 4)); (list #\a #\b); (list #(1) "x"); ""; "lit"; (string-copy "abc"); #\a; #\λ
  'sym; #t; #f; (vector 1 2 3); #(1 2); (vector); (bytevector 1 2 3); (bytevector); car; (lambda (x y) (list x y))
  (if #f #f); (eof-object); (make-parameter 1); (delay 1)`.split(/;? *\n *|; /u);

const random = new SeededRandom(Number(process.env["STRATOS_SEED"] ?? 1128));
const pick = (): string => OPERANDS[random.below(OPERANDS.length)]!;
const names = LIBRARIES.flatMap((library) => [...standardExports(library)!])
  .filter(([name, { kind }]) => kind === "global" && !LEFT_OUT.includes(name))
  .map(([name]) => name);
const calls = names.flatMap((name) =>
  [0, 1, 2].map(() => {
    const count = random.below(5) === 0 ? random.below(5) : 1 + random.below(3);
    return `(${[name, ...Array.from({ length: count }, pick)].join(" ")})`;
  }),
);

const program = `(import ${LIBRARIES.join(" ")} (scheme write))
  (define (show x)
    (cond ((procedure? x) (display "#procedure")) ((or (port? x) (promise? x)) (display "#object"))
          ((vector? x) (display "#") (show (vector->list x)))
          ((pair? x) (display "(") (show (car x)) (display " . ") (show (cdr x)) (display ")"))
          (else (write x))))
  (define (probe thunk)
    (call-with-values
      (lambda ()
        (guard (e ((error-object? e) (display "error ") (display (error-object-kind e)) (display ": ")
                   (display (error-object-message e)))
                  (#t (display "raised ") (show e)))
          (thunk)))
      (lambda all (for-each (lambda (x) (if (not (eq? x (if #f #f))) (show x))) all)))
    (newline))
  ${calls.map((call) => `(probe (lambda () ${call}))`).join("\n")}`;

const expected = linesOf((lisp) => lisp.runProgram(program, "t"));

function linesOf(run: (lisp: Lisp) => unknown): string[] {
  const { lisp, output } = makeLisp();
  try {
    run(lisp);
  } catch (error) {
    throw new Error(lisp.describe(error) ?? "", { cause: error });
  }
  return output().split("\n").slice(0, -1);
}

function kindOf(line: string): string {
  return /^error (\w+):/.exec(line)?.[1] ?? line;
}

/** Where an operand is wrong and there are too many of them either may be said. */
function checkKinds(lines: readonly string[]): void {
  assert.equal(lines.length, calls.length, lines.at(-1));
  for (const [index, call] of calls.entries()) {
    const [own, wanted] = [lines[index]!, expected[index]!];
    assert.doesNotMatch(own, /wrong operands/, call);
    if (kindOf(own) === kindOf(wanted)) continue;
    assert.ok(own.startsWith("error ") && wanted.startsWith("error "), `${call}: ${own}; expected ${wanted}`);
    const kinds = [kindOf(own), kindOf(wanted)];
    assert.ok(kinds.includes("arity") || kinds.includes("range"), `${call}: ${own}; expected ${wanted}`);
  }
}

test("compiled, each call gives the same value or kind of error as interpreted", () => {
  checkKinds(linesOf((lisp) => new CompiledLisp(lisp, { wasm: new NodeWasmEngine() }).runProgram(program, "t")));
});

const [command, ...args] = EMULATORS.x86_64 ?? EMULATORS.rv64!;
extendedTest("a native program's calls do, too, in the same words but for names of procedures", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-errors-"));
  try {
    const file = join(folder, "program");
    const target = EMULATORS.x86_64 === null ? "rv64" : "x86_64";
    writeFileSync(file, nativeLisp().buildNative(program, "t", [target])[target], { mode: 0o755 });
    const words = [...(command === undefined ? [] : [command]), ...args, file];
    const { stdout, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: "utf8", maxBuffer: 1 << 26 });
    assert.equal(stderr, "");
    checkKinds(stdout.split("\n").slice(0, -1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
