/**
 * Goal: a handle leads to its file whatever its names are, and to no other; errors in Linux's order. Method: system
 * calls of a task on tmpfs and on AegisFS.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { format, mount } from "@stratos/aegisfs";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_HANDLE_FID,
  EBADF,
  EFAULT,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  ESTALE,
  O_RDWR,
} from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { AegisFileSystem } from "../fs/aegisfs/aegisfs.ts";
import { Procfs } from "../procfs/procfs.ts";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { dropUnusedDentries } from "../vfs/dentry-cache.ts";
import { mountAt } from "../vfs/boot-mounts.ts";

const HANDLE = BUFFER,
  MOUNT_ID = BUFFER + 256;

function aegisfs(kernel: Kernel): AegisFileSystem {
  const device = new MemoryBlockDevice(16 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mount(device);
  if (typeof volume === "string") throw new Error(volume);
  return new AegisFileSystem(kernel, volume);
}

for (const [name, root] of [
  ["tmpfs", (kernel: Kernel) => new Tmpfs(kernel)],
  ["aegisfs", aegisfs],
] as const) {
  it(`${name}: a handle finds its file under another name, and no more when it is gone`, () => {
    const {
      test: { kernel },
      user,
    } = FileTask.create(root);
    mountAt(kernel, "/proc", new Procfs(kernel));
    user.put("/file", "content");
    const encode = (path: string, flags = 0): number => {
      user.memory.view.setUint32(HANDLE, 128, true);
      return user.call("name_to_handle_at", AT_FDCWD, path, HANDLE, MOUNT_ID, flags);
    };
    user.memory.view.setUint32(HANDLE, 0, true);
    assert.equal(user.call("name_to_handle_at", AT_FDCWD, "/file", HANDLE, MOUNT_ID, 0), -EOVERFLOW);
    assert.equal(user.memory.view.getUint32(HANDLE, true), 16, "it says how much it takes");
    assert.equal(encode("/file"), 0);
    user.call("renameat2", AT_FDCWD, "/file", AT_FDCWD, "/other", 0);
    const fd = user.call("open_by_handle_at", AT_FDCWD, HANDLE, O_RDWR);
    assert.ok(fd >= 0);
    const handle = user.memory.u8.slice(HANDLE, HANDLE + 24);
    assert.equal(user.read(fd), "content");
    user.call("unlinkat", AT_FDCWD, "/other", 0);
    user.memory.u8.set(handle, HANDLE);
    const again = user.call("open_by_handle_at", AT_FDCWD, HANDLE, O_RDWR);
    assert.ok(again >= 0, "it is still in use");
    user.call("close", fd);
    user.call("close", again);
    user.put("/new", "another");
    user.memory.u8.set(handle, HANDLE);
    assert.equal(user.call("open_by_handle_at", AT_FDCWD, HANDLE, 0), -ESTALE);
    user.call("mkdirat", AT_FDCWD, "/dir", 0o755);
    assert.equal(encode("/dir"), 0);
    assert.equal(user.call("open_by_handle_at", AT_FDCWD, HANDLE, O_RDWR), -EISDIR);
    user.call("symlinkat", "new", AT_FDCWD, "/link");
    assert.equal(encode("/link"), 0);
    assert.equal(user.call("open_by_handle_at", AT_FDCWD, HANDLE, 0), -ELOOP);
    assert.equal(encode("/proc/filesystems"), -EOPNOTSUPP);
    assert.equal(encode("/proc/filesystems", AT_HANDLE_FID), 0);
    assert.equal(user.memory.view.getUint32(HANDLE, true), 16, "one to compare, and no more");
    assert.equal(user.call("open_by_handle_at", user.open("/proc"), HANDLE, 0), -ESTALE);
  });
}

it("a handle leads to a folder where it is, as long as its name is in memory", () => {
  const { test, user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/outer", 0o755);
  user.call("mkdirat", AT_FDCWD, "/outer/dir", 0o755);
  user.memory.view.setUint32(HANDLE, 128, true);
  assert.equal(user.call("name_to_handle_at", AT_FDCWD, "/outer/dir", HANDLE, MOUNT_ID, 0), 0);
  const handle = user.memory.u8.slice(HANDLE, HANDLE + 24);
  const place = (): string | number => {
    user.memory.u8.set(handle, HANDLE);
    const fd = user.call("open_by_handle_at", AT_FDCWD, HANDLE, 0);
    if (fd < 0) return fd;
    assert.equal(user.call("fchdir", fd), 0);
    user.call("close", fd);
    return user.cwd();
  };
  assert.equal(place(), "/outer/dir");
  user.call("renameat2", AT_FDCWD, "/outer", AT_FDCWD, "/moved", 0);
  assert.equal(place(), "/moved/dir");
  user.call("chdir", "/");
  dropUnusedDentries(test.kernel);
  assert.equal(place(), -ENOENT, "it is open, and nobody knows where it is");
  user.stat("/moved/dir");
  assert.equal(place(), "/moved/dir");
  user.call("chdir", "/");
  user.call("unlinkat", AT_FDCWD, "/moved/dir", 0x200);
  assert.equal(place(), -ESTALE);
});

it("what is wrong is said in the order that Linux has", () => {
  const { user } = FileTask.create();
  user.put("/file", "");
  const name = (dirfd: number, path: number | string, handle: number, mountId: number, flags: number): number =>
    user.call("name_to_handle_at", dirfd, path, handle, mountId, flags);
  user.memory.view.setUint32(HANDLE, 0, true);
  assert.equal(name(-1, "x", HANDLE, MOUNT_ID, 0), -EBADF);
  assert.equal(name(AT_FDCWD, 1 << 30, HANDLE, MOUNT_ID, 0), -EFAULT);
  assert.equal(name(AT_FDCWD, "/file", 1 << 30, MOUNT_ID, 0), -EFAULT);
  assert.equal(name(AT_FDCWD, "/file", HANDLE, 1 << 30, 0), -EFAULT);
  assert.equal(name(AT_FDCWD, "/file", HANDLE, MOUNT_ID, -1), -EINVAL);
  assert.equal(name(AT_FDCWD, "", HANDLE, MOUNT_ID, 0), -ENOENT);
  user.memory.view.setUint32(HANDLE, 129, true);
  assert.equal(name(AT_FDCWD, "/file", HANDLE, MOUNT_ID, 0), -EINVAL);
  user.memory.view.setUint32(HANDLE, 128, true);
  assert.equal(name(AT_FDCWD, "", HANDLE, MOUNT_ID, AT_EMPTY_PATH), 0, "the working directory");
  assert.equal(user.call("open_by_handle_at", -1, HANDLE, 0), -EBADF);
  assert.equal(user.call("open_by_handle_at", AT_FDCWD, 1 << 30, 0), -EFAULT);
  user.becomeUser(1000);
  assert.equal(user.call("open_by_handle_at", AT_FDCWD, HANDLE, 0), -EPERM);
});
