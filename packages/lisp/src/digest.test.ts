/** Goal: digests and checksums of (stratos digest) are those of Node, whatever the length, and however they come. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import { CompiledLisp } from "./compiled-session.ts";
import { findOwnLibrary } from "./testing/own-libraries.ts";
import { makeLisp } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

const ALGORITHMS = ["md5", "sha-1", "sha-224", "sha-256", "sha-384", "sha-512"];

test("digests are Node's", () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  // Around the ends of blocks, where the padding needs another one.
  const lengths = [0, 1, 54, 55, 56, 57, 63, 64, 65, 111, 112, 113, 127, 128, 129, 300, random.below(5000)];
  const bytes = (length: number): number[] => Array.from({ length }, () => random.below(256));
  const cases = lengths.map((length) => ({
    message: bytes(length),
    key: bytes(random.below(200)),
    cut: random.below(length + 1),
  }));
  const forms = cases.map(({ message, key, cut }) => `(show #u8(${message.join(" ")}) #u8(${key.join(" ")}) ${cut})`);
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  const runner = new CompiledLisp(lisp, { wasm: testWasmEngine, image: runtimeImage() });
  runner.runProgram(
    `(import (scheme base) (scheme write) (stratos digest))
     (define (line x) (display x) (newline))
     (define (in-pieces name v cut)
       (let ((d (make-digest name)))
         (digest-add! d v 0 cut)
         (digest-result d)
         (digest-add! d v cut)
         (bytevector->hex (digest-result d))))
     (define (show v key cut)
       (for-each (lambda (name)
                   (line (bytevector->hex (digest name v)))
                   (line (in-pieces name v cut))
                   (line (bytevector->hex (hmac name key v))))
                 digest-algorithms)
       (line (crc32 v))
       (line (crc32 (bytevector-copy v cut) (crc32 (bytevector-copy v 0 cut)))))
     ${forms.join("\n")}
     (line (bytevector->hex (digest 'sha-256 "é")))
     (line (guard (e (#t (error-object-message e))) (make-digest 'sha-3)))`,
    "digest.scm",
  );
  const expected = cases.flatMap(({ message, key }) => {
    const [text, secret] = [Uint8Array.from(message), Uint8Array.from(key)];
    const sums = ALGORITHMS.flatMap((name) => {
      const hash = createHash(name.replace("-", "")).update(text).digest("hex");
      return [hash, hash, createHmac(name.replace("-", ""), secret).update(text).digest("hex")];
    });
    return [...sums, String(crc32(text)), String(crc32(text))];
  });
  expected.push(createHash("sha256").update("é").digest("hex"), "digest: no such algorithm:");
  assert.deepEqual(output().trimEnd().split("\n"), expected, `seed ${seed}`);
});
