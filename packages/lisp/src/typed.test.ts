/**
 * Goal: types are checked alike on every engine, with each pass and without it; what is proved costs nothing. Method:
 * programs whose output and last error must be the reference interpreter's; counts of tests that are left out; sizes
 * of code and allocations, which tell the work.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { sampleCount, sampleOf } from "@stratos/base/testing";
import type { WasmEngine } from "@stratos/host";
import { CompiledLisp } from "./compiled-session.ts";
import type { Engine } from "./engine.ts";
import { SchemeError } from "./datum/condition.ts";
import { ALL_PASSES, type Passes } from "./middle/simplify.ts";
import { backtrace } from "./repl/repl.ts";
import { randomDoubles } from "./testing/random-doubles.ts";
import { randomLoops } from "./testing/random-loops.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { makeLisp } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const without = (...names: readonly (keyof Passes)[]): Passes => ({
  ...ALL_PASSES,
  ...Object.fromEntries(names.map((name) => [name, false])),
});
const NO_PASSES = without(...(Object.keys(ALL_PASSES) as (keyof Passes)[]));

interface Options {
  readonly passes?: Passes;
  readonly debug?: "verify" | "torture";
  readonly wasm?: WasmEngine;
}

/** What a program writes, and the words of the error that it ends with. */
function outcome(text: string, options: Options | "interpreter"): { output: string; engine: Engine | null } {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  let engine: Engine | null = null;
  let error = "";
  try {
    if (options === "interpreter") lisp.runProgram(text, "typed.scm");
    else {
      const image = runtimeImage(options.passes);
      const memoryBytes = 128 * 1024 * 1024;
      const session = new CompiledLisp(lisp, { wasm: testWasmEngine, memoryBytes, image, ...options });
      assert.ok(session.engine.hasImage);
      ({ engine } = session);
      session.runProgram(text, "typed.scm");
    }
  } catch (thrown) {
    if (!(thrown instanceof SchemeError) && lisp.describe(thrown) === null) throw thrown;
    error = [`error: ${lisp.describe(thrown)!}`, ...backtrace(thrown)].join("\n");
  }
  return { output: output() + error, engine };
}

const TRY = `
(define-syntax try
  (syntax-rules ()
    ((_ e) (begin
      (write (guard (x ((error-object? x) (list (error-object-message x) (error-object-irritants x)))) e))
      (newline)))))`;

