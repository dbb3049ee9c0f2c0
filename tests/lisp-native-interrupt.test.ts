/**
 * Goal: a native program that takes interrupts is interrupted in loops and calls that make no data, wherever they are.
 * Method: it sends itself the signal, which is blocked, and begins what would never end; so nothing depends on time.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

/** Linux's numbers of rt_sigprocmask, getpid, kill. */
const CALLS = { rv64: [135, 172, 129], x86_64: [14, 39, 62], ppc64le: [174, 20, 37] } as const;

function program([mask, getpid, kill]: readonly number[]): string {
  return `
    (import (scheme base) (scheme write) (stratos system-call))
    (%system-call ${mask} 0 (bytevector 2 0 0 0 0 0 0 0) 0 8 0)
    (%take-interrupts! (* 64 1024 1024) (* 16 1024 1024))
    (define escape #f)
    (%recover-with! (lambda (ignored) (escape (if (%interrupted?) 'interrupted 'full))))
    (define (ended thunk)
      (%system-call ${kill} (%system-call ${getpid} 0 0 0 0 0) 2 0 0 0)
      (display (call/cc (lambda (k)
        (set! escape k)
        (dynamic-wind (lambda () #f) thunk (lambda () (display "left "))))))
      (newline))
    (define (ping n) (pong n))
    (define (pong n) (ping n))
    (define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
    (define circle (list 1 2))
    (set-cdr! (cdr circle) circle)
    (define v (make-vector 1 0))
    (ended (lambda () (let loop () (loop))))
    (ended (lambda () (let loop ((i 0)) (vector-set! v 0 i) (loop (if (= i 1000) 0 (+ i 1))))))
    (ended (lambda () (ping 1)))
    (ended (lambda () (fib 90)))
    (ended (lambda () (for-each pair? circle)))
    (ended (lambda () (+ 1 (let loop ((x 1.5)) (if (< x 0.) 2 (loop (+ x 1.0)))))))
    (display "end")`;
}

const EXPECTED = `${"left interrupted\n".repeat(6)}end`;

function build<T extends keyof typeof CALLS>(target: T): Uint8Array {
  return nativeLisp().buildNative(program(CALLS[target]), "t", [target])[target];
}

test("loops, calls in tails and recursion that make no data are interrupted, on the machine", async () => {
  const { output, status } = await runStatic(build("rv64"));
  assert.equal(output, EXPECTED);
  assert.equal(status, 0);
});

for (const target of ["rv64", "x86_64", "ppc64le"] as const) {
  const emulator = EMULATORS[target];
  // The machine has shown it of RISC-V.
  const define = target === "rv64" ? extendedTest : test;
  define(`so they are by ${target}`, { skip: emulator === null && "no such host" }, () => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-interrupt-"));
    try {
      const file = join(folder, "program");
      writeFileSync(file, build(target), { mode: 0o755 });
      const [command, ...args] = [...emulator!, file];
      const { stdout, stderr } = spawnSync(command!, args, { encoding: "utf8" });
      assert.equal(stdout, EXPECTED, stderr);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
