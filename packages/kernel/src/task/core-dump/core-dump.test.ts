/**
 * Goal: a core is written in pieces of bounded work, with holes where nothing was touched. Method: real areas, and
 * a file that notes what is written where.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  SIGABRT,
  SI_USER,
  RLIMIT_CORE,
} from "@stratos/abi";
import { HART_STATE_SIZE } from "@stratos/riscv";
import { mmap } from "../../mm/mmap.ts";
import { signalInfo } from "../../signal/pending-signals.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import type { Task } from "../task.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import { createPipe } from "../../fs/pipe/pipe-file.ts";
import { ROOT } from "../../security/credentials.ts";
import { exitGroup } from "../exit.ts";
import { PipedCore } from "./piped-core.ts";
import { CoreDump } from "./core-dump.ts";
import { threadState } from "./core-notes.ts";

const PAGE = 4096;

/** Keeps the first word of each page that is written, by its place in the file. */
class NotedFile extends OpenFile {
  readonly words = new Map<number, number>();
  header: DataView | null = null;

  override write(_task: Task, from: IoCursor, offset: number): number {
    const bytes = new Uint8Array(from.remaining);
    from.take(bytes, 0, bytes.length);
    const view = new DataView(bytes.buffer);
    if (offset === 0) this.header = view;
    else this.words.set(offset, view.getUint32(0, true));
    return bytes.length;
  }
}

function dumpOf(task: Task): { file: NotedFile; steps: number } {
  const file = new NotedFile(O_RDWR, null, null);
  const dump = new CoreDump(
    file,
    signalInfo(SIGABRT, SI_USER),
    [threadState(task, new Uint8Array(HART_STATE_SIZE))],
    [...task.space.areas],
  );
  let steps = 1;
  while (!dump.step(task)) steps++;
  return { file, steps };
}

function map(task: Task, length: number): number {
  return mmap(task, {
    address: 0,
    length,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    file: null,
    offset: 0,
  });
}

test("pages far apart stand at their places, and what lies between costs few steps and no bytes", () => {
  const { task, space } = createMemoryTask();
  const length = 1 << 30;
  const at = map(task, length);
  const places = [0, 77 * PAGE, length / 2, length - PAGE];
  for (const [index, place] of places.entries()) assert.equal(space.storeU32(at + place, 100 + index), 0);
  const { file, steps } = dumpOf(task);
  const view = file.header!;
  assert.equal(view.getUint32(0), 0x7f454c46);
  assert.deepEqual([view.getUint16(16, true), view.getUint16(18, true), view.getUint16(56, true)], [4, 243, 2]);
  // The second program header is the area: its address, its bytes in the file.
  const start = view.getUint32(64 + 56 + 8, true);
  assert.equal(view.getUint32(64 + 56 + 16, true), at);
  assert.equal(view.getUint32(64 + 56 + 32, true), length);
  assert.deepEqual(
    [...file.words].sort((one, other) => one[0] - other[0]),
    places.map((place, index) => [start + place, 100 + index]),
  );
  assert.ok(steps < 40, `${steps} steps`);
});

test("a step writes a bounded number of pages, and RLIMIT_CORE ends the file", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 100 * PAGE);
  for (let page = 0; page < 100; page++) assert.equal(space.storeU32(at + page * PAGE, page), 0);
  assert.equal(dumpOf(task).file.words.size, 100);
  task.group.limits[RLIMIT_CORE] = { ...task.group.limits[RLIMIT_CORE]!, soft: 20 * PAGE };
  const { file } = dumpOf(task);
  assert.equal(file.words.size, 20 - file.header!.byteLength / PAGE);
});

test("a process that is ended while its core is read gives the pipe back, and its place among those", () => {
  const { kernel, task } = createMemoryTask();
  const ends = createPipe(kernel, 0, ROOT);
  assert.ok(typeof ends !== "number");
  const file = new PipedCore(ends.writer, false);
  kernel.coreSettings.pipedCount = 1;
  task.group.coreDump = new CoreDump(file, signalInfo(SIGABRT, SI_USER), [], []);
  exitGroup(task, SIGABRT);
  assert.deepEqual([kernel.coreSettings.pipedCount, ends.reader.pipe.writers], [0, 0]);
  assert.equal(task.group.coreDump, null);
});

test("coredump_filter says whether private memory is written", () => {
  const { task, space } = createMemoryTask();
  space.storeU32(map(task, PAGE), 1);
  const words = (filter: number): number => {
    task.group.coreFilter = filter;
    return dumpOf(task).file.words.size;
  };
  assert.deepEqual([0, 1, 2, 0x33].map(words), [0, 1, 0, 1]);
});
