/**
 * Goal: `read` of native programs, which is a reader of its own, gives the data that the other engines' gives, and a
 * read error where that does: of any text. Method: random texts of the pieces that matter, read to their end by both.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { makeLisp } from "../packages/lisp/src/testing/run.ts";
import { EMULATORS } from "./support/emulators.ts";
import { nativeLisp } from "./support/native-lisp.ts";

const PIECES = [
  ...String.raw`( ) [ ] #( #u8( ' , ,@ #; #| |# . ... | " \ #t #f #true #tru #\a #\x41 #\space #\ #\x+1`.split(" "),
  ...String.raw`#\xffffff "ab" "\x41;" "\x;" "\x110000;" |a;b| 0 -1 1/2 1/0 1.5 1e400 +i 1+i +inf.0`.split(" "),
  ...String.raw`#x1F #e1.5 #xg + - .5 1. .. @ 1@1 abc ABC λ 𝒳 #!fold-case #!no-fold-case #!x #' #, #,@`.split(" "),
  ..."# ## #u8 #0= #0# #1# #99999999999999999999=".split(" "),
  " ",
  ";x\r",
  ";x\n",
  '"a\r\nb\r\rc"',
  "|a\rb\r\n|",
  "\t",
  "`",
  "#`",
  "\0",
];
const random = new SeededRandom(Number(process.env["STRATOS_SEED"] ?? 43));
const texts = Array.from({ length: 600 }, () =>
  Array.from(
    { length: 1 + random.below(9) },
    () => PIECES[random.below(PIECES.length)]! + (random.below(3) === 0 ? " " : ""),
  ).join(""),
);
const codes = (text: string): string => [...text].map((letter) => letter.codePointAt(0)).join(" ");
const program = `(import (scheme base) (scheme read) (scheme write))
  (define (told x) (let ((port (open-output-string))) (write x port) (get-output-string port)))
  (define (go codes)
    (let ((port (open-input-string (list->string (map integer->char codes)))))
      (let loop ((n 0))
        (let ((x (guard (e ((read-error? e) 'error)) (read port))))
          (cond ((eof-object? x) (display "end"))
                ((eq? x 'error) (display "read error"))
                ((< n 50) (write (map char->integer (string->list (told x)))) (loop (+ n 1))))))
      (newline)))
  ${texts.map((text) => `(go '(${codes(text)}))`).join("\n")}`;

const shown = (line: string): string =>
  line.replace(/\(([\d ]*)\)/gu, (_, all: string) => `${String.fromCodePoint(...all.split(" ").map(Number))} `);

test("any text has the same data, or is an error, for both readers", () => {
  const { lisp, output } = makeLisp();
  lisp.runProgram(program, "t");
  const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-reader-"));
  try {
    const target = EMULATORS.x86_64 === null ? "rv64" : "x86_64";
    const file = join(folder, "program");
    writeFileSync(file, nativeLisp().buildNative(program, "t", [target])[target], { mode: 0o755 });
    const [command, ...args] = [...EMULATORS[target]!, file];
    const { stdout, stderr } = spawnSync(command!, args, { encoding: "utf8", maxBuffer: 1 << 26 });
    assert.equal(stderr, "");
    const [expected, actual] = [output(), stdout].map((all) => all.split("\n").map(shown));
    for (const [index, text] of texts.entries()) assert.equal(actual![index], expected![index], JSON.stringify(text));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
