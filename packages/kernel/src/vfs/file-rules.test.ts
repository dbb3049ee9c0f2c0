/**
 * Goal: rules of files that programs and administrators rely on: who may give a file to which group, when set-ID bits
 * and access lists of a folder take effect, leases, flags by ioctl(2). Method: calls of tasks on a tmpfs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  AT_EMPTY_PATH,
  AT_FDCWD,
  EAGAIN,
  EBADF,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  F_GETFD,
  F_GETFL,
  F_SETLEASE,
  F_UNLCK,
  F_WRLCK,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  O_CREAT,
  O_NONBLOCK,
  O_RDWR,
  O_TMPFILE,
  RLIMIT_NOFILE,
  serializeAcl,
} from "@stratos/abi";
import { IdMap } from "../security/id-map.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "../security/user-namespace.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";

const USER = 1000,
  GROUP = 2000;

function create(): FileTask {
  const { user } = FileTask.create();
  assert.equal(user.call("mkdirat", AT_FDCWD, "/home", 0o777), 0);
  assert.equal(user.call("fchmodat", AT_FDCWD, "/home", 0o777), 0);
  return user;
}
const modeOf = (user: FileTask, path: string): number => {
  const stat = user.stat(path);
  assert.ok(typeof stat === "object", path);
  return stat.mode & 0o7777;
};
const give = (user: FileTask, path: string, uid: number, gid: number): number =>
  user.call("fchownat", AT_FDCWD, path, uid, gid, 0);

test("an owner gives a file to a group of its own, not to others, and others give nothing", () => {
  const user = create();
  user.becomeUser(USER);
  user.put("/home/file", "x");
  assert.equal(give(user, "/home/file", -1, GROUP), -EPERM);
  user.task.credentials = { ...user.task.credentials, groups: [GROUP] };
  assert.equal(give(user, "/home/file", -1, GROUP), 0);
  assert.equal(give(user, "/home/file", USER + 1, -1), -EPERM);
  user.becomeUser(USER + 1);
  user.task.credentials = { ...user.task.credentials, groups: [GROUP] };
  assert.equal(give(user, "/home/file", -1, GROUP), -EPERM, "a member who does not own it");
});

test("set-ID bits go when somebody else's file is cut, written or given away", () => {
  const user = create();
  user.put("/home/program", "content");
  for (const change of [
    () => user.call("truncate", "/home/program", 3),
    () => user.call("truncate", "/home/program", 30),
    () => user.write(user.open("/home/program", O_RDWR), "x"),
  ]) {
    user.become({});
    user.call("fchmodat", AT_FDCWD, "/home/program", 0o6777);
    user.becomeUser(USER);
    assert.ok(change() >= 0);
    assert.equal(modeOf(user, "/home/program"), 0o777);
  }
  user.become({});
  user.call("fchmodat", AT_FDCWD, "/home/program", 0o6777);
  assert.equal(user.call("truncate", "/home/program", 5), 0);
  assert.equal(modeOf(user, "/home/program"), 0o6777, "root keeps them");
  assert.equal(give(user, "/home/program", USER, -1), 0);
  assert.equal(modeOf(user, "/home/program"), 0o777);
});

test("a file made in a folder with a default list lets in whom that names", () => {
  const user = create();
  const list = serializeAcl([
    { tag: 1, permissions: 7, id: -1 },
    { tag: 2, permissions: 6, id: USER },
    { tag: 4, permissions: 0, id: -1 },
    { tag: 16, permissions: 7, id: -1 },
    { tag: 32, permissions: 0, id: -1 },
  ]);
  user.memory.u8.set(list, BUFFER);
  assert.equal(user.call("setxattr", "/home", ACL_DEFAULT_NAME, BUFFER, list.length, 0), 0);
  user.put("/home/named", "for one");
  assert.ok(user.call("getxattr", "/home/named", ACL_ACCESS_NAME, 0, 0) > 0);
  const unnamed = user.call("openat", AT_FDCWD, "/home", O_TMPFILE | O_RDWR, 0o666);
  assert.equal(user.call("linkat", unnamed, "", AT_FDCWD, "/home/later", AT_EMPTY_PATH), 0);
  assert.ok(user.call("getxattr", "/home/later", ACL_ACCESS_NAME, 0, 0) > 0, "what gets its name later has it, too");
  user.becomeUser(USER);
  assert.equal(user.get("/home/named"), "for one");
  user.becomeUser(USER + 1);
  assert.ok((user.get("/home/named") as number) < 0);
});

test("an access list names users as the reader's user namespace does, and only those that it has names for", () => {
  const user = create();
  user.put("/home/file", "x");
  const listFor = (id: number): Uint8Array =>
    serializeAcl(
      [
        [ACL_USER_OBJ, 6, -1],
        [ACL_USER, 4, id],
        [ACL_GROUP_OBJ, 4, -1],
        [ACL_MASK, 4, -1],
        [ACL_OTHER, 0, -1],
      ].map(([tag, permissions, id]) => ({ tag: tag!, permissions: permissions!, id: id! })),
    );
  const set = (id: number): number => {
    const list = listFor(id);
    user.memory.u8.set(list, BUFFER);
    return user.call("setxattr", "/home/file", ACL_ACCESS_NAME, BUFFER, list.length, 0);
  };
  const named = (): number => {
    assert.equal(user.call("getxattr", "/home/file", ACL_ACCESS_NAME, BUFFER, 256), 44);
    return user.memory.view.getUint32(BUFFER + 4 + 8 + 4, true);
  };
  assert.equal(set(USER), 0);
  assert.equal(named(), USER);
  const namespace = new UserNamespace(
    INITIAL_USER_NAMESPACE,
    { ino: 1, counts: null },
    { uid: 0, gid: 0, mayMapRoot: true },
  );
  namespace.uids = new IdMap([{ first: 0, kernelFirst: 0, count: 10 }]);
  namespace.gids = new IdMap([{ first: 0, kernelFirst: 0, count: 10 }]);
  user.become({ userNamespace: namespace });
  assert.equal(named(), 0xffffffff, "it has no name for him");
  assert.equal(set(USER), -EINVAL);
  namespace.uids = new IdMap([
    { first: 0, kernelFirst: 0, count: 10 },
    { first: 20, kernelFirst: USER, count: 5 },
  ]);
  assert.equal(named(), 20);
  assert.equal(set(21), 0);
  user.become({});
  assert.equal(named(), USER + 1, "it is kept as the machine knows him");
});

test("names of attributes begin with a class, and have more than that", () => {
  const user = create();
  user.put("/home/file", "x");
  assert.equal(user.call("setxattr", "/home/file", "user.a", BUFFER, 1, 0), 0);
  assert.equal(user.call("setxattr", "/home/file", "user.", BUFFER, 1, 0), -EINVAL);
  assert.equal(user.call("setxattr", "/home/file", "other.a", BUFFER, 1, 0), -EOPNOTSUPP);
});

test("a lease to write is had by who has the file open alone", () => {
  const user = create();
  user.put("/home/file", "x");
  const fd = user.open("/home/file", O_RDWR);
  const other = user.open("/home/file");
  assert.equal(user.call("fcntl", fd, F_SETLEASE, F_WRLCK), -EAGAIN);
  user.call("close", other);
  assert.equal(user.call("fcntl", fd, F_SETLEASE, F_WRLCK), 0);
  assert.equal(user.call("fcntl", fd, F_SETLEASE, F_UNLCK), 0);
  assert.equal(user.call("fcntl", fd, F_SETLEASE, F_UNLCK), -EAGAIN, "there is none any more");
});

test("ioctl(2) turns waiting and closing on exec on and off, and leaves other flags", () => {
  const user = create();
  const fd = user.open("/home/file", O_CREAT | O_RDWR);
  const { view } = user.memory;
  for (const on of [1, 0]) {
    view.setUint32(BUFFER, on, true);
    assert.equal(user.call("ioctl", fd, FIONBIO, BUFFER), 0);
    assert.equal(user.call("fcntl", fd, F_GETFL, 0) & (O_NONBLOCK | O_RDWR), on === 1 ? O_NONBLOCK | O_RDWR : O_RDWR);
  }
  assert.equal(user.call("ioctl", fd, FIOCLEX, 0), 0);
  assert.equal(user.call("fcntl", fd, F_GETFD, 0), 1);
  assert.equal(user.call("ioctl", fd, FIONCLEX, 0), 0);
  assert.equal(user.call("fcntl", fd, F_GETFD, 0), 0);
});

test("dup3(2) gives any number below the limit, 0 too, and none beyond", () => {
  const user = create();
  const fd = user.open("/home/file", O_CREAT | O_RDWR);
  const high = user.call("dup3", fd, 7, 0);
  assert.equal(high, 7);
  assert.equal(user.call("dup3", high, 0, 0), 0);
  const { soft } = user.task.group.limits[RLIMIT_NOFILE]!;
  assert.equal(user.call("dup3", fd, soft - 1, 0), soft - 1);
  assert.equal(user.call("dup3", high, soft, 0), -EBADF);
  assert.equal(user.call("dup3", high, -1, 0), -EBADF);
});
