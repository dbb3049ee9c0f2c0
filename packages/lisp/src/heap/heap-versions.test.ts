/**
 * Goal: a child of `fork-heap` is the heap as it was, and neither it nor its parent sees what the other changes,
 * however they are collected. Method: versions that fork, change a graph, strings and bytes at random and end, each
 * beside the same in JavaScript made anew; the old generation is copied again and again, and proved.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest, sampleCount } from "@stratos/base/testing";
import { CompiledLisp } from "../compiled-session.ts";
import type { EngineOptions, EngineStatistics } from "../engine-options.ts";
import { MutatedGraph, mix, mutationDefinitions } from "../testing/mutated-graph.ts";
import { findOwnLibrary } from "../testing/own-libraries.ts";
import { makeLisp } from "../testing/run.ts";
import { runtimeImage } from "../testing/runtime-image.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";

const MIB = 1024 * 1024;

interface Ran {
  readonly output: string;
  readonly statistics: EngineStatistics;
}

function run(text: string, options: Partial<EngineOptions> = {}): Ran {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  const session = new CompiledLisp(lisp, {
    wasm: testWasmEngine,
    memoryBytes: 96 * MIB,
    image: runtimeImage(),
    ...options,
  });
  const libraries = "(scheme base) (scheme write) (scheme process-context) (stratos heap) (stratos memory)";
  session.runProgram(`(import ${libraries})\n${text}`, "test.scm");
  return { output: output(), statistics: session.engine.statistics };
}

const GRAPH = { seed: 7, rows: 20, columns: 50 };
const BYTES = 60;

/** What the versions answer: changes; what others do for them by the way `in`. */
const SERVER = `
${mutationDefinitions(GRAPH)}
(define text (make-string ${BYTES} #\\a))
(define bytes (make-bytevector ${BYTES} 0))
(define kids '())
(define (change! n)
  (string-set! text (chance ${BYTES}) (integer->char (+ 97 (chance 26))))
  (bytevector-u8-set! bytes (chance ${BYTES}) (chance 256))
  (bytevector-copy! bytes (chance 20) bytes 30 (+ 30 (chance 20)))
  (let* ((row (vector-ref table (chance ${GRAPH.rows}))) (at (chance 20)))
    (vector-set! row (+ 40 (chance 6)) 7)
    (vector-copy! row at row 25 (+ 25 (chance 20)))
    (vector-fill! row (chance 100) 46 (+ 46 (chance 4)))))
(define (sum-all)
  (let loop ((i 0) (h (sum)))
    (if (= i ${BYTES}) h
        (loop (+ i 1) (mix (mix h (char->integer (string-ref text i))) (bytevector-u8-ref bytes i))))))
(define (serve operation . operands)
  (case operation
    ((mutate) (set! seed (car operands)) (mutate-all! (cadr operands)) (change! 1) (sum-all))
    ((fork) (set! kids (append kids (list (fork-heap serve)))) (length kids))
    ((collect) (collect-garbage) #t)
    ((close) (heap-close! (list-ref kids (car operands))) #t)
    ((in) (apply heap-call (list-ref kids (car operands)) (cdr operands)))))
(define (show x) (write x) (newline))
`;

/** The same in JavaScript: what a version was told is done anew each time. */
class Model {
  readonly history: (readonly [seed: number, count: number])[];
  readonly kids: Model[];
  isOpen: boolean;
  constructor(history: readonly (readonly [number, number])[], kids: readonly Model[]) {
    this.history = [...history];
    this.kids = [...kids];
    this.isOpen = true;
  }

  sum(): number {
    const text = new Array<number>(BYTES).fill(97);
    const bytes = new Uint8Array(BYTES);
    const graph = new MutatedGraph(GRAPH);
    for (const [seed, count] of this.history) {
      graph.seed = seed;
      graph.mutateAll(count);
      const at = graph.chance(BYTES);
      text[at] = 97 + graph.chance(26);
      const byteAt = graph.chance(BYTES);
      bytes[byteAt] = graph.chance(256);
      const to = graph.chance(20);
      bytes.copyWithin(to, 30, 30 + graph.chance(20));
      const first = graph.chance(GRAPH.rows) * GRAPH.columns;
      const start = graph.chance(20);
      const constant = 40 + graph.chance(6);
      graph.table[first + constant] = 7;
      graph.table.copyWithin(first + start, first + 25, first + 25 + graph.chance(20));
      const fill = graph.chance(100);
      graph.table.fill(fill, first + 46, first + 46 + graph.chance(4));
    }
    return text.reduce((h, code, index) => mix(mix(h, code), bytes[index]!), graph.sum());
  }
}

