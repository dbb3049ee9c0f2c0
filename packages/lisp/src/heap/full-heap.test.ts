/**
 * Goal: a program whose heap is full is told so by an error that its handlers take, wherever it needs memory, again and
 * again, and one whose handlers fill the heap too ends with words. Method: heaps of a few MiB are filled in every way
 * that there is; the heap is proved after each collection, and where that is quick there is one at each allocation.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "../compiled-session.ts";
import { itemsOf } from "../datum/datum.ts";
import type { EngineOptions } from "../engine-options.ts";
import { findOwnLibrary } from "../testing/own-libraries.ts";
import { makeLisp, type RunOptions } from "../testing/run.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";
import { HEAP_FULL, RESERVE_FULL } from "../datum/condition.ts";
import { Register } from "./layout.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SMALL = { wasm: testWasmEngine, nurseryBytes: 512 * KIB, memoryBytes: 20 * MIB } as const;
const image = new CompiledLisp(makeLisp().lisp, SMALL).engine.saveImage();

type Options = RunOptions & Partial<Omit<EngineOptions, "system">>;

function session({ debug, now, nurseryBytes, usedNurseryBytes, heapBytes, memoryBytes, ...options }: Options = {}): {
  compiled: CompiledLisp;
  output: () => string;
} {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary, ...options });
  const given = { debug, now, nurseryBytes, usedNurseryBytes, heapBytes, memoryBytes };
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { memoryBytes: usual, ...small } = SMALL;
  return {
    compiled: new CompiledLisp(lisp, {
      ...small,
      ...(heapBytes === undefined ? { memoryBytes: usual } : {}),
      image,
      ...own,
    }),
    output,
  };
}

const IMPORTS = "(import (scheme base) (scheme char) (scheme lazy) (scheme write) (stratos base) (stratos memory))";
const OWN = `
(define (show . words) (for-each display words) (newline))
(define (try thunk) (guard (e ((out-of-memory? e) (error-object-message e))) (thunk)))
(define keep '())
(define (grow l) (grow (cons (length '(1 2)) l)))
(define (fill!) (set! keep (cons 1 keep)) (fill!))
`;

/** @returns what the program wrote, and the words with which it ended unless it came to its end */
function run(text: string, { imports = "", ...options }: Options & { imports?: string } = {}): string {
  const { compiled, output } = session(options);
  try {
    compiled.runProgram(`${IMPORTS}${imports}${OWN}${text}`, "test.scm");
    return output();
  } catch (error) {
    return `${output()}error: ${compiled.lisp
      .describe(error)!
      .split("\n")[0]!
      .replace(/^test.scm:[\d:]+ /, "")}`;
  }
}

/** Each fills the heap by other objects. */
const WAYS: Record<string, string> = {
  "pairs": "(let loop ((l '())) (loop (cons 1 l)))",
  "vectors": "(let loop ((l '())) (loop (cons (make-vector 100 l) l)))",
  "large vectors": "(let loop ((l '())) (loop (cons (make-vector 50000 l) l)))",
  "vectors that grow": "(let loop ((v (vector 1))) (loop (vector-append v v)))",
  "strings": "(let loop ((l '())) (loop (cons (make-string 100 #\\a) l)))",
  "strings that grow": '(let loop ((s "ab")) (loop (string-append s s)))',
  "bytevectors that grow": "(let loop ((v (bytevector 1 2))) (loop (bytevector-append v v)))",
  "texts of the host": "(let loop ((l '())) (loop (cons (number->string 1.5) l)))",
  "large texts of the host": "(let loop ((s (make-string 1000 #\\a))) (loop (string-upcase (string-append s s))))",
  "integers": "(let loop ((l '()) (n 3)) (loop (cons n l) (* n 3)))",
  "doubles": "(let loop ((l '()) (x 1.5)) (loop (cons (* x 1.5) l) (+ x 1.0)))",
  "closures": "(let loop ((f (lambda () 1))) (loop (lambda () f)))",
  "frames": "(let deep ((n 0)) (+ 1 (deep (+ n 1))))",
  "frames of the runtime": "(let deep ((l '(1 2 3))) (apply + (map (lambda (x) (deep l)) l)))",
  "continuations": "(let loop ((l '())) (loop (cons (call/cc (lambda (k) k)) l)))",
  "parameters": "(let ((p (make-parameter 1))) (let deep ((n 0)) (parameterize ((p n)) (+ 1 (deep (+ n 1))))))",
  "what is left": "(let deep ((n 0)) (dynamic-wind (lambda () #f) (lambda () (+ 1 (deep (+ n 1)))) (lambda () #f)))",
  "handlers": "(let deep ((n 0)) (with-exception-handler (lambda (e) (raise e)) (lambda () (+ 1 (deep (+ n 1))))))",
  "values": "(let loop ((l '())) (loop (cons (call-with-values (lambda () (values l l l)) list) l)))",
  "arguments": "(let ((a (make-list 3000 1))) (let loop ((l '())) (loop (cons (apply list a) l))))",
  "promises": "(let loop ((p (delay 1))) (loop (delay (force p))))",
  "ports":
    '(let ((port (open-output-string))) (let loop ((l \'())) (write-string "ab" port) ' +
    "(loop (cons (get-output-string port) l))))",
  "guarded objects": "(let ((g (make-guardian))) (let loop ((l (list 1))) (g l) (loop (cons 1 l))))",
  "ephemerons": "(let loop ((l '())) (loop (cons (make-ephemeron l 1) l)))",
};

