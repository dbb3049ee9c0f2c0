/**
 * Goal: readers of the kernel's log get each record once, wait for the next, and are told whether there is one
 * (syslog(2), /dev/kmsg, /proc/kmsg). Method: calls of a task; the kernel logs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, O_NONBLOCK, O_RDONLY, POLLIN } from "@stratos/abi";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import { begin } from "../../testing/system-calls.ts";
import type { Kernel } from "../../task/kernel-state.ts";
import { mountAt } from "../../vfs/boot-mounts.ts";

const SYSLOG_ACTION_READ = 2;

function machine(): { user: FileTask; kernel: Kernel } {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  for (const [place, type] of [
    ["/dev", "devtmpfs"],
    ["/proc", "proc"],
  ] as const) {
    const fileSystem = kernel.vfs.types.get(type)!.create(kernel, type, new Map());
    assert.ok(typeof fileSystem !== "number");
    mountAt(kernel, place, fileSystem);
  }
  return { user, kernel };
}

test("/dev/kmsg is readable while there is a record that this reader has not had", () => {
  const { user, kernel } = machine();
  kernel.log("first");
  const fd = user.open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
  const isReadable = (): boolean => (user.task.files.get(fd)!.poll() & POLLIN) !== 0;
  while (isReadable()) assert.match(user.read(fd) as string, /^\d+,\d+,\d+,-;/);
  assert.equal(user.read(fd), -EAGAIN);
  kernel.log("second");
  assert.ok(isReadable());
  assert.match(user.read(fd) as string, /;second\n$/);
  assert.ok(!isReadable());
});

test("/proc/kmsg and syslog(2) wait for the next record, unless told not to", () => {
  const { user, kernel } = machine();
  const waiting = user.open("/proc/kmsg", O_RDONLY);
  const asking = user.open("/proc/kmsg", O_RDONLY | O_NONBLOCK);
  while (user.read(asking) !== -EAGAIN);
  for (const call of [
    () => user.start("read", waiting, BUFFER, 4096),
    () => begin(user.task, "syslog", SYSLOG_ACTION_READ, BUFFER, 4096),
  ]) {
    const read = call();
    assert.ok(read.isBlocked);
    kernel.log("news");
    assert.ok(read.resume()! > "news".length);
    assert.equal(user.read(asking), -EAGAIN, "it was taken");
  }
});
