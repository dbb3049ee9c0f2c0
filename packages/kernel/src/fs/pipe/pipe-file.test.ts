/** Goal: a write to a pipe tells what it moved, however it ends. Method: a task whose memory ends in what it writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, MAP_ANONYMOUS, MAP_PRIVATE, PAGE_SIZE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { BytesCursor } from "../../ground/io-cursor.ts";
import { mmap } from "../../mm/mmap.ts";
import { ROOT } from "../../security/credentials.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import { begin, call } from "../../testing/system-calls.ts";
import { createPipe } from "./pipe-file.ts";

test("a write whose bytes end in bad memory returns how many it moved, if only one; none is an error", () => {
  const { kernel, task } = createMemoryTask();
  const at = mmap(task, {
    address: 0,
    length: PAGE_SIZE,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  const end = at + PAGE_SIZE;
  const ends = createPipe(kernel, 0, ROOT);
  assert.ok(typeof ends !== "number");
  const fd = task.files.install(ends.writer, false, 0, 1024);
  assert.equal(call(task, "write", fd, end, 10), -EFAULT);
  assert.equal(call(task, "write", fd, end - 1, 10), 1);
  assert.equal(call(task, "write", fd, end - 3, 10), 3);
  assert.equal(ends.reader.pipe.length, 4);

  const room = ends.reader.pipe.space;
  while (ends.reader.pipe.space > 1) call(task, "write", fd, at, Math.min(PAGE_SIZE, ends.reader.pipe.space - 1));
  const write = begin(task, "write", fd, end - 1, PAGE_SIZE + 1);
  assert.ok(write.isBlocked, "the pipe is full");
  ends.reader.read(task, new BytesCursor(new Uint8Array(room)));
  assert.equal(write.resume(), 1);
});
