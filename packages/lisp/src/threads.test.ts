/**
 * Goal: green threads take turns at the same places on both engines and with all passes off; with a seed in an order of
 * the seed's; channels and choices do what their library says; input that is not there yet stops nobody else.
 * Method: programs whose output shows the order, on each engine; a system whose input becomes ready by time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "./compiled-session.ts";
import type { Passes } from "./middle/simplify.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { makeLisp, type RunOptions } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const IMPORTS = "(import (scheme base) (scheme write) (srfi 18) (stratos channels))";
const NO_PASSES = Object.fromEntries(Object.keys(ALL_PASSES).map((name) => [name, false])) as unknown as Passes;

function run(text: string, engine: "interpreter" | "wasm" | "plain", options: RunOptions = {}): string {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary, ...options });
  const passes = engine === "plain" ? NO_PASSES : ALL_PASSES;
  const compiled = { wasm: testWasmEngine, passes, image: runtimeImage(passes) };
  const runner = engine === "interpreter" ? lisp : new CompiledLisp(lisp, compiled);
  try {
    runner.runProgram(`${IMPORTS}\n${text}`, "test.scm");
  } catch (error) {
    return `${output()}error: ${lisp.describe(error)}`;
  }
  return output();
}

/** Four threads that compute, call primitives with procedures, recurse and loop, and say where they are. */
const BUSY = `
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(define (say . words) (for-each display words) (newline))
(define (worker name)
  (lambda ()
    (do ((i 0 (+ i 1))) ((= i 5))
      (fib (+ 12 (modulo (* i 7) 6)))
      (vector-for-each (lambda (x) (fib x)) #(10 12 14))
      (let loop ((k 0)) (if (< k 3000) (loop (+ k 1))))
      (say name i))))
(for-each thread-join! (map (lambda (name) (thread-start! (make-thread (worker name)))) '(a b c d)))`;

test("threads take turns at the same places on both engines, with all passes and with none", () => {
  const expected = run(BUSY, "interpreter");
  assert.equal(expected.trim().split("\n").length, 20);
  assert.notEqual(expected.replace(/\d/g, "").replaceAll("\n", ""), "aaaaabbbbbcccccddddd", "nobody was interrupted");
  assert.equal(run(BUSY, "wasm"), expected);
  assert.equal(run(BUSY, "plain"), expected);
});

test("with a seed the order is the seed's: the same again and on both engines, another with another", () => {
  const seeded = (seed: number, engine: "interpreter" | "wasm"): string => run(BUSY, engine, { system: { seed } });
  const first = seeded(1, "interpreter");
  assert.equal(seeded(1, "interpreter"), first);
  assert.equal(seeded(1, "wasm"), first);
  const others = [2, 3, 4].map((seed) => seeded(seed, "wasm"));
  assert.ok(others.every((other) => other !== first));
});

test("programs without threads have no looks at the fuel", () => {
  const { lisp } = makeLisp({ findLibrary: findOwnLibrary });
  const names = (text: string): string =>
    JSON.stringify(lisp.expandProgram(text, "x.scm"), (key, value: unknown) =>
      key === "exports" ? undefined : typeof value === "bigint" ? String(value) : value,
    );
  const loop = "(define (f) (f)) (f)";
  assert.ok(!names(`(import (scheme base)) ${loop}`).includes("%fuel-out?"));
  assert.ok(names(`${IMPORTS} ${loop}`).includes("%fuel-out?"));
});

