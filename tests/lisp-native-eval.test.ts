/**
 * Goal: `eval`, `load` and environments of native programs do what the interpreter does, and say what they do not
 * serve. One program evaluates forms, whose values and errors are compared with the interpreter's; what only native
 * programs say stands behind them. Beside it random expressions, which the program loads. It is built for the host's
 * processor, or else for one that qemu-user runs: `npm run conformance:lisp-r7rs` and `:lisp-peers` with
 * `--target all --load` ask the evaluator on all of them, and more.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { programOf, randomExpression } from "../packages/lisp/src/testing/random-program.ts";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-eval-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const FORMS = String.raw`
(read (open-input-string "(a \x1;b \x7f;c\xa0;d,e ${"`"}f\x3000;g)"))
(begin (define x 10) (define (add . l) (apply + x l)) (add 1 2))
(set! x 20)
(add 1)
(let loop ((n 300000) (s 0)) (if (= n 0) s (loop (- n 1) (+ s n))))
(begin (define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1))))) (deep 100000))
(begin (define (even? n) (or (= n 0) (odd? (- n 1)))) (define (odd? n) (and (not (= n 0)) (even? (- n 1))))
  (even? 100001))
(let-values (((a b) (values 1 2)) ((c . d) (values 3 4 5))) (list a b c d))
(let*-values (((a b) (values 1 2)) ((c) (values (+ a b)))) (list a b c))
(begin (define-values (p q . r) (values 1 2 3 4)) (list p q r))
(let () (define-values (p q . r) (values 1 2 3 4)) (list p q r))
(receive (a . l) (values 1 2 3) (list a l))
(case 5 ((1 2 3) 'low) ((4 5 6) => (lambda (x) (* x x))) (else 'high))
(case 'z ((a) 1) (else => (lambda (x) x)))
(do ((v (make-vector 5)) (i 0 (+ i 1))) ((= i 5) v) (vector-set! v i i))
(cond ((assv 2 '((1 . a) (2 . b))) => cdr) (else 'no))
${"`"}(1 ,(+ 1 1) ,@(map add '(1 2)) #(a ,x) ${"`"}(b ,(c ,(+ 1 2))))
${"`"}((unquote 1 2) (unquote) x (unquote-splicing '(3) '(4 5)) . 6)
(let ((q '(a b))) ${"`"}${"`"}(f ,,@q ,@(1 ,@q)))
(map log '(-0.0 0.0 -1.0))
(define-record-type point (make-point x y) point? (x px set-px!) (y py))
(let ((p (make-point 1 2))) (set-px! p 5) (list (px p) (py p) (point? p) (point? 5)))
(px 5)
(let () (define-record-type <q> (mq a) q? (a qa) (b qb set-qb!)) (let ((q (mq 1))) (set-qb! q 3) (list (qa q) (qb q))))
(guard (e ((symbol? e) (list 'sym e)) ((string? e) 'str)) (raise 'boom))
(guard (e ((symbol? e) (list 'sym e))) (guard (f ((string? f) 'str)) (raise 'boom)))
(guard (e (#f 1)) (raise 'out))
(guard (e ((assq 'a e) => cdr) ((assq 'b e))) (raise (list (cons 'a 42))))
(with-exception-handler (lambda (e) 10) (lambda () (+ 1 (raise-continuable 'c))))
(let ((path '()))
  (define (note x) (set! path (cons x path)))
  (dynamic-wind (lambda () (note 'in)) (lambda () (note 'body)) (lambda () (note 'out)))
  (reverse path))
(let ((k #f) (n 0) (r '()))
  (let ((v (call/cc (lambda (c) (set! k c) 0)))) (set! r (cons v r)) (set! n (+ n 1)) (if (< n 3) (k n) r)))
(let ((k #f) (n 0))
  (define a (call/cc (lambda (c) (set! k c) 1)))
  (define b (lambda () a))
  (set! n (+ n 1))
  (if (< n 3) (k (* n 10)) (list n (b))))
(let ((r '())) (for-each (lambda (x) (let ((y (* x 2))) (set! r (cons (lambda () y) r)))) '(1 2 3))
  (map (lambda (f) (f)) r))
(let ((p (make-parameter 1 (lambda (x) (* x 2))))) (list (p) (parameterize ((p 5)) (p)) (p)))
(let ((s (delay (begin (set! x (+ x 1)) x)))) (list (force s) (force s) (force (delay-force (delay 3)))))
((case-lambda ((a) (list 'one a)) ((a b) (list 'two a b)) ((a . r) (list 'many a r))) 1 2 3)
((lambda (a b c d e f . g) (list a b c d e f g)) 1 2 3 4 5 6 7 8)
((lambda (a b c d e f) (list a b c d e f)) 1 2 3 4 5 6)
(define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
(let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other))
(define-syntax my-or
  (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))
(let ((t 5) (if list)) (my-or #f t))
(define-syntax while (syntax-rules () ((_ c b ...) (let lp () (when c b ... (lp))))))
(let ((i 0) (lp 'mine)) (while (< i 3) (set! i (+ i 1))) (list i lp))
(define-syntax my-let (syntax-rules () ((_ ((n v) ...) . b) ((lambda (n ...) . b) v ...))))
(my-let ((a 1) (b 2)) (define c 3) (+ a b c))
(define-syntax my-if (syntax-rules (then else) ((_ c then t else e) (if c t e))))
(my-if #t then 1 else 2)
(let ((else #f)) (my-if #t then 1 else 2))
(let ((=> 1)) (cond (#t => 'ok)))
(define-syntax be-like-begin
  (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ expr (... ...)) (begin expr (... ...))))))))
(be-like-begin seq)
(seq 1 2 3)
(let-syntax ((foo (syntax-rules () ((_ (a b ...) ...) '((b ... a) ...))))) (foo (1 2 3) (4 5)))
(letrec-syntax ((ev? (syntax-rules () ((_) #t) ((_ x . r) (od? . r))))
                (od? (syntax-rules () ((_) #f) ((_ x . r) (ev? . r)))))
  (ev? 1 2 3 4))
(let-syntax ((foo (syntax-rules () ((_ (a ...) ...) '(a ... ...))))) (foo (1 2) (3)))
(let-syntax ((foo (syntax-rules () ((_ a b ... z) '(a z b ...))))) (foo 1 2 3 4))
(let-syntax ((foo (syntax-rules ::: () ((_ a :::) '(a ::: ...))))) (foo 1 2))
(let-syntax ((foo (syntax-rules () ((_ #(a b ...)) '(a #(b ...)))))) (foo #(1 2 3)))
(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((m) x)))) (let ((x 'inner)) (m))))
(begin (define-syntax def (syntax-rules () ((_ n v) (begin (define hidden v) (define n (lambda () hidden))))))
  (define hidden 'mine) (def get 5) (list hidden (get)))
(define-syntax er
  (er-macro-transformer
    (lambda (form rename compare)
      (list (rename 'if) (cadr form) (if (compare (caddr form) (rename 'else)) ''e (caddr form)) ''no))))
(let ((if list)) (er #t else))
(define-syntax ir
  (ir-macro-transformer (lambda (form inject compare) ${"`"}(let ((it ,(cadr form))) (list it ,(caddr form))))))
(let ((it 'user)) (ir 1 it))
(define-library (my lib) (export twice (rename inner outer) mac) (import (scheme base))
  (begin (define (helper x) (* 2 x)) (define (twice x) (helper x)) (define inner 'inner)
         (define-syntax mac (syntax-rules () ((_ x) (helper x))))))
(import (prefix (my lib) m:))
(list (m:twice 4) m:outer (m:mac 5))
(import (rename (only (srfi 1) fold iota) (fold foldl)))
(foldl cons '() (iota 3))
(import (srfi 2) (srfi 69))
(and-let* ((a 1) ((> a 0)) (b (+ a 1))) (list a b))
(let ((h (make-hash-table))) (hash-table-set! h 'a 1) (hash-table-ref/default h 'a 0))
(cond-expand ((and r7rs (library (scheme base)) (not foo)) 'yes) (else 'no))
(let () (define (a) (b)) (define (b) 5) (a))
(let () (define a 1) (set! a (+ a 1)) a)
(let () (define a 1))
(lambda (x x) x)
(let ((a 1) (a 2)) a)
(letrec* ((a 1) (b (+ a 1))) (list a b))
((named-lambda (foo x) x) 3)
(assert (= 1 2))
(list (when #f 1) (unless #f 1 2) (and) (or) (and 1 2) (or #f 3))
(define ((curried a) b) (list a b))
((curried 1) 2)
(list (string->symbol "hello") 'sym "str" #\a #u8(1 2) #(1 a))
(call-with-values (lambda () (values 1 2)) cons)
(eval '(let ((y 2)) (* y y)) (environment '(scheme base)))
(eval '(car '()) (environment '(only (scheme base) car quote)))
(eval '(define y 1) (environment '(scheme base)))
(eval '(set! car 1) (environment '(scheme base)))
(eval 'nope (environment '(scheme base)))
(eval '(import (scheme base)) (scheme-report-environment 5))
(eval 1 2)
(vector-ref (vector 1 2) 2)
(error "mine" 1 2)
(if 1 2 3 4)
(lambda)
(let ((a)) a)
(1 . 2)
(1 2)
()
(undefined-thing 1)
(else)
(my-if 1 2)
(syntax-error "mine" a (b))
`;

/** With an operand lambdas become machine code after so many calls. */
const OFTEN = `
(import (scheme base) (scheme process-context) (stratos evaluation-machine))
(if (pair? (cdr (command-line))) (machine-code-after! (string->number (cadr (command-line)))))
`;
const PROGRAM = `
(import (scheme base) (scheme write) (scheme eval) (scheme repl) (scheme read) (scheme load) (srfi 1) (srfi 2) (srfi 69)
  (stratos base))
(define (try thunk)
  (write (guard (e ((error-object? e) (list (error-object-kind e) (error-object-message e) (error-object-irritants e)))
                   (#t (list 'raised e)))
           (thunk)))
  (newline))
(define (each forms) (for-each (lambda (form) (try (lambda () (eval form (interaction-environment))))) forms))
`;
/** Each form with the error that a native program tells; the interpreter has another one, or serves it. */
const REFUSED: readonly [form: string, error: string][] = [
  ["(letrec ((a b) (b 1)) a)", '("type" "letrec: expected an initialised variable, got" (b))'],
  ["((lambda (a b c d e f) 1) 2)", '("arity" "a procedure: wrong number of arguments (1 given)" ())'],
  [
    "(define-syntax s (lambda (x) (syntax-case x () ((_ a) (syntax a)))))",
    '("syntax" "eval in native programs knows syntax-rules and renaming transformers; a keyword\'s value must be ' +
      'one of these" ((lambda (x) (syntax-case x () ((_ a) (syntax a))))))',
  ],
  ["(syntax-case 1 ())", '("syntax" "syntax-case is not served by eval in native programs" ())'],
  ["(define/typed (f a : fixnum) a)", '("syntax" "define/typed is not served by eval in native programs" ())'],
  ["(import (srfi 41))", '("syntax" "there is no library (srfi 41) in this program, nor a file of it" ())'],
  ["(expand 1)", '("error" "expand is not served in native programs" ())'],
  [
    "(begin (define-syntax forever (syntax-rules () ((_ x) (forever x)))) (forever 1))",
    '("limit" "the expansion of forever does not end after 20000 steps" ())',
  ],
  [
    "(begin (define-syntax inward (syntax-rules () ((_ x) (+ 1 (inward x))))) (inward 1))",
    '("limit" "expressions are nested too deeply" ())',
  ],
  ['(load "wrong.scm")', '("syntax" "wrong.scm:4: if: bad syntax: something is missing" ((if)))'],
  ["loaded", "5"],
  ["(eval '(hello 1) (environment '(scheme base) '(greet)))", "(4 1)"],
  ["(import (greet wrong))", '("syntax" "site/greet/wrong.sld:2: the library (greet wrong) imports itself" ())'],
  ['(load "none.scm")', '("file" "cannot open the file none.scm: no such file or directory" ("none.scm"))'],
];
const WRONG = "; one\n(define loaded\n  5)\n  (if)\n(set! loaded 6)\n";

