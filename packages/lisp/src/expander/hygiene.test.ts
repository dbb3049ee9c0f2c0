/**
 * Goal: macros capture nothing and are captured by nothing, in each of the ways in which that is known to go wrong.
 * Method: the corner cases of the literature (Flatt 2016; Kohlbecker 1986; R7RS §4.3; R6RS-lib §12), each as a program
 * with what it must write.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { runText, written } from "../testing/run.ts";

function writes(program: string, expected: string): void {
  const { output, error } = runText(program);
  assert.equal(error, null);
  assert.equal(output, expected);
}

test("a macro's own variable does not capture the user's", () => {
  writes(
    "(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t))))) (let ((t 1) (u 2)) " +
      "(swap! t u) (write (list t u)))",
    "(2 1)",
  );
  writes(
    "(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...)))))) " +
      "(let ((t 5)) (write (my-or #f t)))",
    "5",
  );
});

test("what a macro refers to is what stands where it is defined", () => {
  writes("(define-syntax m (syntax-rules () ((_ x) (if x 'yes 'no)))) (let ((if list)) (write (m #f)))", "no");
  writes("(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((_) x)))) (let ((x 'inner)) (write (m)))))", "outer");
  writes(
    "(define-syntax else-test (syntax-rules () ((_ e) (cond (#f 1) (e 2))))) (let ((else #f)) (write (cond (#t 3) " +
      "(else 4)))) (write (let ((=> #f)) (cond (#t => 'ok))))",
    "3ok",
  );
});

test("a use-site binding in the same body is no binding of the macro's template", () => {
  writes(
    "(let () (define x 'def) (define-syntax m (syntax-rules () ((_ y) (let ((y 'use)) x)))) (write (m x)))",
    "def",
  );
  writes("(define x 'def) (define-syntax m (syntax-rules () ((_ y) (let ((y 'use)) x)))) (write (m x))", "def");
  writes(
    "(let () (define-syntax define-five (syntax-rules () ((_ name) (define name 5)))) (define-five y) (write y))",
    "5",
  );
  writes(
    "(define-syntax define-both (syntax-rules () ((_ name) (begin (define hidden 1) (define name (+ hidden 1)))))) " +
      "(define hidden 'mine) (define-both z) (write (list hidden z))",
    "(mine 2)",
  );
});

test("macros that make macros", () => {
  writes(
    "(define-syntax def (syntax-rules () ((_ name value) (define-syntax name (syntax-rules () ((_) value)))))) " +
      "(define v 1) (def get v) (let ((v 2)) (write (get)))",
    "1",
  );
  writes(
    "(define-syntax be-like-begin (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ e (... ...)) " +
      "(begin e (... ...)))))))) (be-like-begin seq) (write (seq 1 2 3))",
    "3",
  );
  writes(
    "(define-syntax jar (syntax-rules () ((_ a b) (let-syntax ((k (syntax-rules () ((_ a) '(bound a)) ((_ b) " +
      "'never)))) (k 7))))) (write (jar x y))",
    "(bound 7)",
  );
  writes(
    "(let-syntax ((m (syntax-rules () ((m x) (let-syntax ((n (syntax-rules (k) ((n x) 'bound-identifier=?) ((n y) " +
      "'free-identifier=?)))) (n z)))))) (write (m k)))",
    "bound-identifier=?",
  );
});

test("patterns: tails, vectors, custom ellipsis, literals, underscore", () => {
  writes(
    "(define-syntax m (syntax-rules () ((_ a ... b c) '((a ...) b c)))) (write (m 1 2 3 4)) (write (m 1 2))",
    "((1 2) 3 4)(() 1 2)",
  );
  writes(
    "(define-syntax m (syntax-rules () ((_ #(a b ...) . r) '(a (b ...) r)))) (write (m #(1 2 3) 4))",
    "(1 (2 3) (4))",
  );
  writes(
    "(define-syntax m (syntax-rules ::: () ((_ (a b :::) :::) '((b ::: a) ::: ...)))) (write (m (1 2 3) (4)))",
    "((2 3 1) (4) ...)",
  );
  writes(
    "(define-syntax m (syntax-rules (=>) ((_ a => b) 'arrow) ((_ _ _ _) 'other))) (write (m 1 => 2)) (write (let " +
      "((=> 0)) (m 1 => 2)))",
    "arrowother",
  );
  writes(
    "(define-syntax m (syntax-rules () ((_ ((a b ...) ...)) '(a ... b ... ...)))) (write (m ((1 2 3) (4 5))))",
    "(1 4 2 3 5)",
  );
});

test("syntax-case: fenders, with-syntax, datum->syntax, quasisyntax, generate-temporaries", () => {
  writes(
    "(define-syntax m (lambda (s) (syntax-case s () ((_ x) (identifier? #'x) #''name) ((_ x) #''other)))) (write " +
      "(list (m a) (m 1)))",
    "(name other)",
  );
  writes(
    "(define-syntax aif (lambda (s) (syntax-case s () ((k t a b) (with-syntax ((it (datum->syntax #'k 'it))) " +
      "#'(let ((it t)) (if it a b))))))) (write (aif (assv 2 '((1 . a) (2 . b))) (cdr it) 'none))",
    "b",
  );
  writes(
    "(define-syntax m (lambda (s) (syntax-case s () ((_ e ...) (with-syntax (((t ...) (generate-temporaries #'(e " +
      "...)))) #'(let ((t e) ...) (list t ...))))))) (write (m 1 (+ 1 1) 3))",
    "(1 2 3)",
  );
  writes(
    "(define-syntax m (lambda (s) (syntax-case s () ((_ e ...) #`(list #,(length (syntax->list #'(e ...))) " +
      "#,@(reverse (syntax->list #'(e ...)))))))) (write (m 1 2 3))",
    "(3 3 2 1)",
  );
  writes(
    "(let ((x 1)) (define-syntax m (lambda (s) (syntax-case s () ((_ y) (free-identifier=? #'x #'y) #'#t) (_ " +
      "#'#f)))) (write (list (m x) (let ((x 2)) (m x)) (m z))))",
    "(#t #f #f)",
  );
});

test("explicit and implicit renaming", () => {
  writes(
    "(define-syntax swap! (er-macro-transformer (lambda (f rename same?) (list (rename 'let) (list (list (rename " +
      "'t) (cadr f))) (list (rename 'set!) (cadr f) (caddr f)) (list (rename 'set!) (caddr f) (rename 't)))))) (let " +
      "((t 1) (let 2)) (swap! t let) (write (list t let)))",
    "(2 1)",
  );
  writes(
    "(define-syntax loop (ir-macro-transformer (lambda (f inject same?) `(call/cc (lambda (,(inject 'exit)) (let " +
      "again () ,@(cdr f) (again))))))) (write (let ((n 0) (again 9)) (loop (set! n (+ n 1)) (if (= n 5) (exit (list " +
      "n again))))))",
    "(5 9)",
  );
  writes(
    "(define-syntax m (er-macro-transformer (lambda (f r same?) (if (same? (cadr f) (r 'else)) ''yes ''no)))) " +
      "(write (list (m else) (let ((else 1)) (m else))))",
    "(yes no)",
  );
});

test("phases: what is defined for run time cannot be used while expanding", () => {
  assert.match(
    written("(let () (define (help x) x) (let-syntax ((m (lambda (s) (help s)))) (m)))"),
    /unbound variable: help: it is defined for run time/,
  );
  writes(
    "(begin-for-syntax (define (twice s) #`(begin #,s #,s))) (define-syntax m (lambda (s) (syntax-case s () ((_ e) " +
      "(twice #'e))))) (m (write 1))",
    "11",
  );
  writes(
    "(define-library (h) (export help) (import (scheme base) (stratos syntax)) (begin (define (help s) #`'(got " +
      "#,s)))) (import (scheme base) (scheme write) (stratos syntax) (h)) (define-syntax m (lambda (s) (syntax-case " +
      "s () ((_ e) (help #'e))))) (write (m x))",
    "(got x)",
  );
});

test("plain data that a macro computes are expanded as if they were written where it is defined", () => {
  const macro = (value: string, template: string): string =>
    "(import (scheme base) (scheme write) (stratos syntax)) (define-syntax m (lambda (x) (syntax-case x () ((_ a) " +
    `(with-syntax ((b ${value})) #'${template}))))) (let ((list vector)) (write (m 5)))`;
  writes(macro("(+ 1 (syntax->datum #'a))", "(list b a)"), "(6 5)");
  writes(macro('"text"', "(list 'b b)"), '("text" "text")');
  writes(macro("(list #'+ 1 #'a)", "(list b 'b)"), "(6 (+ 1 5))");
  writes(macro("'(list 1)", "b"), "(1)");
  writes(macro("(list 1 #(2) '(3))", "(let ((c 'b)) c)"), "(1 #(2) (3))");
});

test("mistakes are told with their place", () => {
  const error = (text: string): string => runText(text).error!.split("\n")[0]!;
  assert.equal(error("(define x\n  (if))"), "test.scm:2:3: if: bad syntax: something is missing (if)");
  assert.equal(error("(define-syntax m (syntax-rules () ((_ a) a)))\n (m)"), "test.scm:2:2: no rule of m matches (m)");
  assert.match(
    error("(define-syntax m (syntax-rules () ((_ a ...) (a))))"),
    /1:46: a pattern variable of the template stands under too few ellipses/,
  );
  assert.match(error("(define-syntax m (syntax-rules () ((_ a a) 1)))"), /a stands twice/);
  assert.match(error("(lambda (x x) 1)"), /x is bound twice/);
  assert.match(error("(let () (define x 1) (define x 2) x)"), /x is defined twice/);
  assert.match(error("(let () (define x 1))"), /a body must end with an expression/);
  assert.match(error("(else 1)"), /else is out of place/);
  assert.match(error("(define-syntax m (syntax-rules () ((_) (m)))) (m)"), /does not end/);
  assert.match(error(`${"(list ".repeat(20_000)}1${")".repeat(20_000)}`), /nested too deeply/);
  assert.match(error("(import (scheme base)) (set! car 1)"), /imported, and cannot be assigned/);
  assert.equal(runText("(write\n  (foo 1))").error, "test.scm:2:4: unbound variable: foo\n    (foo 1))\n     ^^^");
});