/** A program that does so many things at random, and what it shows. */
function scenario(seed: number, steps: number, mutations: number): { text: string; lines: string[] } {
  let state = seed;
  const chance = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  const root = new Model([], []);
  const forms: string[] = [];
  const lines: string[] = [];
  for (let step = 0; step < steps; step++) {
    const way: Model[] = [root];
    const path: number[] = [];
    while (chance(3) > 0) {
      const open = [...way.at(-1)!.kids.keys()].filter((index) => {
        const kid = way.at(-1)!.kids[index]!;
        return kid.isOpen && !way.includes(kid);
      });
      if (open.length === 0) break;
      const index = open[chance(open.length)]!;
      path.push(index);
      way.push(way.at(-1)!.kids[index]!);
    }
    const model = way.at(-1)!;
    const closable = [...model.kids.keys()].filter((at) => model.kids[at]!.isOpen && !way.includes(model.kids[at]!));
    const kind = chance(8);
    let operation: string;
    if (kind === 0 && lines.length > 0) {
      const kid = new Model(model.history, model.kids);
      model.kids.push(kid);
      operation = "'fork";
      lines.push(String(model.kids.length));
    } else if (kind === 1 && closable.length > 0) {
      const index = closable[chance(closable.length)]!;
      model.kids[index]!.isOpen = false;
      operation = `'close ${index}`;
      lines.push("#t");
    } else if (kind === 2) {
      operation = "'collect";
      lines.push("#t");
    } else {
      const change = [1 + chance(2 ** 30), chance(mutations)] as const;
      model.history.push(change);
      operation = `'mutate ${change.join(" ")}`;
      lines.push(String(model.sum()));
    }
    forms.push(`(show (serve ${path.map((index) => `'in ${index} `).join("")}${operation}))`);
  }
  return { text: SERVER + forms.join("\n"), lines };
}

const seed = 1 + (Date.now() % 2 ** 30);

test("versions that fork, change and end are what a model says", () => {
  for (let round = 0; round < sampleCount(40, 1 / 40); round++) {
    const { text, lines } = scenario(seed + round, 80, 2000);
    const { output, statistics } = run(text, { memoryBytes: 32 * MIB, debug: "verify" });
    assert.deepEqual(output.trim().split("\n"), lines, `seed ${seed + round}`);
    assert.ok(statistics.majorCount > 3, `${statistics.majorCount} copied`);
  }
});

extendedTest("the same with a collection at each allocation", () => {
  const { text, lines } = scenario(seed, 30, 20);
  const { output } = run(text, { memoryBytes: 32 * MIB, debug: "torture" });
  assert.deepEqual(output.trim().split("\n"), lines, `seed ${seed}`);
});

test("what a child raises, and what can't be passed, comes to who called it", () => {
  const text = `
    (define child (fork-heap (lambda (what)
      (case what
        ((condition) (error "no way:" 1 "two"))
        ((object) (raise 'bang))
        ((procedure) car)
        ((cycle) (let ((l (list 1 2))) (set-cdr! (cdr l) l) l))
        (else (list what 1/2 -0.5 #\\x "y" #u8(1 2) (vector) '|a b|))))))
    (define (told what)
      (guard (e ((error-object? e) (cons (error-object-message e) (error-object-irritants e))) (#t (list 'raised e)))
        (heap-call child what)))
    (for-each (lambda (what) (write (told what)) (newline)) (list 'condition 'object 'procedure 'cycle car 7))
    (heap-close! child)
    (heap-close! child)
    (write (told 1))
    (write (guard (e (#t (error-object-message e))) (fork-heap 5)))`;
  assert.deepEqual(run(text).output.split("\n"), [
    '("no way:" 1 "two")',
    "(raised bang)",
    '("heap-call: what the child gave is no datum that can be read:" "(value #<procedure car>)")',
    "#0=(1 2 . #0#)",
    '("heap-call: what the child was given is no datum that can be read:" "(#<procedure car>)")',
    '(7 1/2 -0.5 #\\x "y" #u8(1 2) #() |a b|)',
    '("heap-call: the child has ended")"fork-heap: expected a procedure, got"',
  ]);
});

test("a child that exits or goes on with the program has ended, one that fills the heap has not", () => {
  const text = `
    (define n 0)
    (define again #f)
    (define (fill l) (fill (cons (make-vector 1000 0) l)))
    (define all '())
    (define (fill-deep) (set! all (cons (make-vector 1000 0) all)) (+ 1 (fill-deep)))
    (define (serve what)
      (case what
        ((exit) (exit 3))
        ((fill) (fill '()))
        ((fill-deep) (fill-deep))
        ((again) (again 'x))
        (else (set! n (+ n 1)) n)))
    (define other (fork-heap serve))
    (define (told what)
      (let ((child (fork-heap serve)))
        (write (guard (e (#t (error-object-message e))) (heap-call child what)))
        (write (guard (e (#t (error-object-message e))) (heap-call child 'count)))
        (write (heap-call other 'count))
        (newline)))
    (define k (call/cc (lambda (k) (set! again k) 'first)))
    (write k)
    (set! n 50)
    (told 'exit)
    (told 'fill)
    (told 'fill-deep)
    (if (eq? k 'first) (told 'again))
    (write n)`;
  assert.deepEqual(run(text).output.split("\n"), [
    'first"heap-call: the child has ended:""heap-call: the child has ended"1',
    '"out of memory: the heap is full"512',
    '"out of memory: the heap is full"513',
    'x"heap-call: the child has ended:""heap-call: the child has ended"4',
    '"heap-call: the child has ended:""heap-call: the child has ended"5',
    '"heap-call: the child has ended:""heap-call: the child has ended"6',
    '50"heap-call: the child has ended:""heap-call: the child has ended"7',
    "50",
  ]);
});

test("a fork shares what was never collected, and outlives a child that failed in the same breath", () => {
  const text = `
    (define child #f)
    (define (serve what)
      (let ((young (vector 1 (list 2) (string #\\a))))
        (define (change! n)
          (vector-set! young 0 n)
          (vector-set! young 1 (list n))
          (string-set! (vector-ref young 2) 0 #\\b))
        (case what
          ((fail)
           (set! child (fork-heap (lambda (what) (if (eq? what 'change) (change! 9)) young)))
           (change! 5)
           (%throw-away))
          (else
           (let ((one (fork-heap (lambda () young))))
             (change! 3)
             (let ((other (fork-heap (lambda () young))))
               (change! 4)
               (let ((all (list (heap-call one) (heap-call other) young)))
                 (heap-close! one)
                 (heap-close! other)
                 all)))))))
    (define (%throw-away) (exit 1))
    (define first (fork-heap serve))
    (write (serve 'change))
    (write (guard (e (#t 'ended)) (heap-call first 'fail)))
    (collect-garbage)
    (write (serve 'change))`;
  const all = '(#(1 (2) "a") #(3 (3) "b") #(4 (4) "b"))';
  assert.equal(run(text, { debug: "verify" }).output, `${all}ended${all}`);
});

test("forms that a child evaluates define in it alone; libraries, symbols and constants are right in both", () => {
  const text = `
    (import (scheme eval) (scheme repl))
    (define (evaluate form) (eval form (interaction-environment)))
    (eval '(begin (import (scheme base)) (define x 1)) (interaction-environment))
    (define child (fork-heap evaluate))
    (define (both form) (write (list (heap-call child form) (evaluate form))) (newline))
    (define (told form) (guard (e (#t (error-object-message e))) (evaluate form)))
    (heap-call child '(begin (set! x 2) (define y 2.5) (define (z) (list 'new-symbol "constant" x y)) 0))
    (both 'x)
    (write (heap-call child '(z)))
    (write (told 'y))
    (newline)
    (evaluate '(define y 12345678901234567890123))
    (both '(list y 'new-symbol (string->symbol "made later") "constant" 2.5 12345678901234567890123))
    (heap-call child '(begin (import (srfi 1)) 0))
    (both '(begin (import (srfi 1)) (fold + 0 (iota 5))))
    (write (eq? 'new-symbol (evaluate '(string->symbol "new-symbol"))))
    (heap-close! child)
    (write (evaluate '(list x y (fold * 1 (iota 4 1)))))`;
  assert.deepEqual(run(text).output.split("\n"), [
    "(2 1)",
    '(new-symbol "constant" 2 2.5)"unbound variable: y"',
    '((2.5 new-symbol |made later| "constant" 2.5 12345678901234567890123) ' +
      '(12345678901234567890123 new-symbol |made later| "constant" 2.5 12345678901234567890123))',
    "(10 10)",
    "#t(1 12345678901234567890123 24)",
  ]);
});

test("hashes by identity, guardians, ephemerons and threads are of each version", () => {
  const text = `
    (import (srfi 69) (srfi 18) (srfi 124))
    (define keys (map list '(1 2 3 4 5)))
    (define table (make-hash-table eq?))
    (for-each (lambda (key) (hash-table-set! table key (car key))) keys)
    (define guardian (make-guardian))
    (define lost (list 'lost))
    (guardian lost)
    (define weak (make-ephemeron lost 'datum))
    (define (found key) (hash-table-ref/default table key 0))
    (define (sum) (let loop ((l keys) (s 0)) (if (null? l) s (loop (cdr l) (+ s (found (car l)))))))
    (define counter 0)
    (define thread (make-thread (lambda () (let loop () (set! counter (+ counter 1)) (thread-yield!) (loop)))))
    (thread-start! thread)
    (define (work n)
      (set! keys (cons (list n) keys))
      (hash-table-set! table (car keys) n)
      (collect-garbage)
      (thread-yield!)
      (list (sum) (> counter 0) (ephemeron-broken? weak) (guardian)))
    (define child (fork-heap (lambda (n) (if (= n 0) (set! lost #f)) (work n))))
    (write (work 10))
    (write (heap-call child 100))
    (set! lost #f)
    (write (work 20))
    (write (heap-call child 0))
    (write (work 0))
    (heap-close! child)
    (collect-garbage)
    (collect-garbage)
    (write (work 0))`;
  assert.equal(
    run(text, { debug: "verify" }).output,
    "(25 #t #f #f)(115 #t #f #f)(45 #t #f #f)(115 #t #f #f)(45 #t #f #f)(45 #t #f (lost))",
  );
});
