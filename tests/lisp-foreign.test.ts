/**
 * Goal: native Lisp programs call C as C's own compiler would, and nothing that they do wrong is silent. Method: the
 * same program on the host and on the machine, also with a collection at each allocation; what is misused, one after
 * the other.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { extendedTest } from "@stratos/base/testing";
import { ForeignPrograms, ON_HOST, WITHOUT_HOST, tortured } from "./support/foreign-programs.ts";

const programs = new ForeignPrograms();
test.after(() => programs.remove());

const HEAD = `
(import (scheme base) (scheme write) (scheme process-context) (stratos foreign) (stratos base))
(define (show . l) (for-each display l) (newline))
(define-syntax try
  (syntax-rules ()
    ((_ e) (begin
      (write (guard (x ((error-object? x)
                        (list (error-object-kind x) (error-object-message x) (error-object-irritants x)))) e))
      (newline)))))
(define libc (foreign-open #f))
(define libm (foreign-open "libm.so.6"))
`;

const CALLS = `${HEAD}
(define pow (foreign-procedure libm "pow" (double double) double))
(define strlen (foreign-procedure libc "strlen" (string) size_t))
(show (pow 2 1/2) " " ((foreign-procedure libm "sqrtf" (float) float) 2) " " (strlen "h\\xe9;llo") " "
  (= (strlen (make-string 100000 #\\a)) 100000))
(try (list ((foreign-procedure libc "getenv" (string) string) "NOT_THERE")
  ((foreign-procedure libc "toupper" (char) char) #\\a)
  ((foreign-procedure libc "labs" (int64) uint64) (- (expt 2 63)))
  ((foreign-procedure libc "strtoull" (string pointer int) uint64) "18446744073709551615" #f 10)
  ((foreign-procedure libc "strtoll" (string pointer int) int64) "-9223372036854775808" #f 10)
  ((foreign-procedure libc "abs" (int) int) -5)))
(define b (make-bytevector 40 0))
(define snprintf (foreign-procedure libc "snprintf" (bytevector size_t string ...) int))
(show (snprintf b 40 "%ld %s %.2f %c|%d" 42 "abc" 1.25 #\\x -1) " " (utf8->string b 0 18))
(define few (foreign-procedure libc "snprintf" (bytevector size_t string ... int float uint8) int))
(show (few b 40 "%d %g %d" -7 0.5 200) " " (utf8->string b 0 10))
(define many (foreign-procedure libc "snprintf" (bytevector size_t string ...) int))
(show (many b 40 "%g%g%g%g%g%g%g%g%g%g%ld%ld%ld%ld%ld" 1. 2. 3. 4. 5. 6. 7. 8. 9. 0. 1 2 3 4 5) " "
  (utf8->string b 0 15))
(define c-open (foreign-procedure libc "open" (string int) int))
(show (c-open "/not/there" 0) " " (foreign-errno) " " (foreign-errno-text) " " (begin (pow 1 1) (foreign-errno)))
(try (strlen 5)) (try (strlen "a\\x0;b")) (try (pow 1)) (try (pow 'a 1)) (try (snprintf b))
(try ((foreign-procedure libc "abs" (int8) int) 300)) (try ((foreign-procedure libc "abs" (uint64) int) -1))
(try ((foreign-procedure libc "abs" (bool) int) 1)) (try ((foreign-procedure libc "abs" (char) int) #\\x3bb))
(try (foreign-open "libnope.so")) (try (foreign-procedure libm "nope" (int) int)) (try (foreign-open 5))
(try (begin (foreign-library none "libnope.so" "libneither.so") none))
(let ((l (foreign-open "libm.so.6"))) (define cos (foreign-procedure l "cos" (double) double))
  (show (cos 0)) (foreign-close! l) (foreign-close! l) (try (foreign-symbol l "cos")) (try (cos 0)))
(try (foreign-procedure libc "abs" (void) int)) (try (foreign-procedure libc "abs" (int) (array int 2)))

(define-foreign-struct inner (a uint8) (b (array short 3)))
(define-foreign-union number (i int64) (d double) (bytes (array uint8 8)))
(define-foreign-struct node (value int) (name (array char 5)) (in inner) (n number) (next (pointer node)))
(show (foreign-sizeof node) " " (foreign-alignof inner) " " (foreign-offsetof node 'in 'b 2) " "
  (foreign-sizeof number))
(define p (foreign-alloc node 2))
(foreign-set! p 'value -3) (foreign-set! p 1 'value 4) (foreign-set! p 'next (foreign-at p 1))
(foreign-set! p 'n 'd 1.5) (foreign-set! p 'in 'b 2 -9) (foreign-set! p 'name 1 #\\z)
(foreign-set! p 1 'in (foreign-ref p 'in))
(show (foreign-ref p 'value) (foreign-ref p 'next 'value) " " (foreign-ref p 'n 'i) " " (foreign-ref p 'next 'in 'b 2)
  (foreign-ref p 'name 1) (foreign-null? (foreign-ref p 1 'next)))
(foreign-set! p 'n 'i -1)
(show (foreign->bytevector (foreign-at p 'n)) (foreign-ref (foreign-cast (foreign-at p 'n) uint64)))
(try (foreign-ref p 2 'value)) (try (foreign-ref p -1 'value)) (try (foreign-ref p 'name 5)) (try (foreign-ref p 'nope))
(try (foreign-ref (foreign-ref p 1 'next) 'value)) (try (foreign-set! p 'in 5)) (try (foreign-set! p 'value 1.5))
(try (foreign-set! p 'in (foreign-at p 1))) (try (foreign-set! p 'value (expt 2 31)))
(try (foreign-free (foreign-at p 1))) (try (foreign-free (foreign-cast foreign-null int)))
(define half (foreign-at p 'in 'b))
(foreign-free p) (try (foreign-ref p 'value)) (try (foreign-ref half 0)) (try (foreign-free p))
(try (foreign-ref foreign-null)) (try (foreign->string (address->foreign 0 char)))
(let ((s (string->foreign "\\x3bb; text")))
  (try (foreign->string s)) (try (foreign-pointer-size s)) (foreign-copy-in! s (bytevector 65 66 67) 1 3)
  (try (foreign->string s)) (try (foreign-copy-in! s (make-bytevector 20 1))) (try (foreign->bytevector s 9)))
(let ((s (bytevector->foreign (bytevector 65 66)))) (try (foreign->string s)) (try (foreign->bytevector s)))
(define dup (foreign-procedure libc "strdup" (string) (pointer char)))
(let ((s (dup "mine"))) (try (foreign-free s)) (foreign-own! s) (show (foreign->string s)) (foreign-free s))
(define kept #f)
(try (with-foreign ((a int 3) (b node)) (set! kept a) (foreign-set! a 2 7) (foreign-set! b 'value 8)
  (list (foreign-ref a 2) (foreign-ref b 'value))))
(try (foreign-ref kept 2))
(try (with-foreign ((a int)) (set! kept a) (error "left")))
(try (foreign-ref kept))
(define-foreign-struct ldiv-t (quot long) (rem long))
(define ldiv (foreign-procedure libc "ldiv" (long long) ldiv-t))
(try (let ((r (ldiv 17 -5))) (list (foreign-ref r 'quot) (foreign-ref r 'rem))))
((foreign-procedure libc "puts" (string) int) "by C, after all that Lisp wrote")
(exit 3)
`;

test("calls, conversions, memory and their errors are the same on the host and on the machine", async () => {
  const built = programs.build(CALLS, ["rv64", "x86_64"]);
  const machine = await programs.onMachine(built.rv64);
  assert.equal(machine.status, 3, machine.output);
  const lines = machine.output.split("\n");
  const at = (text: string): string => lines.find((line) => line.includes(text)) ?? `nothing has ${text}`;
  assert.equal(lines[0], "1.4142135623730951 1.4142135381698608 6 #t");
  assert.equal(lines[1], "(#f #\\A 9223372036854775808 18446744073709551615 -9223372036854775808 5)");
  assert.deepEqual(lines.slice(2, 5), ["16 42 abc 1.25 x|-1\0\0", "10 -7 0.5 200", "15 123456789012345"]);
  assert.equal(lines[5], "-1 2 No such file or directory 0");
  assert.deepEqual(lines.slice(6, 15), [
    '("type" "strlen: argument 1: expected string, got" (5))',
    '("range" "strlen: argument 1: out of range of string:" ("a\\x0;b"))',
    '("arity" "pow: wrong number of arguments (2 expected, 1 given)" ())',
    '("type" "pow: argument 1: expected double, got" (a))',
    '("arity" "snprintf: wrong number of arguments (3 or more expected, 1 given)" ())',
    '("range" "abs: argument 1: out of range of int8:" (300))',
    '("range" "abs: argument 1: out of range of uint64:" (-1))',
    '("type" "abs: argument 1: expected bool, got" (1))',
    '("range" "abs: argument 1: out of range of char:" (#\\\xce\xbb))',
  ]);
  assert.match(at("libnope.so: cannot open"), /^\("foreign" "foreign-open: libnope\.so: cannot open shared object/);
  assert.match(at("undefined symbol: nope"), /^\("foreign" "foreign-symbol: .*libm\.so\.6: undefined symbol: nope"/);
  assert.match(at("libneither"), /libnope\.so: cannot open .*; libneither\.so: cannot open/);
  assert.ok(lines.includes("40 2 16 8"), machine.output);
  for (const line of [
    "-34 4609434218613702656 -9z#t",
    "#u8(255 255 255 255 255 255 255 255)18446744073709551615",
    '("range" "foreign-ref: beyond the memory of 80 bytes:" (80))',
    '("range" "foreign-ref: no index of char[5]:" (5))',
    '("type" "foreign-ref: node has no field" (nope))',
    '("foreign" "foreign-ref: the null pointer points to nothing" ())',
    '("type" "foreign-set!: the value: expected inner, got" (5))',
    '("range" "foreign-set!: the value: out of range of int:" (2147483648))',
    '("range" "foreign->string: no end of the text within bytes:" (2))',
    "mine",
    "(7 8)",
    '("error" "left" ())',
    "(-3 2)",
  ])
    assert.ok(lines.includes(line), `${line}\nis not in\n${machine.output}`);
  assert.equal(lines.filter((line) => line.includes("was freed")).length, 5, machine.output);
  assert.equal(lines.at(-2), "by C, after all that Lisp wrote");
  if (!ON_HOST) return;
  // Addresses and the place of a library are the system's own.
  const plain = (text: string): string =>
    text
      .replace(/\d{7,}>?\)/g, "ADDRESS)")
      .replace(/address: \d+/, "")
      .replace(/[^" ]*\/lib\S*\//g, "");
  assert.equal(plain(programs.onHost(built.x86_64).output), plain(machine.output));
  assert.equal(plain(programs.onHost(tortured(built.x86_64)).output), plain(machine.output));
});

const CALLBACKS = `${HEAD}
(define qsort (foreign-procedure libc "qsort"
  (pointer size_t size_t (callback ((pointer int) (pointer int)) int)) void))
(define (sorted l compare)
  (with-foreign ((a int (length l)))
    (let loop ((i 0) (l l)) (when (pair? l) (foreign-set! a i (car l)) (loop (+ i 1) (cdr l))))
    (qsort a (length l) 4 compare)
    (let loop ((i (- (length l) 1)) (all '())) (if (< i 0) all (loop (- i 1) (cons (foreign-ref a i) all))))))
(define (by-value x y)
  ; Something for the collector, and the stack's way to the heap.
  (let deep ((n 50)) (if (= n 0) '() (cons n (deep (- n 1)))))
  (call/cc (lambda (k) (k (- (foreign-ref x) (foreign-ref y))))))
(define numbers '(5 3 9 -1 0 2 8 8 -7 100 41))
(define (outer n) (if (= n 0) (sorted numbers by-value) (let ((r (outer (- n 1)))) (cons n r))))
(show (outer 5))
; A callback that calls C that calls back.
(show (sorted '(3 1 2) (lambda (x y) (sorted '(2 1) by-value) (by-value x y))))
; Parameters are those of the caller.
(define p (make-parameter 'outside))
(define seen '())
(parameterize ((p 'inside)) (sorted '(2 1) (lambda (x y) (set! seen (cons (p) seen)) (by-value x y))))
(show seen (p))
; Errors leave C first; no procedure is called after one.
(define calls 0)
(try (sorted numbers (lambda (x y) (set! calls (+ calls 1)) (car 5)))) (show calls)
(write (guard (x ((symbol? x) x)) (sorted numbers (lambda (x y) (raise 'thrown))))) (newline)
(try (sorted numbers (lambda (x y) 'no-int))) (try (sorted numbers (lambda (x y) (expt 2 40))))
(try (sorted numbers (lambda (x) 1)))
(show (sorted '(2 1) (lambda (x y) (guard (e (#t 1)) (raise 'caught)))))
; Continuations cannot leave.
(try (call/cc (lambda (k) (sorted numbers (lambda (x y) (k 'left))))))
(show (sorted '(2 1) by-value))
; Winds are left in order.
(try (sorted '(2 1) (lambda (x y)
  (dynamic-wind (lambda () (display "in ")) (lambda () (error "wound")) (lambda () (display "out "))))))
; Until it is freed a callback may be called at any time that C runs.
(define f (foreign-callback (lambda (x) (* 2 x)) (double) double))
(define call-f (foreign-procedure f "f" (double) double))
(show (call-f 1.25) (foreign-pointer? f))
(define g (foreign-callback (lambda (n) (if (= n 0) 0 (+ 1 (call-g (- n 1))))) (int) int))
(define call-g (foreign-procedure g "g" (int) int))
(show (call-g 150)) (try (call-g 250)) (show (call-g 3))
(foreign-free f) (try (call-f 1.)) (try (foreign-free f))
(try (foreign-callback 5 (int) int)) (try (foreign-callback car (string) string))
(define many (let loop ((n 0) (l '())) (if (= n 1023) l
  (loop (+ n 1) (cons (foreign-callback (lambda () n) () int) l)))))
(show ((foreign-procedure (car many) "last" () int)) ((foreign-procedure (list-ref many 1022) "first" () int)))
(try (foreign-callback (lambda () 1) () int))
(for-each foreign-free many) (foreign-free g)
`;

extendedTest("callbacks collect, nest, raise and are not left by continuations", async () => {
  const built = programs.build(CALLBACKS, ["rv64", "x86_64"]);
  const { output, status } = await programs.onMachine(built.rv64);
  assert.equal(status, 0, output);
  const lines = output.replace(/\(\d{7,}\)/g, "(ADDRESS)").split("\n");
  assert.deepEqual(lines, [
    "(5 4 3 2 1 -7 -1 0 2 3 5 8 8 9 41 100)",
    "(1 2 3)",
    "(inside)outside",
    '("type" "car: expected a pair, got" (5))',
    "1",
    "thrown",
    '("type" "a procedure that C called: the result: expected int, got" (no-int))',
    '("range" "a procedure that C called: the result: out of range of int:" (ADDRESS))',
    '("arity" "a procedure: wrong number of arguments (2 given)" ())',
    "(1 2)",
    '("foreign" "a continuation cannot leave a procedure that C called" ())',
    "(1 2)",
    'in out ("error" "wound" ())',
    "2.5#t",
    "150",
    '("limit" "C and Lisp call each other too deeply" ())',
    "3",
    '("foreign" "f: what the pointer points to was freed:" (ADDRESS))',
    '("foreign" "foreign-free: the memory was freed already:" (ADDRESS))',
    '("type" "foreign-callback: expected a procedure, got" (5))',
    '("type" "foreign-callback: nobody would own the text: give a pointer, not a" (string))',
    "10220",
    '("limit" "C can have so many procedures at a time, and no more:" (1024))',
    "",
  ]);
  if (!ON_HOST) return;
  const plain = (text: string): string => text.replace(/\(\d{7,}\)/g, "(ADDRESS)");
  assert.equal(plain(programs.onHost(built.x86_64).output), plain(output));
  assert.equal(plain(programs.onHost(tortured(built.x86_64)).output), plain(output));
});

/** Each ends the program in a way of its own; they are one program, since that takes its time to be compiled. */
const FORBIDDEN = `${HEAD}
(define k #f)
(define (freed-and-kept)
  (define f (foreign-callback (lambda (status x) (display "called")) (int pointer) void))
  ((foreign-procedure libc "on_exit" (pointer pointer) int) f #f) (foreign-free f) (show "end"))
(define (from-a-thread)
  (define f (foreign-callback (lambda (x) x) (pointer) pointer))
  (with-foreign ((t ulong))
    ((foreign-procedure libc "pthread_create" (pointer pointer pointer pointer) int) t #f f #f)
    ((foreign-procedure libc "pthread_join" (ulong pointer) int) (foreign-ref t) #f)))
(define (freed-when-called)
  (define f #f)
  (define other (foreign-callback (lambda () 1) () int))
  (define qsort (foreign-procedure libc "qsort" (pointer size_t size_t pointer) void))
  (set! f (foreign-callback (lambda (x y) (when f (let ((g f)) (set! f #f) (foreign-free g))) 0)
    (pointer pointer) int))
  (with-foreign ((a int 9)) (try (qsort a 9 4 f))))
(define (exit-within)
  (define f (foreign-callback (lambda () (display "out") (exit 5)) () void))
  (dynamic-wind (lambda () #f) (lambda () ((foreign-procedure f "f" () void))) (lambda () (show "never"))))
(define (called-again)
  (define f (foreign-callback (lambda () (call/cc (lambda (c) (set! k c) 1))) () int))
  (show ((foreign-procedure f "f" () int)))
  (k 2))
(define (allowed)
  (define f (foreign-callback (lambda () 1) () int))
  (try ((foreign-procedure f "f" () int))))
((list-ref (list freed-and-kept from-a-thread freed-when-called exit-within called-again allowed)
  (string->number (cadr (command-line)))))
`;

