/**
 * Goal: what a process reads and writes is told by /proc/PID/io (proc_pid_io(5)) and getrusage(2). Method: calls of a
 * task on a volume, and on a pipe.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { format, mount } from "@stratos/aegisfs";
import { EAGAIN, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, RUSAGE_SELF, Rusage } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { AegisFileSystem } from "../fs/aegisfs/aegisfs.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { call } from "../testing/system-calls.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { syncAll } from "../vfs/write-back.ts";
import { Procfs } from "./procfs.ts";

function begin(): FileTask {
  const device = new MemoryBlockDevice(64 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mount(device);
  assert.ok(typeof volume !== "string");
  const { test, user } = FileTask.create((kernel) => new AegisFileSystem(kernel, volume));
  user.call("mkdirat", -100, "/proc", 0o755);
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  Object.assign(user.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  return user;
}

function numbers(user: FileTask, file = "/proc/self/io"): Record<string, number> {
  return parsed(user.get(file) as string);
}

function parsed(text: string): Record<string, number> {
  const lines = text.trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(": ")).map(([name, value]) => [name, Number(value)]));
}

/** What changes while `work` runs, without what looking itself reads. */
function changed(user: FileTask, work: () => void): Record<string, number> {
  const text = user.get("/proc/self/io") as string;
  const before = parsed(text);
  work();
  const after = numbers(user);
  const change = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name]!]));
  return { ...change, rchar: change["rchar"]! - text.length };
}

it("bytes and calls are counted, and pages that are stored or had to be fetched", () => {
  const user = begin();
  const idle = changed(user, () => {});
  const file = user.open("/file", O_RDWR | O_CREAT);
  const writing = changed(user, () => {
    assert.equal(user.write(file, "x".repeat(5000)), 5000);
    assert.equal(user.write(file, "y"), 1, "into a page that is to be stored already");
  });
  assert.equal(writing["wchar"], 5001);
  assert.equal(writing["syscw"], 2);
  assert.equal(writing["write_bytes"], 8192);
  assert.equal(writing["read_bytes"], 0);

  const { kernel } = user.task;
  syncAll(kernel);
  kernel.memory.reclaimAll();
  const reading = changed(user, () => {
    user.call("lseek", file, 0, 0);
    assert.equal((user.read(file, 4096) as string).length, 4096);
    assert.equal((user.read(file, 4096) as string).length, 905);
    assert.equal(user.read(file, 4096), "");
  });
  assert.equal(reading["rchar"], 5001);
  assert.equal(reading["syscr"], 3 + idle["syscr"]!);
  assert.equal(reading["read_bytes"], 8192);
  assert.equal(user.call("pread64", file, BUFFER, 10, 0), 10);
  assert.equal(numbers(user)["read_bytes"], 8192, "the page is there");

  assert.equal(call(user.task, "getrusage", RUSAGE_SELF, BUFFER), 0);
  const { view } = user.memory;
  assert.equal(view.getUint32(BUFFER + Rusage.offset.ru_inblock, true), 16);
  assert.equal(view.getUint32(BUFFER + Rusage.offset.ru_oublock, true), 16);
});

it("a call that moves nothing counts, one that only began to wait does not", () => {
  const user = begin();
  const idle = changed(user, () => {});
  user.call("pipe2", BUFFER, O_NONBLOCK);
  const pipe = user.memory.view.getUint32(BUFFER, true);
  const tried = changed(user, () => assert.equal(user.read(pipe), -EAGAIN));
  assert.equal(tried["syscr"], 1 + idle["syscr"]!);
  user.call("pipe2", BUFFER, 0);
  const waiting = user.memory.view.getUint32(BUFFER, true);
  const begun = changed(user, () => assert.equal(user.start("read", waiting, BUFFER, 1).isBlocked, true));
  assert.equal(begun["syscr"], idle["syscr"]);
});

it("a process's numbers are its threads' and those of children that it has waited for; a thread's its own", () => {
  const user = begin();
  const { task } = user;
  task.group.transfers.written = 100;
  task.group.childrenTransfers.written = 1000;
  task.transfers.written = 5;
  assert.equal(numbers(user)["wchar"], 1105);
  assert.equal(numbers(user, `/proc/self/task/${task.tid}/io`)["wchar"], 5);
  const other = new FileTask(task.kernel, user);
  Object.assign(other.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  other.becomeUser(1000);
  assert.ok(other.open(`/proc/${task.pid}/io`, O_RDONLY) < 0, "they tell what others do");
});
