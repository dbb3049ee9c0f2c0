/**
 * Goal: descriptors that are made of others, and what statx(2) takes for a path (fcntl(2), dup(2)). Method: a task with
 * a tmpfs, its calls by name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AT_EMPTY_PATH,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOENT,
  ESRCH,
  F_CREATED_QUERY,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_DUPFD_QUERY,
  F_GETFD,
  F_GETFL,
  F_GETPIPE_SZ,
  F_OWNER_PGRP,
  F_OWNER_PID,
  F_SETFD,
  F_SETFL,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  O_CREAT,
  O_RDWR,
  RLIMIT_NOFILE,
} from "@stratos/abi";
import { FileTask } from "../testing/file-system-task.ts";

function withFile(): { user: FileTask; fd: number } {
  const { user } = FileTask.create();
  user.put("/file", "content");
  return { user, fd: user.open("/file", 2) };
}

test("F_DUPFD gives the lowest free number from the one that is asked for, below the limit", () => {
  const { user, fd } = withFile();
  assert.equal(fd, 0);
  assert.equal(user.call("fcntl", fd, F_DUPFD, 0), 1);
  assert.equal(user.call("fcntl", fd, F_DUPFD, 10), 10);
  assert.equal(user.call("fcntl", fd, F_DUPFD_CLOEXEC, 10), 11);
  assert.deepEqual(
    [10, 11].map((each) => user.call("fcntl", each, F_GETFD)),
    [0, 1],
  );
  user.task.group.limits[RLIMIT_NOFILE] = { ...user.task.group.limits[RLIMIT_NOFILE]!, soft: 12 };
  assert.equal(user.call("fcntl", fd, F_DUPFD, 12), -EINVAL);
  assert.equal(user.call("fcntl", fd, F_DUPFD, -1), -EINVAL);
  assert.equal(user.call("fcntl", fd, F_DUPFD, 11), -EMFILE);
  assert.equal(user.call("fcntl", 99, F_DUPFD, 0), -EBADF);
});

test("copies share position and status flags, not FD_CLOEXEC", () => {
  const { user, fd } = withFile();
  const copy = user.call("fcntl", fd, F_DUPFD, 5);
  assert.equal(user.read(fd, 3), "con");
  assert.equal(user.read(copy, 3), "ten");
  assert.equal(user.call("fcntl", fd, F_SETFL, 0o2000), 0);
  assert.equal(user.call("fcntl", copy, F_GETFL) & 0o2003, 0o2002, "O_APPEND; the access mode stays");
  assert.equal(user.call("fcntl", fd, F_SETFD, 1), 0);
  assert.deepEqual(
    [fd, copy].map((each) => user.call("fcntl", each, F_GETFD)),
    [1, 0],
  );
});

test("of an O_PATH descriptor only what concerns the descriptor is done", () => {
  const { user } = withFile();
  const path = user.open("/file", 0o10000000);
  assert.ok(user.call("fcntl", path, F_DUPFD, 0) > path);
  assert.equal(user.call("fcntl", path, F_GETFD), 0);
  assert.equal(user.call("fcntl", path, F_SETFL, 0), -EBADF);
  assert.equal(user.read(path), -EBADF);
  assert.equal(user.write(path, "x"), -EBADF);
  assert.equal(user.call("fallocate", path, 0, 0, 10), -EBADF);
  assert.deepEqual([user.task.files.get(path)!.isReadable, user.task.files.get(path)!.isWritable], [false, false]);
});

test("a pipe has whole pages, a power of two of them, and wakes who waited for room", () => {
  const { user } = withFile();
  const at = user.text("........");
  user.call("pipe2", at, 0);
  const [reader, writer] = [user.memory.loadU32(at), user.memory.loadU32(at + 4)] as [number, number];
  assert.equal(user.call("fcntl", reader, F_SETPIPE_SZ, 4096), 4096);
  for (let count = 0; count < 4; count++) user.write(writer, "x".repeat(1024));
  const waiting = user.start("write", writer, "late", 4);
  assert.ok(waiting.isBlocked);
  assert.equal(user.call("fcntl", reader, F_SETPIPE_SZ, 4097), 8192);
  assert.equal(waiting.resume(), 4);
  assert.equal(user.call("fcntl", writer, F_GETPIPE_SZ), 8192);
  assert.ok(user.call("fcntl", reader, F_SETPIPE_SZ, 4096) < 0, "what is in it must fit");
  assert.equal(user.call("fcntl", reader, F_SETPIPE_SZ, -1), -EINVAL);
});

test("statx of an empty path is of the descriptor; a null path with AT_EMPTY_PATH is an empty one", () => {
  const { user, fd } = withFile();
  const BUFFER = 0x9000;
  const size = (): number => user.memory.loadU64(BUFFER + 40);
  for (const path of ["", 0]) {
    user.memory.u8.fill(0, BUFFER, BUFFER + 256);
    assert.equal(user.call("statx", fd, path, AT_EMPTY_PATH, 0x7ff, BUFFER), 0);
    assert.equal(size(), 7);
  }
  assert.equal(user.call("statx", fd, "", 0, 0x7ff, BUFFER), -ENOENT);
  assert.equal(user.call("statx", fd, 0, 0, 0x7ff, BUFFER), -EFAULT);
  assert.equal(user.call("statx", fd, "", 0x6000 | AT_EMPTY_PATH, 0x7ff, BUFFER), -EINVAL);
  assert.equal(user.call("statx", fd, "", 0x4 | AT_EMPTY_PATH, 0x7ff, BUFFER), -EINVAL);
  assert.equal(user.call("statx", 99, "", AT_EMPTY_PATH, 0x7ff, BUFFER), -EBADF);
});

test("ranges and counts beyond Linux's numbers are refused, and owners that have none", () => {
  const { user, fd } = withFile();
  assert.equal(user.call("sync_file_range", fd, 8912, 2 ** 63 - 4096, 0), -EINVAL);
  assert.equal(user.call("sync_file_range", fd, 0, 2 ** 63 - 1024, 0), 0);
  const directory = user.open("/", 0);
  assert.equal(user.call("getdents64", directory, 0x9000, 2 ** 31), -EINVAL);
  assert.ok(user.call("getdents64", directory, 0x9000, 2 ** 31 - 1) > 0);
  assert.equal(user.call("fcntl", fd, F_SETOWN, -(2 ** 31)), -EINVAL);
  for (const type of [F_OWNER_PID, F_OWNER_PGRP]) {
    user.memory.storeU32(0x9000, type);
    user.memory.storeU32(0x9004, 2 ** 32 - user.task.pid);
    assert.equal(user.call("fcntl", fd, F_SETOWN_EX, 0x9000), -ESRCH);
  }
});

test("F_CREATED_QUERY tells whether the open made the file, F_DUPFD_QUERY whether descriptors are one file", () => {
  const { user, fd } = withFile();
  const made = user.open("/new", O_CREAT | O_RDWR),
    found = user.open("/new", O_CREAT | O_RDWR);
  assert.deepEqual(
    [fd, made, found].map((each) => user.call("fcntl", each, F_CREATED_QUERY)),
    [0, 1, 0],
  );
  const copy = user.call("fcntl", made, F_DUPFD, 0);
  assert.deepEqual(
    [copy, found].map((each) => user.call("fcntl", made, F_DUPFD_QUERY, each)),
    [1, 0],
  );
});
