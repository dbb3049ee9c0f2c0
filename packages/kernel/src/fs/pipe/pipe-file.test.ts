/**
 * Goal: a write to a pipe tells what it moved, however it ends, and the ring keeps its order. Method: a task whose
 * memory ends in what it writes; a ring that goes around.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, ENFILE, MAP_ANONYMOUS, MAP_PRIVATE, PAGE_SIZE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { BytesCursor, byteString } from "@stratos/base";
import { mmap } from "../../mm/mmap.ts";
import { ROOT } from "../../security/credentials.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import { begin, call } from "../../testing/system-calls.ts";
import { createPipe } from "./pipe-file.ts";

test("a write whose bytes end in bad memory tells of the pages that went, and none of a page that did not", () => {
  const { kernel, task } = createMemoryTask();
  const at = mmap(task, {
    address: 0,
    length: 2 * PAGE_SIZE,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  const end = at + 2 * PAGE_SIZE;
  const ends = createPipe(kernel, 0, ROOT);
  assert.ok(typeof ends !== "number");
  const fd = task.files.install(ends.writer, false, 0, 1024);
  assert.equal(call(task, "write", fd, end, 10), -EFAULT);
  assert.equal(call(task, "write", fd, end - 3, 10), -EFAULT);
  assert.equal(call(task, "write", fd, end - PAGE_SIZE - 1, PAGE_SIZE + 10), PAGE_SIZE);
  assert.equal(ends.reader.pipe.length, PAGE_SIZE);

  while (!ends.reader.pipe.isFull) call(task, "write", fd, at, PAGE_SIZE);
  const write = begin(task, "write", fd, end - PAGE_SIZE, PAGE_SIZE + 1);
  assert.ok(write.isBlocked, "the pipe is full");
  ends.reader.read(task, new BytesCursor(new Uint8Array(2 * PAGE_SIZE)));
  assert.equal(write.resume(), PAGE_SIZE);
});

test("a pipe whose size changes keeps what is in it in order", () => {
  const { kernel, task } = createMemoryTask();
  const ends = createPipe(kernel, 0, ROOT);
  assert.ok(typeof ends !== "number");
  const { pipe } = ends.reader;
  const put = (text: string): number => ends.writer.write(task, BytesCursor.ofString(text));
  const take = (count: number): string => {
    const bytes = new Uint8Array(count);
    return byteString(bytes.subarray(0, Math.max(0, ends.reader.read(task, new BytesCursor(bytes)))));
  };
  // Around the ring's end.
  for (let at = 0; at < 14; at++) put("x".repeat(PAGE_SIZE));
  for (let at = 0; at < 13; at++) take(PAGE_SIZE);
  for (const letter of "abcd") put(letter.repeat(PAGE_SIZE - 1));
  assert.equal(pipe.usedSlots, 5);
  pipe.resize(8);
  put("e".repeat(PAGE_SIZE));
  const kept = take(8 * PAGE_SIZE);
  assert.equal(kept.replace(/(.)\1+/g, "$1"), "xabcde");
  assert.equal(kept.length, PAGE_SIZE * 6 - 4);
  assert.deepEqual([pipe.length, pipe.usedSlots], [0, 0]);
});

test("a user's pipes beyond fs.pipe-user-pages-soft have two pages, beyond -hard there are none; not so root's", () => {
  const { kernel } = createMemoryTask();
  const user = { ...ROOT, uid: 1000, euid: 1000, effective: 0 };
  kernel.pipeLimits.softPages = 40;
  const sizes = [0, 1, 2].map(() => {
    const ends = createPipe(kernel, 0, user);
    assert.ok(typeof ends !== "number");
    return ends.reader.pipe.capacity / PAGE_SIZE;
  });
  assert.deepEqual(sizes, [16, 16, 2]);
  kernel.pipeLimits.hardPages = 34;
  assert.equal(createPipe(kernel, 0, user), -ENFILE);
  assert.notEqual(typeof createPipe(kernel, 0, ROOT), "number");
});
