/**
 * Goal: `chattr +i` and `+a` keep everyone, root too, from what chattr(1) says, on tmpfs and on AegisFS, where they are
 * there after the next mount.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { format, mount } from "@stratos/aegisfs";
import {
  AT_FDCWD,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  FS_NODUMP_FL,
  FS_XFLAG_IMMUTABLE,
  F_SETFL,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_WRONLY,
  STATX_ATTR_COMPRESSED,
  STATX_ATTR_IMMUTABLE,
  Statx,
} from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { AegisFileSystem } from "../fs/aegisfs/aegisfs.ts";
import { Procfs } from "../procfs/procfs.ts";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "./boot-mounts.ts";
import { syncAll } from "./write-back.ts";

const device = new MemoryBlockDevice(16 << 20);

function aegisfs(kernel: Kernel): AegisFileSystem {
  const volume = mount(device);
  if (typeof volume === "string") throw new Error(volume);
  return new AegisFileSystem(kernel, volume);
}

function setFlags(user: FileTask, fd: number, flags: number): number {
  user.memory.view.setUint32(BUFFER, flags, true);
  return user.call("ioctl", fd, FS_IOC_SETFLAGS, BUFFER);
}

function flags(user: FileTask, fd: number): number {
  assert.equal(user.call("ioctl", fd, FS_IOC_GETFLAGS, BUFFER), 0);
  return user.memory.view.getUint32(BUFFER, true);
}

for (const [name, root] of [
  ["tmpfs", (kernel: Kernel) => new Tmpfs(kernel)],
  ["aegisfs", aegisfs],
] as const) {
  it(`${name}: an immutable file is neither written, named nor changed`, () => {
    assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
    const { user } = FileTask.create(root);
    user.put("/file", "x");
    const fd = user.open("/file", O_RDWR);
    assert.equal(flags(user, fd), 0);
    assert.equal(setFlags(user, fd, 0x1000), -EOPNOTSUPP);
    assert.equal(setFlags(user, fd, FS_IMMUTABLE_FL), 0);
    assert.equal(flags(user, fd), FS_IMMUTABLE_FL);
    assert.equal(user.open("/file", O_WRONLY), -EPERM);
    for (const [call, ...args] of [
      ["unlinkat", AT_FDCWD, "/file", 0],
      ["renameat2", AT_FDCWD, "/file", AT_FDCWD, "/new", 0],
      ["linkat", AT_FDCWD, "/file", AT_FDCWD, "/new", 0],
      ["fchmodat", AT_FDCWD, "/file", 0o600, 0],
      ["fchownat", AT_FDCWD, "/file", 1, 1, 0],
      ["utimensat", AT_FDCWD, "/file", 0, 0],
      ["setxattr", "/file", "user.a", "v", 1, 0],
      ["truncate", "/file", 0],
      ["fallocate", fd, FALLOC_FL_KEEP_SIZE, 0, 10],
    ] as const)
      assert.equal(user.call(call, ...args), -EPERM, call);
    assert.equal(user.call("statx", AT_FDCWD, "/file", 0, 0x7ff, BUFFER), 0);
    assert.equal(user.memory.view.getUint32(BUFFER + 8, true) & STATX_ATTR_IMMUTABLE, STATX_ATTR_IMMUTABLE);
    // Of compression a file system says only where it has it.
    const mask = Number(user.memory.view.getBigUint64(BUFFER + Statx.offset.stx_attributes_mask, true));
    assert.equal((mask & STATX_ATTR_COMPRESSED) !== 0, name === "aegisfs");
    assert.equal(mask & STATX_ATTR_IMMUTABLE, STATX_ATTR_IMMUTABLE);
    assert.equal(user.call("ioctl", fd, FS_IOC_FSGETXATTR, BUFFER), 0);
    assert.equal(user.memory.view.getUint32(BUFFER, true), FS_XFLAG_IMMUTABLE);
    user.memory.view.setUint32(BUFFER, 0, true);
    assert.equal(user.call("ioctl", fd, FS_IOC_FSSETXATTR, BUFFER), 0);
    assert.equal(user.call("unlinkat", AT_FDCWD, "/file", 0), 0);
  });

  it(`${name}: an append-only file grows and nothing else; only administrators set and clear it`, () => {
    assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
    const { user } = FileTask.create(root);
    user.put("/log", "one");
    const fd = user.open("/log", O_RDWR | O_APPEND);
    assert.equal(setFlags(user, fd, FS_APPEND_FL), 0);
    assert.equal(user.open("/log", O_WRONLY), -EPERM);
    assert.equal(user.open("/log", O_WRONLY | O_APPEND | 0o1000), -EPERM, "O_TRUNC");
    const writer = user.open("/log", O_WRONLY | O_APPEND);
    assert.equal(user.write(writer, "two"), 3);
    assert.equal(user.get("/log"), "onetwo");
    assert.equal(user.call("fcntl", writer, F_SETFL, 0), -EPERM);
    assert.equal(user.call("ftruncate", writer, 0), -EPERM);
    assert.equal(user.call("utimensat", AT_FDCWD, "/log", 0, 0), 0, "as a write would");
    user.call("mkdirat", AT_FDCWD, "/dir", 0o777);
    const folder = user.open("/dir");
    assert.equal(setFlags(user, folder, FS_APPEND_FL), 0);
    assert.ok(user.open("/dir/new", O_CREAT | O_RDWR) >= 0);
    assert.equal(user.call("unlinkat", AT_FDCWD, "/dir/new", 0), -EPERM);
    user.become({ effective: 0, permitted: 0 });
    assert.equal(setFlags(user, fd, 0), -EPERM);
  });
}

it("flags are on the disk; a file system without any says ENOTTY", () => {
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const first = FileTask.create(aegisfs).user;
  first.put("/file", "x");
  assert.equal(setFlags(first, first.open("/file"), FS_IMMUTABLE_FL), 0);
  syncAll(first.task.kernel);
  const { test, user } = FileTask.create(aegisfs);
  assert.equal(flags(user, user.open("/file")), FS_IMMUTABLE_FL);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/file", 0), -EPERM);
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  assert.equal(user.call("ioctl", user.open("/proc/uptime"), FS_IOC_GETFLAGS, BUFFER), -ENOTTY);
});

it("an owner sets what concerns him alone, and not what binds root", () => {
  const { user } = FileTask.create();
  user.call("fchmodat", AT_FDCWD, "/", 0o777);
  user.becomeUser(1000);
  user.put("/own", "");
  const fd = user.open("/own");
  assert.equal(setFlags(user, fd, FS_NODUMP_FL), 0);
  assert.equal(flags(user, fd), FS_NODUMP_FL);
  assert.equal(setFlags(user, fd, FS_NODUMP_FL | FS_IMMUTABLE_FL), -EPERM);
  user.becomeUser(1001);
  assert.equal(setFlags(user, fd, 0), -EPERM);
});
