/** The same programs on both engines: what they write, and the error they end with, must be the same to the letter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "./compiled-session.ts";
import { closedSystem } from "./interpreter/system.ts";
import { haveSameRuntime } from "./image/engine-image.ts";
import { backtrace } from "./repl/repl.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { Lisp } from "./session.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const PROGRAMS: Record<string, string> = {
  "values that are received where they are made": `(import (scheme base) (scheme write))
    (define (f a b)
      (call-with-values (lambda () (values (vector a b) (if (< a 9) 0 1))) (lambda (v i) (vector-ref v i))))
    (define (g a) (let-values (((q r) (if (> a 3) (values a 1) (values 2 a))) ((x) (+ a 1))) (list q r x)))
    (define (h a) (call-with-values
      (lambda () (let ((y (* a 2))) (display y) (if (odd? a) (begin (display "odd") (values y 2 3)) (values 1 2 y))))
      (lambda (a b c) (set! b (+ b 1)) (list a b c))))
    (define (i a) (call-with-values
      (lambda () (let ((y (* a 2))) (display y) (if (odd? a) (begin (display "odd") (values y 2 3)) (values 1 2 y))))
      (lambda (a b c) (list (lambda () a) b c))))
    (define (count n acc)
      (if (= n 0) acc
        (call-with-values (lambda () (if (even? n) (values (- n 1) (+ acc 1)) (values (- n 1) acc)))
          (lambda (n acc) (count n acc)))))
    (define k #f)
    (define times 0)
    (define (again)
      (call-with-values (lambda () (values (call/cc (lambda (c) (set! k c) 1)) 2)) (lambda (a b) (+ a b))))
    (write (list (f 1 2) (f 200 3) (g 5) (g 1) (h 3) (h 4) (cdr (i 3)) (cdr (i 4)) (count 100000 0) (again)
      (call-with-values (lambda () 5) (lambda (x) (* x 2))) (call-with-values (lambda () (values)) (lambda () 7))
      (call-with-values (lambda () (call/cc (lambda (k) (k 1 2)))) (lambda (a b) (+ a b)))))
    (set! times (+ times 1))
    (if (< times 3) (k times))
    (call-with-values (lambda () (if (= times 3) (values 1 2) (values 1))) (lambda (x) x))`,
  "records are shown, changed and checked":
    "(define-record-type point (make-point x y) point? (x px set-px!) (y py)) (define p (make-point 1 2)) (set-px! " +
    'p \'(a "b")) (write p) (write (list (point? p) (point? 5) (py p))) (px 7)',
  "records with fields that the constructor leaves out, inside of a procedure, and of another type":
    "(define-record-type point (make-point x y) point? (x px) (y py) (z pz set-pz!)) (define (local x) " +
    "(define-record-type q (mq a) q? (a qa)) (list (qa (mq x)) (q? x))) (define p (make-point 1 2)) (set-pz! p 'z) " +
    "(write (list (px p) (pz p) (local 5) (map px (list p p)) (map point? (list p 1)))) (set-pz! 'other 1)",
  "map and its like with one list and several, long ones, and again by a continuation": `(write (list (map + '(1 2) \
'(10 20 30)) (map + '(1) '(2) '(3)) (apply + (map (lambda (x) (* x x)) (make-list 1000 2))) (vector-map + #(1 2) #(3 \
4)) (member 2.0 '(1 2) =) (assoc 2.0 '((1 . a) (2 . b)) =)))
    (for-each (lambda (a b) (write (- a b))) '(1 2) '(3 4)) (vector-for-each write #(1 2))
    (define k #f) (define n 0)
    (write (map (lambda (x) (call/cc (lambda (c) (if (= x 2) (set! k c)) x))) '(1 2 3)))
    (set! n (+ n 1)) (if (< n 3) (k (* n 10)))
    (write (guard (e (#t (error-object-message e))) (map (lambda (x) x) '(1 . 2))))`,
  "a continuation is entered again after it has returned":
    "(let ((k #f) (n 0)) (write (list 1 (call/cc (lambda (c) (set! k c) 2)))) (set! n (+ n 1)) (if (< n 4) (k n)))",
  "generators by continuations": `(define (each-of list) (define return #f) (define (start) (for-each (lambda (x) \
(call/cc (lambda (next) (set! start (lambda () (next #f))) (return x)))) list) (return 'end))
    (lambda () (call/cc (lambda (r) (set! return r) (start))))) (define g (each-of '(1 2 3))) (write (list (g) (g) \
(g) (g)))`,
  "dynamic-wind runs its thunks on the way in and out": `(let ((k #f) (count 0)) (dynamic-wind (lambda () (display \
"[")) (lambda () (call/cc (lambda (c) (set! k c))) (display count)) (lambda () (display "]")))
    (set! count (+ count 1)) (if (< count 3) (k #f)))`,
  "errors are caught with their message and irritants":
    "(write (map (lambda (thunk) (guard (e (#t (list (error-object-message e) (error-object-irritants e)))) " +
    "(thunk))) (list (lambda () (car 5)) (lambda () (vector-ref (vector 1 2) 2)) (lambda () (vector-ref '(1) 0)) " +
    "(lambda () (+ 'a 1)) (lambda () (error \"own\" 1 '(2))) (lambda () (cadr '(1))) (lambda () ('(1) 2)) (lambda " +
    '() ((lambda (x) x))) (lambda () (string-ref "abc" 3)) (lambda () (length \'(1 . 2))) (lambda () (exact (/ 0. ' +
    "0.))) (lambda () (/ 5 0)))))",
  "a handler that returns to raise is an error":
    "(with-exception-handler (lambda (e) 1) (lambda () (+ 1 (raise 'oops))))",
  "raise-continuable goes on":
    "(write (with-exception-handler (lambda (e) (* e 2)) (lambda () (+ 1 (raise-continuable 20)))))",
  "numbers of all kinds":
    "(for-each (lambda (x) (write x) (newline)) (list (expt 3 100) (/ 6 4) (- (expt 2 60)) (* 1152921504606846975 " +
    "2) (- -1152921504606846976 1) (quotient (expt 10 30) 7) (modulo -7 2) (exact->inexact 1/3) (sqrt -4) (sqrt " +
    '16) (exact (floor 2.5)) (max 1 2.0) (* 1.5 0) (- 0.0) (string->number "#xff") (number->string 255 16) (exp ' +
    "1) (atan 1 2) (make-rectangular 1 2) (+ 1/2 0.5) (< 1 2 3) (= 1 1.0) (eqv? 1 1.0) (equal? (expt 2 70) (expt 2 " +
    "70))))",
  "overflow at the edge of fixnums":
    "(define (f x) (list (+ x 1) (- x 1) (* x 2) (* x x) (- x) (quotient x -1))) (write (map f (list " +
    "1152921504606846975 -1152921504606846976 2147483648 -2147483649 0 -1)))",
  "bits of integers, small and large": `(import (scheme base) (scheme write) (stratos base))
    (define large (expt 3 90))
    (write (list (bitwise-and) (bitwise-and 12 10) (bitwise-and 12 -10 6) (bitwise-and large -8) (bitwise-ior 12 large)
      (bitwise-ior 5) (bitwise-xor -1 5) (bitwise-xor large large) (map bitwise-xor '(1 2) '(3 4))))
    (write (map (lambda (x) (map (lambda (n) (arithmetic-shift x n)) '(0 -1 -59 -60 -61 -200 1 70)))
      (list 5 -5 0 1152921504606846975 -1152921504606846976 large)))
    (arithmetic-shift 1.5 -1)`,
  "doubles in loops, mixed with exact numbers":
    "(define (f n) (let loop ((i 0) (x 0.) (y 1)) (if (= i n) (list x y) (loop (+ i 1) (+ x (/ i 2) (* y 0.1)) (* " +
    "y 2))))) (write (f 10)) (define (g x) (if (< x 10) (g (+ x 1.5)) x)) (write (g 0)) (write (map sqrt '(4 2.25 " +
    "-1.)))",
  "values, parameters, promises, strings":
    "(call-with-values (lambda () (values 1 2 3)) (lambda l (write l))) (define p (make-parameter 1 (lambda (x) (* " +
    "x 2)))) (write (list (p) (parameterize ((p 5)) (p)) (p))) (define-values (a . b) (values 1 2 3)) (write (list " +
    "a b)) (define s (make-string 3 #\\a)) (string-set! s 1 #\\λ) (write s) (write (force (delay (+ 1 2)))) (write " +
    '(string->list "abc")) (write (call-with-output-string (lambda (port) (write \'x port)))) (write (vector-map ' +
    "+ #(1 2) #(10 20))) (write (let loop ((i 0)) (if (< i 100000) (loop (+ i 1)) i)))",
  "delay-force in constant space":
    "(define (loop n) (if (= n 0) (delay 'done) (delay-force (loop (- n 1))))) (write (force (loop 100000)))",
  "recursion that is not a loop, deep":
    "(define (build n) (if (= n 0) '() (cons n (build (- n 1))))) (write (apply + (build 50000))) (write (length " +
    "(map (lambda (x) x) (build 200000))))",
  "eval with a definition":
    "(define e (interaction-environment)) (eval '(define (twice x) (* 2 x)) e) (write (eval '(twice 21) e)) (write " +
    "(eval '(let ((x 1)) (+ x 1)) (scheme-report-environment 5)))",
  "cycles are written with labels, and compared":
    "(define l (list 1 2 3)) (set-cdr! (cddr l) l) (write l) (define m (list 1 2 3)) (set-cdr! (cddr m) m) (write " +
    "(equal? l m)) (write (list? l))",
  "an error in a procedure that is called in a tail, with its line": `(define (check x)
  (if (vector? x) x
      (error "no vector:" x)))
(define (use f . rest) (f (car rest)))
(write (use check #(1)))
(use check
     'word)`,
  "an error of a procedure of the system, in a tail": `(define (name x)
  (string->symbol x))
(write (name "a"))
(name 7)`,
  "an error of arithmetic in the middle of an expression": `(define (sum l) (if (null? l) 0 (+ (car l) (sum (cdr l)))))
(write (sum '(1 2)))
(write (sum '(1 two 3)))`,
  "what is called is no procedure": `(define (twice f x) (f (f x)))
(write (twice (lambda (x)
                (if (> x 1) car x)) 1))
(twice (lambda (x) 'nothing)
       5)`,
  "a wrong count of arguments": "(define (f a b) a)\n(write (f 1 2))\n  (f 1)",
  "a record of another type, through a known accessor": `(define-record-type one (make-one a) one? (a one-a))
(define-record-type two (make-two a) two? (a two-a))
(define (get x) (+ 1
                   (one-a x)))
(write (get (make-one 1)))
(get (make-two 1))`,
  "equal? of large, shared and circular structures": `(define (l n end) (if (= n 0) end (cons n (l (- n 1) end))))
(define (dag n) (if (= n 0) '(x) (let ((d (dag (- n 1)))) (cons d d))))
(define (ring n) (let ((r (l n '()))) (set-cdr! (list-tail r (- n 1)) r) r))
(define (both a b) (equal? (l 120000 a) (l 120000 b)))
(write (list (equal? (dag 500) (dag 500)) (equal? (dag 500) (cons (dag 499) (dag 498))) (equal? (ring 6) (ring 3))
             (equal? (make-vector 120000 '(1 2)) (make-vector 120000 '(1 2)))
             (both (list (expt 3 100) 1.5 "a" 2/3 #u8(1 2)) (list (expt 3 100) 1.5 "a" 2/3 #u8(1 2)))
             (both (list (expt 3 100)) (list (- (expt 3 100)))) (both "a" "b") (both '(1 . 2) '(1 . 2.0)) (both car car)
             (both 0.0 -0.0) (both '#(1) '(1))))`,
  "texts of numbers and symbols, characters, gcd": `(write (map number->string '(0 5 -5 10 1234567890123 \
-1152921504606846976 1152921504606846975 99 100 -100 1.5)))
(write (list (gcd 12 -18) (gcd) (gcd 5) (gcd 0 0) (gcd -1152921504606846976 0) (number->string 255 16)))
(write (map symbol->string '(a |b c| λ)))
(write (map (lambda (c)
              (list (char-upcase c) (char-downcase c) (char-alphabetic? c) (char-numeric? c) (char-whitespace? c)))
            (string->list "aZ5 \t\né[@\`{/:λΣ٣")))
(gcd 'a 2)`,
  "hashes by identity hold when objects move": `(import (scheme base) (scheme write) (stratos hash))
(define-record-type one (make-one a) one? (a one-a))
(define things (list (list 1 2) (vector 1) (make-one 1)
   (lambda () things) (string #\\a) 'symbol 5 1.5 (expt 2 70) #\\a))
(define before (map %identity-hash things))
(define equal-before (map %hash things))
(define more (map list (make-list 200 1)))
(define more-before (map %identity-hash more))
(define (fill n) (if (> n 0) (begin (make-vector 100 n) (fill (- n 1)))))
(fill 20000)
(write (list (equal? before (map %identity-hash things)) (equal? equal-before (map %hash things))
             (equal? more-before (map %identity-hash more))
             (= (%identity-hash (car more)) (%identity-hash (cadr more)))
             (= (%identity-hash (list 1)) (%identity-hash (list 1)))))`,
  "an unbound variable": '(display "before") (no-such-thing 1)',
  "an object is raised that nobody handles": "(raise '(some object))",
  "libraries and macros":
    "(define-library (a) (export next! (rename value get)) (import (scheme base)) (begin (define value 5) (define " +
    "n 0) (define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t))))) (define (next!) " +
    "(let ((m 1)) (swap! n m) (set! n (+ n m 1)) n)))) (import (scheme base) (scheme write) (a)) (write (list " +
    "(next!) (next!) get))",
};

// All but the first session start from what the first has compiled.
const image = new CompiledLisp(new Lisp(), { wasm: testWasmEngine }).engine.saveImage();

/** How a program is run; `built`: compiled ahead by one session, run by another. */
type Way = "interpreted" | "compiled" | "built";

