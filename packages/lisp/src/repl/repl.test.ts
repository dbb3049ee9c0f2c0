/** Goal: after an error the prompt lets one look into frames, go on or try again. Method: conversations. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeLisp } from "../testing/run.ts";
import { indentationOf } from "./indentation.ts";
import { paintedText } from "./documentation.ts";
import { Repl } from "./repl.ts";

function talk(...lines: string[]): string[] {
  const repl = new Repl(makeLisp().lisp);
  return lines.map((line) => repl.submit(line).text);
}

test("values are shown, unspecified ones are not", () => {
  assert.deepEqual(talk("(define x 5)", "(+ x 1) 'a", "(values 1 2)", "(if #f #f)", '"s"'), [
    "",
    "6\na",
    "1\n2",
    "",
    '"s"',
  ]);
});

test("after an error, frames show their variables and evaluate expressions", () => {
  const said = talk(
    "(define (f x) (let ((y (* x 2))) (+ 1 (g y))))",
    "(define (g z) (car z))",
    "(f 4)",
    ",bt",
    ",frame 1",
    "(list x y)",
    ",frame 0",
    "z",
    ",abort",
    "(+ 1 1)",
  );
  assert.match(
    said[2]!,
    /^repl-2:1:15: car: expected a pair, got 8\n  \(define \(g z\) \(car z\)\)\n {16}\^{7}\nRestarts:/,
  );
  assert.match(said[3]!, /\* {2}0 {2}g .*\n {3}1 {2}f /);
  assert.match(said[4]!, /x = 4\n {2}y = 8/);
  assert.deepEqual(said.slice(5, 6), ["(4 8)"]);
  assert.equal(said[7], "8");
  assert.equal(said[9], "2");
});

test("a program goes on with a value, or tries again", () => {
  const said = talk(
    "(define (f) (* 2 (missing)))",
    "(f)",
    ",use-value (lambda () 21)",
    ",abort",
    "(+ 1 (car 5))",
    ",use-value 41",
    "(f)",
    "(define (missing) 4)",
    ",retry",
  );
  assert.equal(said[5], "42");
  assert.equal(said[8], "8");
});

test("expansion is shown in steps", () => {
  const [, steps, core] = talk(
    "(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t)))))",
    ",step (let ((t 1) (u 2)) (swap! t u))",
    ",expand (let ((t 1) (u 2)) (swap! t u) t)",
  );
  assert.match(steps!, /swap! .*\n {2}\(swap! t u\)\n {2}→ \(let \(\(t t\)\) \(set! t u\) \(set! u t\)\)/);
  assert.equal(core, "(let ((t 1) (u 2)) (begin (let ((t.1 t)) (begin (set! t u) (set! u t.1))) t))");
});

test("what stands behind a comment of a datum is indented as ever", () => {
  assert.equal(indentationOf("(list #;(a b) c"), 6);
});

test("a text that ends inside of a datum is awaited, with the next line's indentation", () => {
  const repl = new Repl(makeLisp().lisp);
  assert.ok(repl.isIncomplete("(define (f x)"));
  assert.ok(!repl.isIncomplete("(f 1)"));
  assert.ok(!repl.isIncomplete(")"));
  assert.equal(indentationOf("(define (f x)"), 2);
  assert.equal(indentationOf("(list 1"), 6);
  assert.equal(indentationOf("(let ((x 1)"), 6);
  assert.equal(indentationOf('(foo\n  (bar ")" #\\) ; ('), 7);
  assert.ok(repl.completions("call-with-cu").includes("call-with-current-continuation"));
});

test("a value of another type is told with its place, and another one may be given, which is checked again", () => {
  const said = talk(
    "(define/typed (half (n : fixnum)) : fixnum (quotient n 2))",
    "(+ 100 (half 'ten))",
    ",frame 0",
    ",use-value 'nine",
    ",use-value 10",
    '(define/typed (name (n : fixnum)) : string (if (= n 0) \'none "some"))',
    "(list (name 0))",
    ',use-value "zero"',
    "(define/typed limit : flonum 5)",
    ",use-value 5.0",
    "limit",
  );
  const [, argument, frame, again, value, , result, used] = said;
  assert.match(argument!, /^repl-1:1:26: half: argument 1 \(n\): expected fixnum, got ten\n.*\n {27}\^{6}\nRestarts:/);
  assert.match(frame!, /^\* {2}0 {2}half {2}repl-1:1:26\n/);
  assert.match(again!, /half: argument 1 \(n\): expected fixnum, got nine/);
  assert.equal(value, "105");
  assert.match(result!, /name: result: expected string, got none/);
  assert.equal(used, '("zero")');
  assert.match(said[8]!, /limit: expected flonum, got 5\n/);
  assert.equal(said[10], "5.0");
});

test("a variable that hides another one is the one that is shown, and one that is out of scope is not", () => {
  const said = talk("(define (f x)\n  (let ((z 1)) z)\n  (let ((x (* 2 x)))\n    (car x)))", "(f 4)", ",frame 0", "x");
  assert.match(said[2]!, /\n {2}x = 8$/);
  assert.equal(said[3], "8");
});

test("a procedure is stopped in, stepped through and left", () => {
  const said = talk(
    "(define (double n)\n  (* 2 n))",
    "(define (f x)\n  (let ((y (double x)))\n    (display y)\n    (list x y)))",
    ",break f if (> x 3)",
    "(f 1)",
    "(f 4)",
    ",next",
    "y",
    ",bt",
    ",next",
    ",continue",
    ",delete f",
    "(f 5)",
  );
  assert.equal(said[3], "(1 2)");
  assert.match(said[4]!, /^stopped in f {2}repl-3:2:3\n {4}\(let \(\(y \(double x\)\)\)\n/);
  assert.match(said[5]!, /^stopped in f {2}repl-3:3:5/);
  assert.equal(said[6], "8");
  assert.match(said[7]!, /^\* {2}0 {2}f {2}repl-3:3:5/);
  assert.match(said[8]!, /^stopped in f {2}repl-3:4:5/);
  assert.equal(said[9], "(4 8)");
  assert.equal(said[11], "(5 10)");
});

test("a step goes into a call, out of it, and from one turn of a loop to the next", () => {
  const said = talk(
    "(define (double n)\n  (* 2 n))",
    "(define (sum n)\n  (let loop ((i 0) (s 0))\n    (if (= i n)\n        s\n" +
      "        (loop (+ i 1) (+ s (double i))))))",
    "(define (twice n)\n  (sum n)\n  (sum n))",
    ",in (twice 2)",
    ",in",
    ",in",
    ",next",
    ",next",
    ",next",
    "i",
    ",out",
    ",top",
    ",break repl-1:2",
    "(sum 3)",
    "n",
    ",out",
    "(list i s)",
    ",continue",
    ",delete",
    ",break",
  );
  assert.match(said[3]!, /^stopped in \(top level\)/);
  assert.match(said[4]!, /^stopped in twice {2}repl-8:2:3/);
  assert.match(said[5]!, /^stopped in sum {2}repl-3:2:3/);
  assert.match(said[6]!, /^stopped in loop {2}repl-3:3:5/);
  assert.match(said[7]!, /^stopped in loop {2}repl-3:5:9/);
  assert.match(said[8]!, /^stopped in loop {2}repl-3:3:5/);
  assert.equal(said[9], "1");
  assert.match(said[10]!, /^stopped in twice {2}repl-8:3:3/);
  assert.match(said[13]!, /^stopped in double {2}repl-1:2:3/);
  assert.equal(said[14], "0");
  assert.match(said[15]!, /^stopped in loop/);
  assert.equal(said[16], "(1 0)");
  assert.match(said[17]!, /^stopped in double/);
  assert.equal(said[19], "");
});

test("calls of a procedure are told, and what they give", () => {
  const { lisp, output } = makeLisp();
  const repl = new Repl(lisp);
  for (const line of ["(define (f n) (if (= n 0) 1 (* n (f (- n 1)))))", ",trace f", "(f 2)", ",untrace f", "(f 3)"])
    repl.submit(line);
  assert.equal(output(), "(f 2)\n  (f 1)\n    (f 0)\n    f → 1\n  f → 1\nf → 2\n");
});

test("names are documented: the system's, and those that were typed, also while one types", () => {
  const { lisp } = makeLisp();
  const files = [
    {
      file: "lists.scm",
      text: '(procedure (append list (rest)) -> list "Lists behind each other.") (value pi "A ratio.")',
    },
  ];
  let asked = 0;
  const repl = new Repl(lisp, { documentation: () => (asked++, files) });
  repl.submit('(define (twice x . more)\n  "X two times."\n  (* 2 x))');
  assert.equal(asked, 0);
  assert.equal(repl.submit(",doc append").text, "(append list [rest]) → list\nLists behind each other.");
  assert.equal(repl.submit(",doc pi").text, "pi\nA ratio.");
  assert.equal(repl.submit(",doc twice").text, "(twice x . more)\nX two times.");
  assert.deepEqual(repl.submit(",doc none"), { text: "nothing is said of none", isError: true, wantsToEnd: false });
  const at = (text: string): string | undefined =>
    repl.documentationAt(text.replace("|", ""), text.indexOf("|"))?.forms[0];
  assert.equal(at("(list (append (f) |"), "(append list [rest]) → list");
  assert.equal(at('(append "(list" #;(f |'), "(append list [rest]) → list");
  assert.equal(at("(append x)|"), undefined);
  repl.submit("(define (append a) a)");
  assert.equal(at("(append |"), "(append a)");
});

test("strings and comments are painted, also those that began on a line before", () => {
  const shown = (text: string, from = 0): string => paintedText(text, from, (kind, part) => `<${kind}:${part}>`);
  assert.equal(shown('(f "a" ;b'), '<open:(><symbol:f> <string:"a"> <comment:;b>');
  assert.equal(shown('"one\ntwo" x', 5), '<string:two"> <symbol:x>');
  assert.equal(shown("", 0), "");
});