/** Libraries in files, one of which includes a file beside it. */
const SITE: Readonly<Record<string, string>> = {
  "greet.sld":
    '(define-library (greet) (export hello) (import (scheme base) (greet 2 many)) (include "greet/body.scm"))',
  "greet/body.scm": "(define (hello n) (list many n))",
  "greet/2/many.sld":
    "(define-library (greet 2 many) (export many) (import (scheme base)) (cond-expand ((library (not there)) " +
    "(begin (define many 3))) ((library (greet wrong)) (begin (define many 4)))))",
  "greet/wrong.sld": "; Round and round\n(define-library (greet wrong) (import (greet wrong)))\n",
};

const EXPRESSIONS = 60;
const TARGET = EMULATORS.x86_64 === null ? "rv64" : "x86_64";

function quoted(forms: string): string {
  return `(each '(${forms}))`;
}

test("eval in a native program gives the interpreter's values and errors", () => {
  const findLibrary = folderFinder([ownLibraryFolder()]);
  const random = new SeededRandom(61);
  const expressions = programOf(Array.from({ length: EXPRESSIONS }, () => randomExpression(random)));
  const shared = PROGRAM + quoted(FORMS);
  const text = `${OFTEN}${shared}(load "random.scm")${quoted(REFUSED.map(([form]) => form).join("\n"))}`;
  writeFileSync(join(folder, "random.scm"), expressions);
  writeFileSync(join(folder, "wrong.scm"), WRONG);
  for (const [path, content] of Object.entries(SITE)) {
    mkdirSync(join(folder, "site", dirname(path)), { recursive: true });
    writeFileSync(join(folder, "site", path), content);
  }
  const programs = nativeLisp().buildNative(text, "eval.scm", [TARGET]);
  const judged = [runText(shared, { findLibrary }), runText(expressions)];
  assert.deepEqual(
    judged.map(({ error }) => error),
    [null, null],
  );
  const expected = judged.map(({ output }) => output).join("") + REFUSED.map(([, error]) => `${error}\n`).join("");
  const file = join(folder, TARGET);
  writeFileSync(file, programs[TARGET], { mode: 0o755 });
  const command = [...EMULATORS[TARGET]!, file];
  for (const often of [[], ["0"]]) {
    const { stdout, stderr, status } = spawnSync(command[0]!, [...command.slice(1), ...often], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ASTRA_LIBRARY_PATH: "absent:site" },
    });
    assert.deepEqual(stdout.split("\n"), expected.split("\n"));
    assert.equal(stderr, "");
    assert.equal(status, 0);
  }
});