function outcome(text: string, way: Way, debug?: "verify" | "torture"): string {
  const parts: string[] = [];
  const decoder = new TextDecoder();
  const sink = {
    write: (bytes: Uint8Array) => void parts.push(decoder.decode(bytes)),
    flush: () => {},
    close: () => {},
  };
  const lisp = new Lisp({ system: closedSystem({ standardOutput: sink }) });
  const options = { wasm: testWasmEngine, memoryBytes: 256 * 1024 * 1024, ...(debug === undefined ? {} : { debug }) };
  try {
    if (way === "interpreted") lisp.runProgram(text, "program.scm");
    else if (way === "compiled") new CompiledLisp(lisp, { ...options, image }).runProgram(text, "program.scm");
    else new CompiledLisp(lisp, { ...options, image: build(text) }).runImage();
  } catch (error) {
    const words = lisp.describe(error);
    if (words === null) throw error;
    parts.push(`\nerror: ${words}`, ...(way === "built" ? backtrace(error) : []));
  }
  return parts.join("");
}

const built = new Map<string, Uint8Array>();

function build(text: string): Uint8Array {
  let program = built.get(text);
  if (program === undefined) {
    const session = new CompiledLisp(new Lisp(), { wasm: testWasmEngine, keepsModules: true });
    built.set(text, (program = session.buildProgram(text, "program.scm")));
  }
  return program;
}