extendedTest(
  "what C must not do ends the program with words, and (exit) ends it from within",
  { skip: WITHOUT_HOST },
  () => {
    const program = programs.build(FORBIDDEN, ["x86_64"]).x86_64;
    const [freedAndKept, fromThread, freedWhenCalled, exitWithin, calledAgain, allowed] = Array.from(
      { length: 6 },
      (_, index) => {
        const { output, status } = programs.onHost(program, [String(index)]);
        return { output, status };
      },
    );
    // C keeps what was freed, and calls it at the program's end: nothing waits for it then.
    assert.deepEqual(freedAndKept, {
      output:
        "end\nstratos: C called a procedure of Lisp from another thread, or one that was freed, while nothing waited " +
        "for it\n",
      status: 70,
    });
    assert.equal(fromThread!.status, 70);
    assert.match(fromThread!.output, /^stratos: C called a procedure of Lisp from another thread/);
    // A procedure that is freed while C may still call it.
    assert.match(freedWhenCalled!.output, /^\("foreign" "C called a procedure of Lisp that was freed" \(\)\)/);
    assert.deepEqual(exitWithin, { output: "out", status: 5 });
    assert.match(calledAgain!.output, /^1\nstratos: a continuation of a procedure that C called was called when/);
    assert.equal(allowed!.output, "1\n");
  },
);