const PROGRAMS: Readonly<Record<string, string>> = {
  "arguments, results and definitions of each type": `${TRY}
(define/typed (scale (x : flonum) (k : fixnum)) : flonum (* x k))
(try (scale 1.5 2)) (try (scale 1 2)) (try (scale 1.5 'a)) (try (apply scale '(1.5 3)))
(define/typed (gives x) : string x)
(try (gives "a")) (try (gives 'a))
(define-syntax all
  (syntax-rules ()
    ((_ type ...) (begin (let ((check (lambda (x) (has-type? x type))))
      (write (list 'type (map (lambda (x) (if (check x) 1 0)) values-of-all-kinds))) (newline)) ...))))
(define-record-type point (make-point x y) point? (x point-x) (y point-y set-point-y!))
(define values-of-all-kinds
  (list 1 (expt 2 60) (- (expt 2 60) 1) (- (expt 2 60)) 1.5 2. 1/2 +i #t #f #\\a "a" 'a '(1) '() '(1 . 2) #(1) #(a)
        #u8(1) car (lambda (x) x) (make-point 1 2) (eof-object) (if #f #f) point))
(define-type shape (or point #f 'a 5))
(define (small? x) (and (number? x) (real? x) (< x 10)))
(all any fixnum integer flonum rational real number complex boolean char string symbol bytevector pair null list vector
     procedure eof-object record-type (listof fixnum) (vectorof real) (pairof fixnum null) (or string #f) point shape
     (satisfies small?) small? exact-integer? (-> any any) 'a #t 1/2 "a")
(write (map type-of values-of-all-kinds))`,
  "loops, continuations and deep recursion in typed procedures": `${TRY}
(define/typed (fib (n : fixnum)) : fixnum (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(define/typed (fibf (n : flonum)) : flonum (if (< n 2.) n (+ (fibf (- n 1.)) (fibf (- n 2.)))))
(define/typed (loop (n : integer) (acc : real)) : real (if (= n 0) acc (loop (- n 1) (+ acc n))))
(define/typed (deep (n : fixnum) (x : flonum)) : flonum (if (= n 0) x (+ 1. (deep (- n 1) (* x 1.5)))))
(define/typed (even-steps? (n : fixnum)) : boolean (if (= n 0) #t (odd-steps? (- n 1))))
(define/typed (odd-steps? (n : fixnum)) : boolean (if (= n 0) #f (even-steps? (- n 1))))
(try (list (fib 15) (fibf 12.) (loop 100000 0) (loop 3 .5) (even-steps? 100001) (deep 5000 1e-300)))
(define k #f)
(define times 0)
(define/typed (mark (x : flonum)) : flonum (call/cc (lambda (c) (if (= x 2.5) (set! k c)) x)))
(define/typed (sum (n : fixnum) (x : flonum) (y : flonum)) : flonum
  (if (= n 0) (+ x y) (+ (mark x) (sum (- n 1) (+ x 0.5) (* y 2.)) y)))
(try (sum 4 1. 1.))
(set! times (+ times 1))
(if (< times 3) (k (* times 100.)))
(if (= times 3) (k 'none))
(define/typed (escape (n : fixnum) (x : flonum) (out : procedure)) : flonum
  (if (= n 0) (out x) (* 2. (escape (- n 1) (+ x 1.) out))))
(try (+ 1 (call/cc (lambda (out) (escape 100 0.5 out)))))
(try (escape 2 0.5 (lambda (x) 'no)))
(try (let/typed loop ((i : fixnum 0) (s : flonum 0.)) : flonum (if (= i 5) s (loop (+ i 1) (+ s i)))))
(try (let/typed loop ((i : fixnum 0) (s : flonum 0.)) : flonum (if (= i 5) s (loop (+ i 1) (if (= i 3) i (+ s i))))))
(try (let/typed loop ((i : fixnum (expt 2 59))) (if (> i 5) (loop (* i 2)) i)))`,
  "procedures as arguments and results, values, rest arguments, clauses": `${TRY}
(define/typed (both (f : (-> fixnum fixnum)) (l : (listof fixnum))) : (listof fixnum) (map f l))
(try (both (lambda (x) (* x 2)) '(1 2 3))) (try (both (lambda (x) (/ x 2)) '(2 3))) (try (both car '(2 3)))
(try (both (lambda (x) x) '(2 b))) (try (both 5 '(2))) (try (both (lambda (x y) x) '(1)))
(define/typed (maybe (f : (or (-> string string) #f))) : string (if f (f "a") "none"))
(try (maybe #f)) (try (maybe (lambda (x) x))) (try (maybe (lambda (x) 5))) (try (maybe 5))
(define/typed (adder (n : fixnum)) : (-> fixnum fixnum) (lambda (x) (+ x n)))
(try ((adder 1) 2)) (try ((adder 1) 2.))
(define/typed (two x) : (values fixnum string) (if x (values 1 "a") (begin 3 (values 1 2))))
(try (call-with-values (lambda () (two #t)) list)) (try (call-with-values (lambda () (two #f)) list))
(define/typed (two-of x) : (values fixnum string) (x))
(try (call-with-values (lambda () (two-of (lambda () (values 1 "b")))) list))
(try (call-with-values (lambda () (two-of (lambda () (values 1 2)))) list)) (try (two-of (lambda () 1)))
(define/typed (add xs : fixnum *) : fixnum (apply + xs))
(try (add 1 2 3)) (try (add)) (try (add 1 'b))
(define area (case-lambda/typed (((r : real)) : real (* r r)) (((a : real) (b : real)) (* a b)) (all all)))
(try (list (area 3) (area 2 5) (area 1 2 3))) (try (area 1 'x))
(define/typed limit : fixnum 50)
(try limit) (try (let () (define/typed inner : string limit) inner)) (try (the string "a")) (try (the string 5 me))
(define (outer n)
  (define/typed (local (x : fixnum)) : fixnum (if (> x n) x (local (+ x n))))
  (list (local 1) (local n)))
(try (outer 10)) (try (outer 1.5))
(define named (lambda/typed ((x : char)) : char x))
(try (named #\\a)) (try (named 5)) (try ((lambda/typed ((x : char)) x) 5))`,
  "records with types, and their types at run time": `${TRY}
(define-record-type/typed <segment> (make-segment from to) segment?
  (from : flonum segment-from set-segment-from!) (to : flonum segment-to) (label segment-label set-segment-label!))
(define s (make-segment 1. 2.))
(set-segment-from! s 1.5) (set-segment-label! s 'any)
(try (list s (segment-from s) (segment-to s) (segment-label s)))
(try (make-segment 1 2.)) (try (set-segment-from! s 'x)) (try (segment-from 5))
(define/typed (long (s : <segment>)) : flonum (- (segment-to s) (segment-from s)))
(try (long s)) (try (long 'segment))
(define-record-type point (make-point x y) point? (x point-x) (y point-y set-point-y!))
(define/typed (move (p : point)) : point (set-point-y! p (+ (point-x p) (point-y p))) p)
(try (move (make-point 1 2))) (try (move s))
(try (list (rtd-name (record-rtd s)) (rtd-field-names (type-of s)) (eq? (record-rtd s) <segment>) (rtd? point)
           (rtd? s)))
(try ((rtd-accessor point 'y) (make-point 1 2))) (try ((rtd-accessor point 'z) s)) (try ((rtd-accessor point 'x) s))
(try ((rtd-constructor point) 7 8)) (try ((rtd-constructor point #(y)) 8)) (try ((rtd-predicate point) s))
(define p (make-point 1 2))
((rtd-mutator point 'x) p 9)
(try ((rtd-mutator <segment> 'from) s 'x)) (try (rtd-constructor <segment>)) (try ((rtd-mutator <segment> 'label) s 5))
(try (list p s point)) (try (record-rtd 5)) (try (rtd-name 5)) (try (rtd-field-names '(1)))`,
  "an error that nobody handles": `(define/typed (half (n : fixnum)) : fixnum
  (quotient n 2))
(define (use x)
  (+ 1
     (half x)))
(write (use 10))
(use "ten")`,
  "a result of another type": `(define/typed (name (n : fixnum)) : string
  (if (= n 0) "none" n))
(write (list (name 0)))
(list (name 1))`,
};