extendedTest("in whatever way the heap is filled a handler is told, twice, and all of it is there again", () => {
  const filled = (options: Options, rest: number): void => {
    const text = Object.entries(WAYS).map(
      ([name, way]) => `(for-each (lambda (again) (show "${name}: " (try (lambda () ${way})))) '(1 2))
        (show (length (make-list ${rest} 1)))`,
    );
    const expected = Object.keys(WAYS).map((name) => `${`${name}: ${HEAP_FULL}\n`.repeat(2)}${rest}\n`);
    assert.deepEqual(run(text.join("\n"), options).split("\n"), expected.join("").split("\n"));
  };
  filled({}, 200_000);
  filled({ debug: "verify", memoryBytes: 14 * MIB }, 20_000);
});

test("an object for which there is no room is refused, however large, and the heap is as it was", () => {
  const text = ["make-vector 2000000", "make-vector 99999999", "make-string 60000000", "make-bytevector 90000000"]
    .map((call) => `(show (try (lambda () (${call}))))`)
    .join(" ");
  assert.equal(run(text + "(show (length (make-list 200000 1)))"), `${`${HEAP_FULL}\n`.repeat(4)}200000\n`);
  const vectors = "(let ((v (make-vector 6000000 1))) (show (try (lambda () (apply vector-append (make-list 90 v))))))";
  assert.equal(run(vectors, { memoryBytes: 160 * MIB }), `${HEAP_FULL}\n`);
});

test("handlers run where the memory was asked for, with those outside of them, and what was entered is left", () => {
  const text = `
    (define p (make-parameter 0))
    (define out '())
    (define (note x) (set! out (cons x out)))
    (define (noting name thunk)
      (dynamic-wind (lambda () (note (list 'in name))) thunk (lambda () (note (list 'out name)))))
    (show (call/cc (lambda (k)
      (with-exception-handler
        (lambda (e) (note (list 'outer (p) (out-of-memory? e))) (k 'left))
        (lambda ()
          (noting 'a (lambda ()
            (parameterize ((p 1))
              (with-exception-handler
                (lambda (e) (note (list 'inner (p))) (raise e))
                (lambda () (noting 'b (lambda () (grow '())))))))))))))
    (show (reverse out) (p))
    (show (guard (e ((string? e) 'no) ((out-of-memory? e) (error-object-kind e)))
      (guard (e ((symbol? e) 'no)) (grow '()))))
    (show (guard (e (#t (error-object-message e))) (with-exception-handler (lambda (e) 1) (lambda () (grow '())))))`;
  assert.equal(
    run(text),
    "left\n((in a) (in b) (inner 1) (outer 1 #t) (out b) (out a))0\nmemory\n" +
      "a handler returned from an object that was raised by raise:\n",
  );
});

test("a handler has memory though nothing is freed, and all of the heap is used again when something was", () => {
  const text = `
    (define (told) (show (string-length (make-string 50000 #\\a))) (length keep))
    (define (filled) (guard (e ((out-of-memory? e) (told))) (fill!)))
    (define first (filled))
    (set! keep '())
    (define again (filled))
    (set! keep '())
    (define (keep-half! l) (if (pair? l) (if (pair? (cdr l)) (begin (set-cdr! l (cddr l)) (keep-half! (cdr l))))))
    (define third (filled))
    (keep-half! keep)
    (define (half) (make-vector (quotient first 2) 1))
    (show (try (lambda () (= (vector-length (half)) (quotient first 2)))))
    (set! keep '())
    (show (< 100000 first) (< (abs (- again first)) 40000) (< (abs (- third first)) 40000))`;
  assert.equal(run(text), "50000\n50000\n50000\n#t\n#t#t#t\n");
});

