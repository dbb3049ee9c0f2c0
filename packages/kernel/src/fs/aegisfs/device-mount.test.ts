/**
 * Goal: a volume in a file of the guest is mounted through a loop device, and what is written to it is in the file.
 * Method: the engine formats and checks the file's bytes, system calls of a task do the rest.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { check, format } from "@stratos/aegisfs";
import {
  EACCES,
  EBUSY,
  EINVAL,
  ENOENT,
  ENOTBLK,
  LO_FLAGS_AUTOCLEAR,
  LOOP_CTL_GET_FREE,
  LOOP_GET_STATUS64,
  LOOP_SET_FD,
  LOOP_SET_STATUS64,
  MNT_DETACH,
  MS_BIND,
  MS_RDONLY,
  MS_SHARED,
  O_CREAT,
  O_EXCL,
  O_RDWR,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { mountCalls } from "../../syscall/mount-calls.ts";
import { diskMachine } from "../../testing/disk-machine.ts";
import { asCurrent } from "../../testing/fake-task.ts";
import { BUFFER, type FileTask, type Stat } from "../../testing/file-system-task.ts";
import { continueEnding } from "../../vfs/mount-lifetime.ts";
import { readPages, putPages } from "../../vfs/regular-file.ts";
import { syncAll } from "../../vfs/write-back.ts";

const SIZE = 24 << 20;

function volumeBytes(): Uint8Array {
  const disk = new MemoryBlockDevice(SIZE);
  assert.equal(format(disk, { uuid: new Uint8Array(16).fill(7), hashSeed: 5 }), 0);
  const bytes = new Uint8Array(SIZE);
  disk.read(0, bytes, 0, SIZE);
  return bytes;
}

interface Guest {
  user: FileTask;
  device: number;
  log: string[];
}

/** The volume behind /dev/loop0; `device` is a descriptor of it. */
function machine(): Guest {
  const { user, messages } = diskMachine({ memoryBytes: 64 << 20 });
  const { kernel } = user.task;
  const file = user.open("/volume", O_RDWR | O_CREAT);
  user.call("mkdirat", -100, "/mnt", 0o755);
  putPages(kernel, user.task.files.get(file)!.inode!, new BytesCursor(volumeBytes()), 0, SIZE);
  assert.equal(user.call("ioctl", user.open("/dev/loop-control", O_RDWR), LOOP_CTL_GET_FREE, 0), 0);
  const device = user.open("/dev/loop0", O_RDWR);
  assert.equal(user.call("ioctl", device, LOOP_SET_FD, file), 0);
  user.call("close", file);
  return { user, device, log: messages };
}

function content(user: FileTask): MemoryBlockDevice {
  const file = user.task.files.get(user.open("/volume"))!;
  const bytes = new Uint8Array(SIZE);
  readPages(user.task.kernel, file.inode!, new BytesCursor(bytes), 0);
  const disk = new MemoryBlockDevice(SIZE);
  disk.write(0, bytes, 0, SIZE);
  return disk;
}

it("what is written below the mount is in the file after umount, and the volume is whole", () => {
  const { user, device } = machine();
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
  user.put("/mnt/hello", "content ".repeat(3000));
  assert.equal((user.stat("/mnt/hello") as Stat).size, 24_000);
  assert.equal(user.open("/dev/loop0", O_RDWR | O_EXCL), -EBUSY, "it is mounted");
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  assert.equal(user.stat("/mnt/hello"), -ENOENT);
  assert.deepEqual(check(content(user), { data: true }), []);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", MS_RDONLY, 0), 0);
  assert.equal(user.get("/mnt/hello"), "content ".repeat(3000));
  assert.equal(user.open("/mnt/new", O_CREAT | O_RDWR), -30);
  user.call("close", device);
});

it("one device is one file system, wherever it is mounted", () => {
  const { user } = machine();
  user.call("mkdirat", -100, "/other", 0o755);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
  assert.equal(user.call("mount", "/dev/loop0", "/other", "aegisfs", 0, 0), 0);
  user.put("/mnt/file", "seen");
  assert.equal(user.get("/other/file"), "seen");
  assert.equal(
    user.call("mount", "/dev/loop0", "/other", "aegisfs", MS_RDONLY, 0),
    -EBUSY,
    "it is mounted to be written",
  );
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  assert.equal(user.get("/other/file"), "seen");
});

it("a mount that goes while it is in use ends with its last user, and gives its device back", () => {
  const { user, device } = machine();
  const { view } = user.memory;
  user.memory.u8.fill(0, BUFFER, BUFFER + 232);
  view.setUint32(BUFFER + 52, LO_FLAGS_AUTOCLEAR, true);
  assert.equal(user.call("ioctl", device, LOOP_SET_STATUS64, BUFFER), 0);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
  user.call("close", device);
  const file = user.open("/mnt/file", O_RDWR | O_CREAT);
  assert.equal(user.call("umount2", "/mnt", 0), -EBUSY);
  assert.equal(user.call("umount2", "/mnt", MNT_DETACH), 0);
  user.write(file, "late");
  assert.equal(user.task.kernel.disks.all.get("loop0")!.size, SIZE);
  user.call("close", file);
  const again = user.open("/dev/loop0");
  assert.equal(user.call("ioctl", again, LOOP_GET_STATUS64, BUFFER), -6, "it was cleared by itself");
  assert.deepEqual(check(content(user), { data: true }), []);
});