for (const [name, text] of Object.entries(PROGRAMS)) {
  test(`${name}: the same on all engines, with each pass and without it`, () => {
    const { output } = outcome(text, "interpreter");
    const plain = (words: string): string => words.replace(/\n {2}from [^]*$/u, "");
    assert.ok(output.length > 20);
    assert.equal(plain(outcome(text, {}).output), plain(output));
    assert.equal(plain(outcome(text, { passes: NO_PASSES }).output), plain(output));
    for (const pass of sampleOf(
      ["proofs", "types", "unboxing", "loops", "inlining", "lifting", "versions"] as const,
      3,
    ))
      assert.equal(plain(outcome(text, { passes: without(pass) }).output), plain(output), `without ${pass}`);
    assert.equal(plain(outcome(text, { debug: "verify" }).output), plain(output));
  });
}

test("who called is told of a failed check, also where the call was put in line", () => {
  const [argument, result] = Object.values(PROGRAMS).slice(-2) as [string, string];
  assert.match(
    outcome(argument, "interpreter").output,
    /scm:1:26: half: argument 1 \(n\): expected fixnum, got "ten"\n.*\n {27}\^{6}\n {2}from use, typed\.scm:5:6$/,
  );
  assert.match(outcome(argument, {}).output, /got "ten"\n.*\n.*\n {2}from the top level, typed\.scm:5:6$/);
  assert.match(outcome(argument, { passes: without("inlining") }).output, /\n {2}from use, typed\.scm:5:6$/);
  assert.match(
    outcome(result, {}).output,
    /typed\.scm:1:37: name: result: .*\n.*\n.*\n {2}from the top level, typed\.scm:4:7$/,
  );
});