test("a handler that fills the heap again ends the program, with words", () => {
  const none = `error: ${HEAP_FULL}`;
  const none2 = `error: ${HEAP_FULL}${RESERVE_FULL}`;
  assert.equal(run("(grow '())"), none);
  assert.equal(run("(fill!)"), none);
  // What runs was left: there is room for a handler's own list, and then the next handler's turn.
  assert.equal(run("(with-exception-handler (lambda (e) (grow '())) (lambda () (grow '())))"), none);
  assert.equal(run("(with-exception-handler (lambda (e) (fill!)) fill!)"), none2);
  assert.equal(run("(let loop () (guard (e (#t (loop))) (fill!)))"), none2);
  assert.equal(run("(define (all) (with-exception-handler (lambda (e) (all)) fill!)) (all)"), none2);
  const deep = "(let deep ((n 0)) (guard (e ((string? e) 1)) (+ 1 (deep (+ n 1)))))";
  assert.match(run(deep), /^error: out of memory: the heap is full/);
});

extendedTest("a thread that fills the heap fails alone, and others go on", () => {
  const text = `
    (define (worker n)
      (lambda () (let loop ((i 0) (s 0)) (if (= i 1000) s (loop (+ i 1) (+ s (length (make-list n 1))))))))
    (define good (map (lambda (n) (thread-start! (make-thread (worker n)))) '(1 2 3)))
    (define bad (map (lambda (n) (thread-start! (make-thread (lambda () (grow '()))))) '(1 2 3)))
    (define (yielding) (let deep ((n 0)) (thread-yield!) (+ 1 (deep n))))
    (define wise (thread-start! (make-thread (lambda () (try yielding)))))
    (for-each (lambda (t) (show (guard (e ((uncaught-exception? e) (out-of-memory? (uncaught-exception-reason e))))
                                  (thread-join! t)))) bad)
    (for-each (lambda (t) (show (thread-join! t))) good)
    (show (thread-join! wise))`;
  const expected = `#t\n#t\n#t\n1000\n2000\n3000\n${HEAP_FULL}\n`;
  const imports = "(import (srfi 18))";
  assert.equal(run(text, { imports }), expected);
  for (const seed of [1, 2, 3]) assert.equal(run(text, { imports, system: { seed } }), expected);
});

test("a child of the heap that fills it fails alone", () => {
  const text = `
    (define (answer what) (case what ((grow) (grow '())) ((try) (try (lambda () (grow '())))) (else 7)))
    (define child (fork-heap answer))
    (show (guard (e ((error-object? e) (error-object-message e))) (heap-call child 'grow)))
    (show (heap-call child 'try))
    (show (heap-call child 'seven))
    (show (try (lambda () (grow '()))))
    (show (heap-call child 'seven))`;
  assert.equal(
    run(text, { imports: "(import (stratos heap))", memoryBytes: 32 * MIB }),
    `${HEAP_FULL}\n${HEAP_FULL}\n7\n${HEAP_FULL}\n7\n`,
  );
});

test("forms that come after one for which there was no memory find what was made before", () => {
  const { compiled } = session();
  const evaluate = (text: string): unknown => compiled.evaluateText(text, "test.scm");
  evaluate(`${IMPORTS}${OWN}`);
  for (let round = 0; round < 3; round++) {
    assert.throws(() => evaluate("(with-exception-handler (lambda (e) (fill!)) fill!)"), /the heap is full, and so/);
    assert.throws(() => evaluate("(fill!)"), /the heap is full/);
    // There is no more room for what is made than for a moment.
    assert.equal(evaluate("(pair? keep)"), true);
    evaluate("(set! keep '())");
    assert.equal(evaluate("(length (make-list 200000 1))"), 200000);
    assert.equal(compiled.engine.heap.get(Register.reserveUsed), 0);
  }
});

extendedTest("results of the host for which the nursery has no room are collected", () => {
  const text = `
    (show (let loop ((i 2000000) (x 1/3)) (if (= i 0) x (loop (- i 1) (/ x -1)))))
    (define (shout n s) (if (= n 0) s (shout (- n 1) (string-upcase s))))
    (show (string-length (shout 20 (make-string 20000 #\\a))))`;
  assert.equal(run(text, { memoryBytes: 14 * MIB }), "1/3\n20000\n");
});

test("a text of the host that has no room is an error that handlers take", () => {
  const options = { input: "x".repeat(400_000), memoryBytes: 14 * MIB };
  const text = `
    (show (try (lambda () (string-length (read-string 400000)))))
    (show (length (make-list 20000 1)))`;
  assert.equal(run(text, options), `${HEAP_FULL}\n20000\n`);
  assert.equal(run(text, { ...options, memoryBytes: 24 * MIB }), "400000\n20000\n");
});

