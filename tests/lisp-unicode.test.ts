/**
 * Goal: case and classes of characters in native programs are the interpreter's. Method: one program goes through
 * characters of all planes that have any, each or each fifth, and writes a sum over what each procedure answers of
 * them, block by block, and what texts become whose letters become several or stand at a word's end; both run it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeTarget } from "@stratos/lisp";
import { runText } from "../packages/lisp/src/testing/run.ts";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-unicode-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const text = String.raw`(import (scheme base) (scheme char) (scheme write))
(define (number x) (cond ((char? x) (char->integer x)) ((eq? x #t) 1) ((eq? x #f) 0) (else (+ 2 x))))
(define (sum f from to)
  (let loop ((i from) (s 0))
    (cond ((>= i to) s)
          ((<= #xd800 i #xdfff) (loop (+ i 1) s))
          (else (loop (+ i (if (< i #x2000) 1 5)) (modulo (+ (* 31 s) (number (f (integer->char i)))) 1000003))))))
(define (folded f) (lambda (c) (string-length (f (string #\a c #\b)))))
(for-each
  (lambda (f)
    (do ((from 0 (+ from 4096))) ((= from #x20000))
      (write (sum f from (+ from 4096)))
      (newline)))
  (list char-upcase char-downcase char-foldcase char-alphabetic? char-numeric? char-whitespace? char-upper-case?
    char-lower-case? digit-value (folded string-upcase) (folded string-downcase) (folded string-foldcase)))
(for-each
  (lambda (s) (write (list (string-upcase s) (string-downcase s) (string-foldcase s))) (newline))
  '("Straße ŉ ﬃ" "ΑΣ ΣΑΣ Σ Σ' ΑΣ. Α'Σ ΑΣ'Α ΆΣ" "İI ıi ǅ ΐ" "ΣΑΣ\xe0041;" "Ꭰ ꭰ ᏸ" "𐐀 𐐨 ꙁ" ""))
(write (list (char-ci=? #\Σ #\ς #\σ) (char-ci<? #\a #\B) (string-ci=? "Straße" "STRASSE") (string-ci<? "ä" "Ö")
  (string-ci>=? "b" "A" "a") (digit-value #\٣) (digit-value #\x1d7d9)))
`;

test("characters are the interpreter's on each processor", () => {
  const { output: expected } = runText(text);
  const native = nativeLisp();
  const targets = (Object.keys(EMULATORS) as NativeTarget[]).filter((target) => {
    const words = EMULATORS[target];
    return words !== null && (words.length === 0 || spawnSync(words[0]!, ["--version"]).error === undefined);
  });
  assert.ok(expected.split("\n").length > 390, expected);
  const programs = native.buildNative(text, "unicode.scm", targets);
  for (const target of targets) {
    const file = join(folder, target);
    writeFileSync(file, programs[target], { mode: 0o755 });
    const [command, ...words] = [...EMULATORS[target]!, file];
    const { stdout, stderr } = spawnSync(command!, words, { encoding: "utf8" });
    assert.equal(stderr, "", target);
    assert.deepEqual(stdout.split("\n"), expected.split("\n"), target);
  }
});
