/**
 * Goal: futures give the same wherever they run: in place (interpreter), as versions of the heap, in copies of it; with
 * a seed in the seed's order; and a copy goes on from a heap in any state of its collector. Method: programs whose
 * output tells, on each; threads are engines that are made of what the first one gives, in this thread.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "./compiled-session.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { FutureThreads, RunningHeap } from "./heap/running-heap.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { makeLisp, type RunOptions } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const IMPORTS =
  "(import (scheme base) (scheme write) (scheme eval) (scheme process-context) (stratos futures) (stratos memory))";
const HEAD = `${IMPORTS}
(define (show . all) (for-each (lambda (x) (write x) (display " ")) all) (newline))
(define (told f)
  (guard (e ((error-object? e) (cons (error-object-message e) (error-object-irritants e))) (#t e)) (touch f)))
`;

/** A copy of the heap answers at once, in an engine of its own. */
class CopiedHeaps implements FutureThreads {
  readonly count = 1;
  isFree = true;
  started = 0;
  readonly #options: Partial<EngineOptions>;
  constructor(options: Partial<EngineOptions>) {
    this.#options = options;
  }

  start(heap: RunningHeap): ReturnType<FutureThreads["start"]> {
    this.started++;
    // As a thread gets it: nothing is shared but code.
    const { low, modules, ...data } = heap;
    const running = { low, modules, ...structuredClone(data) };
    const { lisp } = makeLisp();
    const { engine } = new CompiledLisp(lisp, {
      wasm: testWasmEngine,
      image: runtimeImage(),
      ...this.#options,
      running,
    });
    const outcome = engine.answerAsFuture();
    return { wait: () => outcome, close: () => {} };
  }
}

type Where = "interpreter" | "versions" | "copies";

function run(text: string, where: Where, options: RunOptions = {}, engine: Partial<EngineOptions> = {}): string {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary, ...options });
  const futures = where === "copies" ? new CopiedHeaps(engine) : null;
  const compiled = { wasm: testWasmEngine, image: runtimeImage(), ...engine, futures };
  const runner = where === "interpreter" ? lisp : new CompiledLisp(lisp, compiled);
  try {
    runner.runProgram(`${HEAD}${text}`, "test.scm");
  } catch (error) {
    return `${output()}error: ${lisp.describe(error)}`;
  }
  if (futures !== null) assert.ok(futures.started > 0, "some future ran in a copy");
  return output();
}

const VALUES = `
(define-record-type point (make-point x) point? (x point-x))
(define items (vector 1 "two" #\\3))
(show (touch (future (list items 4.5 1/3 (expt 7 100) (string->symbol "a b") (bytevector 1 2)))))
(show (told (future (car 5))) (told (future (raise 'bang))) (told (future (error "no" 1 "x"))))
(show (told (future (lambda (x) x))) (told (future (raise (make-point 1)))))
(show (par-map (lambda (x) (* x x)) '(1 2 3 4 5 6 7 8 9 10 11)) (par-map car '()))
(define f (future 7))
(show (touch f) (touch f) (future-ready? f) (future? f) (future? 7))
(define shared (touch (future (let ((l (list 1 2))) (list l l)))))
(show (eq? (car shared) (cadr shared)))
(show (touch (future (touch (future (+ 1 (touch (future 1))))))))
(define p (make-parameter 1))
(show (parameterize ((p 2)) (touch (future (p)))))
(show (eq? (if #f #f) (touch (future (vector-set! items 0 1)))) (touch (future (if #f #f) 5)))
(show (told 5))`;

const UNREADABLE = `"touch: what the future gave is no datum that can be read:"`;
const EXPECTED = `(#(1 "two" #\\3) 4.5 1/3 ${7n ** 100n} |a b| #u8(1 2)) 
("car: expected a pair, got" 5) bang ("no" 1 "x") 
(${UNREADABLE} "(value #<procedure>)") (${UNREADABLE} "(raised #<point x: 1>)") 
(1 4 9 16 25 36 49 64 81 100 121) () 
7 7 #t #t #f 
#t 
2 
2 
#t 5 
("touch: expected a future, got" 5) 
`;

