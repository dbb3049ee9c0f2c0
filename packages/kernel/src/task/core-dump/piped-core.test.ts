/**
 * Goal: what a program reads of a core from a pipe is the file's bytes, holes as zeroes, however slowly it reads.
 * Method: the writer's end over a real pipe, drained by hand.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_SIZE } from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { createPipe } from "../../fs/pipe/pipe-file.ts";
import { ROOT } from "../../security/credentials.ts";
import { createTestKernel, createTestTask } from "../../testing/fake-task.ts";
import type { Task } from "../task.ts";
import { PipedCore } from "./piped-core.ts";

interface Piped {
  task: Task;
  core: PipedCore;
  /** Reads what is there, at most `most` bytes. */
  take: (most: number) => Uint8Array;
  leave: () => void;
}

function begin(options: { awaitsReader?: boolean } = {}): Piped {
  const { kernel } = createTestKernel();
  const { task } = createTestTask(kernel);
  const ends = createPipe(kernel, 0, ROOT);
  assert.ok(typeof ends !== "number");
  const { pipe } = ends.reader;
  const take = (most: number): Uint8Array => {
    const bytes = new Uint8Array(Math.min(most, pipe.length));
    if (bytes.length > 0) assert.equal(pipe.pull(new BytesCursor(bytes), bytes.length), bytes.length);
    return bytes;
  };
  const core = new PipedCore(ends.writer, options.awaitsReader ?? false);
  return { task, core, take, leave: () => ends.reader.release() };
}

function give({ core, task }: Piped, offset: number, bytes: Uint8Array): void {
  assert.equal(core.write(task, new BytesCursor(bytes), offset), bytes.length);
}

test("bytes, holes and the end arrive in order, a pipe's length at a time", () => {
  const piped = begin();
  const wanted = new Uint8Array(40 * PAGE_SIZE + 7);
  for (const [page, value] of [
    [0, 1],
    [3, 2],
    [30, 3],
  ] as const) {
    const bytes = new Uint8Array(PAGE_SIZE).fill(value);
    wanted.set(bytes, page * PAGE_SIZE);
    give(piped, page * PAGE_SIZE, bytes);
  }
  piped.core.complete(wanted.length);
  const got: number[] = [];
  let waits = 0;
  for (let state = piped.core.drain(piped.task); state !== "ready"; state = piped.core.drain(piped.task)) {
    assert.equal(state, "waits");
    waits++;
    got.push(...piped.take(3 * PAGE_SIZE + 1));
  }
  got.push(...piped.take(Infinity));
  assert.deepEqual(Uint8Array.from(got), wanted);
  assert.ok(waits > 3, "the pipe was full");
  assert.ok(piped.core.isDelivered);
});

test("a program that goes away ends the core, which is then not whole", () => {
  const piped = begin();
  give(piped, 0, new Uint8Array(100 * PAGE_SIZE));
  assert.equal(piped.core.drain(piped.task), "waits");
  piped.leave();
  assert.equal(piped.core.drain(piped.task), "gone");
  assert.equal(piped.core.isDelivered, false);
});

test("core_pipe_limit: the process waits until the program has closed its end", () => {
  const piped = begin({ awaitsReader: true });
  give(piped, 0, new Uint8Array(10));
  assert.equal(piped.core.drain(piped.task), "ready", "more may come");
  piped.core.complete(10);
  assert.equal(piped.core.drain(piped.task), "waits");
  assert.equal(piped.take(20).length, 10);
  assert.equal(piped.core.drain(piped.task), "waits");
  piped.leave();
  assert.equal(piped.core.drain(piped.task), "gone");
  assert.ok(piped.core.isDelivered);
});
