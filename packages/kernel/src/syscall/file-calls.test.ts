/** Pipes, fifos, locks, splices and seals: behaviour at the edges that programs rely on. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  EAGAIN,
  EBADF,
  EBUSY,
  EDEADLK,
  EFBIG,
  EOVERFLOW,
  EINVAL,
  EMFILE,
  ENXIO,
  EPERM,
  EPIPE,
  ESPIPE,
  FIONREAD,
  F_ADD_SEALS,
  F_GETFL,
  F_GETLK,
  F_GETPIPE_SZ,
  F_GET_SEALS,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_RDLCK,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETPIPE_SZ,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  MFD_ALLOW_SEALING,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  SIGPIPE,
  SIGXFSZ,
  S_IFIFO,
} from "@stratos/abi";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";

function pipe(user: FileTask, flags = 0): [number, number] {
  assert.equal(user.call("pipe2", 0x9000, flags), 0);
  return [user.memory.view.getUint32(0x9000, true), user.memory.view.getUint32(0x9004, true)];
}

/** Puts a `struct flock` at 0x9100. */
function lock(user: FileTask, type: number, start: number, length: number): number {
  const { view } = user.memory;
  view.setInt16(0x9100, type, true);
  view.setInt16(0x9102, 0, true);
  view.setBigInt64(0x9108, BigInt(start), true);
  view.setBigInt64(0x9110, BigInt(length), true);
  view.setInt32(0x9118, 0, true);
  return 0x9100;
}

it("a pipe passes bytes, blocks when empty or full, ends with its writers", () => {
  const { user, test } = FileTask.create();
  const [reader, writer] = pipe(user);
  const other = new FileTask(test.kernel, user);
  other.task.files = user.task.files.copy();
  const waiting = user.start("read", reader, BUFFER, 10);
  assert.ok(waiting.isBlocked);
  other.write(writer, "hello");
  assert.equal(waiting.resume(), 5);
  const big = other.start("write", writer, 1, 0xf000);
  assert.equal(big.result, 0xf000);
  const blocked = other.start("write", writer, 1, 0xf000);
  assert.ok(blocked.isBlocked);
  assert.equal(user.call("read", reader, BUFFER, 0x7000), 0x7000);
  assert.equal(blocked.resume(), null, "not all of it fits yet");
  let total = 0x7000;
  while (total < 0x1e000) {
    total += user.call("read", reader, BUFFER, 0x7000);
    blocked.resume();
  }
  assert.equal(blocked.result, 0xf000);
  assert.equal(total, 0x1e000);
  other.task.files.closeAll(other.task);
  user.call("close", writer);
  assert.equal(user.call("read", reader, BUFFER, 10), 0);
});

it("writes up to PIPE_BUF are whole or not at all", () => {
  const { user } = FileTask.create();
  const [reader, writer] = pipe(user, O_NONBLOCK);
  assert.equal(user.call("write", writer, 1, 65536 - 100), 65536 - 100);
  assert.equal(user.call("write", writer, 1, 200), -EAGAIN);
  assert.equal(user.call("write", writer, 1, 100), 100);
  assert.equal(user.call("write", writer, 1, 5000), -EAGAIN);
  user.call("read", reader, BUFFER, 4096);
  assert.equal(user.call("write", writer, 1, 5000), 4096);
});

it("a pipe without readers is EPIPE and SIGPIPE", () => {
  const { user } = FileTask.create();
  const [reader, writer] = pipe(user);
  user.call("close", reader);
  assert.equal(user.task.files.get(writer)!.poll() & POLLERR, POLLERR);
  assert.equal(user.write(writer, "x"), -EPIPE);
  assert.ok(user.task.pending.set.has(SIGPIPE));
});

it("a pipe's size is told and set", () => {
  const { user } = FileTask.create();
  const [reader, writer] = pipe(user);
  assert.equal(user.call("fcntl", writer, F_GETPIPE_SZ, 0), 65536);
  user.write(writer, "kept across resizing");
  assert.equal(user.call("fcntl", writer, F_SETPIPE_SZ, 100_000), 131072);
  assert.equal(user.call("ioctl", reader, FIONREAD, 0x9000), 0);
  assert.equal(user.memory.view.getUint32(0x9000, true), 20);
  assert.equal(user.read(reader), "kept across resizing");
  user.call("write", writer, 1, 8000);
  assert.equal(user.call("fcntl", writer, F_SETPIPE_SZ, 4096), -EBUSY);
  assert.equal(user.call("lseek", reader, 0, 0), -ESPIPE);
  assert.equal(user.call("pread64", reader, BUFFER, 1, 0), -ESPIPE);
});