/** What the compiler proved of a program, the size of its module, and how many collections its run took. */
function measured(text: string, passes: Passes): { engine: Engine; bytes: number; collections: number } {
  let bytes = 0;
  const noted: WasmEngine = {
    ...testWasmEngine,
    compileHot: (module) => {
      bytes = module.length;
      return testWasmEngine.compileHot(module);
    },
  };
  const { output, engine } = outcome(text, { passes, wasm: noted });
  assert.doesNotMatch(output, /error/);
  return { engine: engine!, bytes, collections: engine!.statistics.minorCount };
}

test("tests and checks that types prove are left out, and counted; the code is smaller", () => {
  const text = `
(define-record-type/typed point (make-point x y) point? (x : flonum x-of set-x!) (y : flonum y-of set-y!))
(define/typed (far (a : point) (b : point)) : flonum
  (let ((dx (- (x-of a) (x-of b))) (dy (- (y-of a) (y-of b))))
    (+ (* dx dx) (* dy dy))))
(define/typed (move! (p : point) (by : flonum))
  (set-x! p (+ (x-of p) by)) (set-y! p (+ (y-of p) by)))
(define/typed (walk (p : point) (q : point) (n : fixnum) (sum : flonum)) : flonum
  (if (= n 0)
      sum
      (begin (move! p 0.5) (walk p q (- n 1) (+ sum (far p q) (far q p))))))
(write (walk (make-point 0. 0.) (make-point 1. 2.) 100 0.))`;
  const all = measured(text, ALL_PASSES);
  const none = measured(text, without("proofs"));
  const { testsDropped, testsKept, callsUnchecked, callsChecked } = all.engine.proofs;
  // Only n is tested in the loop, as (- n 1) may be no fixnum.
  assert.ok(testsDropped >= 9 * testsKept, `${testsDropped} left out, ${testsKept} kept`);
  assert.deepEqual([callsChecked, callsUnchecked > 2], [0, true], JSON.stringify(all.engine.proofs));
  assert.equal(none.engine.proofs.callsUnchecked, 0);
  assert.ok(all.bytes < none.bytes, `${all.bytes} bytes, ${none.bytes} without`);
  assert.equal(outcome(text, {}).output, outcome(text, "interpreter").output);
});

test("doubles go to and come from typed procedures in registers: such calls allocate nothing", () => {
  const text = `
(define/typed (wave (x : flonum) (y : flonum) (n : fixnum)) : flonum
  (if (< n 1) (- x y) (if (< x y) (+ y (* x 0.25)) (- x (* y 0.125)))))
(define/typed (again (n : fixnum) (x : flonum)) : flonum
  (if (= n 0) x (again (- n 1) (wave x 1.5 5))))
(define/typed (twice (f : procedure) (x : flonum)) : flonum (f (the flonum (f x))))
(write (list (again 1000000 0.5) (twice (lambda (x) (again 3 x)) 2.5)))`;
  const inLine = without("inlining");
  assert.equal(measured(text, inLine).collections, 0);
  assert.ok(measured(text, without("inlining", "proofs")).collections > 3);
  // Also where they wait for another call.
  const fib = `
(define/typed (fib (n : flonum)) : flonum (if (< n 2.) n (+ (fib (- n 1.)) (fib (- n 2.)))))
(write (fib 25.))`;
  assert.equal(measured(fib, ALL_PASSES).collections, 0);
  assert.ok(measured(fib, without("proofs")).collections > 0);
  assert.equal(outcome(text, { passes: inLine }).output, outcome(text, "interpreter").output);
});

