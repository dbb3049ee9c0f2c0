/**
 * Goal: hash tables of native programs are no lists. Objects without a value to go by have numbers of their own, which
 * stay when the collector moves them; what `equal?` compares is hashed beyond its beginning. Method: a program counts
 * different hashes, on the machine and, where it can, on the host.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStatic } from "./abi/run-static.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const PROGRAM = `
(import (scheme base) (scheme write) (srfi 69) (srfi 132))
(define-record-type point (make-point x) point? (x point-x))
(define (make k) (case (modulo k 4) ((0) (list k)) ((1) (make-point k)) ((2) (lambda () k)) (else (vector k))))
(define (numbers n f) (let loop ((i 0) (l '())) (if (= i n) (reverse l) (loop (+ i 1) (cons (f i) l)))))
(define (different l)
  (let loop ((l (list-sort < l)) (n 0))
    (if (null? l) n (loop (cdr l) (if (and (pair? (cdr l)) (= (car l) (cadr l))) n (+ n 1))))))
(define keys (numbers 2000 make))
(define hashes (map hash-by-identity keys))
(define table (make-hash-table eq?))
(for-each (lambda (k) (hash-table-set! table k (list k))) keys)
(define (churn n) (if (> n 0) (begin (make-vector 50 n) (churn (- n 1)))))
(define (kept?)
  (and (equal? hashes (map hash-by-identity keys))
       (let loop ((l keys)) (or (null? l) (and (eq? (car l) (car (hash-table-ref/default table (car l) '(#f))))
                                               (loop (cdr l)))))))
(write (list (different hashes) (kept?)))
(churn 200000)
(numbers 3000 (lambda (i) (hash-by-identity (list i))))
(churn 200000)
(write (list (kept?) (hash-table-size table)))
(write (list (> (different (numbers 500 (lambda (i) (hash (list 'a 'b 'c 'd 'e i))))) 490)
             (> (different (numbers 500 (lambda (i) (hash (vector 1 2 3 i))))) 490)
             (> (different (numbers 500 (lambda (i) (hash (bytevector 1 2 (modulo i 256) (quotient i 256)))))) 490)
             (= (hash (list 1 "x" #\\y 2.5 (vector 'z))) (hash (list 1 (string #\\x) #\\y 2.5 (vector 'z))))))
(define ring (list 1 2 3))
(set-cdr! (cddr ring) ring)
(write (= (hash ring) (hash ring)))
`;
const PRINTED = "(2000 #t)(#t 2000)(#t #t #t #t)#t";

test("each object has a hash of its own, which stays when it is moved", async () => {
  const session = nativeLisp();
  const programs = session.buildNative(PROGRAM, "hash.scm", ["rv64", "x86_64"]);
  assert.equal((await runStatic(programs.rv64)).output, PRINTED);
  if (process.arch !== "x64" || process.platform !== "linux") return;
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-hash-"));
  try {
    writeFileSync(join(folder, "hash"), programs.x86_64, { mode: 0o755 });
    assert.equal(execFileSync(join(folder, "hash"), { encoding: "utf8" }), PRINTED);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
