/**
 * Goal: programs that AstraLisp compiles for a processor do what they do elsewhere: on the machine (rv64), by qemu-user
 * (ppc64le) and, where the host is one, on x86-64 itself; and each instruction is the one that the assembler writes.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { extendedTest } from "@stratos/base/testing";
import { Lisp, NATIVE_TARGETS } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import * as ppc from "../packages/lisp/src/back-native/ppc64le/encode.ts";
import { compressed } from "../packages/lisp/src/back-native/rv64/compress.ts";
import * as rv64 from "../packages/lisp/src/back-native/rv64/encode.ts";
import * as x86 from "../packages/lisp/src/back-native/x86-64/encode.ts";
import { Assembler } from "../packages/lisp/src/back-native/target.ts";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS } from "./support/emulators.ts";
import { keptRuntimeCode, nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-native-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const seed = Date.now() % 1_000_000;
/** What a program for ppc64le prints, on a host whose pages are as large as those of the processor's kernels. */
function onPpc64le(program: Uint8Array): string {
  const file = join(folder, "ppc64le");
  writeFileSync(file, program, { mode: 0o755 });
  const [emulator, ...options] = EMULATORS.ppc64le!;
  const { stdout, stderr, status } = spawnSync(emulator!, [...options, file], { encoding: "latin1" });
  assert.equal(status, 0, stderr);
  return stdout;
}

function chance(): (bound: number) => number {
  const random = new SeededRandom(seed);
  return (bound) => random.below(bound);
}

/** Something of each part of the runtime: what the collector moves, what leaves the stack, text of numbers and data. */
const PROGRAM = `
(import (scheme base) (scheme write) (scheme read) (scheme inexact) (scheme cxr) (scheme process-context)
  (stratos base))
(define (show . l) (for-each display l) (newline))
(define (fact n) (if (= n 0) 1 (* n (fact (- n 1)))))
(show (fact 60) " " (quotient (fact 40) (fact 38)) " " (sqrt (* (fact 20) (fact 20))) " " (expt 2/3 40))
(show 1e21 " " 1e-7 " " 123456789.125 " " 5e-324 " " 1.7976931348623157e308)
(show (/ 1. 3) " " (sqrt 2) " " -0.0 " " (/ 0. 0.))
(show (inexact 123456789012345678901234567890) " " (inexact 1/3) " " (exact 1e18) " " (< 1/3 0.3333) " " (round 7/2))
(show (modulo (* (expt 3 5000) (expt 7 4000)) 1000000007) " " (- (expt 3 9000) (expt 3 9000)) " "
  (quotient (expt 5 9000) (expt 5 8990)))
(write (list "a\\n\\"b\\"" #\\a #\\space 'sym '|odd sym| #(1 #u8(2 3)) '(quote x) '(a . b) 1.5 #t '())) (newline)
(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
(show (deep 100000))
(define again #f)
(define count 0)
(show (+ 100 (call/cc (lambda (k) (set! again k) 1))))
(set! count (+ count 1))
(if (< count 3) (again count))
(show (guard (e ((error-object? e) (error-object-message e))) (dynamic-wind (lambda () (show "in")) (lambda () (car 5))
  (lambda () (show "out")))))
(show (guard (e ((symbol? e) e)) (raise 'boom))
  (with-exception-handler (lambda (e) 5) (lambda () (+ 1 (raise-continuable 'c)))))
(define kept (make-vector 100 '()))
(do ((i 0 (+ i 1))) ((= i 200000)) (vector-set! kept (modulo i 100) (cons i (vector-ref kept (modulo i 100))))
  (if (= 0 (modulo i 3)) (vector-set! kept (modulo i 100) (list (* 1.5 i) "text"))))
(show (vector-ref kept 99) (vector-ref kept 3))
(define-record-type point (make-point x y) point? (x point-x) (y point-y set-point-y!))
(let ((p (make-point 1 2))) (set-point-y! p 'y) (show p (point-y p) (eq? 'y (string->symbol "y"))))
(show (map (lambda (p) (list (input-port-open? p) (output-port-open? p)))
  (list (open-input-string "") (open-output-string))))
(let ((p (open-output-string))) (write "héllo→" p) (show (get-output-string p)
  (string-length (get-output-string p))))
(show (read (open-input-string "(a #(1 \\"s\\") . (b #\\\\x 1.5e3 #t ; no\\n |c d|))")))
(call-with-values (lambda () (values 1 2 3)) show)
(show (bitwise-and 12 10) (bitwise-and) " " (bitwise-ior 12 10 1) " " (bitwise-xor -1 5) " " (bitwise-not 0) " "
  (arithmetic-shift -5 -1) " " (arithmetic-shift 3 70) " " (arithmetic-shift (- (expt 2 60) 1) -59) " "
  (arithmetic-shift -7 -60) " " (arithmetic-shift -7 -100) " " (arithmetic-shift (expt 3 90) -100) " "
  (apply bitwise-xor '(1 2 4)))
(define (try f . l)
  (show (guard (e ((error-object? e) (error-object-message e))) (apply f l))))
(for-each (lambda (f) (try f "a") (try f 'b) (try f 6.0) (try f 5/2))
  (list floor ceiling truncate round exact? inexact? numerator denominator abs even? odd? exact number->string gcd lcm))
(try cadr 5) (try cddadr '(1)) (try max 1 'a) (try min "s") (try < 'a) (try string<? "a" 5) (try char=? #\\a 5)
(try floor-quotient 'a 1) (try floor/ 1 0) (try bytevector 300) (try bytevector-copy 5) (try arithmetic-shift 'a 1)
(try symbol=? 'a 5) (try zero? 'a) (try utf8->string 5) (try open-input-bytevector 5) (try make-bytevector 'a)
(show (caddr '(1 2 3)) (cddadr '(0 (1 2 3))) (caaar '(((4)))) (cadddr '(1 2 3 5)))
(try gcd 32 -36.0) (try lcm 32.0 -36) (try lcm 0 4) (try gcd 1 1.5) (try numerator (/ 1. 0.))
(show (map + '(-0.0 1/2)) (+ (vector-ref (vector -0.0) 0)) " " (expt 10. -5)
  (expt -2. 60) (expt 3. -40) (expt 1.5 -2))
(show (read (open-input-string "(#T #F #TRUE #U8(1 2))")))
(let ((p (open-input-string "a\\rb\\r\\nc\\n\\rd"))) (let loop () (let ((line (read-line p))) (if (string? line)
  (begin (write line) (loop)))))) (newline)
(try write-u8 1 (open-output-string)) (try write-char #\\a (open-output-bytevector))
(try read-u8 (open-input-string ""))
(try read-line (open-input-bytevector (bytevector))) (try write 'a (open-output-bytevector)) (try + 'a)
(show (map + '(1 2 3) '(10 20 30)) (apply max '(1 5 2)) (string->number "-12.5e-3") (number->string 255 16))
`;

