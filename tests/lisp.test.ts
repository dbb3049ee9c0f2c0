/**
 * Goal: `stratos lisp` runs programs as a user starts them: files with arguments, -e, pipes, exit statuses, libraries
 * beside a program.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { launcher, run } from "./support/stratos.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const lisp = (args: readonly string[], stdin: string | Uint8Array = ""): ReturnType<typeof run> =>
  run([...launcher, "lisp", ...args], { stdin, cwd: folder, env: { STRATOS_HOME: folder } });

test("-e prints nothing of its own", async () => {
  assert.deepEqual(await lisp(["-e", "(+ 1 2)"]), { stdout: "", stderr: "", status: 0 });
  assert.equal((await lisp(["-e", "(define x 20)", "-e", "(display (+ x 1))"])).stdout, "21");
});

test("a program has its arguments, its library path and its exit status", async () => {
  mkdirSync(join(folder, "my"));
  writeFileSync(
    join(folder, "my/lib.sld"),
    "(define-library (my lib) (export twice) (import (scheme base) (srfi 1)) (begin (define (twice x) (append-map " +
      "list x x))))",
  );
  writeFileSync(
    join(folder, "test"),
    "#!/usr/bin/env stratos\n(import (scheme base) (scheme write) (scheme process-context) (my lib))\n" +
      "(write (twice (cdr (command-line)))) (exit 7)\n",
  );
  assert.deepEqual(await lisp(["./test", "a", "-e"]), { stdout: '("a" "a" "-e" "-e")', stderr: "", status: 7 });
});

test("an error names file, line and column, shows the line, and what called it", async () => {
  writeFileSync(
    join(folder, "bad.scm"),
    "(define (f x)\n  (+ 1 (g x)))\n(define (g x) (car x))\n(display 1)\n(list (f 5))\n",
  );
  const { stdout, stderr, status } = await lisp(["--engine", "interpreter", "bad.scm"]);
  assert.equal(stdout, "1");
  assert.equal(status, 1);
  assert.equal(
    stderr,
    "stratos: bad.scm:3:15: car: expected a pair, got 5\n  (define (g x) (car x))\n                ^^^^^^^\n" +
      "  from f, bad.scm:2:8\n  from the top level, bad.scm:5:7\n",
  );
});

test("forms that come through a pipe are evaluated, and may read what follows", async () => {
  assert.equal(
    (await lisp([], '(define x 5)\n(* x x)\n(read)\n(a . b)\n(display "end")\n')).stdout,
    "25\n(a . b)\nend",
  );
  assert.equal((await lisp([], "(+ 1")).status, 1);
});

test("forms through a pipe are UTF-8, and what a program reads behind them is its own", async () => {
  const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
  const { stdout, stderr, status } = await lisp([], bytes('(display 1)\n(display "a\xffb")\n(display 2)\n'));
  assert.deepEqual([stdout, stderr, status], ["1", "stratos: standard input:2:12: the source is not UTF-8\n", 1]);
  const read = await lisp([], bytes("(define l (read-line))\xe9t\xe9\n(display (string-length l))\n"));
  assert.deepEqual([read.stdout, read.status], ["3", 0]);
  assert.equal((await lisp([], bytes('(display "\xef\xbf\xbd")'))).stdout, "\xef\xbf\xbd");
});

test("an error of a compiled program tells its place and the calls that wait", async () => {
  writeFileSync(
    join(folder, "sum.scm"),
    "(define (sum l)\n  (if (null? l)\n      0\n      (+ (car l)\n         (sum (cdr l)))))\n(display 1)\n" +
      "(display (sum '(1 2 3 4 5 6 7 8 nine)))\n",
  );
  const { stdout, stderr, status } = await lisp(["sum.scm"]);
  assert.deepEqual([stdout, status], ["1", 1]);
  assert.equal(
    stderr,
    "stratos: sum.scm:4:7: +: expected a number, got nine\n        (+ (car l)\n        ^^^^^^^^^^\n" +
      // The first three calls are in line.
      `${"  from sum, sum.scm:5:10\n".repeat(5)}  from the top level, sum.scm:5:10\n`,
  );
});

test("of a library only what a program reaches is compiled, and all of it for eval", async () => {
  writeFileSync(
    join(folder, "parts.sld"),
    "(define-library (parts) (export get next! make-it it-value it?) (import (scheme base) (scheme write)) (begin\n" +
      "(define-record-type it (make-it value) it? (value it-value))\n(define count 0)\n(define (unused) (car 5))\n" +
      "(define (next!) (set! count (+ count 1)) count)\n(define (get) (next!))\n(define ignored (display 'ran))))\n",
  );
  writeFileSync(
    join(folder, "whole.scm"),
    "(import (scheme base) (scheme write) (parts)) (write (list (get) (next!)))",
  );
  assert.equal((await lisp(["whole.scm"])).stdout, "ran(1 2)");
  writeFileSync(
    join(folder, "named.scm"),
    "(import (scheme base) (scheme eval) (scheme write) (parts)) (write (list (it? 1) (eval '(it-value (make-it 7)) " +
      "(environment '(parts)))))",
  );
  assert.equal((await lisp(["named.scm"])).stdout, "ran(#f 7)");
});

test("a program is compiled unless --engine says otherwise; an engine that is none is refused", async () => {
  writeFileSync(
    join(folder, "deep.scm"),
    "(import (scheme base) (scheme write))\n(define (count n) (if (= n 0) 0 (+ 1 (count (- n 1)))))\n" +
      "(write (count 1000000)) (car 5)\n",
  );
  const { stdout, stderr, status } = await lisp(["deep.scm"]);
  assert.deepEqual([stdout, status], ["1000000", 1]);
  assert.match(stderr, /^stratos: deep\.scm:3:25: car: expected a pair, got 5\n/);
  assert.equal(
    (await lisp(["--engine", "wasm", "-e", "(display (expt 2 100))"])).stdout,
    "1267650600228229401496703205376",
  );
  assert.match((await lisp(["--engine", "steam", "-e", "1"])).stderr, /steam is no engine; take interpreter or wasm/);
});

test("lisp test tells failures with file and line, counts, and has a status", async () => {
  const suite = (name: string, ...lines: readonly string[]): void =>
    writeFileSync(join(folder, name), ["(import (scheme base) (scheme write) (srfi 64))", ...lines].join("\n"));
  suite("good.scm", '(test-begin "good")', "(test-eqv 4 (+ 2 2))", "(display 'said)", "(test-end)");
  suite("sums.scm", '(test-begin "sums")', '(test-equal "two" \'(1 2) (list 1 3))', "(test-assert #t)", "(test-end)");
  suite("broken.scm", '(test-begin "broken")', "(test-assert #t)", "(car 5)");
  suite("open.scm", '(test-begin "open")', "(test-assert #t)");
  assert.deepEqual(await lisp(["test", "good.scm"]), { stdout: "said1 passed, 0 failed\n", stderr: "", status: 0 });
  assert.deepEqual(await lisp(["test", "good.scm", "sums.scm"]), {
    stdout:
      "saidsums.scm:3: sums: two failed\n  form:           (list 1 3)\n  expected:       (1 2)\n" +
      "  actual:         (1 3)\n2 passed, 1 failed\n",
    stderr: "",
    status: 1,
  });
  const { stdout, stderr, status } = await lisp(["test", "--json", "good.scm", "broken.scm", "open.scm"]);
  const report = JSON.parse(stdout) as { passed: number; failed: number; files: { problems: string[] }[] };
  assert.deepEqual([report.passed, report.failed, stderr, status], [3, 2, "said", 1]);
  assert.match(report.files[1]!.problems[0]!, /^broken\.scm:4:1: car: expected a pair, got 5/);
  assert.deepEqual(report.files[2]!.problems, ["open: test-end is missing"]);
  assert.match((await lisp(["test", "absent.scm"])).stderr, /absent\.scm/);
  assert.equal((await lisp(["test"])).status, 2);
});

test("lisp doc writes what a library exports, with its docstrings and comments", async () => {
  writeFileSync(
    join(folder, "shapes.sld"),
    `;; Shapes.
(define-library (my shapes)
  (export area (rename grow bigger) circle?)
  (import (scheme base))
  (begin
    ;; A circle by its radius.
    (define-record-type circle (make-circle r) circle? (r radius))
    (define (area shape . options)
      "The area of a shape,
       in square metres."
      (* 3 (radius shape)))
    ;; Makes it larger.
    (define grow (lambda (shape by) (make-circle (+ by (radius shape)))))
    (define (hidden) 1)))
`,
  );
  assert.deepEqual(await lisp(["doc", "shapes.sld"]), {
    stdout:
      "# (my shapes)\n\nShapes.\n\n" +
      "## circle\n\n```scheme\n(define-record-type circle (make-circle r) circle? (r radius))\n```\n\n" +
      "A circle by its radius.\n\n" +
      "## area\n\n```scheme\n(area shape . options)\n```\n\nThe area of a shape,\nin square metres.\n\n" +
      "## bigger\n\n```scheme\n(bigger shape by)\n```\n\nMakes it larger.\n",
    stderr: "",
    status: 0,
  });
  writeFileSync(join(folder, "cut.scm"), "(define (f x)");
  const { stderr, status } = await lisp(["doc", "cut.scm"]);
  assert.match(stderr, /^stratos: cut\.scm:1:/);
  assert.equal(status, 1);
});

test("lisp profile names what takes the time, in each format, and passes the status on", async () => {
  const file = join(folder, "slow.scm");
  writeFileSync(
    file,
    "(import (scheme base) (scheme write) (scheme process-context))\n" +
      "(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))\n" +
      "(define (busy n) (do ((i 0 (+ i 1))) ((= i n)) (fib 25)))\n" +
      "(busy 40) (display (cadr (command-line))) (exit 3)\n",
  );
  for (const ending of ["svg", "json", "folded"]) {
    const out = join(folder, `profile.${ending}`);
    const { stdout, stderr, status } = await lisp(["profile", "-o", out, file, "arg"]);
    assert.deepEqual([stdout, status], ["arg", 3]);
    assert.match(stderr, /^ {4}self {4}whole {2}procedure \(\d+ ms\)\n(?:.*\n)*? +[\d.]+ % +[\d.]+ % {2}fib\n/);
    assert.match(
      readFileSync(out, "utf8"),
      ending === "svg" ? /<title>fib: [\d.]+ %, \d+ ms<\/title>/ : ending === "json" ? /{"name":"fib"}/ : /;fib \d+\n/,
    );
  }
  const refused = await lisp(["profile", "-o", join(folder, "profile.png"), file]);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /--output: .*profile\.png must end with \.svg, \.json, \.folded/);
});

test("a program is built ahead: one file, which stratos or Node alone runs without the source", async () => {
  mkdirSync(join(folder, "parts"));
  writeFileSync(
    join(folder, "parts/greeting.sld"),
    "(define-library (parts greeting) (export greet) (import (scheme base) (scheme write)) (begin (define (greet " +
      'name) (display (string-append "hello " name)) (newline))))',
  );
  writeFileSync(
    join(folder, "ahead.scm"),
    "(import (scheme base) (scheme process-context) (parts greeting))\n(for-each greet (cdr (command-line)))\n" +
      "(define (f x) (list (car x)))\n(f (length (command-line)))\n",
  );
  for (const out of ["ahead", "ahead.mjs"])
    assert.deepEqual(await lisp(["build", "ahead.scm", "-o", out]), { stdout: "", stderr: "", status: 0 });
  rmSync(join(folder, "parts"), { recursive: true });
  rmSync(join(folder, "ahead.scm"));
  const expected = {
    stdout: "hello a\nhello -e\n",
    stderr: "stratos: ahead.scm:3:21: car: expected a pair, got 3\n",
    status: 1,
  };
  assert.deepEqual(await lisp(["ahead", "a", "-e"]), expected);
  assert.deepEqual(await run([process.execPath, "ahead.mjs", "a", "-e"], { cwd: folder }), expected);
});

extendedTest("futures run in threads beside the program, which ends without those that nobody touched", async () => {
  writeFileSync(
    join(folder, "futures.scm"),
    `(import (scheme base) (scheme write) (scheme file) (scheme time) (stratos futures))
    (define late (+ 60 (current-second)))
    (define (await-go)
      (cond ((file-exists? "go") 'seen) ((< late (current-second)) 'never) (else (await-go))))
    (define f (future (await-go)))
    (call-with-output-file "go" (lambda (port) (write 1 port)))
    (write (list (touch f) (touch (future (list 1.5 "e" (string->symbol "a b"))))))
    (touch (future (display "printed") (flush-output-port)))
    (write (guard (e ((error-object? e) (error-object-message e))) (touch (future (car '())))))
    (define endless (future (let loop () (loop))))
    (define while-it-is-optimised (+ 0.5 (current-second)))
    (let wait () (if (< (current-second) while-it-is-optimised) (wait)))
    (write (future-ready? endless))`,
  );
  const expected = { stdout: '(seen (1.5 "e" |a b|))printed"car: expected a pair, got"#f', stderr: "", status: 0 };
  assert.deepEqual(await lisp(["futures.scm"]), expected);
  for (const out of ["futures", "futures.mjs"]) {
    assert.equal((await lisp(["build", "futures.scm", "-o", out])).status, 0);
    rmSync(join(folder, "go"));
    const words = out.endsWith(".mjs") ? [process.execPath] : [...launcher, "lisp"];
    assert.deepEqual(await run([...words, out], { cwd: folder, env: { STRATOS_HOME: folder } }), expected);
  }
});

extendedTest(
  "a program with types tells what is of another type, and a build how many tests they left out",
  async () => {
    writeFileSync(
      join(folder, "typed.scm"),
      "(import (scheme base) (scheme write) (stratos types))\n" +
        "(define/typed (mean (x : flonum) (y : flonum)) : flonum\n  (/ (+ x y) 2.0))\n" +
        "(define/typed (walk (n : fixnum) (x : flonum)) : flonum (if (= n 0) x (walk (- n 1) (mean x 1.0))))\n" +
        "(write (walk 3 2.0))\n(define (use x) (list (mean x 1.0)))\n(use 'two)\n",
    );
    const place = "stratos: typed.scm:2:26: mean: argument 1 (x): expected flonum, got two\n";
    const line = "  (define/typed (mean (x : flonum) (y : flonum)) : flonum\n                           ^^^^^^\n";
    for (const engine of ["wasm", "interpreter"]) {
      const { stdout, stderr, status } = await lisp(["--engine", engine, "typed.scm"]);
      assert.deepEqual([stdout, status], ["1.125", 1]);
      assert.ok(stderr.startsWith(place + line), stderr);
      assert.match(stderr, /\n {2}from (?:use|the top level), typed\.scm:6:(?:17|23)/);
    }
    const { stdout, stderr, status } = await lisp(["build", "--stats", "typed.scm", "-o", "typed"]);
    assert.match(stdout, /^tests of types: (?:[5-9]|\d\d+) left out, \d kept\n/);
    assert.match(stdout, /\ncalls of procedures with types: \d without checks, \d with some\n$/);
    assert.deepEqual([stderr, status], ["", 0]);
    assert.deepEqual(await lisp(["typed"]), {
      stdout: "1.125",
      stderr: `${place}  from the top level, typed.scm:6:23\n`,
      status: 1,
    });
  },
);

extendedTest(
  "a built program that is damaged, of another build or in the wrong place is refused by its name",
  async () => {
    writeFileSync(join(folder, "whole.scm"), "(display 1)");
    await lisp(["build", "whole.scm", "-o", "whole"]);
    const whole = readFileSync(join(folder, "whole"));
    const refused = async (args: readonly string[], why: string): Promise<void> => {
      assert.deepEqual(await lisp(args), { stdout: "", stderr: `stratos: ${why}\n`, status: 1 });
    };
    const damaged = Buffer.from(whole);
    damaged[whole.length >>> 1]! ^= 1;
    for (const bytes of [damaged, whole.subarray(0, whole.length - 1), whole.subarray(0, 41)]) {
      writeFileSync(join(folder, "broken"), bytes);
      await refused(["broken"], "broken: is a damaged program; build it again from its source");
    }
    await refused(["build", "whole", "-o", "twice"], "whole: is a built program; its source is needed");
    await refused(["test", "whole"], "whole: is a built program; its source is needed");
    await refused(["-e", "1", "whole"], "whole: a built program runs compiled, and takes neither --engine nor -e");
    await refused(["build", "whole.scm", "-o", "no/where"], "no/where: no such file or directory");
  },
);

extendedTest("the heap is as large as the command line says, and a report tells what was collected", async () => {
  writeFileSync(
    join(folder, "heap.scm"),
    `(import (scheme base) (scheme write) (stratos memory))
    (define (all) (let loop ((l '())) (loop (cons 1 l))))
    (display (list (heap-limit) (nursery-size) (guard (e ((out-of-memory? e) 'full)) (all))))`,
  );
  const { stdout, stderr, status } = await lisp(["--heap", "20M", "--nursery", "1M", "--gc-report", "heap.scm"]);
  assert.deepEqual([stdout, status], ["(20971520 1048576 full)", 0]);
  assert.match(
    stderr,
    new RegExp(
      "^gc: \\d+ minor and \\d major collections, .*\\ngc: [\\d.]+ ms in \\d+ pauses, the longest [\\d.]+ ms\\n" +
        "gc: old generation [\\d.]+[KM], at most (1\\d|20)(\\.\\d)?M\\n$",
    ),
  );
  assert.equal(
    (await lisp(["--heap", "50M", "--engine", "interpreter", "heap.scm"])).stdout,
    "(#f #f full)",
    "by the interpreter",
  );
  for (const [words, reason] of [
    [["--heap", "1M"], "--heap: '1M': expected from 16M to 1000M"],
    [["--nursery", "8M"], "--nursery: '8M': expected from 512K to 4M"],
    [
      ["--engine", "interpreter", "--gc-report"],
      "--gc-report: the interpreter has no heap of its own; compiled programs have",
    ],
  ] as const) {
    const refused = await lisp([...words, "heap.scm"]);
    assert.deepEqual([refused.stderr, refused.status], [`stratos: ${reason}\n`, 2]);
  }
});

test("who reads no more ends a program by SIGPIPE's status, without a word", async () => {
  writeFileSync(join(folder, "endless.scm"), '(let loop () (display "line") (newline) (loop))');
  const command = [...launcher, "lisp", "endless.scm"].map((word) => `'${word}'`).join(" ");
  const { stdout, stderr } = await run(["bash", "-c", `${command} | head -1; echo \${PIPESTATUS[0]}`], { cwd: folder });
  assert.deepEqual([stdout, stderr], ["line\n141\n", ""]);
});

extendedTest("programs have JavaScript where the command line gives it, and nowhere else", async () => {
  writeFileSync(
    join(folder, "javascript.scm"),
    `(import (scheme base) (scheme write) (scheme process-context) (stratos javascript))
     (write (js-await (js-new (js-global "Promise")
       (lambda (resolve reject) (js-call (js-global "setTimeout") (lambda () (js-call resolve "late")) 1)))))
     (js-invoke (list->js '(1)) "forEach" (lambda (x . rest) (exit 7)))`,
  );
  const allowed = { stdout: '"late"', stderr: "", status: 7 };
  const refused = /this session has no JavaScript: \(stratos javascript\) needs --allow-javascript/;
  for (const engine of ["wasm", "interpreter"]) {
    assert.deepEqual(await lisp(["--allow-javascript", "--engine", engine, "javascript.scm"]), allowed);
    assert.match((await lisp(["--engine", engine, "javascript.scm"])).stderr, refused);
  }
  assert.equal((await lisp(["build", "javascript.scm", "-o", "javascript"])).status, 0);
  assert.deepEqual(await lisp(["--allow-javascript", "javascript"]), allowed);
  assert.match((await lisp(["javascript"])).stderr, refused);
  const kept = await lisp(["build", "--allow-javascript", "javascript.scm", "-o", "javascript"]);
  assert.equal(kept.status, 2);
  assert.match(kept.stderr, /--allow-javascript: is kept in .*mjs only/);
  for (const options of [["--allow-javascript"], []]) {
    assert.equal((await lisp(["build", ...options, "javascript.scm", "-o", "javascript.mjs"])).status, 0);
    const ended = await run([process.execPath, "javascript.mjs"], { cwd: folder });
    if (options.length > 0) assert.deepEqual(ended, allowed);
    else assert.match(ended.stderr, refused);
  }
  const native = await lisp(["build", "--target", "x86_64", "javascript.scm", "-o", "javascript.elf"]);
  assert.match(native.stderr, /a native program has no JavaScript/);
  const stuck = '(import (stratos javascript)) (js-await (js-new (js-global "Promise") (lambda (a b) 1)))';
  const waiting = await lisp(["--allow-javascript", "-e", stuck]);
  assert.match(waiting.stderr, /deadlock: no thread can go on: main waits for a promise of JavaScript/);
  assert.equal(waiting.status, 1);
  const piped = '(import (stratos javascript))\n(js-await (js-invoke (js-global "Promise") "resolve" 5))\n';
  assert.equal((await lisp(["--allow-javascript"], piped)).stdout, "5\n");
  writeFileSync(
    join(folder, "javascript-tests.scm"),
    '(import (scheme base) (srfi 64) (stratos javascript)) (test-begin "js") (test-equal 5 (js-await 5)) (test-end)',
  );
  assert.match((await lisp(["test", "--allow-javascript", "javascript-tests.scm"])).stdout, /^1 passed, 0 failed/);
});

const SCRIPT = "/usr/bin/script";
const skip = existsSync(SCRIPT) ? false : "the host has no script(1), which makes a terminal";

/** What a terminal is shown when keys are typed at the prompt. */
function typed(keys: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(SCRIPT, ["-qec", `stty cols 80; exec ${launcher.join(" ")} lisp`, "/dev/null"], {
    env: { PATH: process.env["PATH"], HOME: folder, TERM: "xterm", STRATOS_HOME: folder, ...environment },
  });
  let shown = "";
  child.stdout.on("data", (bytes: Buffer) => {
    const isFirst = !shown.includes("astra> ");
    shown += bytes.toString();
    if (isFirst && shown.includes("astra> ")) child.stdin.write(keys);
  });
  return new Promise((done) => child.once("exit", () => done(shown)));
}

test(
  "a line on a terminal has colours and how its operator is used, and a key tells what that does",
  { skip },
  async () => {
    const keys = '(string-append "ab" \x1bh"c")\r,quit\r';
    const coloured = await typed(keys, {});
    assert.ok(coloured.includes('(string-append \x1b[32m"ab"\x1b[0m \x1b8'), JSON.stringify(coloured));
    assert.ok(
      coloured.includes("\x1b[90m(string-append strings …) → string\x1b[0m\x1b8\x1b[K"),
      JSON.stringify(coloured),
    );
    assert.match(coloured, /\n\x1b\[J\(string-append strings …\) → string\r\n[A-Z].*\.\r\n/);
    assert.ok(coloured.includes('"abc"'), JSON.stringify(coloured));
    const plain = await typed(keys, { NO_COLOR: "1" });
    assert.ok(!/\x1b\[\d+m/.test(plain), JSON.stringify(plain));
    assert.ok(plain.includes('"abc"'), JSON.stringify(plain));
  },
);