extendedTest("too many symbols are an error, too", () => {
  const text = `(show (try (lambda () (let loop ((i 0)) (string->symbol (number->string i)) (loop (+ i 1))))))
    (show (symbol->string 'show))`;
  assert.equal(
    run(text, { memoryBytes: 64 * MIB }),
    "out of memory: too many symbols, variables and constants\nshow\n",
  );
});

test("a program sets how much may be in use, and how large the nursery is, within what it was given", () => {
  const text = `
    (define (told name) (cdr (assq name (gc-statistics))))
    (define (count) (set! keep '()) (try (lambda () (fill!))) (let ((n (length keep))) (set! keep '()) n))
    (define (words thunk) (guard (e ((error-object? e) (cons (error-object-kind e) (error-object-message e)))) (thunk)))
    (define all (heap-limit))
    (define many (count))
    (heap-limit 2000000)
    (define few (count))
    (show (heap-limit) " " (told 'heap-limit) " " (< (* 2 few) many))
    (heap-limit 900000000)
    (show (= all (heap-limit)) (< (abs (- many (count))) 40000))
    (define before (told 'minor-collections))
    (show (nursery-size) " " (told 'nursery-bytes))
    (nursery-size 100000000)
    (show (nursery-size) (< 0 before (told 'used-bytes) all) (< 0 (told 'reserve-bytes)))
    (define l (make-list 100000 1))
    (for-each (lambda (thunk) (show (words thunk)))
      (list (lambda () (heap-limit 1600000)) (lambda () (heap-limit 10)) (lambda () (heap-limit 1e7))
            (lambda () (nursery-size (expt 10 30)))))
    (show (length (make-list 100000 1)))`;
  const words =
    "(memory . heap-limit: there is more in use than would have room:)\n" +
    "(type . heap-limit: expected a number of bytes, at least 1048576, got)\n".repeat(2) +
    "(type . nursery-size: expected a number of bytes, at least 524288, got)\n";
  const expected = `2000000 2000000 #t\n#t#t\n524288 524288\n524288#t#t\n${words}100000\n`;
  assert.equal(run(text), expected);
  assert.equal(run(text, { debug: "verify" }), expected);
  const { compiled } = session({ nurseryBytes: 1 * MIB, usedNurseryBytes: 512 * KIB, heapBytes: 16 * MIB });
  const sizes = compiled.evaluateText("(import (stratos memory)) (list (heap-limit) (nursery-size))", "t");
  assert.deepEqual(itemsOf(sizes), [16 * MIB, 512 * KIB]);
  compiled.evaluateText("(nursery-size 1000000)", "t");
  assert.equal(compiled.evaluateText("(nursery-size)", "t"), 1_000_000 - (1_000_000 % 64));
});

test("pauses are measured by a clock that is given", () => {
  let ms = 0;
  const { compiled } = session({ now: () => (ms += 3) });
  compiled.runProgram(`${IMPORTS}${OWN} (try (lambda () (fill!)))`, "t");
  const { count, totalMs, longestMs, oldBytesMax } = compiled.engine.statistics.pauses!;
  assert.ok(count > 5 && totalMs === 3 * count && longestMs === 3, `${count} pauses, ${totalMs} ms`);
  assert.ok(oldBytesMax > 2 * MIB);
});

test("with a collection at each allocation it is the same", () => {
  const ways = ["vectors of some size", "strings", "closures", "frames"];
  const text = `
    (define (fill-by make) (try (lambda () (let loop ((l '())) (loop (cons (make l) l))))))
    (show (fill-by (lambda (l) (make-vector 5000 l))))
    (show (fill-by (lambda (l) (make-string 9000 #\\a))))
    (show (fill-by (lambda (l) (let ((v (make-vector 5000 1))) (lambda () v)))))
    (show (try (lambda () (let deep ((n 0)) (let ((v (make-vector 5000 n))) (+ (deep (+ n 1)) (vector-ref v 0)))))))`;
  const options = { debug: "torture", memoryBytes: 14 * MIB } as const;
  assert.equal(run(text, options), `${HEAP_FULL}\n`.repeat(ways.length));
  const end = "(with-exception-handler (lambda (e) (big!)) (lambda () (big!)))";
  const big = "(define (big!) (set! keep (cons (make-vector 5000 1) keep)) (big!))";
  assert.match(run(`${big} ${end}`, options), /^error: out of memory: the heap is full, and so/);
});