extendedTest("C that recurses too deeply faults, and writes to no heap", { skip: WITHOUT_HOST }, () => {
  const library = programs.library(
    "void deep(long n) { volatile char b[4096]; b[0] = n; if (n) deep(n - 1); b[1] = n; }",
    "gcc",
  );
  const text = `${HEAD}
    (define kept (let loop ((i 0) (l '())) (if (= i 300000) l (loop (+ i 1) (cons i l)))))
    (define lib (foreign-open ${JSON.stringify(library)}))
    (show (> (foreign-ref (address->foreign #x1006c uint)) 0))
    ((foreign-procedure libc "fflush" (pointer) int) #f)
    (flush-output-port)
    ((foreign-procedure lib "deep" (long) void) 2100)
    (show "went on in the heap")`;
  assert.equal(programs.onHost(programs.build(text, ["x86_64"]).x86_64).output, "#t\nSIGSEGV");
});

extendedTest("threads stand still while C waits for a procedure", { skip: WITHOUT_HOST }, () => {
  const text = `${HEAD.replace("(stratos base)", "(stratos base) (srfi 18)")}
    (define order '())
    (define other (make-thread (lambda () (set! order (cons 'other order)))))
    (define f (foreign-callback
      (lambda () (thread-start! other) (let spin ((n 100000)) (if (> n 0) (spin (- n 1))))
        (set! order (cons 'callback order)) 0) () int))
    ((foreign-procedure f "f" () int))
    (thread-join! other)
    (show order)
    (define g (foreign-callback (lambda () (thread-sleep! 0.01) 0) () int))
    (try ((foreign-procedure g "g" () int)))`;
  assert.equal(
    programs.onHost(programs.build(text, ["x86_64"]).x86_64).output,
    '(other callback)\n("error" "C waits for this procedure itself, which cannot wait for a time" ())\n',
  );
});