for (const [name, text] of Object.entries(PROGRAMS)) {
  test(`${name}: the same on both engines`, () => {
    const expected = outcome(text, "interpreted");
    assert.equal(outcome(text, "compiled"), expected);
    assert.ok(expected.length > 0);
  });
}

test("the heap is whole after each collection of a program that uses most of the runtime", () => {
  const text = `(define (work n) (let loop ((i 0) (l '())) (if (= i n) (length l) (loop (+ i 1) (cons (call/cc \
(lambda (k) (list->string (list #\\a (k (vector i (number->string i))))))) l)))))
    (define k (make-parameter 0))
    (write (list (work 2000) (parameterize ((k (make-vector 1000 'x))) (vector-length (k))) (expt 7 200) (map (lambda \
(x) (* x 1.5)) '(1 2 3))))`;
  assert.equal(outcome(text, "compiled", "verify"), outcome(text, "interpreted"));
});

/** Of a built program the source is not there to be shown. */
function withoutPlace(output: string): string {
  return output.replace(/(\nerror: [^\n]*?)(?: {2}from .*|\n {2}.*)$/su, "$1");
}

extendedTest("a program is built into the same bytes from an image of the runtime and without one", () => {
  const text = `(import (scheme base) (scheme write))
    (define-record-type point (make-point x y) point? (x px) (y py))
    (write (list (px (make-point 1/2 'a)) "text" 1.5 (expt 3 100) (string-upcase "ß")))`;
  for (const kind of [{}, { isNative: true }]) {
    const options = { wasm: testWasmEngine, keepsModules: true, ...kind };
    const image = new CompiledLisp(new Lisp(), options).engine.saveImage();
    const session = new CompiledLisp(new Lisp(), { ...options, image });
    assert.ok(session.engine.hasImage);
    const plain = new CompiledLisp(new Lisp(), options).buildProgram(text, "program.scm");
    assert.ok(Buffer.compare(session.buildProgram(text, "program.scm"), plain) === 0);
    // A native runtime and that of WebAssembly are not taken for each other.
    const other = new CompiledLisp(new Lisp(), { ...options, isNative: !("isNative" in kind), image });
    assert.ok(!other.engine.hasImage);
  }
});

