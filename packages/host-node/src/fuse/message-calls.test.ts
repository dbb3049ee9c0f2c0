/**
 * Goal: messages arrive whole, and errors are Linux's. Method: a named pipe in place of the device, which both can be
 * read and written.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EAGAIN, EBADF } from "@stratos/abi";
import { NodeWasmEngine } from "../wasm-engine.ts";
import { makeMessageCalls, type MessageCalls } from "./message-calls.ts";

function open(context: TestContext): { calls: MessageCalls; bytes: Uint8Array; fd: number } {
  const folder = mkdtempSync(join(tmpdir(), "stratos-calls-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const fd = openSync(path, "r+");
  const engine = new NodeWasmEngine();
  const memory = engine.createMemory(1);
  return { calls: makeMessageCalls(engine, memory, fd, 0)!, bytes: new Uint8Array(memory.buffer), fd };
}

test("what is sent is received, of the length that was sent", (context) => {
  const { calls, bytes, fd } = open(context);
  context.after(() => closeSync(fd));
  bytes.set([1, 2, 3, 4, 5], 100);
  assert.equal(calls.send(100, 5), 0);
  assert.equal(calls.receive(200, 4096, 0), 5);
  assert.deepEqual([...bytes.subarray(200, 206)], [1, 2, 3, 4, 5, 0]);
});

test("without waiting a read says EAGAIN after the last look, and reads what is there", (context) => {
  const { calls, bytes, fd } = open(context);
  context.after(() => closeSync(fd));
  calls.setWaiting(false);
  assert.equal(calls.receive(200, 4096, 0), -EAGAIN);
  assert.equal(calls.receive(200, 4096, 50), -EAGAIN);
  bytes[100] = 7;
  assert.equal(calls.send(100, 1), 0);
  assert.equal(calls.receive(200, 4096, 50), 1);
  assert.equal(bytes[200], 7);
});

test("an error is the errno of Linux, negated", (context) => {
  const { calls, fd } = open(context);
  closeSync(fd);
  assert.equal(calls.receive(200, 4096, 0), -EBADF);
  assert.equal(calls.send(100, 1), -EBADF);
});