for (const engine of ["interpreter", "wasm"] as const) {
  test(`a value is handed over from sender to receiver, in order (${engine})`, () => {
    const text = `
      (define c (make-channel))
      (thread-start! (make-thread (lambda () (for-each (lambda (x) (channel-send! c x)) '(1 2 3)) (channel-close! c))))
      (let loop () (let ((x (channel-receive! c))) (unless (eof-object? x) (write x) (loop))))`;
    assert.equal(run(text, engine), "123");
  });

  test(`a channel with room keeps values; who finds it full waits (${engine})`, () => {
    const text = `
      (define c (make-channel 2 'box))
      (define t (thread-start! (make-thread (lambda ()
        (for-each (lambda (x) (channel-send! c x) (write (list 'sent x))) '(1 2 3 4))))))
      (thread-yield!)
      (do ((i 0 (+ i 1))) ((= i 4)) (write (channel-receive! c)) (thread-yield!))
      (write (channel-receive! c 0.5 'none))
      (channel-close! c)
      (write (eof-object? (channel-receive! c)))
      (guard (e (#t (display (error-object-message e)))) (channel-send! c 5))`;
    assert.equal(run(text, engine), "(sent 1)(sent 2)1(sent 3)2(sent 4)34none#tchannel-send!: the channel is closed:");
  });

  test(`select takes what comes first: values, sends, a time, or what else (${engine})`, () => {
    const text = `
      (define a (make-channel)) (define b (make-channel))
      (define (choice)
        (select ((receive-from a) (x) (list 'a x))
                ((receive-from b) (x) (list 'b x))
                ((after 1) 'late)))
      (define (later s c x) (thread-start! (make-thread (lambda () (thread-sleep! s) (channel-send! c x)))))
      (later 0.2 b 1) (later 0.1 a 2)
      (write (choice)) (write (choice)) (write (choice))
      (write (select ((receive-from a) (x) x) (else 'nobody)))
      (define t (thread-start! (make-thread (lambda () (channel-receive! b)))))
      (thread-yield!)
      (write (select ((receive-from a) (x) x) ((send-to b 'hello) 'sent)))
      (write (thread-join! t))`;
    assert.equal(run(text, engine), "(a 2)(b 1)latenobodysenthello");
  });

  test(`who may go on by none of its choices is told with them (${engine})`, () => {
    const text = `
      (define a (make-channel 0 'a)) (define b (make-channel 0 'b))
      (thread-start! (make-thread (lambda () (channel-receive! b)) 'other))
      (select ((receive-from a) (x) x) ((send-to a 1) 2))`;
    assert.match(
      run(text, engine),
      /deadlock: no thread can go on: main waits for a value from a or a receiver of a; other waits for a value from b/,
    );
  });

  test(`a thread that awaits a line lets others run (${engine})`, () => {
    let left = 3;
    const input = [...["ab", "c\nd", "e\n"]].map((text) => new TextEncoder().encode(text));
    const text = `
      (define stop #f)
      (define (count n) (if stop n (begin (thread-sleep! 0.001) (count (+ n 1)))))
      (define t (thread-start! (make-thread (lambda () (count 0)))))
      (write (read-line)) (write (read-line))
      (set! stop #t)
      (write (>= (thread-join! t) 2))`;
    const system = {
      // Each third time that somebody asks, a piece has come.
      isInputReady: () => left-- % 3 === 0,
      standardInput: () => input.shift() ?? null,
    };
    assert.equal(run(text, engine, { system }), '"abc""de"#t');
  });

  (engine === "wasm" ? test : extendedTest)(`ten thousand threads, each with a wait of its own (${engine})`, () => {
    const text = `
      (define (start i) (thread-start! (make-thread (lambda () (thread-sleep! (/ (modulo (* i 7919) 10007) 100)) i))))
      (define all (let loop ((i 0) (l '())) (if (= i 10000) l (loop (+ i 1) (cons (start i) l)))))
      (write (apply + (map thread-join! all)))`;
    assert.equal(run(text, engine), "49995000");
  });
}

test("what a program left waiting does not stop the next one of the session", () => {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  lisp.evaluateText("(import (srfi 18)) (define m (make-mutex 'm)) (mutex-lock! m)", "a");
  assert.throws(() => lisp.evaluateText("(mutex-lock! m)", "b"));
  lisp.evaluateText("(mutex-unlock! m) (display (thread-join! (thread-start! (make-thread (lambda () 'fine)))))", "c");
  lisp.flush();
  assert.equal(output(), "fine");
});
