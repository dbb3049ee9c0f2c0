/**
 * Goal: who reads a program's output in several loops misses nothing without being told, nobody waits for ever, and a
 * program is held back by those who are to read only. Method: a stream that the test fills.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "./api.ts";
import { OutputStream } from "./output-stream.ts";
import { STREAM_WINDOW } from "./protocol.ts";

class Filled {
  readonly stream = new OutputStream();
  /** Bytes that the program need not wait for. */
  dealtWith = 0;

  add(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.stream.add(bytes, () => (this.dealtWith += bytes.length));
  }

  async first(): Promise<string | null> {
    for await (const bytes of this.stream) return new TextDecoder().decode(bytes);
    return null;
  }

  async rest(): Promise<string> {
    let text = "";
    for await (const bytes of this.stream) text += new TextDecoder().decode(bytes);
    return text;
  }
}

test("a loop goes on where the one before was left, and the end is told to each", async () => {
  const filled = new Filled();
  filled.add("a");
  filled.add("b");
  assert.equal(await filled.first(), "a");
  filled.add("c");
  assert.equal(await filled.first(), "b");
  assert.equal(await filled.first(), "c");
  const waiting = filled.first();
  filled.add("d");
  assert.equal(await waiting, "d");
  const last = filled.rest();
  filled.add("e");
  filled.stream.finish();
  assert.equal(await last, "e");
  assert.equal(await filled.first(), null);
});

test("what nobody has begun to read holds the program back; what was left does not", async () => {
  const filled = new Filled();
  filled.add("abc");
  filled.add("def");
  assert.equal(filled.dealtWith, 0);
  assert.equal(await filled.first(), "abc");
  assert.equal(filled.dealtWith, 6);
  filled.add("ghi");
  assert.equal(filled.dealtWith, 9);
  assert.equal(await filled.first(), "def");
});

test("what came while nobody read is kept up to a window, and the rest is told", async () => {
  const filled = new Filled();
  filled.add("a");
  assert.equal(await filled.first(), "a");
  filled.add("b".repeat(STREAM_WINDOW - 1));
  filled.add("ccc");
  filled.add("dd");
  assert.equal(filled.dealtWith, 1 + STREAM_WINDOW - 1 + 5);
  assert.equal((await filled.first())!.length, STREAM_WINDOW - 1);
  assert.equal(await filled.first(), "c");
  await assert.rejects(filled.first(), (error) => error instanceof StratosError && error.data.lostBytes === 4);
  filled.add("e");
  assert.equal(await filled.first(), "e");
  filled.stream.finish();
  assert.equal(await filled.rest(), "");
});

test("two loops at a time share the pieces, and one that is left waits no longer", async () => {
  const filled = new Filled();
  const loops = [filled.rest(), filled.rest()];
  filled.add("a");
  filled.add("b");
  await new Promise(setImmediate);
  filled.add("c");
  filled.stream.finish();
  assert.deepEqual([...(await Promise.all(loops)).join("")].sort(), ["a", "b", "c"]);

  const other = new Filled();
  const iterator = other.stream[Symbol.asyncIterator]();
  const next = iterator.next();
  await iterator.return!();
  assert.deepEqual(await next, { done: true, value: undefined });
  other.add("a");
  assert.equal(await other.first(), "a");
});