it("what ends with a tree that is taken away, or with the copy of a mount, stores what waits before, in pieces", () => {
  for (const isTree of [true, false]) {
    const { user } = machine();
    const { kernel } = user.task;
    assert.equal(user.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
    user.call("mkdirat", -100, "/copy", 0o755);
    user.call("mkdirat", -100, "/mnt/in", 0o755);
    assert.equal(user.call("mount", "", "/mnt", 0, MS_SHARED, 0), 0);
    if (!isTree) assert.equal(user.call("mount", "/mnt", "/copy", 0, MS_BIND, 0), 0);
    assert.equal(user.call("mount", "/dev/loop0", "/mnt/in", "aegisfs", 0, 0), 0);
    const file = user.open("/mnt/in/file", O_RDWR | O_CREAT);
    for (let written = 0; written < 80; written++) user.write(file, "x".repeat(15 * 4096));
    if (!isTree) assert.equal((user.stat("/copy/in/file") as Stat).size, 80 * 15 * 4096);
    user.call("close", file);
    const [path, flags] = isTree ? [user.text("/mnt"), MNT_DETACH] : [user.text("/mnt/in"), 0];
    let executions = 0;
    let result: number;
    do {
      kernel.work.begin();
      result = asCurrent(user.task, () => mountCalls["umount2"]!.run(user.task, path, flags, 0, 0, 0, 0));
      executions++;
      assert.ok(kernel.work.spent < 3 * kernel.work.limit, `${kernel.work.spent} units`);
    } while (result === UNFINISHED);
    assert.equal(result, 0);
    assert.ok(executions > 1, "at once");
    assert.deepEqual(check(content(user), { data: true }), []);
  }
});

const MUCH = 60 * 15 * 4096;

/** The mount is gone, and so is the last user of a file in it, who has written much. */
function endingWithMuch(): FileTask {
  const { user } = machine();
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
  const file = user.open("/mnt/file", O_RDWR | O_CREAT);
  assert.equal(user.call("umount2", "/mnt", MNT_DETACH), 0);
  for (let written = 0; written < 60; written++) user.write(file, "x".repeat(15 * 4096));
  user.call("close", file);
  return user;
}

it("what ends with its last user stores what waits in pieces of the kernel's own, and is whole then", () => {
  const user = endingWithMuch();
  const { kernel } = user.task;
  assert.equal(user.open("/dev/loop0", O_RDWR | O_EXCL), -EBUSY, "it has not ended yet");
  let pieces = 0;
  while (continueEnding(kernel)) pieces++;
  assert.ok(pieces > 1, "at once");
  assert.deepEqual(check(content(user), { data: true }), []);
  assert.equal(user.call("close", user.open("/dev/loop0", O_RDWR | O_EXCL)), 0);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", MS_RDONLY, 0), 0);
  assert.equal((user.stat("/mnt/file") as Stat).size, MUCH);
});

it("what ends, and is mounted again before all of it is stored, goes on", () => {
  const user = endingWithMuch();
  const { kernel } = user.task;
  assert.equal(continueEnding(kernel), true);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
  while (continueEnding(kernel));
  assert.equal((user.stat("/mnt/file") as Stat).size, MUCH);
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  assert.deepEqual(check(content(user), { data: true }), []);
});

it("at the machine's end a disk in a file of a root that is thrown away is not stored, one elsewhere is", () => {
  for (const isKept of [false, true]) {
    const { user } = machine();
    const { kernel } = user.task;
    assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), 0);
    user.put("/mnt/file", "late");
    const root = user.task.fs.root.mount.fileSystem;
    const before = kernel.disks.all.get("loop0")!.driver.beneath;
    assert.equal(before, root);
    const mounted = user.task.fs.namespace.mounts.find(
      ({ fileSystem }) => fileSystem !== root && fileSystem.mountDevice,
    );
    const written = [...kernel.vfs.dirty].filter(({ fileSystem }) => fileSystem === mounted!.fileSystem);
    assert.ok(written.length > 0);
    syncAll(kernel, isKept ? null : root);
    for (const { isDirty } of written) assert.equal(isDirty, !isKept);
  }
});

it("what cannot be mounted says why", () => {
  const { user, device, log } = machine();
  assert.equal(user.call("mount", "/dev/none", "/mnt", "aegisfs", 0, 0), -ENOENT);
  assert.equal(user.call("mount", "/volume", "/mnt", "aegisfs", 0, 0), -ENOTBLK);
  assert.equal(user.call("mount", "", "/mnt", "aegisfs", 0, 0), -EINVAL);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, "subvol=none"), -ENOENT);
  assert.match(log.at(-1)!, /aegisfs: loop0: there is no subvolume "none"/);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, "fast"), -EINVAL);
  assert.match(log.at(-1)!, /^aegisfs: Unknown parameter 'fast' \(known: subvol\)$/);
  assert.equal(user.call("pwrite64", device, "\0".repeat(4096), 4096, 0), 4096);
  user.task.kernel.disks.all.get("loop0")!.isReadOnly = true;
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", 0, 0), -EACCES);
  user.call("truncate", "/volume", 0);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "aegisfs", MS_RDONLY, 0), -EINVAL);
  assert.match(log.at(-1)!, /this is no AegisFS volume/);
  user.put("/tiny", "x".repeat(8192));
  user.call("ioctl", user.open("/dev/loop-control", O_RDWR), LOOP_CTL_GET_FREE, 0);
  assert.equal(user.call("ioctl", user.open("/dev/loop1", O_RDWR), LOOP_SET_FD, user.open("/tiny", O_RDWR)), 0);
  assert.equal(user.call("mount", "/dev/loop1", "/mnt", "aegisfs", 0, 0), -EINVAL);
  assert.match(log.at(-1)!, /smaller than the volume says/);
});
