/** Goal: what is read is what was written, or the file is refused. Method: a small file, damaged in each part. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { StateError } from "@stratos/base";
import { readWarmHead, readWarmParts, type WarmHead, writeWarmFile } from "./warm-file.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-warm-"));
after(() => rmSync(folder, { recursive: true }));

const HEAD: WarmHead = { build: "1", content: "c", memoryBytes: 4096, harts: 1, program: "python3" };
const PARTS = [Uint8Array.of(1, 2, 3), new Uint8Array(40)] as const;

test("a file is read as it was written, by its owner alone", () => {
  const path = join(folder, "whole");
  assert.equal(writeWarmFile(path, HEAD, PARTS), statSync(path).size);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readWarmHead(path), HEAD);
  assert.deepEqual(readWarmParts(path), PARTS);
});

test("a file in which a byte is another, is missing or was added is refused", () => {
  const path = join(folder, "damaged");
  writeWarmFile(path, HEAD, PARTS);
  const whole = readFileSync(path);
  const refused = (bytes: Uint8Array, what: string): void => {
    writeFileSync(path, bytes);
    assert.throws(() => readWarmParts(path), StateError, what);
  };
  for (let at = 0; at < whole.length; at += 5) {
    const damaged = Uint8Array.from(whole);
    damaged[at]! ^= 0x10;
    refused(damaged, `byte ${at}`);
    refused(whole.subarray(0, at), `cut at ${at}`);
  }
  refused(Uint8Array.from([...whole, 0]), "longer");
});