test("futures give copies of data, and errors, wherever they run", () => {
  const words = (text: string): string => text.replaceAll(/#<procedure[^>]*>/g, "#<procedure>");
  for (const where of ["interpreter", "versions", "copies"] as const)
    assert.equal(words(run(VALUES, where)), EXPECTED, where);
  assert.equal(words(run(VALUES, "copies", {}, { debug: "verify" })), EXPECTED);
  assert.equal(words(run(VALUES, "versions", { system: { seed: 3 } })), EXPECTED);
  assert.equal(words(run(VALUES, "interpreter", { system: { seed: 3 } })), EXPECTED);
});

const ALONE = `
(define items (vector 1 2 3))
(define f (future (vector-set! items 0 'own) items))
(vector-set! items 1 'main)
(show items (vector-ref (touch f) 0))
(define before (future (vector-ref items 1)))
(vector-set! items 1 'later)
(show (touch before))
(show (told (future (exit 3))))
(show items)`;

test("neither a future nor who made it sees what the other changes; one that exits ends alone", () => {
  for (const [where, seed] of [
    ["versions", null],
    ["versions", 5],
    ["copies", null],
  ] as const)
    assert.match(
      run(ALONE, where, { system: { seed } }),
      /^#\(1 main 3\) own \nmain \n\("touch: the future has ended:" ".*"\) \n#\(1 later 3\) \n$/,
      `${where} ${seed}`,
    );
});

test("a future touches those that were made before it, and so does who made it, in whatever order", () => {
  const text = `
    (define one (future (+ 1 2)))
    (define two (future (+ 10 (touch one))))
    (define three (future (list (touch one) (touch two) (future? two))))
    (define four (future (touch (future (+ 100 (touch two))))))
    (show (touch two) (touch one) (touch four) (touch three) (touch one) (touch two))`;
  for (const where of ["interpreter", "versions", "copies"] as const)
    for (const seed of [null, 1, 2, 3])
      if (where !== "copies" || seed === null)
        assert.equal(run(text, where, { system: { seed } }), "13 3 113 (3 13 #t) 3 13 \n", `${where} ${seed}`);
});

test("with a seed futures run in an order of the seed's when one is touched, on both engines", () => {
  const text = `(define all (map (lambda (n) (future (display n) n)) '(0 1 2 3 4 5 6 7)))
    (display "|") (show (map touch all))`;
  const seeded = (seed: number, where: Where): string => run(text, where, { system: { seed } });
  const first = seeded(1, "versions");
  assert.match(first, /^\|[0-7]{8}\(0 1 2 3 4 5 6 7\) \n$/);
  assert.equal(seeded(1, "versions"), first);
  assert.equal(seeded(1, "interpreter"), first);
  assert.ok([2, 3, 4].some((seed) => seeded(seed, "versions") !== first));
  assert.equal(run(text, "versions"), "01234567|(0 1 2 3 4 5 6 7) \n");
});

extendedTest("a copy goes on from a heap that is being marked and swept, with what it knows by identity", () => {
  // What is made in rounds leaves holes; each future begins at another point of the collector's work.
  const text = `
    (import (srfi 69))
    (define table (make-hash-table eq?))
    (define keys (let loop ((i 0) (l '())) (if (= i 300) l (loop (+ i 1) (cons (string #\\a) l)))))
    (let loop ((l keys) (i 0)) (unless (null? l) (hash-table-set! table (car l) i) (loop (cdr l) (+ i 1))))
    (define kept (make-vector 2000 '()))
    (define (work! n)
      (let loop ((i 0)) (when (< i n)
        (vector-set! kept (modulo (* 7919 i) 2000) (make-vector (modulo i 90) (list i (make-string 3 #\\b))))
        (loop (+ i 1)))))
    (define (sum)
      (let loop ((i 0) (s 0))
        (if (= i 2000) s
            (loop (+ i 1) (let ((v (vector-ref kept i)))
              (if (and (vector? v) (> (vector-length v) 0))
                  (modulo (+ (* 31 s) (* i (car (vector-ref v 0))) (vector-length v)) 1000003) s))))))
    (define (found) (apply + (map (lambda (k) (hash-table-ref table k (lambda () 'lost))) keys)))
    (let rounds ((n 0)) (when (< n 12)
      (work! (+ 3000 (* n 777)))
      (let* ((own (sum))
             (told (touch (future
               (let ((s (sum)) (f (found))) (work! 30000) (collect-garbage) (list s f (found)))))))
        (unless (equal? told (list own 44850 44850)) (show 'differs n own told)))
      (rounds (+ n 1))))
    (show (found))`;
  assert.equal(run(text, "copies", {}, { memoryBytes: 128 << 20 }), "44850 \n");
  assert.equal(run(text, "copies", {}, { memoryBytes: 128 << 20, debug: "verify" }), "44850 \n");
});

test("a future has no expander, and says so; what its program prints is printed", () => {
  assert.match(
    run(`(show (told (future (eval '(+ 1 2) (environment '(scheme base))))))`, "copies"),
    /^\("eval: a future has no expander/,
  );
});
