/**
 * Goal: lambdas that `eval` calls often in a native program become machine code, which does what the interpreter does:
 * on the machine (rv64), by qemu-user (ppc64le), and on this host where it is an x86-64 Linux. A program tells how many
 * functions were made; none is ever writable and executable, lost ones are freed, and where the system refuses such
 * memory all goes on without it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import type { NativeTarget } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS, MAIN_TARGETS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-machine-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A thread that nobody interrupts would go on for ever. */
const LIMIT_MS = 120_000;
const TARGET: NativeTarget = EMULATORS.x86_64 === null ? "rv64" : "x86_64";

/** `(often f x …)` calls so often that machine code is made; what it gives then, and again with other operands. */
const FORMS = String.raw`
(define (times n thunk) (if (> n 0) (begin (thunk) (times (- n 1) thunk))))
(define (often f . l) (times 700 (lambda () (apply f l))) (apply f l))
(begin (define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 20))
(begin (define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1))))) (list (deep 100) (deep 1000) (deep 300000)))
(begin (define (build n) (if (= n 0) '() (cons n (build (- n 1))))) (apply + (build 100000)))
(begin (define (size l) (if (null? l) 0 (+ 1 (size (cdr l))))) (size (build 100000)))
(let loop ((n 200000) (s 0)) (if (= n 0) s (loop (- n 1) (+ s n))))
(begin (define (even? n) (if (= n 0) #t (odd? (- n 1)))) (define (odd? n) (if (= n 0) #f (even? (- n 1))))
  (list (even? 100001) (odd? 100001)))
(begin (define (tak x y z) (if (not (< y x)) z (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y))))
  (tak 12 8 4))
(begin (define (adder a) (lambda (b) (+ a b)))
  (let loop ((i 0) (s 0)) (if (= i 10000) s (loop (+ i 1) ((adder i) s)))))
(begin (define (add a b) (+ a b)) (often add 1 2)
  (list (add 1152921504606846975 1) (add -1152921504606846976 -1) (add 1.5 1) (add 1/2 1/3) (add (expt 3 50) 1)))
(add 'a 1)
(begin (define (less a b) (- a b)) (often less 1 2)
  (list (less 1152921504606846975 -1) (less -1152921504606846976 1) (less 1.5 1) (less 1/2 1/3)))
(less 1 "a")
(begin (define (product a b) (* a b)) (often product 3 -4)
  (list (product 1152921504606846975 -1) (product -1152921504606846976 -1) (product 4294967296 4294967296)
        (product 1073741824 1073741823) (product -1073741824 1073741824) (product -3 5) (product 1.5 2) (product 0 -7)))
(begin (define (compared a b) (list (< a b) (> a b) (<= a b) (>= a b) (= a b) (eq? a b))) (often compared 1 2)
  (list (compared 2 1) (compared 1 1) (compared -1 1) (compared 1.5 1) (compared 1 1.0) (compared 1/2 1/3)
        (compared (expt 2 80) 5)))
(compared 'a 1)
(begin (define (chosen a b)
         (list (if (< a b) 1 2) (if (> a b) 1 2) (if (<= a b) 1 2) (if (>= a b) 1 2) (if (= a b) 1 2) (if (eq? a b) 1 2)
               (if (< a 5) 1 2) (if (not (= b 7)) 1 2)))
  (often chosen 1 2)
  (list (chosen 2 1) (chosen 1 1) (chosen -1 1) (chosen 1.5 1) (chosen 1 1.0) (chosen 1/2 1/3) (chosen 7 7)))
(begin (define (kinds a)
         (list (pair? a) (null? a) (not a) (if (pair? a) 1 2) (if (null? a) 1 2) (if (not a) 1 2) (if a 1 2)))
  (often kinds 1) (map kinds (list '() '(1) #f #t 0 "" 'a (vector))))
(begin (define (zeros a) (list (zero? a) (if (zero? a) 1 2) (if (not (zero? a)) 1 2))) (often zeros 1)
  (list (zeros 0) (zeros 0.0) (zeros -0.0) (zeros 1/2)))
(begin (define (both a b c) (if (and (pair? a) (null? (cdr a)) b) (or (and (not c) 'none) c) (or b #f)))
  (often both '(1) 2 3)
  (list (both '(1) #t #f) (both '(1 2) 5 6) (both 1 #f 6) (both '(1) #f 1) (both '(1) 1 'c)))
(begin (define (first l) (car l)) (often first '(1 2)))
(first 5)
(begin (define (rest l) (cdr l)) (often rest '(1 2)))
(rest '())
(begin (define (at v i) (vector-ref v i)) (often at (vector 1 2 3) 1) (at (vector 1 2 3) 2))
(at (vector 1 2 3) 3)
(at (vector 1 2 3) -1)
(at (vector 1 2 3) 1.5)
(at '(1) 0)
(begin (define (unknown x) (if x (later x) 0)) (often unknown #f))
(unknown 5)
(begin (define (later x) (* x x)) (unknown 7))
(begin (define later 5) (unknown 7))
(begin (define (uses-itself n) (letrec ((a (lambda () (if (= n 0) b 1))) (b (a))) b)) (often uses-itself 1))
(begin (define total 0) (define (count! n) (set! total (+ total n)) total) (often count! 2) total)
(begin (define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n))) (define c (counter)) (often c))
(begin (define (nested a b)
         (let ((c (+ a 1)) (d (* b 2)))
           (let* ((e (list c d)) (f (lambda () (set! c (+ c d)) (list a b c d e))))
             (f) (let ((g (f))) (cons g (let ((h (car e)) (i c)) (if (< h i) (list h i a) (list i h b))))))))
  (often nested 3 4))
(begin (define (inner n)
         (define (down x) (if (= x 0) n (down (- x 1)))) (define z (down 3)) (define w) (+ z (down 2)))
  (often inner 5))
(begin (define (counts a b c)
         (list (- a) (+ a) (* a b c) (< a b c) (= a b c) (+) (*) (- a b c) (if (> a b c) 1 2) (+ a b c)))
  (often counts 1 2 3) (list (counts 3 2 1) (counts 2 2 2) (counts 1.5 1/2 (expt 2 70))))
(begin (import (stratos memory)) (define (collected a b) (let ((x (list a b)) (y (cons b a))) (collect-garbage)
         (let ((z (vector x y))) (collect-garbage) (list z (let ((w (car x))) (collect-garbage) w)))))
  (often collected '(1) "b"))
(begin (define (by-case x) (case x ((1 2) 'low) ((3) => (lambda (y) (* y y))) (else 'high))) (often by-case 1)
  (map by-case '(1 2 3 4)))
(begin (define (looped n) (do ((i 0 (+ i 1)) (l '() (cons i l))) ((= i n) l))) (often looped 3) (looped 5))
(begin (define (many a b c d e) (list a b c d e)) (define (few) 7) (define (four a b c d) (list d c b a))
  (define (rest a . l) (list a l)) (list (often many 1 2 3 4 5) (often few) (often four 1 2 3 4) (often rest 1 2 3)))
(begin (define (passes f a b c d e) (list (f) (f a) (f a b) (f a b c) (f a b c d) (f a b c d e)))
  (often passes list 1 2 3 4 5))
(begin (define (one-value n) (if (= n 0) (values 1 2) (one-value (- n 1)))) (often one-value 1)
  (call-with-values (lambda () (one-value 10)) list))
(begin (define k #f) (define turns 0)
  (define (kept n) (let ((x (call/cc (lambda (c) (if (= n 900) (set! k c)) n)))) (+ x 1)))
  (define (all n s) (if (= n 1000) s (all (+ n 1) (+ s (kept n)))))
  (let ((r (all 0 0))) (set! turns (+ turns 1)) (if (< turns 4) (k (* turns 1000)) (list r turns))))
(begin (define (generator l)
         (define return #f)
         (define (next)
           (for-each (lambda (x) (call/cc (lambda (c) (set! next (lambda () (c #f))) (return x)))) l)
           (return 'end))
         (lambda () (call/cc (lambda (r) (set! return r) (next)))))
  (define g (generator (build 1500)))
  (let loop ((s 0)) (let ((x (g))) (if (eq? x 'end) s (loop (+ s x))))))
(begin (define (wound n) (dynamic-wind (lambda () #f) (lambda () (if (= n 0) 0 (+ 1 (wound (- n 1))))) (lambda () #f)))
  (wound 1500))
(begin (define (caught n) (+ 1 (guard (e ((number? e) e)) (if (= n 0) (raise 5) (caught (- n 1)))))) (caught 700))
(begin (define (escapes n) (+ 1 (call/cc (lambda (k) (if (= n 0) (k 1) (escapes (- n 1))))))) (escapes 1500))
(begin (define p (make-parameter 0))
  (define (deeper n) (if (= n 0) (p) (parameterize ((p (+ 1 (p)))) (deeper (- n 1)))))
  (deeper 1500))
(begin (define (doubles n) (if (< n 1.) 0. (+ n (doubles (- n 1))))) (doubles 1000.5))
(begin (define (texts n) (if (= n 0) '() (cons (list 'a "b" #\c 1.5 #(1 2) (string #\d)) (texts (- n 1)))))
  (define kept-texts (texts 2000)) (texts 20000)
  (list (car kept-texts) (equal? (car kept-texts) (list-ref kept-texts 1999))))
(let loop ((i 0) (s 0))
  (define form
    (list 'lambda '(n) (list 'let 'l '((j n) (t 0)) (list 'if '(= j 0) (list '+ 't i) '(l (- j 1) (+ t j))))))
  (if (= i 60) s (loop (+ i 1) (+ s ((eval form (interaction-environment)) 600)))))
`;