extendedTest("zlib and SQLite", { skip: WITHOUT_HOST }, () => {
  const text = `${HEAD.replace("(stratos base)", "(stratos base) (stratos sqlite)")}
    (foreign-library z "libz.so.1")
    (define crc32 (foreign-procedure z "crc32" (ulong bytevector uint) ulong))
    (show (crc32 0 (string->utf8 "123456789") 9))
    (define compress (foreign-procedure z "compress" (bytevector (pointer ulong) bytevector ulong) int))
    (define uncompress (foreign-procedure z "uncompress" (bytevector (pointer ulong) bytevector ulong) int))
    (define text (make-bytevector 100000 65))
    (with-foreign ((size ulong))
      (let ((packed (make-bytevector 1000 0)) (again (make-bytevector 100000 0)))
        (foreign-set! size 1000)
        (show (compress packed size text 100000) (< (foreign-ref size) 200))
        (let ((n (foreign-ref size)))
          (foreign-set! size 100000)
          (show (uncompress again size packed n) (equal? again text)))))
    (define db (sqlite-open ":memory:"))
    (sqlite-exec db "create table t (n integer primary key, x real, s text, b blob)")
    (define insert (sqlite-prepare db "insert into t (x, s, b) values (?, ?, :b)"))
    (sqlite-bind! insert 1 1.5) (sqlite-bind! insert 2 "h\\xe9;") (sqlite-bind! insert ":b" (bytevector 1 0 2))
    (show (sqlite-step insert)) (sqlite-reset! insert) (sqlite-bind! insert 2 #f) (sqlite-step insert)
    (sqlite-finalize! insert)
    (try (sqlite-query db "select * from t where n > ?" 0))
    (try (sqlite-query db "select ?" (- (expt 2 63))))
    (show (sqlite-changes db) (sqlite-last-row-id db))
    (for-each (lambda (sql)
        (try (guard (e ((sqlite-error? e) (list (sqlite-error-code e) (error-object-message e))))
          (sqlite-exec db sql))))
      '("select nope" "insert into t (n) values (1)"))
    (sqlite-close! db)`;
  const built = programs.build(text, ["x86_64"]);
  const expected = [
    "3421780262",
    "0#t",
    "0#t",
    "#f",
    '((1 1.5 "h\xc3\xa9" #u8(1 0 2)) (2 1.5 #f #u8(1 0 2)))',
    "((-9223372036854775808))",
    "12",
    '(1 "no such column: nope")',
    '(19 "UNIQUE constraint failed: t.n")',
    "",
  ];
  assert.deepEqual(programs.onHost(built.x86_64).output.split("\n"), expected);
  assert.deepEqual(programs.onHost(tortured(built.x86_64)).output.split("\n"), expected);
});

extendedTest("programs without foreign functions stay static, and elsewhere the use of C is refused by name", () => {
  const headers = (program: Uint8Array): number[] => {
    const view = new DataView(program.buffer, program.byteOffset);
    const [at, count] = [Number(view.getBigUint64(32, true)), view.getUint16(56, true)];
    return Array.from({ length: count }, (_, index) => view.getUint32(at + 56 * index, true));
  };
  const interpreter = 3;
  const layout = `(import (scheme base) (scheme write) (stratos foreign))
    (define-foreign-struct point (x int) (y double))
    (display (list (foreign-sizeof point) (foreign-offsetof point 'y)))`;
  for (const program of Object.values(programs.build("(import (scheme base))", ["rv64", "x86_64"])))
    assert.ok(!headers(program).includes(interpreter));
  for (const program of Object.values(programs.build(`${layout} (foreign-open #f)`, ["rv64", "x86_64"])))
    assert.ok(headers(program).includes(interpreter));
  const ran = runText(`${layout} (foreign-open "libm.so.6")`, { findLibrary: folderFinder([ownLibraryFolder()]) });
  assert.equal(ran.output, "(16 8)");
  assert.match(ran.error!, /foreign functions of C need a native program: stratos lisp build --target rv64 or /);
});