const THREADS = `
(import (scheme base) (scheme write) (srfi 18) (stratos channels))
(define (spin n) (if (= n 0) 'done (spin (- n 1))))
(define (worker name)
  (lambda () (do ((i 0 (+ i 1))) ((= i 4)) (spin 7000) (display name) (display i) (newline))))
(for-each thread-join! (map (lambda (name) (thread-start! (make-thread (worker name)))) '(a b c)))
(define c (make-channel))
(thread-start! (make-thread (lambda () (thread-sleep! 0.5) (channel-send! c 'late))))
(thread-start! (make-thread (lambda () (thread-sleep! 0.01) (channel-send! c 'early))))
(write (list (channel-receive! c) (channel-receive! c) (channel-receive! c 0.01 'none)))
(guard (e ((error-object? e) (display (error-object-message e)))) (channel-receive! c))
`;

extendedTest("threads of a native program take the same turns as the interpreter's", async () => {
  const findLibrary = folderFinder([ownLibraryFolder()]);
  const build = nativeLisp();
  const programs = build.buildNative(THREADS, "test.scm", NATIVE_TARGETS);
  const expected = runText(THREADS, { findLibrary });
  assert.equal(expected.error, null);
  assert.match(expected.output, /\(early late none\)deadlock: no thread can go on: main waits for a value from /);
  assert.equal((await runStatic(programs.rv64)).output, expected.output);
  assert.equal(onPpc64le(programs.ppc64le), expected.output);
  if (process.arch !== "x64" || process.platform !== "linux") return;
  const file = join(folder, "threads");
  writeFileSync(file, programs.x86_64, { mode: 0o755 });
  assert.equal(execFileSync(file, { encoding: "utf8" }), expected.output);
});

