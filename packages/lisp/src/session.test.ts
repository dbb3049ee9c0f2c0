/**
 * Goal: programs do what R7RS says where an interpreter is easily wrong: control, deep recursion, exceptions, promises,
 * libraries, records, ports. (All of R7RS is asked by `npm run conformance:lisp-r7rs`.) Method: programs with what they
 * must write.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { UncaughtError } from "./interpreter/machine.ts";
import { sourceTextOf } from "./interpreter/source-text.ts";
import { Lisp } from "./session.ts";
import { makeLisp, type RunOptions, runText, written } from "./testing/run.ts";

function writes(program: string, expected: string, options: RunOptions = {}): void {
  const { output, error } = runText(program, options);
  assert.equal(error, null);
  assert.equal(output, expected);
}

test("recursion is as deep as memory allows, and tail calls need none", () => {
  writes("(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1))))) (write (deep 1000000))", "1000000");
  writes(
    "(define (even n) (if (= n 0) #t (odd (- n 1)))) (define (odd n) (if (= n 0) #f (apply even (list (- n 1))))) " +
      "(write (even 100001))",
    "#f",
  );
  writes(
    "(define (loop n) (cond ((= n 0) 'done) (else (guard (e (#t (loop (- n 1)))) (raise n))))) (write (loop 1000))",
    "done",
  );
});

test("continuations are entered again, with each variable as it was bound", () => {
  writes(
    "(define k #f) (define n 0) (write (let* ((a 1) (b (call/cc (lambda (c) (set! k c) 10))) (c (+ a b))) (list a " +
      "b c))) (if (< n 2) (begin (set! n (+ n 1)) (k (* n 100))))",
    "(1 10 11)(1 100 101)(1 200 201)",
  );
  // Two continuations of one activation: the second must not see what the first bound later.
  writes(
    `(define saved '())
    (define (f) (let* ((x (call/cc (lambda (k) (set! saved (cons k saved)) 1))) (y (call/cc (lambda (k) (set! saved \
(cons k saved)) 10)))) (list x y)))
    (define results '())
    (define count 0)
    (set! results (cons (f) results))
    (set! count (+ count 1))
    (case count
      ((1) ((cadr saved) 2))
      ((2) ((caddr (reverse saved)) 30))
      ((3) ((cadr (reverse saved)) 20)))
    (write (reverse results))`,
    "((1 10) (2 10) (2 30) (1 20))",
  );
  writes(
    "(define (gen items) (define return #f) (define (next) (call/cc (lambda (r) (set! return r) (for-each (lambda " +
      "(x) (call/cc (lambda (k) (set! next (lambda () (k #f))) (return x)))) items) (return 'end)))) (lambda () " +
      "(call/cc (lambda (r) (set! return r) (next))))) (define g (gen '(1 2 3))) (write (let* ((a (g)) (b (g)) (c " +
      "(g)) (d (g))) (list a b c d)))",
    "(1 2 3 end)",
  );
  writes(
    "(define r '()) (define k2 #f) (define v (map (lambda (x) (call/cc (lambda (k) (if (= x 2) (set! k2 k)) x))) " +
      "'(1 2 3))) (set! r (cons v r)) (if (= (length r) 1) (k2 20)) (write r)",
    "((1 20 3) (1 2 3))",
  );
});

test("dynamic-wind runs what is entered and left", () => {
  writes(
    "(define k #f) (define trace '()) (define (note x) (set! trace (cons x trace))) (dynamic-wind (lambda () (note " +
      "'in)) (lambda () (call/cc (lambda (c) (set! k c))) (note 'body)) (lambda () (note 'out))) (if (< (length " +
      "trace) 4) (k #f)) (write (reverse trace))",
    "(in body out in body out)",
  );
  writes(
    "(define trace '()) (define (note x) (set! trace (cons x trace))) (call/cc (lambda (k) (dynamic-wind (lambda " +
      "() (note 1)) (lambda () (dynamic-wind (lambda () (note 2)) (lambda () (k #f)) (lambda () (note 3)))) (lambda " +
      "() (note 4))))) (write (reverse trace))",
    "(1 2 3 4)",
  );
  writes(
    "(define p (make-parameter 1)) (define k #f) (define n 0) (write (parameterize ((p 2)) (call/cc (lambda (c) " +
      "(set! k c))) (p))) (write (p)) (set! n (+ n 1)) (if (< n 2) (k #f))",
    "2121",
  );
});

test("exceptions", () => {
  writes("(write (with-exception-handler (lambda (e) 10) (lambda () (+ 1 (raise-continuable 'c)))))", "11");
  writes("(write (guard (e ((symbol? e) (list 'sym e)) ((string? e) 'str)) (raise 'boom)))", "(sym boom)");
  writes('(write (guard (e ((string? e) e)) (guard (e ((number? e) e)) (raise "s"))))', '"s"');
  writes(
    "(define trace '()) (write (guard (e (#t (set! trace (cons 'handler trace)) e)) (dynamic-wind (lambda () (set! " +
      "trace (cons 'in trace))) (lambda () (raise 'x)) (lambda () (set! trace (cons 'out trace)))))) (write (reverse " +
      "trace))",
    "x(in out handler)",
  );
  writes(
    "(write (guard (e (#t (error-object-message e))) (with-exception-handler (lambda (e) 'ignored) (lambda () " +
      "(raise 'x)))))",
    '"a handler returned from an object that was raised by raise:"',
  );
  writes(
    "(write (guard (e ((error-object? e) (list (error-object-message e) (error-object-irritants e)))) (error " +
      '"bad" 1 \'two)))',
    '("bad" (1 two))',
  );
  writes(
    "(write (map (lambda (thunk) (guard (e (#t 'error)) (thunk))) (list (lambda () (car 1)) (lambda () (vector-ref " +
      "#(1) 1)) (lambda () (undefined-name)) (lambda () (1 2)) (lambda () ((lambda (x) x))) (lambda () (letrec ((a " +
      "b) (b 1)) a)))))",
    "(error error error error error error)",
  );
});

test("a chain of promises takes constant space", () => {
  writes(
    "(define (loop n) (if (= n 0) (delay 'done) (delay-force (loop (- n 1))))) (write (force (loop 20000)))",
    "done",
  );
  writes(
    "(define n 0) (define p (delay (begin (set! n (+ n 1)) (if (> n 3) n (force p))))) (write (force p)) (set! n " +
      "10) (write (force p))",
    "44",
  );
});

test("libraries: renaming, prefixes, macros that refer to what is not exported, cond-expand, include", () => {
  const library =
    "(define-library (counter) (export (rename make new) next! with-next) (import (scheme base)) (cond-expand " +
    "((and r7rs (library (scheme write))) (begin (define step 1))) (else (begin (define step 100)))) (include " +
    '"rest.scm"))';
  const rest =
    "(define-record-type counter (make value) counter? (value value set-value!)) (define (next! c) (set-value! c " +
    "(+ step (value c))) (value c)) (define-syntax with-next (syntax-rules () ((_ c x body) (let ((x (next! c))) " +
    "(list step body)))))";
  const program =
    "(import (scheme base) (scheme write) (prefix (only (counter) new next!) c:) (rename (counter) (with-next wn) " +
    "(new make-counter))) (define step 'mine) (let ((c (c:new 5))) (c:next! c) (write (wn c y (list y step))))";
  writes(library + program, "(1 (7 mine))", { files: { "rest.scm": rest } });
  writes(program, "(1 (7 mine))", {
    files: { "lib/rest.scm": rest },
    findLibrary: (parts) => (parts.join("/") === "counter" ? { text: library, file: "lib/counter.sld" } : null),
  });
  // What does not stand beside the library is looked for in the current folder.
  writes(program, "(1 (7 mine))", {
    files: { "rest.scm": rest },
    system: { fileExists: (path) => path === "rest.scm" },
    findLibrary: (parts) => (parts.join("/") === "counter" ? { text: library, file: "lib/counter.sld" } : null),
  });
  const error = (text: string): string => runText(text).error!.split("\n")[0]!;
  assert.match(error("(import (no such))"), /there is no library \(no such\)/);
  assert.match(error("(import (only (scheme base) nothing))"), /\(scheme base\) has no nothing/);
  assert.match(error("(define-library (a) (export x) (import (scheme base)))"), /exports x, which it does not define/);
  assert.match(
    error("(define-library (a) (import (scheme base)) (begin (define (f) (undefined)))) (import (a))"),
    /unbound variable: undefined/,
  );
  assert.match(
    runText("(import (a))", { findLibrary: () => ({ text: "(define-library (a) (import (a)))", file: "a.sld" }) })
      .error!,
    /imports itself/,
  );
});

test("only what is imported is bound", () => {
  assert.match(runText("(import (only (scheme base) define))\n(display 1)").error!, /2:2: unbound variable: display/);
  writes("(import (rename (scheme base) (if wenn)) (scheme write)) (write (wenn #t 1 2))", "1");
});

test("eval, environments and load", () => {
  writes(
    "(write (eval '(let ((x 1)) (+ x 1)) (environment '(scheme base)))) (eval '(define z 5) " +
      "(interaction-environment)) (write (eval 'z (interaction-environment)))",
    "25",
  );
  writes('(load "a.scm") (write (eval \'(f 2) (interaction-environment)))', "(hello 2)", {
    files: { "a.scm": "(define-syntax hi (syntax-rules () ((_ x) (list 'hello x)))) (define (f x) (hi x))" },
  });
  writes('(write (guard (e ((file-error? e) \'no-file)) (load "none.scm")))', "no-file");
});

test("definitions: values, records, internal macros, redefinition", () => {
  writes(
    "(define-values (a b . c) (values 1 2 3 4)) (let () (define-values (x y) (values a b)) (define-syntax add " +
      "(syntax-rules () ((_ p q) (+ p q)))) (write (list (add x y) c)))",
    "(3 (3 4))",
  );
  writes(
    "(define-record-type <point> (make-point x y) point? (x px) (y py set-py!) (z pz)) (define p (make-point 1 2)) " +
      "(set-py! p 5) (write (list (px p) (py p) (point? p) (point? 1)))",
    "(1 5 #t #f)",
  );
  assert.match(
    written(
      "(let () (define-record-type a (make-a x) a? (x a-x)) (define-record-type b (make-b x) b? (x b-x)) (a-x " +
        "(make-b 1)))",
    ),
    /a-x: expected a record of type a/,
  );
  writes("(define (car x) 'mine) (write (car '(1)))", "mine");
});

test("code that contains itself is refused, and a quoted list may", () => {
  const { lisp } = makeLisp();
  assert.throws(() => lisp.runProgram("#0=(display . #0#)", "t"), /contains itself/);
  assert.throws(() => lisp.runProgram("(define (f) #0=(list 1 . #0#))", "t"), /contains itself/);
  assert.throws(() => lisp.evaluateText("(lambda #0=(a . #0#) 1)", "t"), /contains itself/);
  assert.equal(lisp.runProgram("(cadr '#0=(1 2 . #0#))", "t"), 2);
  assert.equal(lisp.runProgram("(vector-length '#1=#(1 #1#))", "t"), 2);
});

test("a program that runs for ever can be stopped", () => {
  const { lisp } = makeLisp({ limits: { steps: 1_000_000, isInterrupted: () => false } });
  assert.throws(
    () => lisp.runProgram("(let loop () (loop))", "t"),
    (error) => error instanceof UncaughtError && /more steps than it may/.test(lisp.describe(error)!),
  );
});

test("a loop that makes nothing is interrupted, and the session goes on", () => {
  let looks = 0;
  const { lisp } = makeLisp({ limits: { steps: Infinity, isInterrupted: () => ++looks === 3 } });
  assert.throws(
    () => lisp.evaluateText("(define n 5) (let loop () (loop))", "t"),
    (error) => error instanceof UncaughtError && /interrupted/.test(lisp.describe(error)!),
  );
  assert.equal(lisp.evaluateText("n", "t"), 5);
});

test("a program that fills the memory is told so by an error, and ended when its handlers do, too", () => {
  const run = (text: string, ...states: ("heap" | "reserve" | null)[]): string => {
    const memoryFull = (): "heap" | "reserve" | null => states.shift() ?? null;
    const { lisp, output } = makeLisp({ limits: { steps: 10_000_000, isInterrupted: () => false, memoryFull } });
    try {
      lisp.runProgram(`(import (stratos lisp)) (define (fill) (let loop ((l '())) (loop (cons 1 l)))) ${text}`, "t");
    } catch (error) {
      return `${output()}error: ${lisp.describe(error)!.split("\n")[0]}`;
    }
    return output();
  };
  const caught =
    "(define (f) (guard (e ((out-of-memory? e) (display (error-object-kind e)))) " +
    '(dynamic-wind (lambda () 1) fill (lambda () (display "left ")))))';
  assert.equal(run(`${caught} (f) (f)`, null, "heap", null, "heap"), "left memoryleft memory");
  assert.match(run("(fill)", "heap"), /^error: t:1:\d+: out of memory: the heap is full$/);
  const whole =
    "(define (f) (guard (e ((out-of-memory? e) (display (error-object-kind e)))) " +
    "(display (length (make-list 200000 1)))))";
  assert.equal(run(`${whole} (f) (f)`, null, null, "heap"), "memory200000", "a list that is made in one step");
  const again = "(with-exception-handler (lambda (e) (fill)) fill)";
  assert.match(
    run(again, "heap", "reserve"),
    /^error: .*the heap is full, and so is what was kept for handlers of that$/,
  );
});

test("what would fill the memory at once is an error", () => {
  for (const text of [
    "(make-vector 1000000000000)",
    "(make-vector 200000000)",
    "(make-list (expt 10 30) 1)",
    "(make-bytevector 200000001)",
    "(make-string 4000000000)",
    "(expt 7 (expt 10 12))",
    "(arithmetic-shift 1 100000000000)",
    "(exact 1e400)",
  ])
    assert.match(written(`(guard (e ((error-object? e) 'stopped)) ${text})`), /^stopped$/, text);
});

test("a closed system has no files", () => {
  for (const text of ['(open-input-file "/etc/passwd")', '(open-output-file "x")', '(delete-file "x")', '(load "x")'])
    assert.equal(written(`(guard (e ((file-error? e) 'closed)) ${text})`), "closed", text);
  assert.equal(written('(file-exists? "/etc/passwd")'), "#f");
  assert.throws(() => new Lisp().runProgram('(include "/etc/passwd")', "t"), /no files are open to this program/);
});

test("standard input is read as text and as data", () => {
  writes(
    "(define a (read)) (define b (read-line)) (define c (read-char)) (define d (read-string 3)) (write (list a b c " +
      "d (eof-object? (read))))",
    '((1 . 2) " rest" #\\x "yz\\n" #t)',
    { input: "(1 . 2) rest\nxyz\n" },
  );
});

test("a vector of constants in a quasiquotation has what was computed, not what was written", () => {
  writes("(write (list `#(1 ,@'(2 3)) `#(,'a ,2) `#(,@'()) `(x #(,1))))", "(#(1 2 3) #(a 2) #() (x #(1)))");
});

test("quasiquotation: several expressions where a list goes on, splices within an inner level", () => {
  writes("(write `((unquote 1 2) (unquote) x (unquote-splicing '(3) '(4 5)) . 6))", "(1 2 x 3 4 5 . 6)");
  writes("(let ((q '(a b))) (write (cadr (list 0 ``(f ,,@q ,@,@q)))))", "`(f (unquote a b) (unquote-splicing a b))");
  assert.match(runText("`(1 (unquote-splicing 1 . 2))").error!, /takes a list of expressions/);
});

test("letters have their simple cases, and sharp s folds in either size", () => {
  writes(
    "(import (scheme base) (scheme write) (scheme char)) (write (list (char-downcase #\\x130) (char-upcase #\\x1f80) " +
      '(char->integer (char-upcase #\\x1fb3)) (string-ci=? "\\x1e9e;" "\\xdf;" "SS")))',
    "(#\\i #\\ᾈ 8124 #t)",
  );
});

test("a source that is not UTF-8 is refused where it is not, in what is included and loaded as well", () => {
  const bytes = new Uint8Array([...'(display "a")\n(display "ä'].map((c) => c.charCodeAt(0)).concat(0x22, 0x29));
  for (const text of ['(include "other.scm")', '(load "other.scm")']) {
    const { output, error } = runText(`(import (scheme base) (scheme load)) ${text}`, {
      system: { readFile: () => bytes },
    });
    assert.equal(output, "");
    assert.match(error!, /other\.scm:2:11: the source is not UTF-8 \(byte 0xe4\)/);
  }
  assert.equal(sourceTextOf(new TextEncoder().encode('"\ufffd ä"'), "f"), '"\ufffd ä"');
  assert.throws(() => sourceTextOf(new Uint8Array([0x0a, 0x22, 0xc3]), "f"), { message: /not UTF-8 \(byte 0xc3\)/ });
});
