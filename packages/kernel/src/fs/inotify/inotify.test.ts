/** inotify(7): the events of each change, their order, and the end of watches. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  EAGAIN,
  EINVAL,
  EMFILE,
  IN_ACCESS,
  IN_ALL_EVENTS,
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONESHOT,
  IN_OPEN,
  O_CREAT,
  O_NONBLOCK,
  O_WRONLY,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";

interface Seen {
  watch: number;
  mask: number;
  name: string;
  cookie: number;
}

function events(user: FileTask, fd: number): Seen[] {
  const count = user.call("read", fd, BUFFER, 4096);
  if (count === -EAGAIN) return [];
  const seen: Seen[] = [];
  const { view, u8 } = user.memory;
  for (let at = BUFFER; at < BUFFER + count; at += 16 + view.getUint32(at + 12, true)) {
    const end = at + 16 + view.getUint32(at + 12, true);
    seen.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      cookie: view.getUint32(at + 8, true),
      name: byteString(u8, at + 16, end).replace(/\0+$/, ""),
    });
  }
  return seen;
}

it("a watched directory tells what happens to its names and files", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  const fd = user.call("inotify_init1", O_NONBLOCK);
  const watch = user.call("inotify_add_watch", fd, "/d", IN_ALL_EVENTS);
  assert.equal(watch, 1);
  assert.deepEqual(events(user, fd), []);
  const file = user.open("/d/f", O_CREAT | O_WRONLY);
  user.write(file, "x");
  user.call("close", file);
  assert.deepEqual(
    events(user, fd).map(({ mask, name }) => [mask, name]),
    [
      [IN_CREATE, "f"],
      [IN_OPEN, "f"],
      [IN_MODIFY, "f"],
      [IN_CLOSE_WRITE, "f"],
    ],
  );
  user.call("renameat2", AT_FDCWD, "/d/f", AT_FDCWD, "/d/g", 0);
  const [from, to] = events(user, fd);
  assert.deepEqual([from!.mask, from!.name, to!.mask, to!.name], [IN_MOVED_FROM, "f", IN_MOVED_TO, "g"]);
  assert.equal(from!.cookie, to!.cookie);
  assert.notEqual(from!.cookie, 0);
  user.call("mkdirat", AT_FDCWD, "/d/sub", 0o755);
  user.call("unlinkat", AT_FDCWD, "/d/g", 0);
  assert.deepEqual(
    events(user, fd).map(({ mask, name }) => [mask >>> 0, name]),
    [
      [(IN_CREATE | IN_ISDIR) >>> 0, "sub"],
      [IN_DELETE, "g"],
    ],
  );
});

it("one watch tells of a folder that is opened and closed, too", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  const fd = user.call("inotify_init1", O_NONBLOCK);
  user.call("inotify_add_watch", fd, "/d", IN_ALL_EVENTS);
  user.call("close", user.open("/d"));
  assert.deepEqual(
    events(user, fd).map(({ mask }) => mask >>> 0),
    [(IN_OPEN | IN_ISDIR) >>> 0, (IN_CLOSE_NOWRITE | IN_ISDIR) >>> 0],
  );
});

it("a file is deleted when its last name and its last user are gone, not before", () => {
  const { user } = FileTask.create();
  user.put("/f", "x");
  user.call("linkat", AT_FDCWD, "/f", AT_FDCWD, "/g", 0);
  const fd = user.call("inotify_init1", O_NONBLOCK);
  user.call("inotify_add_watch", fd, "/f", IN_DELETE_SELF);
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  assert.deepEqual(events(user, fd), [], "it has another name");
  const file = user.open("/g");
  user.call("unlinkat", AT_FDCWD, "/g", 0);
  assert.deepEqual(events(user, fd), [], "it is open");
  user.call("close", file);
  assert.deepEqual(
    events(user, fd).map(({ mask }) => mask),
    [IN_DELETE_SELF, IN_IGNORED],
  );
});

it("a deleted file ends its watch; a removed watch says so", () => {
  const { user, test } = FileTask.create();
  user.put("/f", "x");
  const fd = user.call("inotify_init1", O_NONBLOCK);
  const watch = user.call("inotify_add_watch", fd, "/f", IN_ALL_EVENTS & ~IN_ACCESS);
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  assert.deepEqual(
    events(user, fd).map(({ mask }) => mask),
    [IN_ATTRIB, IN_DELETE_SELF, IN_IGNORED],
  );
  assert.equal(user.call("inotify_rm_watch", fd, watch), -EINVAL);
  assert.equal(test.kernel.vfs.watchCount, 0);
  user.put("/g", "");
  const other = user.call("inotify_add_watch", fd, "/g", IN_MODIFY | IN_ONESHOT);
  user.put("/g", "y");
  user.put("/g", "z");
  assert.deepEqual(
    events(user, fd).map(({ watch: id, mask }) => [id, mask]),
    [
      [other, IN_MODIFY],
      [other, IN_IGNORED],
    ],
  );
});

it("a read waits for an event", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  const fd = user.call("inotify_init1", 0);
  user.call("inotify_add_watch", fd, "/d", IN_CREATE);
  const call = user.start("read", fd, BUFFER, 4096);
  assert.ok(call.isBlocked);
  const second = new FileTask(user.task.kernel, user);
  second.put("/d/new", "");
  assert.equal(call.resume(), 32);
});

it("a file that is still open tells its folder what happens to it when its name is gone, unless IN_EXCL_UNLINK", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  for (const [mask, told] of [
    [IN_MODIFY, true],
    [IN_MODIFY | IN_EXCL_UNLINK, false],
  ] as const) {
    const fd = user.call("inotify_init1", O_NONBLOCK);
    user.call("inotify_add_watch", fd, "/d", mask);
    const file = user.open("/d/f", O_CREAT | O_WRONLY);
    user.call("unlinkat", AT_FDCWD, "/d/f", 0);
    user.write(file, "late");
    assert.deepEqual(
      events(user, fd).map((event) => event.mask),
      told ? [IN_MODIFY] : [],
    );
    user.call("close", file);
    assert.match(user.task.files.get(fd)!.details(user.task), new RegExp(`mask:${mask.toString(16)} `));
    user.call("close", fd);
  }
});

it("a user has 128 of them (fs.inotify.max_user_instances)", () => {
  const { user } = FileTask.create();
  const made = Array.from({ length: 129 }, () => user.call("inotify_init1", 0));
  assert.ok(made[127]! >= 0);
  assert.equal(made[128], -EMFILE);
});