const PROGRAM = `
(define (try thunk)
  (write (guard (e ((error-object? e) (list (error-object-kind e) (error-object-message e) (error-object-irritants e)))
                   (#t (list 'raised e)))
           (thunk)))
  (newline))
(define (each forms) (for-each (lambda (form) (try (lambda () (eval form (interaction-environment))))) forms))
`;
const IMPORTS = "(scheme base) (scheme write) (scheme eval) (scheme repl) (stratos base)";
const STATISTICS = `(newline) (write (machine-code-statistics))`;

function run(target: NativeTarget, program: Uint8Array): string {
  const file = join(folder, target);
  writeFileSync(file, program, { mode: 0o755 });
  const [emulator, ...options] = [...EMULATORS[target]!, file];
  const { stdout, stderr, status } = spawnSync(emulator!, options, { encoding: "utf8", timeout: LIMIT_MS });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
}

function count(output: string, name: string): number {
  const found = new RegExp(`\\(${name} \\. (\\d+)\\)`, "u").exec(output);
  assert.ok(found, `a program tells ${name}: ${output}`);
  return Number(found[1]);
}

function build(text: string, targets: readonly NativeTarget[]): Record<NativeTarget, Uint8Array> {
  return nativeLisp().buildNative(text, "machine.scm", targets);
}

