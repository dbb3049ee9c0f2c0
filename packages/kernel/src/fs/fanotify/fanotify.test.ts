/**
 * fanotify(7): what stays of a listener's rights and debts when calls are killed, queues are full and caches are
 * dropped. What it is told of changes, tests/abi/fanotify.c compares with Linux.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  EAGAIN,
  EMFILE,
  ENOSPC,
  EPERM,
  FAN_ALLOW,
  FAN_CLASS_CONTENT,
  FAN_CREATE,
  FAN_DENY,
  FAN_MARK_ADD,
  FAN_MARK_EVICTABLE,
  FAN_MARK_FILESYSTEM,
  FAN_NONBLOCK,
  FAN_OPEN,
  FAN_OPEN_PERM,
  FAN_Q_OVERFLOW,
  FAN_REPORT_DIR_FID,
  FAN_REPORT_NAME,
  FAN_REPORT_FID,
  O_RDONLY,
} from "@stratos/abi";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";

interface Seen {
  mask: number;
  fd: number;
  pid: number;
}

function events(user: FileTask, fd: number): Seen[] {
  const count = user.call("read", fd, BUFFER, 4096);
  if (count === -EAGAIN) return [];
  assert.ok(count > 0, String(count));
  const seen: Seen[] = [];
  const { view } = user.memory;
  for (let at = BUFFER; at < BUFFER + count; at += view.getUint32(at, true))
    seen.push({
      mask: view.getUint32(at + 8, true),
      fd: view.getInt32(at + 16, true),
      pid: view.getInt32(at + 20, true),
    });
  return seen;
}

function answer(user: FileTask, fd: number, event: Seen, response: number): number {
  user.memory.view.setInt32(BUFFER, event.fd, true);
  user.memory.view.setUint32(BUFFER + 4, response, true);
  const done = user.call("write", fd, BUFFER, 8);
  user.call("close", event.fd);
  return done;
}

function mark(user: FileTask, fd: number, flags: number, mask: number, path: string): number {
  return user.call("fanotify_mark", fd, flags, mask, AT_FDCWD, path);
}

it("an open file waits until its listener has answered", () => {
  const { test, user } = FileTask.create();
  user.put("/f", "x");
  const fd = user.call("fanotify_init", FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD, FAN_OPEN_PERM, "/f");
  for (const [response, result] of [
    [FAN_ALLOW, 0],
    [FAN_DENY, -EPERM],
  ] as const) {
    const other = new FileTask(test.kernel, user);
    const call = other.start("openat", AT_FDCWD, "/f", O_RDONLY, 0);
    assert.ok(call.isBlocked);
    const [event] = events(user, fd);
    assert.deepEqual([event!.mask, event!.pid], [FAN_OPEN_PERM, other.task.pid]);
    assert.ok(call.isBlocked, "it was only told");
    assert.equal(answer(user, fd, event!, response), 8);
    assert.equal(call.resume(), result);
  }
  assert.equal(test.kernel.vfs.permissionCount, 1);
  user.call("close", fd);
  assert.equal(test.kernel.vfs.permissionCount, 0);
  assert.equal(test.kernel.vfs.watchCount, 0);
});

it("nobody is asked for a call that was killed meanwhile", () => {
  const { test, user } = FileTask.create();
  user.put("/f", "x");
  const fd = user.call("fanotify_init", FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD, FAN_OPEN_PERM, "/f");
  const other = new FileTask(test.kernel, user);
  assert.ok(other.start("openat", AT_FDCWD, "/f", O_RDONLY, 0).isBlocked);
  other.task.state = "X";
  assert.deepEqual(events(user, fd), []);
  assert.equal(test.kernel.fanotifyLimits.events, 0);
});

it("a listener that goes lets everybody in", () => {
  const { test, user } = FileTask.create();
  user.put("/f", "x");
  const fd = user.call("fanotify_init", FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD, FAN_OPEN_PERM, "/f");
  const calls = [0, 1].map(() => new FileTask(test.kernel, user).start("openat", AT_FDCWD, "/f", O_RDONLY, 0));
  // One has been told, the other not.
  const count = user.call("read", fd, BUFFER, 24);
  assert.equal(count, 24);
  user.call("close", fd);
  assert.deepEqual(
    calls.map((call) => call.resume()),
    [0, 0],
  );
});

it("what comes beyond the queue's end is told as lost, once", () => {
  const { test, user } = FileTask.create();
  test.kernel.fanotifyLimits.maximumEvents = 3;
  const fd = user.call("fanotify_init", FAN_NONBLOCK, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "/");
  for (const name of "abcdef") user.put(`/${name}`, "");
  const seen = events(user, fd);
  assert.deepEqual(
    seen.map(({ mask }) => mask),
    [FAN_OPEN, FAN_OPEN, FAN_OPEN, FAN_Q_OVERFLOW],
  );
  for (const event of seen) if (event.fd >= 0) user.call("close", event.fd);
  assert.equal(test.kernel.fanotifyLimits.events, 0);
  // What the listener itself opened is not told.
  assert.deepEqual(events(user, fd), []);
});

it("listeners and marks are bounded for each user", () => {
  const { test, user } = FileTask.create();
  const set = (kind: "fanotify_groups" | "fanotify_marks", most: number): void =>
    test.kernel.namespaceCounts.setLimit(user.task.credentials.userNamespace, kind, most);
  set("fanotify_groups", 2);
  set("fanotify_marks", 1);
  const fd = user.call("fanotify_init", FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY);
  const other = user.call("fanotify_init", FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY);
  assert.equal(user.call("fanotify_init", FAN_REPORT_FID, O_RDONLY), -EMFILE);
  user.put("/f", "x");
  assert.equal(mark(user, fd, FAN_MARK_ADD, FAN_OPEN, "/f"), 0);
  assert.equal(mark(user, other, FAN_MARK_ADD, FAN_OPEN, "/f"), -ENOSPC);
  user.call("close", fd);
  assert.equal(mark(user, other, FAN_MARK_ADD, FAN_OPEN, "/f"), 0);
  assert.ok(user.call("fanotify_init", FAN_REPORT_FID, O_RDONLY) >= 0);
});

it("a mark that doesn't hold its file goes when nobody else does", () => {
  const { test, user } = FileTask.create();
  user.put("/f", "x");
  user.put("/g", "x");
  const fd = user.call("fanotify_init", FAN_NONBLOCK, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, "/f");
  mark(user, fd, FAN_MARK_ADD, FAN_OPEN, "/g");
  assert.equal(test.kernel.vfs.fanotifyCount, 2);
  for (const name of ["f", "g"]) user.call("unlinkat", AT_FDCWD, `/${name}`, 0);
  assert.equal(test.kernel.vfs.fanotifyCount, 0);
  assert.equal(user.task.files.get(fd)!.details(user.task), "fanotify flags:2 event-flags:8000\n");
});

it("an event tells its length: with the name, its end mark, and up to a multiple of four", () => {
  const { user } = FileTask.create();
  const fd = user.call("fanotify_init", FAN_NONBLOCK | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, O_RDONLY);
  mark(user, fd, FAN_MARK_ADD, FAN_CREATE, "/");
  const lengths = ["abc", "abcd", "abcdefg", "abcdefgh"].map((name) => {
    user.put(`/${name}`, "");
    return user.call("read", fd, BUFFER, 4096) - 24;
  });
  // The header of a record, and a handle of this machine, stand before the name.
  const before = lengths[0]! - 4;
  assert.deepEqual(
    lengths,
    [4, 8, 8, 12].map((length) => before + length),
  );
});