test("other units' calls skip checks that they have proved, too, and take doubles in registers", () => {
  const text = `
(define-library (waves) (export wave) (import (scheme base) (stratos types))
  (begin (define/typed (wave (x : flonum) (y : flonum)) : flonum (if (< x y) (+ y (* x 0.25)) (- x (* y 0.125))))))
(import (scheme base) (scheme write) (stratos types) (waves))
(define/typed (again (n : fixnum) (x : flonum)) : flonum (if (= n 0) x (again (- n 1) (wave x 1.5))))
(write (again 1000000 0.5))
(write (map wave '(1. 2.) '(3. 4.)))
(wave 1 2.)`;
  const inLine = without("inlining");
  const { output, engine } = outcome(text, { passes: inLine });
  assert.equal(engine!.statistics.minorCount, 0);
  assert.ok(engine!.proofs.callsUnchecked >= 1);
  assert.match(output, /^-?[\d.e-]+\(.*\)error: typed\.scm:3:35: wave: argument 1 \(x\): expected flonum, got 1\n/);
  assert.equal(output.split("\n")[0], outcome(text, "interpreter").output.split("\n")[0]);
});

test("a named let is known where it is called: its doubles stay in registers, and small loops make no closure", () => {
  const text = `
(define (sum n) (let loop ((i 0) (s 0.)) (if (= i n) s (loop (+ i 1) (+ s (* 0.5 i))))))
(write (do ((i 0 (+ i 1)) (s 0. (+ s (sum 100)))) ((= i 20000) s)))`;
  assert.ok(measured(text, ALL_PASSES).collections < 2);
  assert.ok(measured(text, without("unboxing")).collections > 5);
});

test("a loop into which doubles come that nobody told of keeps them in registers", () => {
  const text = `
(define (spin r c n) (let loop ((x r) (i 0)) (if (= i n) x (loop (- (* 0.5 (+ x c)) (* x 0.25)) (+ i 1)))))
(define inputs (map (lambda (t) (string->number t)) '("0.75" "1.5" "1/2")))
(write (map (lambda (x) (spin x (cadr inputs) 200000)) (list (car inputs) (cadr inputs))))
(write (spin (list-ref inputs 2) 3 2))`;
  const taken = measured(text, ALL_PASSES),
    left = measured(text, without("versions"));
  assert.ok(taken.collections < 2, `${taken.collections} collections`);
  assert.ok(left.collections > 5, `${left.collections} collections`);
  assert.ok(taken.bytes < 1.5 * left.bytes, `${taken.bytes} bytes for ${left.bytes}`);
  assert.equal(outcome(text, { passes: ALL_PASSES }).output, outcome(text, "interpreter").output);
});

test("what a loop reads from a vector and computes with stays in registers", () => {
  const text = `
(define (scale! v c n)
  (do ((k 0 (+ k 1))) ((= k n))
    (do ((i 0 (+ i 1)) (s 0. (+ s (* c (- (vector-ref v i) (vector-ref v (- 99 i)))))))
        ((= i 100) (vector-set! v 0 s)))))
(define v (make-vector 100 (string->number "1.5")))
(scale! v (string->number "0.75") 4000)
(vector-set! v 50 1/3)
(vector-set! v 51 (string->number "1+2i"))
(scale! v (string->number "0.75") 1)
(write v)`;
  const taken = measured(text, ALL_PASSES),
    left = measured(text, without("versions"));
  assert.ok(taken.collections < 2, `${taken.collections} collections`);
  assert.ok(left.collections > 2, `${left.collections} collections`);
  assert.equal(outcome(text, { passes: ALL_PASSES }).output, outcome(text, "interpreter").output);
});