extendedTest("machine code of eval does what the interpreter does, on each processor", async () => {
  const forms = `${PROGRAM}(each '(${FORMS}))`;
  const expected = runText(`(import ${IMPORTS})${forms}`, { findLibrary: folderFinder([ownLibraryFolder()]) });
  assert.equal(expected.error, null);
  const programs = build(`(import ${IMPORTS} (stratos evaluation-machine))${forms}${STATISTICS}`, MAIN_TARGETS);
  const check = (output: string): void => {
    const [made, ...lines] = output.split("\n").toReversed();
    assert.deepEqual(lines.toReversed().slice(0, -1), expected.output.split("\n").slice(0, -1));
    assert.ok(count(made!, "made") > 100, made);
    assert.ok(count(made!, "freed") > 0, made);
    assert.equal(count(made!, "given-up"), 0, made);
  };
  const { output, status } = await runStatic(programs.rv64);
  check(output);
  assert.equal(status, 0);
  if (MAIN_TARGETS.includes("ppc64le")) check(run("ppc64le", programs.ppc64le));
  if (EMULATORS.x86_64 !== null) check(run("x86_64", programs.x86_64));
});

/** Without memory for code in one of two ways, by its operand; `time` is the processor's for `(fib 22)`, the least. */
const ALONE = `
(import (scheme base) (scheme write) (scheme eval) (scheme repl) (scheme file) (scheme process-context)
  (stratos evaluation-machine) (stratos system-call))
(define (call-by numbers . l) (apply %system-call (list-ref numbers (case (%machine) ((243) 0) ((62) 1) (else 2))) l))
(define way (cadr (command-line)))
(define answer
  (cond ((equal? way "taken") (call-by '(222 9 90) #x7e000000 4096 0 #x22 -1))
        ((equal? way "denied") (call-by '(167 157 171) 65 1 0 0 0))
        (else 0)))
(define clock (make-bytevector 16 0))
(define (nanoseconds)
  (call-by '(113 228 246) 2 clock 0 0 0)
  (let loop ((i 7) (s 0) (n 0))
    (if (< i 0) (+ n (* 1000000000 s))
      (loop (- i 1) (+ (* 256 s) (bytevector-u8-ref clock i)) (+ (* 256 n) (bytevector-u8-ref clock (+ i 8)))))))
(define (run x) (eval x (interaction-environment)))
(run '(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))
(define (least n)
  (let* ((start (nanoseconds)) (value (run '(fib 22))) (time (- (nanoseconds) start)))
    (if (not (= value 17711)) (error "wrong" value))
    (if (= n 0) time (min time (least (- n 1))))))
(write (list (list (cons 'answer (abs answer)) (cons 'time (least 5))) (machine-code-statistics)))
(define (lines port)
  (let ((line (read-line port))) (if (string? line) (begin (newline) (write-string line) (lines port)))))
(call-with-input-file "/proc/self/maps" lines)
`;