it("opening a fifo waits for the other side, which may come and go", () => {
  const { user, test } = FileTask.create();
  const other = new FileTask(test.kernel, user);
  user.call("mknodat", AT_FDCWD, "/fifo", S_IFIFO | 0o600, 0);
  assert.equal(user.open("/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
  const opening = user.start("openat", AT_FDCWD, "/fifo", O_RDONLY, 0);
  assert.ok(opening.isBlocked);
  const writer = other.open("/fifo", O_WRONLY);
  assert.equal(other.write(writer, "fast"), 4);
  other.call("close", writer);
  const reader = opening.resume()!;
  assert.ok(reader >= 0);
  assert.equal(user.read(reader), "fast");
  assert.equal(user.read(reader), "");
  assert.equal(user.task.files.get(reader)!.poll() & (POLLIN | POLLHUP), POLLHUP);
});

it("record locks conflict by range, are cut, told and dropped by any close", () => {
  const { user, test } = FileTask.create();
  user.put("/f", "0123456789");
  const other = new FileTask(test.kernel, user);
  const mine = user.open("/f", O_RDWR),
    theirs = other.open("/f", O_RDWR);
  assert.equal(user.call("fcntl", mine, F_SETLK, lock(user, F_WRLCK, 0, 10)), 0);
  assert.equal(other.call("fcntl", theirs, F_SETLK, lock(other, F_RDLCK, 5, 1)), -EAGAIN);
  assert.equal(other.call("fcntl", theirs, F_SETLK, lock(other, F_WRLCK, 10, 5)), 0);
  assert.equal(user.call("fcntl", mine, F_SETLK, lock(user, F_UNLCK, 4, 2)), 0);
  assert.equal(other.call("fcntl", theirs, F_SETLK, lock(other, F_RDLCK, 5, 1)), 0);
  assert.equal(other.call("fcntl", theirs, F_GETLK, lock(other, F_RDLCK, 0, 0)), 0);
  assert.equal(other.memory.view.getInt16(0x9100, true), F_WRLCK);
  assert.equal(Number(other.memory.view.getBigInt64(0x9110, true)), 4);
  assert.equal(other.memory.view.getInt32(0x9118, true), user.task.pid);
  user.call("close", user.open("/f"));
  assert.equal(other.call("fcntl", theirs, F_SETLK, lock(other, F_WRLCK, 0, 0)), 0);
  assert.equal(other.call("fcntl", other.open("/f", O_RDONLY), F_SETLK, lock(other, F_WRLCK, 0, 1)), -EBADF);
});

it("a waiting lock is granted in time and a circle is refused", () => {
  const { user, test } = FileTask.create();
  user.put("/f", "0123456789");
  const other = new FileTask(test.kernel, user);
  const mine = user.open("/f", O_RDWR),
    theirs = other.open("/f", O_RDWR);
  user.call("fcntl", mine, F_SETLK, lock(user, F_WRLCK, 0, 1));
  other.call("fcntl", theirs, F_SETLK, lock(other, F_WRLCK, 1, 1));
  const waiting = user.start("fcntl", mine, F_SETLKW, lock(user, F_WRLCK, 1, 1));
  assert.ok(waiting.isBlocked);
  assert.equal(other.call("fcntl", theirs, F_SETLKW, lock(other, F_WRLCK, 0, 1)), -EDEADLK);
  other.call("fcntl", theirs, F_SETLK, lock(other, F_UNLCK, 0, 0));
  assert.equal(waiting.resume(), 0);
});

it("a description is told of its own locks, and no other's, when it asks with F_UNLCK", () => {
  const { user } = FileTask.create();
  user.put("/f", "x");
  const one = user.open("/f", O_RDWR),
    two = user.open("/f", O_RDWR);
  assert.equal(user.call("fcntl", one, F_OFD_SETLK, lock(user, F_WRLCK, 10, 20)), 0);
  const ask = (fd: number, start: number, length: number): number[] => {
    assert.equal(user.call("fcntl", fd, F_OFD_GETLK, lock(user, F_UNLCK, start, length)), 0);
    const { view } = user.memory;
    return [view.getInt16(0x9100, true), Number(view.getBigInt64(0x9108, true)), view.getInt32(0x9118, true)];
  };
  assert.deepEqual(ask(one, 0, 0), [F_WRLCK, 10, -1]);
  assert.deepEqual(ask(one, 29, 5), [F_WRLCK, 10, -1]);
  assert.deepEqual(ask(one, 30, 5), [F_UNLCK, 30, 0]);
  assert.deepEqual(ask(two, 0, 0), [F_UNLCK, 0, 0]);
  // A process is not.
  assert.equal(user.call("fcntl", one, F_GETLK, lock(user, F_UNLCK, 0, 0)), -EINVAL);
});

it("locks of descriptions belong to the description", () => {
  const { user } = FileTask.create();
  user.put("/f", "x");
  const one = user.open("/f", O_RDWR),
    two = user.open("/f", O_RDWR);
  assert.equal(user.call("fcntl", one, F_OFD_SETLK, lock(user, F_WRLCK, 0, 0)), 0);
  assert.equal(user.call("fcntl", two, F_OFD_SETLK, lock(user, F_WRLCK, 0, 0)), -EAGAIN);
  assert.equal(user.call("flock", one, LOCK_EX), 0);
  assert.equal(user.call("flock", two, LOCK_SH | LOCK_NB), -EAGAIN);
  const waiting = user.start("flock", two, LOCK_SH);
  assert.ok(waiting.isBlocked);
  user.task.files.close(user.task, one);
  assert.equal(waiting.resume(), 0);
  assert.equal(user.call("fcntl", two, F_OFD_SETLK, lock(user, F_WRLCK, 0, 0)), 0);
  assert.equal(user.call("flock", two, LOCK_UN), 0);
  assert.equal(user.call("flock", two, 67), -EINVAL);
});

it("sendfile, splice, tee and copy_file_range move bytes", () => {
  const { user } = FileTask.create();
  user.put("/src", "0123456789");
  const source = user.open("/src"),
    target = user.open("/dst", O_RDWR | O_CREAT);
  assert.equal(user.call("sendfile", target, source, 0, 4), 4);
  user.memory.view.setBigInt64(0x9200, 8n, true);
  assert.equal(user.call("sendfile", target, source, 0x9200, 100), 2);
  assert.equal(Number(user.memory.view.getBigInt64(0x9200, true)), 10);
  assert.equal(user.get("/dst"), "012389");
  const [reader, writer] = pipe(user),
    [reader2, writer2] = pipe(user);
  assert.equal(user.call("splice", source, 0, writer, 0, 100, 0), 6);
  assert.equal(user.call("tee", reader, writer2, 100, 0), 6);
  assert.equal(user.call("splice", reader, 0, target, 0, 100, 0), 6);
  assert.equal(user.get("/dst"), "012389456789");
  assert.equal(user.read(reader2), "456789");
  assert.ok(user.start("splice", reader, 0, target, 0, 100, 0).isBlocked);
  assert.equal(user.call("splice", reader, 0, target, 0, 100, 2), -EAGAIN);
  assert.equal(user.call("splice", source, 0, target, 0, 1, 0), -EINVAL);
  user.call("lseek", source, 0, 0);
  assert.equal(user.call("copy_file_range", source, 0, user.open("/copy", O_WRONLY | O_CREAT), 0, 100, 0), 10);
  assert.equal(user.get("/copy"), "0123456789");
  assert.equal(user.call("copy_file_range", source, 0, source, 0, 5, 0), -EBADF);
});

it("descriptors are the lowest free, limited, and flags are told and set", () => {
  const { user } = FileTask.create();
  user.put("/f", "abc");
  const one = user.open("/f"),
    two = user.open("/f", O_RDWR);
  user.call("close", one);
  assert.equal(user.call("dup", two), one);
  assert.equal(user.call("dup3", two, two, 0), -EINVAL);
  assert.equal(user.call("dup3", two, 50, 0), 50);
  assert.equal(user.call("fcntl", two, F_GETFL, 0) & 3, O_RDWR);
  assert.equal(user.call("fcntl", two, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT), 0);
  assert.equal(user.call("fcntl", 50, F_GETFL, 0) & 0o7777, O_RDWR | O_APPEND | O_NONBLOCK);
  assert.equal(user.call("close_range", 40, 60, 0), 0);
  assert.equal(user.call("close", 50), -EBADF);
  // Numbers are unsigned: there is nothing.
  assert.equal(user.call("close_range", 0x8000_0000, 0xffff_ffff, 0), 0);
  assert.equal(user.call("fcntl", two, F_GETFL, 0) & 3, O_RDWR);
  user.task.group.limits[RLIMIT_NOFILE] = { soft: 3, hard: 3 };
  assert.equal(user.open("/f"), 2);
  assert.equal(user.open("/f"), -EMFILE);
  assert.equal(user.call("pipe2", 0x9000, 0), -EMFILE);
});

it("the file size limit cuts a write, then signals", () => {
  const { user } = FileTask.create();
  user.task.group.limits[RLIMIT_FSIZE] = { soft: 10, hard: 10 };
  const fd = user.open("/f", O_WRONLY | O_CREAT);
  assert.equal(user.write(fd, "0123456789abc"), 10);
  assert.equal(user.write(fd, "x"), -EFBIG);
  assert.ok(user.task.pending.set.has(SIGXFSZ));
});

it("seals forbid what they name", () => {
  const { user } = FileTask.create();
  Object.assign(user.task.space, { areas: [] });
  const fd = user.call("memfd_create", "m", MFD_ALLOW_SEALING);
  user.write(fd, "content");
  assert.equal(user.call("fcntl", fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  assert.equal(user.call("ftruncate", fd, 3), -EPERM);
  assert.equal(user.call("fcntl", fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
  assert.equal(user.write(fd, "x"), -EPERM);
  assert.equal(user.call("fcntl", user.call("memfd_create", "n", 0), F_ADD_SEALS, F_SEAL_WRITE), -EPERM);
});

it("F_SEAL_EXEC seals what a program holds, too, and no other seal does", () => {
  const { user } = FileTask.create();
  Object.assign(user.task.space, { areas: [] });
  const sealed = (flags: number, seals: number): number => {
    const fd = user.call("memfd_create", "m", flags | MFD_ALLOW_SEALING);
    assert.equal(user.call("fcntl", fd, F_ADD_SEALS, seals), 0);
    return user.call("fcntl", fd, F_GET_SEALS);
  };
  assert.equal(sealed(MFD_EXEC, F_SEAL_SHRINK), F_SEAL_SHRINK);
  assert.equal(
    sealed(MFD_EXEC, F_SEAL_EXEC),
    F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE,
  );
  assert.equal(sealed(MFD_NOEXEC_SEAL, F_SEAL_SHRINK), F_SEAL_EXEC | F_SEAL_SHRINK);
});

it("a file becomes shorter when all its mappings are cut, however many pieces that takes; open too", () => {
  const { user } = FileTask.create();
  const fd = user.open("/mapped", O_RDWR | O_CREAT);
  const inode = user.task.files.get(fd)!.inode!;
  const { kernel } = user.task;
  for (const shorten of [() => user.call("ftruncate", fd, 3), () => user.open("/mapped", O_WRONLY | O_TRUNC)]) {
    user.write(fd, "content");
    const pieces: unknown[] = [];
    kernel.fileShrinks = (_inode, _size, from) => {
      assert.ok(inode.size >= 7 && kernel.work.mayPause);
      pieces.push(from);
      return pieces.length < 3 ? { kind: "cut", pages: 1, space: 1, at: pieces.length } : null;
    };
    assert.ok(shorten() >= 0);
    assert.deepEqual(pieces, [
      null,
      { kind: "cut", pages: 1, space: 1, at: 1 },
      { kind: "cut", pages: 1, space: 1, at: 2 },
    ]);
    assert.ok(inode.size <= 3);
  }
});

it("offsets end where the largest file does, with the errors of ext4", () => {
  const { user } = FileTask.create();
  const fd = user.open("/largest", O_RDWR | O_CREAT);
  const max = 2 ** 53 - 2 ** 32 - 4096;
  assert.equal(user.call("lseek", fd, max, 0), max);
  assert.equal(user.call("lseek", fd, max + 1, 0), -EINVAL);
  assert.equal(user.call("lseek", fd, 2 ** 60, 0), -EINVAL);
  assert.equal(user.call("ftruncate", fd, max), 0);
  assert.equal(user.call("lseek", fd, 0, 2), max);
  assert.equal(user.call("ftruncate", fd, max + 1), -EFBIG);
  assert.equal(user.call("ftruncate", fd, 2 ** 62), -EFBIG);
  assert.equal(user.call("pwrite64", fd, BUFFER, 10, max - 3), 3, "what fits is written");
  assert.equal(user.call("pwrite64", fd, BUFFER, 1, max), -EFBIG);
  assert.equal(user.call("pread64", fd, BUFFER, 10, max - 3), 3);
  assert.equal(user.call("pread64", fd, BUFFER, 10, 2 ** 60), 0);
  const to = user.open("/other", O_RDWR | O_CREAT);
  const sendfile = (from: number, count: number): number => {
    user.memory.storeU64(BUFFER, from);
    return user.call("sendfile", to, fd, BUFFER, count);
  };
  assert.deepEqual(
    [sendfile(max - 3, 10), sendfile(max, 1), sendfile(max, 0), sendfile(2 ** 60, 1), sendfile(2 ** 60, 0)],
    [3, -EOVERFLOW, 0, -EOVERFLOW, -EOVERFLOW],
  );
});
