/**
 * Goal: in a native program, too, a full heap is an error that handlers take, and one whose handlers fill it again ends
 * with words, what it wrote before included. Method: programs that set themselves a small heap, on each processor.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isExtended } from "@stratos/base/testing";
import { EMULATORS, someTargets } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const HEAP_FULL = "out of memory: the heap is full";
const TARGETS = isExtended ? (["rv64", "x86_64", "ppc64le"] as const) : (["x86_64"] as const);

const WAYS = [
  "(let loop ((l '())) (loop (cons 1 l)))",
  "(let loop ((l '())) (loop (cons (make-vector 100 l) l)))",
  "(let loop ((v (vector 1))) (loop (vector-append v v)))",
  '(let loop ((s "ab")) (loop (string-append s s)))',
  "(let loop ((l '())) (loop (cons (number->string 1.5) l)))",
  "(let loop ((l '()) (n 3)) (loop (cons n l) (* n 3)))",
  "(let loop ((l '()) (x 1.5)) (loop (cons (* x 1.5) l) (+ x 1.0)))",
  "(let loop ((f (lambda () 1))) (loop (lambda () f)))",
  "(let deep ((n 0)) (+ 1 (deep (+ n 1))))",
  "(let deep ((l '(1 2 3))) (apply + (map (lambda (x) (deep l)) l)))",
  "(let loop ((l '())) (loop (cons (call/cc (lambda (k) k)) l)))",
  "(let deep ((n 0)) (dynamic-wind (lambda () #f) (lambda () (+ 1 (deep (+ n 1)))) (lambda () #f)))",
  "(make-vector 90000000 1)",
  "(let ((v (make-vector 500000 1))) (apply vector-append (make-list 1100 v)))",
];

const START = `
  (import (scheme base) (scheme write) (srfi 18) (stratos memory))
  (define (show x) (display x) (newline))
  (define (try thunk) (guard (e ((out-of-memory? e) (error-object-message e))) (thunk)))
  (define keep '())
  (define (fill!) (set! keep (cons 1 keep)) (fill!))
  (heap-limit 20000000)`;

const CAUGHT = `${START}
  ${WAYS.map((way) => `(show (try (lambda () ${way}))) (show (length (make-list 600000 1)))`).join("\n")}
  (define bad (thread-start! (make-thread (lambda () (let loop ((l '())) (loop (cons 1 l)))))))
  (define (busy) (let loop ((i 0)) (thread-yield!) (if (< i 1000) (loop (+ i 1)) i)))
  (define good (thread-start! (make-thread busy)))
  (show (guard (e ((uncaught-exception? e) (out-of-memory? (uncaught-exception-reason e)))) (thread-join! bad)))
  (show (thread-join! good))
  (show (guard (e ((error-object? e) (error-object-message e))) (heap-limit 100)))`;
const CAUGHT_OUTPUT =
  `${HEAP_FULL}\n600000\n`.repeat(WAYS.length) +
  "#t\n1000\nheap-limit: expected a number of bytes, at least 1048576, got\n";

/** Programs that end, with what they tell last. */
const ENDING = [
  [`${START} (display "before") (fill!)`, `stratos: ${HEAP_FULL}\n`],
  [
    `${START} (display "before") (with-exception-handler (lambda (e) (fill!)) fill!)`,
    `stratos: ${HEAP_FULL}, and so is what was kept for handlers of that\n`,
  ],
] as const;

const caught = nativeLisp().buildNative(CAUGHT, "t", TARGETS);
const ending = ENDING.map(([text, words]) => {
  const targets = someTargets();
  return { targets, programs: nativeLisp().buildNative(text, "t", targets), words };
});
const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-heap-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const target of TARGETS) {
  const emulator = EMULATORS[target];
  test(
    `a full heap is an error that handlers take, by ${target}`,
    { skip: emulator === null && "no such host" },
    () => {
      const run = (program: Uint8Array): { stdout: string; stderr: string; status: number | null } => {
        const file = join(folder, target);
        writeFileSync(file, program, { mode: 0o755 });
        const [command, ...args] = [...emulator!, file];
        return spawnSync(command!, args, { encoding: "utf8" });
      };
      const { stdout, stderr, status } = run(caught[target]);
      assert.deepEqual(stdout.split("\n"), CAUGHT_OUTPUT.split("\n"), stderr);
      assert.equal(status, 0);
      for (const { targets, programs, words } of ending) {
        if (!targets.includes(target)) continue;
        const ended = run(programs[target]);
        assert.deepEqual([ended.stdout, ended.stderr, ended.status], ["before", words, 1]);
      }
    },
  );
}