test("machine code of eval is faster, never writable and executable, and not there where the system refuses it", () => {
  const file = join(folder, "alone");
  writeFileSync(file, build(ALONE, [TARGET])[TARGET], { mode: 0o755 });
  const ran = (way: string): string => {
    const [first, ...options] = [...EMULATORS[TARGET]!, file, way];
    const { stdout, stderr, status } = spawnSync(first!, options, { encoding: "utf8" });
    assert.equal(stderr, "", way);
    assert.equal(status, 0, way);
    return stdout;
  };
  const plain = ran("plain");
  assert.equal(count(plain, "made"), 1);
  assert.match(plain, /^7e000000-7e001000 r-xp/mu);
  assert.doesNotMatch(plain, /^[^ ]+ .wx/mu);
  const taken = ran("taken");
  assert.equal(count(taken, "made"), 0);
  assert.equal(count(taken, "bytes"), 0);
  assert.ok(count(plain, "time") < count(taken, "time") / 1.5, `${count(plain, "time")} and ${count(taken, "time")}`);
  // PR_SET_MDWE, of Linux 6.3: what was writable does not become executable.
  const denied = ran("denied");
  if (count(denied, "answer") === 0) assert.equal(count(denied, "made"), 0);
});

extendedTest("threads take turns while machine code runs", () => {
  const text = `
(import (scheme base) (scheme eval) (scheme repl) (scheme write) (srfi 18) (stratos evaluation-machine))
(define (run x) (eval x (interaction-environment)))
(run '(define (spin n) (if (= n 0) 'done (spin (- n 1)))))
(run '(define log '()))
(run '(define (work name)
        (let loop ((i 0)) (if (< i 4) (begin (spin 20000) (set! log (cons name log)) (loop (+ i 1)))))))
(run '(define flag #f))
(run '(define (wait) (if flag 'seen (wait))))
(define all (map (lambda (form) (thread-start! (make-thread (lambda () (run form)))))
  '((work 'a) (work 'b) (wait) (begin (spin 300000) (set! flag #t)))))
(for-each thread-join! all)
(write (run 'log))${STATISTICS}`;
  const [log, statistics] = run(TARGET, build(text, [TARGET])[TARGET]).split("\n");
  assert.match(log!, /^\((?=.*a b).*b a/u);
  assert.equal(count(statistics!, "made"), 2);
});
