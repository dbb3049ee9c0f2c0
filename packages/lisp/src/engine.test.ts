/**
 * Programs through the whole compiler, run by the host's WebAssembly; small ones again with a collection at each
 * allocation and the heap proved after it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { WasmEngine, WasmMemory } from "@stratos/host";
import { SchemeError } from "./datum/condition.ts";
import type { Condition } from "./datum/condition.ts";
import { itemsOf } from "./datum/datum.ts";
import { createEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import { readEngineImage } from "./image/engine-image.ts";
import { Primitive } from "./interpreter/machine.ts";
import { readForms } from "./low/read.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { expandRuntime } from "./runtime/boot-expander.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

// The runtime as it was compiled once. An engine with other passes or another nursery compiles its own.
const image = createEngine({ wasm: testWasmEngine }).saveImage();

function run(text: string, options: Partial<EngineOptions> = {}): unknown {
  const engine: Engine = createEngine({ wasm: testWasmEngine, memoryBytes: 256 * 1024 * 1024, image, ...options });
  return engine.load(
    expandRuntime(readForms(text), { library: "program", globalOf: (word) => engine.runtimeGlobal(word) }),
    { isClosed: true },
  );
}

const PROGRAMS: readonly (readonly [name: string, text: string, value: unknown])[] = [
  ["calls and arithmetic", "(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 12)", 144],
  [
    "known calls with three arguments",
    "(define (tak x y z) (if (not (< y x)) z (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)))) (tak 8 4 2)",
    3,
  ],
  [
    "lists in a loop",
    "(define (down n) (let loop ((i n) (l '())) (if (= i 0) l (loop (- i 1) (cons i l))))) (define (sum l) (let " +
      "loop ((l l) (s 0)) (if (pair? l) (loop (cdr l) (+ s (car l))) s))) (sum (down 100))",
    5050,
  ],
  [
    "closures that capture and are called unknown",
    "(define (adder n) (lambda (x) (+ x n))) (define (twice f x) (f (f x))) (twice (adder 20) 2)",
    42,
  ],
  [
    "functions that know each other and capture",
    "(define (parity n k) (letrec ((even (lambda (i) (if (= i 0) (k 1) (odd (- i 1))))) (odd (lambda (i) (if (= i " +
      "0) (k 2) (even (- i 1)))))) (list even odd) (even n))) (parity 101 (lambda (x) (* x 10)))",
    20,
  ],
  [
    "assigned variables",
    "(define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n))) (let ((c (counter)) (d (counter))) (c) (d) " +
      "(c) (+ (* 10 (c)) (d)))",
    32,
  ],
  [
    "rest arguments and several clauses",
    "(define (f a . rest) (if (pair? rest) (+ a (car rest)) a)) (define g (case-lambda ((a) (* a 2)) ((a b) (* a " +
      "b)) ((a . r) (length r)))) (let ((h f)) (+ (h 1) (h 2 3) (g 4) (g 5 6) (g 1 2 3 4)))",
    1 + 5 + 8 + 30 + 3,
  ],
  [
    "doubles in loops",
    "(define (iterate n) (let loop ((i 0) (x 0.5)) (if (= i n) (%flonum->fixnum (%flfloor (* x 1000.0))) (loop (+ " +
      "i 1) (* 3.5 x (- 1.0 x)))))) (iterate 4)",
    500,
  ],
  [
    "a loop into which doubles, integers and both come",
    "(define (steps r i) (let loop ((x r) (y i) (n 0)) (if (= n 20) n (if (> (+ (* x x) (* y y)) 16.0) n (loop (+ (- " +
      "(* x x) (* y y)) r) (+ (* 2.0 (* x y)) i) (+ n 1)))))) (+ (steps 0.3 0.3) (* 100 (steps 1 1)) (* 1000 (steps " +
      "0.5 1)) (* 10000 (steps 1.0 2)) (* 100000 (steps 0.4 0.6)))",
    20 + 200 + 3000 + 10000 + 1500000,
  ],
  [
    "vectors",
    "(define v (make-vector 10 1)) (do ((i 1 (+ i 1))) ((= i 10)) (vector-set! v i (+ (vector-ref v (- i 1)) i))) " +
      "(vector-ref v 9)",
    46,
  ],
];

for (const [name, text, value] of PROGRAMS) {
  test(`${name}: the same with all passes, with none, and under torture`, () => {
    assert.equal(run(text), value);
    const none = Object.fromEntries(
      Object.keys(ALL_PASSES).map((pass) => [pass, false]),
    ) as unknown as typeof ALL_PASSES;
    assert.equal(run(text, { passes: none }), value);
    assert.equal(run(text, { debug: "torture" }), value);
  });
}

test("a recursion that is a million calls deep ends, with the stack in the heap", () => {
  assert.equal(run("(define (count n) (if (= n 0) 0 (+ 1 (count (- n 1))))) (count 1000000)"), 1000000);
});

test("ten million tail calls of functions that call each other need no memory", () => {
  assert.equal(
    run(
      "(define (even n) (if (= n 0) 1 (odd (- n 1)))) (define (odd n) (if (= n 0) 0 (even (- n 1)))) (even 10000000)",
    ),
    1,
  );
});

const CTAK = `
  (define (ctak x y z) (call/cc (lambda (k) (aux k x y z))))
  (define (aux k x y z)
    (if (not (< y x))
        (k z)
        (call/cc
          (lambda (k)
            (aux k
                 (call/cc (lambda (k) (aux k (- x 1) y z)))
                 (call/cc (lambda (k) (aux k (- y 1) z x)))
                 (call/cc (lambda (k) (aux k (- z 1) x y))))))))`;

test("a program that lives by continuations captures each without unwinding the stack again", () => {
  const engine = createEngine({ wasm: testWasmEngine, memoryBytes: 64 * 1024 * 1024, image });
  const globalOf = (word: string) => engine.runtimeGlobal(word);
  const value = engine.load(expandRuntime(readForms(`${CTAK} (ctak 14 10 5)`), { library: "program", globalOf }), {
    isClosed: true,
  });
  assert.equal(value, 6);
  const { unwindCount } = engine.statistics;
  assert.ok(unwindCount <= 2, `${unwindCount} exceptions for tens of thousands of continuations`);
  assert.equal(run(`${CTAK} (ctak 6 3 1)`, { debug: "torture" }), 3);
});

test("what lives is promoted, what dies is not kept: a large heap is collected in both generations", () => {
  const text = `(define (tree n) (if (= n 0) '() (cons (tree (- n 1)) (tree (- n 1)))))
    (define (count t) (if (pair? t) (+ 1 (count (car t)) (count (cdr t))) 0))
    (define keep (tree 12))
    (define (again n) (if (= n 0) (count keep) (begin (tree 14) (again (- n 1)))))
    (again 100)`;
  const engine = createEngine({
    wasm: testWasmEngine,
    memoryBytes: 64 * 1024 * 1024,
    nurseryBytes: 1024 * 1024,
    debug: "verify",
  });
  assert.equal(
    engine.load(expandRuntime(readForms(text), { library: "program", globalOf: (word) => engine.runtimeGlobal(word) })),
    4095,
  );
  const { minorCount, oldBytes } = engine.statistics;
  assert.ok(minorCount > 20, `${minorCount} minor collections`);
  assert.ok(oldBytes < 16 * 1024 * 1024, `${oldBytes} bytes kept`);
});

test("a nursery that has no room for what is allocated there is refused", () => {
  for (const nurseryBytes of [0, 256 * 1024, NaN])
    assert.throws(() => createEngine({ wasm: testWasmEngine, nurseryBytes }), /^RangeError: nurseryBytes: .* 524288$/);
});

test("an image holds the runtime that was compiled, and saves to the same bytes again", () => {
  assert.deepEqual(createEngine({ wasm: testWasmEngine }).saveImage(), image);
});

test("bytes that are no image of this build are not used", () => {
  const broken = [
    new Uint8Array(0),
    image.subarray(0, 7),
    image.subarray(0, 1000),
    image.subarray(0, image.length - 1),
    image.map((byte, index) => (index === 9 ? 0xff : byte)),
    new Uint8Array(64).fill(0x41),
  ];
  for (const bytes of broken) assert.equal(readEngineImage(bytes), null);
  // One of other primitives: the engine compiles its own.
  const primitives = new Map([["own-primitive", new Primitive("own-primitive", 0, 0, () => 7)]]);
  assert.equal(run("(own-primitive)", { primitives }), 7);
});

test("a program that needs more than its heap ends with an error of kind memory", () => {
  assert.throws(
    () => run("(define (grow l) (grow (cons 1 l))) (grow '())", { memoryBytes: 32 * 1024 * 1024 }),
    (error) => error instanceof SchemeError && (error.payload as Condition).kind === "memory",
  );
});

test("memory is taken when a collection needs it, and less where the host has less", () => {
  const engineWith = (most: number): { engine: Engine; memory: () => number } => {
    let memory: WasmMemory | undefined;
    const wasm: WasmEngine = {
      ...testWasmEngine,
      createMemory: (pages, maximum = pages) => {
        memory = testWasmEngine.createMemory(pages, Math.min(maximum, Math.floor(most / 65536)));
        return memory;
      },
    };
    const engine = createEngine({ wasm, memoryBytes: 512 * 1024 * 1024, image });
    return { engine, memory: () => memory!.buffer.byteLength };
  };
  const evaluate = (engine: Engine, text: string): unknown =>
    engine.load(
      expandRuntime(readForms(text), { library: "program", globalOf: (word) => engine.runtimeGlobal(word) }),
      { isClosed: true },
    );
  const long = "(let loop ((n 1000000) (l '())) (if (= n 0) (length l) (loop (- n 1) (cons n l))))";
  const plenty = engineWith(512 * 1024 * 1024);
  assert.equal(evaluate(plenty.engine, "(+ 1 2)"), 3);
  assert.ok(plenty.memory() < 16 * 1024 * 1024, `${plenty.memory()} bytes for a sum`);
  assert.equal(evaluate(plenty.engine, long), 1_000_000);
  assert.equal(plenty.memory(), 512 * 1024 * 1024);
  const little = engineWith(200 * 1024 * 1024);
  assert.equal(evaluate(little.engine, long), 1_000_000);
  assert.equal(little.memory(), 128 * 1024 * 1024);
  assert.throws(() => evaluate(engineWith(24 * 1024 * 1024).engine, long), /out of memory/);
});

test("the code of a body grows with the number of its calls, not with their square, and goes on after each", () => {
  const sizes: number[] = [];
  const wasm: WasmEngine = {
    ...testWasmEngine,
    compileHot: (bytes) => {
      sizes.push(bytes.length);
      return testWasmEngine.compileHot(bytes);
    },
    compile: (bytes) => {
      sizes.push(bytes.length);
      return testWasmEngine.compile(bytes);
    },
  };
  const sizeOfCalls = (count: number): number => {
    // Half of the calls give a value that is used at the end; each is captured once, and entered again.
    const steps = Array.from({ length: count }, (_, n) => `(let ((v${n} (step ${n}))) (step ${n})`).join(" ");
    const sum = `(+ ${Array.from({ length: count }, (_, n) => `v${n}`).join(" ")})`;
    const text = `(define k #f) (define steps 0)
      (define (step n) (set! steps (+ steps 1)) (call/cc (lambda (c) (if (= n 3) (set! k c)) n)))
      (define (all) ${steps} ${sum}${")".repeat(count)})
      (define total (all))
      (if (< steps ${count * 3}) (k 3))
      (list total steps)`;
    const engine = createEngine({ wasm, memoryBytes: 64 * 1024 * 1024, image });
    const globalOf = (word: string): ReturnType<typeof engine.runtimeGlobal> => engine.runtimeGlobal(word);
    const value = engine.load(expandRuntime(readForms(text), { library: "program", globalOf }), { isClosed: true });
    assert.equal(itemsOf(value)![0], (count * (count - 1)) / 2);
    return sizes.at(-1)!;
  };
  const few = sizeOfCalls(60);
  const many = sizeOfCalls(240);
  assert.ok(many < 6 * few, `${few} bytes for 60 calls, ${many} for 240`);
});