test("a native program prints what the interpreter prints: on the machine, and on the host", async () => {
  const build = nativeLisp(new Lisp());
  const programs = build.buildNative(PROGRAM, "test.scm", NATIVE_TARGETS);
  const expected = runText(PROGRAM);
  assert.equal(expected.error, null);
  const bytes = Buffer.from(expected.output, "utf8").toString("latin1");
  assert.throws(
    () => build.buildNative("(import (scheme base) (scheme eval)) (eval 1 (environment '(scheme base)))", "e.scm", []),
    /a native program has no (eval, environment|environment, eval) yet/,
  );
  const { output, status } = await runStatic(programs.rv64);
  assert.equal(output, bytes);
  assert.equal(status, 0);
  assert.equal(onPpc64le(programs.ppc64le), bytes);
  if (process.arch !== "x64" || process.platform !== "linux") return;
  const file = join(folder, "program");
  writeFileSync(file, programs.x86_64, { mode: 0o755 });
  assert.equal(execFileSync(file, { encoding: "latin1" }), bytes);
});

/** Bytes that an assembler makes of lines. */
function assembled(prefix: string, lines: readonly string[], options: readonly string[]): Buffer {
  const source = join(folder, "code.s");
  const object = join(folder, "code.o");
  const binary = join(folder, "code.bin");
  writeFileSync(source, `${lines.join("\n")}\n`);
  const run = (tool: string, args: readonly string[]): void => {
    const { status, stderr } = spawnSync(prefix + tool, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  };
  run("as", [...options, source, "-o", object]);
  run("objcopy", ["-O", "binary", "-j", ".text", object, binary]);
  return readFileSync(binary);
}

/** Doubles in registers across calls, deep enough for the stack to move to the heap; errors of types; records. */
const TYPED = `
(import (scheme base) (scheme write) (stratos types))
(define-syntax try
  (syntax-rules ()
    ((_ e) (begin
      (write (guard (x ((error-object? x) (list (error-object-message x) (error-object-irritants x)))) e))
      (newline)))))
(define/typed (fib (n : flonum)) : flonum (if (< n 2.) n (+ (fib (- n 1.)) (fib (- n 2.)))))
(define/typed (deep (n : fixnum) (x : flonum)) : flonum (if (= n 0) x (+ 1. (deep (- n 1) (* x 1.5)))))
(define/typed (many (a : flonum) (n : fixnum) (b : flonum) (c : flonum) (d : flonum) (e : flonum)) : flonum
  (if (= n 0) (+ a (* b 10.) (* c 100.) (* d 1000.) (* e 10000.)) (many b (- n 1) a d c (+ e 1.))))
(try (list (fib 15.) (deep 20000 1e-300) (many 1. 5 2. 3. 4. 5.)))
(define-record-type/typed body (make-body x label) body? (x : flonum body-x set-body-x!) (label body-label))
(define/typed (move (b : body) (by : flonum)) : flonum (set-body-x! b (+ (body-x b) by)) (* 2. (body-x b)))
(define one (make-body 1.5 'one))
(try (list (move one 0.25) (body-x one) (type-of one) (rtd-name (record-rtd one)) (rtd-field-names body)))
(try (move one 1)) (try (move 'one 1.)) (try (make-body 1 2)) (try (fib 3)) (try ((rtd-mutator body 'x) one 1))
(define k #f)
(define times 0)
(define/typed (mark (x : flonum)) : flonum (call/cc (lambda (c) (if (= x 2.5) (set! k c)) x)))
(define/typed (sum (n : fixnum) (x : flonum)) : flonum (if (= n 0) x (+ (mark x) (sum (- n 1) (+ x 0.5)))))
(try (sum 4 1.))
(set! times (+ times 1))
(if (< times 3) (k (* times 100.)))
(try (map type-of (list 1 (expt 2 60) 1.5 1/2 #t #\\a "a" 'a '(1) '() #(1) #u8(1) car (eof-object))))
(try (map (lambda (x) (list (has-type? x integer) (has-type? x real) (has-type? x (listof (or fixnum string)))))
  (list 1 (expt 2 70) 1.5 1/2 '(1 "a") '(1.5))))
(define/typed (both (f : (-> fixnum fixnum)) (l : (listof fixnum))) : (listof fixnum) (map f l))
(try (both (lambda (x) (* x 2)) '(1 2 3))) (try (both (lambda (x) 'a) '(1)))
`;

test("types are checked in native programs as elsewhere, and doubles pass calls in registers", async () => {
  const build = nativeLisp();
  const programs = build.buildNative(TYPED, "test.scm", NATIVE_TARGETS);
  const expected = runText(TYPED);
  assert.equal(expected.error, null);
  assert.match(expected.output, /move: argument 2 \(by\): expected flonum, got" \(1\)/);
  assert.equal((await runStatic(programs.rv64)).output, expected.output);
  assert.equal(onPpc64le(programs.ppc64le), expected.output);
  if (process.arch !== "x64" || process.platform !== "linux") return;
  const file = join(folder, "typed");
  writeFileSync(file, programs.x86_64, { mode: 0o755 });
  assert.equal(execFileSync(file, { encoding: "utf8" }), expected.output);
});

/** For x86-64. @param code  the runtime's, or something else in its place */
function linkedWith(code: Uint8Array | null, text: string): Uint8Array {
  return nativeLisp(undefined, () => code).buildNative(text, "test.scm", ["x86_64"]).x86_64;
}

extendedTest(
  "a program that is linked with code of the runtime is, byte for byte, the one that is compiled whole",
  () => {
    const linked = linkedWith(keptRuntimeCode("x86_64"), PROGRAM);
    assert.deepEqual(linked, linkedWith(null, PROGRAM));
    // What is another processor's is passed over.
    assert.deepEqual(linked, linkedWith(keptRuntimeCode("rv64"), PROGRAM));
  },
);

extendedTest("… so is one with an evaluator; what is cut off is passed over", () => {
  const evaluating = `(import (scheme base) (scheme eval) (scheme write))
    (write (eval '(map (lambda (x) (* x x)) '(1 2 3)) (environment '(scheme base))))`;
  const code = keptRuntimeCode("x86_64");
  const whole = linkedWith(null, evaluating);
  assert.deepEqual(linkedWith(code, evaluating), whole);
  assert.deepEqual(linkedWith(code.subarray(0, 100_000), evaluating), whole);
});

test("instructions of rv64 are the assembler's", () => {
  const below = chance();
  const lines: string[] = [".option norvc"];
  const words: number[] = [];
  const add = (line: string, word: number): void => {
    lines.push(line);
    words.push(word);
  };
  for (let round = 0; round < 40; round++) {
    const [d, a, b] = [below(32), below(32), below(32)];
    const imm = below(4096) - 2048;
    for (const op of [
      "add",
      "sub",
      "sll",
      "slt",
      "sltu",
      "xor",
      "srl",
      "sra",
      "or",
      "and",
      "mul",
      "div",
      "remu",
    ] as const)
      add(`${op} x${d},x${a},x${b}`, rv64.register(op, d, a, b));
    for (const op of ["add", "sub", "sll", "srl", "sra", "mul", "divu", "rem"] as const)
      add(`${op}w x${d},x${a},x${b}`, rv64.register32(op, d, a, b));
    for (const op of ["add", "slt", "xor", "or", "and"] as const)
      add(`${op}i x${d},x${a},${imm}`, rv64.immediate(op, d, a, imm));
    add(`sltiu x${d},x${a},${imm}`, rv64.immediate("sltu", d, a, imm));
    add(`addiw x${d},x${a},${imm}`, rv64.addiw(d, a, imm));
    for (const op of ["sll", "srl", "sra"] as const) {
      add(`${op}i x${d},x${a},${b}`, rv64.shift(op, d, a, b));
      add(`${op}iw x${d},x${a},${b}`, rv64.shift32(op, d, a, b));
    }
    for (const op of ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "sb", "sh", "sw", "sd"] as const)
      add(`${op} x${d},${imm}(x${a})`, rv64.access(op, d, a, imm));
    for (const op of ["fld", "fsd"] as const) add(`${op} f${d},${imm}(x${a})`, rv64.access(op, d, a, imm));
    const upper = below(1 << 20);
    add(`lui x${d},${upper}`, rv64.lui(d, upper));
    add(`auipc x${d},${upper}`, rv64.auipc(d, upper));
    add(`jalr x${d},${imm}(x${a})`, rv64.jalr(d, a, imm));
    for (const op of ["beq", "bne", "blt", "bge", "bltu", "bgeu"] as const) {
      const offset = (below(2048) - 1024) * 4;
      add(`${op} x${a},x${b},.+${offset}`, rv64.branch(op, a, b, offset));
    }
    const far = (below(1 << 19) - (1 << 18)) * 4;
    add(`jal x${d},.+${far}`, rv64.jal(d, far));
    for (const op of ["fadd", "fsub", "fmul", "fdiv"] as const)
      add(`${op}.d f${d},f${a},f${b}`, rv64.float(op, d, a, b));
    for (const op of ["fsgnj", "fsgnjn", "fsgnjx"] as const) add(`${op}.d f${d},f${a},f${b}`, rv64.sign(op, d, a, b));
    for (const op of ["feq", "flt", "fle"] as const) add(`${op}.d x${d},f${a},f${b}`, rv64.floatCompare(op, d, a, b));
    add(`fsqrt.d f${d},f${a}`, rv64.fsqrt(d, a));
    add(`fcvt.d.l f${d},x${a}`, rv64.fromInteger(d, a, true));
    add(`fcvt.d.w f${d},x${a}`, rv64.fromInteger(d, a, false));
    add(`fcvt.l.d x${d},f${a},rtz`, rv64.toInteger(d, a));
    add(`fmv.x.d x${d},f${a}`, rv64.moveFromFloat(d, a));
    add(`fmv.d.x f${d},x${a}`, rv64.moveToFloat(d, a));
    add(`fcvt.s.d f${d},f${a}`, rv64.toSingle(d, a));
    add(`fcvt.d.s f${d},f${a}`, rv64.fromSingle(d, a));
    add(`fmv.x.w x${d},f${a}`, rv64.moveFromSingle(d, a));
    add(`fmv.w.x f${d},x${a}`, rv64.moveToSingle(d, a));
  }
  const bytes = assembled("riscv64-linux-gnu-", lines, ["-march=rv64gc"]);
  words.forEach((word, index) =>
    assert.equal(word.toString(16), bytes.readUInt32LE(index * 4).toString(16), `${lines[index + 1]!} (seed ${seed})`),
  );
});

test("instructions of ppc64le are the assembler's", () => {
  const below = chance();
  const lines: string[] = [];
  const words: number[] = [];
  const add = (line: string, word: number): void => {
    lines.push(line);
    words.push(word);
  };
  for (let round = 0; round < 40; round++) {
    const [d, a, b] = [below(32), 1 + below(31), below(32)];
    const [imm, bits] = [below(65536) - 32768, below(65536)];
    const [by, edge, bit] = [below(64), below(64), below(4)];
    for (const op of ["add", "subf", "mulld", "mullw", "divd", "divdu", "divw", "divwu"] as const)
      add(`${op} ${d},${a},${b}`, ppc.arithmetic(op, d, a, b));
    for (const op of ["and", "andc", "or", "xor", "nor", "slw", "srw", "sraw", "sld", "srd", "srad"] as const)
      add(`${op} ${d},${a},${b}`, ppc.logic(op, d, a, b));
    for (const op of ["cntlzw", "cntlzd", "popcntd", "extsb", "extsw"] as const)
      add(`${op} ${d},${a}`, ppc.onOne(op, d, a));
    add(`neg ${d},${a}`, ppc.neg(d, a));
    add(`addi ${d},${a},${imm}`, ppc.addi(d, a, imm));
    add(`addis ${d},${a},${imm}`, ppc.addis(d, a, imm));
    for (const op of ["ori", "oris", "xori", "xoris"] as const)
      add(`${op} ${d},${a},${bits}`, ppc.immediate(op, d, a, bits));
    const [from, to] = [below(32), below(32)];
    add(`rlwinm ${d},${a},${b},${from},${to}`, ppc.rlwinm(d, a, b, { from, to }));
    for (const op of ["rldicl", "rldicr"] as const)
      add(`${op} ${d},${a},${by},${edge}`, ppc.rotate64(op, d, a, by, edge));
    add(`srawi ${d},${a},${b}`, ppc.srawi(d, a, b));
    add(`sradi ${d},${a},${by}`, ppc.sradi(d, a, by));
    for (const op of ["lwz", "lbz", "stw", "stb", "lhz", "sth", "lfd", "stfd"] as const)
      add(`${op} ${d},${imm}(${a})`, ppc.access(op, d, a, imm));
    for (const op of ["ld", "std"] as const) {
      add(`${op} ${d},${imm & -4}(${a})`, ppc.access(op, d, a, imm & -4));
      add(`${op}x ${d},${a},${b}`, ppc.indexed(op, d, a, b));
    }
    for (const is64 of [false, true]) {
      const l = Number(is64);
      for (const op of ["cmp", "cmpl"] as const) add(`${op} 0,${l},${a},${b}`, ppc.compare(op, is64, a, b));
      add(`cmpi 0,${l},${a},${imm}`, ppc.compareImmediate("cmpi", is64, a, imm));
      add(`cmpli 0,${l},${a},${bits}`, ppc.compareImmediate("cmpli", is64, a, bits));
    }
    add(`cror ${bit},0,${b & 3}`, ppc.cror(bit, 0, b & 3));
    add(`isel ${d},${a},${b},${bit}`, ppc.isel(d, a, b, bit));
    add(`isel ${d},0,${b},${bit}`, ppc.isel(d, 0, b, bit));
    const [near, far] = [(below(16384) - 8192) * 4, (below(1 << 24) - (1 << 23)) * 4];
    add(`bc 12,${bit},.+${near}`, ppc.branchIf(bit, true, near));
    add(`bc 4,${bit},.+${near}`, ppc.branchIf(bit, false, near));
    add(`b .+${far}`, ppc.branch(far, false));
    add(`bl .+${far}`, ppc.branch(far, true));
    add(`mflr ${d}`, ppc.fromLink(d));
    add(`mtlr ${a}`, ppc.toLink(a));
    add(`mtctr ${a}`, ppc.toCount(a));
    for (const op of ["fadd", "fsub", "fmul", "fdiv"] as const) add(`${op} ${d},${a},${b}`, ppc.float(op, d, a, b));
    for (const op of ["fsqrt", "fneg", "fmr", "fabs", "friz", "frip", "frim", "fctidz", "fcfid"] as const)
      add(`${op} ${d},${a}`, ppc.floatUnary(op, d, a));
    add(`xsrdpic ${d},${a}`, ppc.xsrdpic(d, a));
    add(`fcmpu 0,${a},${b}`, ppc.floatCompare(a, b));
    add(`xxlxor ${d},${d},${d}`, ppc.clearFloat(d));
    add(`mfvsrd ${d},${a}`, ppc.mfvsrd(d, a));
    add(`mtvsrd ${d},${a}`, ppc.mtvsrd(d, a));
  }
  add("bctr", ppc.branchToCount(false));
  add("bctrl", ppc.branchToCount(true));
  add("blr", ppc.RETURN);
  add("sc", ppc.SYSTEM_CALL);
  add("trap", ppc.TRAP);
  const bytes = assembled("powerpc64le-linux-gnu-", lines, ["-mpower8"]);
  words.forEach((word, index) =>
    assert.equal(
      (word >>> 0).toString(16),
      bytes.readUInt32LE(index * 4).toString(16),
      `${lines[index]!} (seed ${seed})`,
    ),
  );
});

test("the short forms of rv64 are the assembler's, which has them where it can", () => {
  const below = chance();
  const words: { line: string; word: number }[] = [];
  const add = (line: string, word: number): unknown => words.push({ line, word });
  for (let round = 0; round < 400; round++) {
    // Operands as short forms want them: registers of three bits, the same twice, small constants.
    const register = (): number => [8 + below(8), 8 + below(8), 2, 1 + below(31)][below(4)]!;
    const [d, b] = [register(), register()];
    const a = below(2) === 0 ? d : below(4) === 0 ? 0 : register();
    const imm = [below(64) - 32, (below(64) - 32) * 16, below(256) * 4, below(4096) - 2048][below(4)]!;
    for (const op of ["add", "sub", "xor", "or", "and", "slt", "mul"] as const)
      if (a !== 0) add(`${op} x${d},x${a},x${b}`, rv64.register(op, d, a, b));
    for (const op of ["add", "sub", "sll", "mul"] as const)
      if (a !== 0) add(`${op}w x${d},x${a},x${b}`, rv64.register32(op, d, a, b));
    for (const op of ["add", "and", "xor"] as const)
      if (a !== 0 || op === "add") add(`${op}i x${d},x${a},${imm}`, rv64.immediate(op, d, a, imm));
    add(`addiw x${d},x${a},${imm}`, rv64.addiw(d, a, imm));
    for (const op of ["sll", "srl", "sra"] as const) {
      const by = 1 + below(31);
      add(`${op}i x${d},x${a},${by}`, rv64.shift(op, d, a, by));
      add(`${op}iw x${d},x${a},${by}`, rv64.shift32(op, d, a, by));
    }
    const base = register();
    const offset = [below(32) * 4, below(64) * 8, below(300) * 4, below(4096) - 2048][below(4)]!;
    for (const op of ["lb", "lw", "ld", "lbu", "sw", "sd", "sb"] as const)
      add(`${op} x${d},${offset}(x${base})`, rv64.access(op, d, base, offset));
    for (const op of ["fld", "fsd"] as const) add(`${op} f${d},${offset}(x${base})`, rv64.access(op, d, base, offset));
    const upper = [1 + below(31), 0xfffe0 + below(32), below(1 << 20)][below(3)]!;
    add(`lui x${d},${upper}`, rv64.lui(d, upper));
    add(`jr x${b}`, rv64.jalr(0, b, 0));
    add(`jalr x${b}`, rv64.jalr(1, b, 0));
  }
  add("ebreak", rv64.EBREAK);
  const bytes = assembled("riscv64-linux-gnu-", [".option rvc", ...words.map(({ line }) => line)], ["-march=rv64gc"]);
  let at = 0;
  for (const { line, word } of words) {
    const short = compressed(word);
    const [expected, own] = short === 0 ? [bytes.readUInt32LE(at), word] : [bytes.readUInt16LE(at), short];
    assert.equal(own.toString(16), expected.toString(16), `${line} (seed ${seed})`);
    at += short === 0 ? 4 : 2;
  }
});

test("instructions of x86-64 are the assembler's", { skip: process.arch !== "x64" && "no assembler of x86-64" }, () => {
  const below = chance();
  const wide = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
  ];
  const narrow = [
    "eax",
    "ecx",
    "edx",
    "ebx",
    "esp",
    "ebp",
    "esi",
    "edi",
    ...Array.from({ length: 8 }, (_, i) => `r${i + 8}d`),
  ];
  const lines: string[] = [];
  const code = new Assembler(false);
  for (let round = 0; round < 60; round++) {
    // The assembler has shorter forms for rax with a constant, and for no offset.
    const [a, b] = [1 + below(15), below(16)];
    const offset = (below(2) === 0 ? 1 + below(100) : 1000 + below(100_000)) * (below(2) === 0 ? 1 : -1);
    for (const [name, op] of Object.entries(x86.Arithmetic)) {
      lines.push(`${name} %${wide[b]},%${wide[a]}`, `${name} $${offset},%${narrow[a]}`);
      x86.arithmetic(code, op, true, a, b);
      x86.withConstant(code, op, false, a, offset);
    }
    lines.push(`mov %${narrow[b]},%${narrow[a]}`, `mov ${offset}(%${wide[a]}),%${wide[b]}`);
    x86.move(code, false, a, b);
    x86.onMemory(code, { is64: true, opcode: [0x8b] }, b, { base: a, offset });
    lines.push(`movsd %xmm${b},${offset}(%${wide[a]})`, `movq %xmm${b},%${wide[a]}`);
    x86.onMemory(code, { prefix: 0xf2, opcode: [0x0f, 0x11] }, b, { base: a, offset });
    x86.onRegisters(code, { prefix: 0x66, is64: true, opcode: [0x0f, 0x7e] }, b, a);
    lines.push(`addsd %xmm${b},%xmm${a}`, `imul %${wide[b]},%${wide[a]}`, `movslq %${narrow[b]},%${wide[a]}`);
    x86.onRegisters(code, { prefix: 0xf2, opcode: [0x0f, 0x58] }, a, b);
    x86.onRegisters(code, { is64: true, opcode: [0x0f, 0xaf] }, a, b);
    x86.onRegisters(code, { is64: true, opcode: [0x63] }, a, b);
    if (a !== 4) {
      lines.push(`mov 0x12345678(,%${wide[a]},8),%${wide[b]}`);
      x86.loadScaled(code, b, a, 0x12345678);
    }
  }
  const bytes = assembled("", lines, ["--64"]);
  assert.equal(Buffer.from(code.bytes).toString("hex"), bytes.toString("hex"), `seed ${seed}`);
});