test("a built program does what it does when it is compiled and run at once, its errors and their callers too", () => {
  const own = `(import (scheme base) (scheme write) (scheme eval))
    (define-record-type point (make-point x y) point? (x px set-px!) (y py))
    (define table (list (cons 'a 1.5) (cons "b" (expt 2 100)) '#(1/2 #\\c #u8(1 2))))
    (write table)
    (set-px! (car (list (make-point 1 2))) 5)
    (write (eval '(map (lambda (x) (* x 2)) '(1 2)) (environment '(scheme base))))
    (write (call/cc (lambda (k) (for-each (lambda (x) (if (> x 1) (k x))) '(1 2 3)))))
    (define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
    (write (deep 100000))
    (define (outer x) (list (inner x) 1))
    (define inner (if (pair? table) (lambda (x) (vector-ref x 9)) car))
    (outer (vector 1))`;
  for (const text of [own, ...Object.values(PROGRAMS).filter((_, index) => index % 12 === 0)])
    assert.equal(withoutPlace(outcome(text, "built")), withoutPlace(outcome(text, "compiled")));
  assert.match(outcome(own, "built"), /vector-ref: index out of range: 9 {2}from the top level, program\.scm:10/su);
  assert.equal(withoutPlace(outcome(own, "built", "verify")), withoutPlace(outcome(own, "compiled")));
});