test("roots and changed signs of what a loop reads stay in registers; a root that is complex goes on", () => {
  const text = `
(define (lengths v n)
  (do ((k 0 (+ k 1))) ((= k n))
    (do ((i 0 (+ i 1)) (s 0. (+ s (- (sqrt (* (vector-ref v i) (- (vector-ref v (- 99 i)))))))))
        ((= i 100) (vector-set! v 0 (- s))))))
(define v (make-vector 100 (string->number "-1.5")))
(do ((i 0 (+ i 1))) ((= i 50)) (vector-set! v i 1.5))
(lengths v 4000)
(vector-set! v 50 2.25)
(lengths v 1)
(write v)`;
  const { collections } = measured(text, ALL_PASSES);
  assert.ok(collections < 2, `${collections} collections`);
  assert.equal(outcome(text, { passes: ALL_PASSES }).output, outcome(text, "interpreter").output);
});

test("a procedure that is known is called in place by what takes procedures: no closure is made", () => {
  const text = `
(define (sum-of f l) (let loop ((l l) (sum 0)) (if (pair? l) (loop (cdr l) (+ sum (f (car l)))) sum)))
(define numbers (list 1 2 3 4))
(define (total n)
  (do ((i 0 (+ i 1)) (sum 0 (+ sum (sum-of (lambda (x) (* x i n)) numbers)))) ((= i 300000) sum)))
(define (each n)
  (do ((i 0 (+ i 1)) (sum 0)) ((= i 300000) sum) (for-each (lambda (x) (set! sum (+ sum (* x n)))) numbers)))
(write (list (total 3) (each 2)))`;
  const taken = measured(text, ALL_PASSES),
    left = measured(text, without("inlining"));
  assert.ok(taken.collections < 2, `${taken.collections} collections`);
  assert.ok(left.collections > 2, `${left.collections} collections`);
});

test("map, for-each and their like are the same in place as called", () => {
  const text = `
(define l (list 1 2 3))
(define (square x) (* x x))
(define k #f)
(define turns 0)
(write (list (map square l) (map (lambda (x) (* x 2)) '()) (map + l '(4 5)) (map (lambda (x y) (- x y)) '(9 8 7) l)
             (vector-map square #(1 2 3)) (vector-map (lambda (x) (list x)) #())))
(for-each (lambda (x) (write x) (newline)) l)
(for-each (lambda (x y) (write (list x y))) l '(a b))
(vector-for-each (lambda (x) (write x)) #(1 2 3))
(define again (map (lambda (x) (call/cc (lambda (c) (if (= x 2) (set! k c)) x))) l))
(write again)
(set! turns (+ turns 1))
(if (< turns 3) (k (* turns 10)))
(define (told thunk) (guard (e (#t (write (list (error-object-message e) (error-object-irritants e))))) (thunk)))
(told (lambda () (map square '(1 2 . 3))))
(told (lambda () (for-each (lambda (x) (write x)) '(1 2 . 3))))
(told (lambda () (map (lambda (x) x) 'a)))
(told (lambda () (map (lambda (x y) x) l)))
(told (lambda () (for-each car l)))
(told (lambda () (vector-for-each square '(1))))
`;
  const { output } = outcome(text, "interpreter");
  for (const options of [
    {},
    { passes: without("inlining") },
    { passes: without("loops") },
    { debug: "torture" as const },
  ])
    assert.equal(outcome(text, options).output, output);
});

test("the sign of each kind of number is changed as the interpreter does", () => {
  const numbers =
    "0 -0.0 0.0 5 1152921504606846975 -1152921504606846976 1152921504606846976 (expt -10 30) 1/2 +inf.0 " +
    "1.+2.i -0.0+1i 1+2i";
  const text = `
(define (negated x) (- x))
(define (difference x) (let ((y (- x))) (- y 1)))
(write (map negated (list ${numbers}))) (write (map difference (list ${numbers})))
(write (guard (e (#t (error-object-message e))) (negated 'a)))`;
  assert.equal(outcome(text, { passes: ALL_PASSES }).output, outcome(text, "interpreter").output);
});

