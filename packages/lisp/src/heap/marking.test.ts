/**
 * Goal: the old generation is marked and swept in slices between which the program goes on, and nothing is lost that
 * it reaches. Method: a graph that is changed at random, beside the same in JavaScript; the old generation is marked
 * all the time, and the heap is proved after each collection. Native programs:
 * tests/lisp-marking.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CompiledLisp } from "../compiled-session.ts";
import { makeLisp } from "../testing/run.ts";
import { type MutationOptions, mutationLines, mutationProgram } from "../testing/mutated-graph.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";
import { Phase, Register } from "./layout.ts";

const seed = 1 + (Date.now() % 2 ** 30);

interface Run {
  readonly output: string;
  readonly session: CompiledLisp;
}

/** Runs a program while the old generation is marked by so many words in a slice, and anew as soon as it was swept. */
function run(text: string, options: { slice: number; isVerified: boolean; mebibytes: number }): Run {
  const { lisp, output } = makeLisp();
  const session = new CompiledLisp(lisp, {
    wasm: testWasmEngine,
    memoryBytes: options.mebibytes * 1024 * 1024,
    nurseryBytes: 512 * 1024,
    image: null,
    ...(options.isVerified ? { debug: "verify" } : {}),
  });
  const { heap } = session.engine;
  for (const register of [Register.oldThreshold, Register.leastThreshold]) heap.set(register, 0);
  heap.set(Register.slice, options.slice);
  session.runProgram(text, "test.scm");
  return { output: output(), session };
}

test("a graph that is changed while it is marked is what a model says", () => {
  for (const [slice, isVerified, mutationsPerRound] of [
    [300, true, 10_000],
    [40_000, true, 15_000],
    [20_000, false, 150_000],
  ] as const) {
    const options: MutationOptions = { seed, rows: 40, columns: 150, rounds: 4, mutationsPerRound };
    const { output, session } = run(mutationProgram(options), { slice, isVerified, mebibytes: 96 });
    assert.deepEqual(output.trim().split("\n"), mutationLines(options), `seed ${seed}, slices of ${slice}`);
    const { majorCount, markCount } = session.engine.statistics;
    // The smallest slices are in no time for all that is allocated.
    if (slice > 300) assert.ok(majorCount === 0 && markCount > 0, `${majorCount} copied, ${markCount} marked`);
  }
});

test("guardians and ephemerons need no collection that copies", () => {
  const text = `
    (import (scheme base) (scheme write) (stratos memory) (srfi 124))
    (define guardian (make-guardian))
    (define keys '())
    (define (watch i)
      (let ((key (list 'key i)))
        (set! keys (cons key keys))
        (guardian key)
        (make-ephemeron (list 'other i) (list 'datum i))))
    (define kept-key (list 'kept))
    (define kept (make-ephemeron kept-key (list 'of kept-key)))
    (define watched (let loop ((i 0) (l '())) (if (= i 50) l (loop (+ i 1) (cons (watch i) l)))))
    (define table (make-vector 20000 0))
    (define (churn)
      (do ((i 0 (+ i 1))) ((= i 900000))
        (vector-set! table (modulo (* i 7919) 20000) (if (= 0 (modulo i 3)) (list i i) i))))
    (define (given) (let loop ((n 0)) (if (guardian) (loop (+ n 1)) n)))
    (churn)
    (define early (given))
    (set! keys '())
    (churn)
    (define (broken l) (if (null? l) 0 (+ (if (ephemeron-broken? (car l)) 1 0) (broken (cdr l)))))
    (write (list early (given) (broken watched) (ephemeron-broken? kept) (car (cadr (ephemeron-datum kept)))))`;
  const { output, session } = run(text, { slice: 100_000, isVerified: true, mebibytes: 96 });
  assert.equal(output, "(0 50 50 #f kept)");
  const { majorCount, markCount } = session.engine.statistics;
  assert.ok(majorCount === 0 && markCount > 1, `${majorCount} copied, ${markCount} marked`);
});

test("more fields change between two collections than are noted", () => {
  const text = `
    (import (scheme base) (scheme write))
    (define size 400000)
    (define items (make-vector size 0))
    (do ((i 0 (+ i 1))) ((= i size)) (vector-set! items i (list i)))
    (define marks (make-vector (quotient size 40) 0))
    (define (turn! n young) ; Makes no data.
      (let loop ((i 0))
        (if (< i (- size n 1))
            (let ((x (vector-ref items i)))
              (vector-set! items i (vector-ref items (+ i n)))
              (vector-set! items (+ i n) x)
              (if (= 0 (modulo i 40)) (vector-set! marks (quotient i 40) young))
              (loop (+ i 1))))))
    (do ((round 0 (+ round 1))) ((= round 6))
      (turn! (+ 1 round) (list round))
      (do ((i 0 (+ i 1))) ((= i 100000)) (vector-set! items (modulo (* i 7) size) (list i)))
      (do ((i 0 (+ i 1))) ((= i 9000)) (if (not (equal? (vector-ref marks i) (list round))) (write i)))
      (let ((young (list 'young))) (vector-fill! items young 0 300000))
      (do ((i 0 (+ i 1))) ((= i 300000)) (vector-set! items i (list i))))
    (write (let loop ((i 0) (sum 0)) (if (= i size) sum (loop (+ i 1) (+ sum (car (vector-ref items i)))))))
    (write (vector-ref marks 7))`;
  const { lisp, output } = makeLisp();
  // Little is allocated beside what makes the old generation be marked.
  new CompiledLisp(lisp, { wasm: testWasmEngine, memoryBytes: 512 * 1024 * 1024 }).runProgram(text, "test.scm");
  const own = run(text, { slice: 30_000, isVerified: false, mebibytes: 256 });
  assert.equal(own.output, output());
  // Where more is young than may be noted the marking begins anew, so that it goes on to the end.
  assert.equal(own.session.engine.heap.get(Register.phase), Phase.marking);
});

test("large objects, and those between small and large, take the place of others that were lost", () => {
  const text = `
    (import (scheme base) (scheme write))
    (define table (make-vector 40 #f))
    (define (item i) (case (modulo i 3)
      ((0) (make-vector (+ 40000 (* 10 (modulo i 97))) i))
      ((1) (make-bytevector (+ 300 (modulo (* i 37) 9000)) (modulo i 256)))
      (else (make-vector (+ 40 (modulo i 500)) (list i)))))
    (define (first x) (if (vector? x) (vector-ref x 1) (bytevector-u8-ref x 1)))
    (define (check i x) (equal? (first x) (case (modulo i 3) ((0) i) ((1) (modulo i 256)) (else (list i)))))
    (define kept (make-vector 40 -1))
    (do ((i 0 (+ i 1))) ((= i 12000))
      (let ((at (modulo (* i i 31) 40)))
        (if (and (>= (vector-ref kept at) 0) (not (check (vector-ref kept at) (vector-ref table at)))) (write i))
        (vector-set! kept at i)
        (vector-set! table at (item i))))
    (write 'done)`;
  const { output, session } = run(text, { slice: 100_000, isVerified: false, mebibytes: 128 });
  assert.equal(output, "done");
  const { majorCount, markCount, oldBytes } = session.engine.statistics;
  assert.ok(majorCount === 0 && markCount > 5, `${majorCount} copied, ${markCount} marked`);
  assert.ok(oldBytes < 40 * 1024 * 1024, `${oldBytes} bytes in use`);
});