test("who waits when a program ends by an error is the same on both engines, and where", () => {
  const text = `(define (inner x) (if (null? x) (car x) (+ 1 (inner (cdr x)))))
    (define-syntax again (syntax-rules () ((_ e) (begin e e))))
    (define (middle x)
      (display "a") (let ((y (* 2 (inner x)))) (display y) y))
    (define (outer x)
      (let* ((a 1) (b (if (pair? x) (let () (middle x)) 0))) (list a (again (f x)) b)))
    (define f (if (pair? '()) car outer))
    (set! f outer)
    (display (list 1 (f '(1 2))))`;
  const waiting = (run: (lisp: Lisp) => unknown): string[] => {
    const lisp = new Lisp();
    try {
      run(lisp);
    } catch (error) {
      return backtrace(error);
    }
    return [];
  };
  const passes = { ...ALL_PASSES, inlining: false };
  const interpreted = waiting((lisp) => lisp.runProgram(text, "program.scm"));
  const compiled = waiting((lisp) =>
    new CompiledLisp(lisp, { wasm: testWasmEngine, memoryBytes: 256 * 1024 * 1024, passes }).runProgram(
      text,
      "program.scm",
    ),
  );
  assert.deepEqual(interpreted, compiled);
  assert.deepEqual(interpreted, [
    "  from inner, program.scm:1:46",
    "  from inner, program.scm:1:46",
    "  from middle, program.scm:4:35",
    "  from outer, program.scm:6:45",
    "  from the top level, program.scm:9:22",
  ]);
});

test("an image tells whether another one is of the same build", () => {
  assert.equal(haveSameRuntime(build("1"), image), true);
  const other = new CompiledLisp(new Lisp(), { wasm: testWasmEngine, nurseryBytes: 1024 * 1024 }).engine.saveImage();
  assert.equal(haveSameRuntime(other, image), false);
  const changed = image.slice();
  const at = Buffer.from(image).indexOf('"runtimeSum":') + '"runtimeSum":'.length;
  changed[at] = changed[at] === 0x31 ? 0x32 : 0x31;
  assert.equal(haveSameRuntime(changed, image), false);
  assert.equal(haveSameRuntime(image.subarray(0, 100), image), false);
});