test("a double that a loop gives after a call that was captured is a word there", () => {
  const text = `
(define k #f)
(define n 0)
(define (f x)
  (let ((y (+ 1.5 (begin (call/cc (lambda (c) (set! k c))) (do ((i 0 (+ i 1)) (s x (* s 2.))) ((= i 3) s))))))
    (list y)))
(write (f 1.25))
(set! n (+ n 1))
(if (< n 3) (k 0))`;
  assert.equal(outcome(text, {}).output, "(11.5)".repeat(3));
  assert.equal(outcome(text, { debug: "torture" }).output, "(11.5)".repeat(3));
});

test("typed programs are the same when each allocation collects", () => {
  const text = `
(define/typed (fib (n : flonum)) : flonum (if (< n 2.) n (+ (fib (- n 1.)) (fib (- n 2.)))))
(define/typed (deep (n : fixnum) (x : flonum) l) : flonum (if (= n 0) x (+ 1. (deep (- n 1) (* x 1.5) (list l x)))))
(write (list (fib 8.) (deep 30 1. '())))
(fib 'x)`;
  assert.equal(
    outcome(text, { debug: "torture" }).output.split("\n")[0],
    outcome(text, "interpreter").output.split("\n")[0],
  );
});

test("annotations that are none are errors at their place, before anything runs", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["(define/typed (f (x : fixnumm)) x)", /:1:39: fixnumm is no type/],
    ["(define/typed (f (x : (listof))) x)", /the type \(listof\) must have 1 operand/],
    ["(define/typed (f (x fixnum)) x)", /:1:34: a parameter is NAME or \(NAME : TYPE\)/],
    ["(define/typed (f (x : (->))) x)", /must name a result/],
    ["(define/typed (f x) : fixnum)", /a body is missing/],
    ["(define/typed f fixnum)", /expected \(define\/typed NAME : TYPE VALUE\)/],
    ["(define-type loop (listof loop)) (define/typed (f (x : loop)) x)", /the type loop mentions itself/],
    ["(let/typed ((x : fixnum)) x)", /a binding is \(NAME VALUE\) or \(NAME : TYPE VALUE\)/],
    ["(define-record-type/typed p (make-p) p? (x : fixnum x-of))", /the constructor must take x, which has a type/],
    ["(define/typed (f (x : car)) x)", /car is no type/],
  ];
  for (const [text, words] of wrong)
    assert.match(outcome(`(display "ran") ${text}`, "interpreter").output, words, text);
  for (const [text] of wrong)
    assert.doesNotMatch(outcome(`(display "ran") ${text}`, "interpreter").output, /^ran/, text);
});

const seed = Number(process.env["STRATOS_SEED"] ?? 17);
test(`random loops over vectors of doubles and others give what the interpreter gives (seed ${seed})`, () => {
  for (let at = 0; at < sampleCount(6, 0.4); at++) {
    const text = randomLoops(new SeededRandom(seed + at));
    const { output } = outcome(text, "interpreter");
    for (const options of at === 0 ? [{}, { debug: "torture" as const }] : [{}])
      assert.equal(outcome(text, options).output, output, `seed ${seed + at}: ${text}`);
  }
});

test(`random typed procedures over doubles give what the interpreter gives (seed ${seed})`, () => {
  for (let at = 0; at < sampleCount(6, 0.4); at++) {
    const text = randomDoubles(new SeededRandom(seed + at));
    const { output } = outcome(text, "interpreter");
    for (const options of [{}, { passes: without("inlining") }, { debug: "verify" as const }])
      assert.equal(outcome(text, options).output, output, `seed ${seed + at}: ${text}`);
  }
});
