/**
 * Goal: a file as a disk, by the rules of loop(4). Method: system calls of a task on tmpfs, with /dev mounted; requests
 * are built byte by byte.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  BLKDISCARD,
  BLKGETSIZE,
  BLKGETSIZE64,
  BLKPG,
  BLKPG_ADD_PARTITION,
  BLKPG_DEL_PARTITION,
  BLKROGET,
  BLKRRPART,
  BLKSSZGET,
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOSPC,
  ENXIO,
  EPERM,
  LOOP_CHANGE_FD,
  LOOP_CLR_FD,
  LOOP_CONFIGURE,
  LOOP_CTL_ADD,
  LOOP_CTL_GET_FREE,
  LOOP_CTL_REMOVE,
  LOOP_GET_STATUS64,
  LOOP_SET_BLOCK_SIZE,
  LOOP_SET_CAPACITY,
  LOOP_SET_FD,
  LOOP_SET_STATUS64,
  LO_FLAGS_AUTOCLEAR,
  LO_FLAGS_PARTSCAN,
  LO_FLAGS_READ_ONLY,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  SEEK_CUR,
  SEEK_END,
  S_IFBLK,
  S_IFMT,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import { diskMachine, putPartitionTable } from "../../testing/disk-machine.ts";
import { BUFFER, type FileTask, type Stat } from "../../testing/file-system-task.ts";
import { syncAll } from "../../vfs/write-back.ts";

function machine(): FileTask {
  return diskMachine().user;
}

/** A file of `size` bytes behind the first free device. @returns descriptor of the device */
function attach(
  user: FileTask,
  size: number,
  { flags = 0, offset = 0, sizeLimit = 0, access = O_RDWR, path = "/image" } = {},
): number {
  if (typeof user.stat(path) === "number") {
    const made = user.open(path, O_RDWR | O_CREAT);
    user.call("ftruncate", made, size);
    user.call("close", made);
  }
  const file = user.open(path, access);
  const control = user.open("/dev/loop-control", O_RDWR);
  const number = user.call("ioctl", control, LOOP_CTL_GET_FREE, 0);
  user.call("close", control);
  const device = user.open(`/dev/loop${number}`, O_RDWR);
  assert.ok(device >= 0);
  assert.equal(user.call("ioctl", device, LOOP_CONFIGURE, config(user, file, { flags, offset, sizeLimit })), 0);
  user.call("close", file);
  return device;
}

function config(user: FileTask, fd: number, { flags = 0, offset = 0, sizeLimit = 0, blockSize = 0 } = {}): number {
  const { u8, view } = user.memory;
  u8.fill(0, BUFFER, BUFFER + 304);
  view.setInt32(BUFFER, fd, true);
  view.setUint32(BUFFER + 4, blockSize, true);
  view.setUint32(BUFFER + 8 + 24, offset, true);
  view.setUint32(BUFFER + 8 + 32, sizeLimit, true);
  view.setUint32(BUFFER + 8 + 52, flags, true);
  return BUFFER;
}

function number64(user: FileTask, device: number, request: number): number {
  assert.equal(user.call("ioctl", device, request, BUFFER), 0);
  return Number(user.memory.view.getBigUint64(BUFFER, true));
}

function number32(user: FileTask, device: number, request: number): number {
  assert.equal(user.call("ioctl", device, request, BUFFER), 0);
  return user.memory.view.getUint32(BUFFER, true);
}

it("devices come when they are asked for, one at a time, and go again", () => {
  const user = machine();
  const control = user.open("/dev/loop-control", O_RDWR);
  assert.equal(user.open("/dev/loop0"), -2);
  assert.equal(user.call("ioctl", control, LOOP_CTL_GET_FREE, 0), 0);
  assert.equal(user.call("ioctl", control, LOOP_CTL_GET_FREE, 0), 0, "it is still free");
  assert.equal((user.stat("/dev/loop0") as Stat).mode & S_IFMT, S_IFBLK);
  assert.equal(user.call("ioctl", control, LOOP_CTL_ADD, 5), 5);
  assert.equal(user.call("ioctl", control, LOOP_CTL_ADD, 5), -EEXIST);
  assert.equal(user.call("ioctl", control, LOOP_CTL_ADD, 256), -ENOSPC, "the bound");
  const device = user.open("/dev/loop5");
  assert.equal(user.call("ioctl", control, LOOP_CTL_REMOVE, 5), -EBUSY);
  user.call("close", device);
  assert.equal(user.call("ioctl", control, LOOP_CTL_REMOVE, 5), 5);
  assert.equal(user.call("ioctl", control, LOOP_CTL_REMOVE, 5), -ENODEV);
  assert.equal(user.open("/dev/loop5"), -2, "the node went with it");
  user.call("mknodat", -100, "/dev/mine", S_IFBLK | 0o600, (7 << 8) | 3);
  assert.ok(user.open("/dev/mine") >= 0, "opening a node makes its device");
  user.call("mknodat", -100, "/dev/none", S_IFBLK | 0o600, (8 << 8) | 3);
  assert.equal(user.open("/dev/none"), -ENXIO, "a node without a driver");
});

it("what is written to the device is in the file, from its offset on and no further than its length", () => {
  const user = machine();
  const device = attach(user, 10_240, { offset: 512, sizeLimit: 4096 });
  assert.equal(number64(user, device, BLKGETSIZE64), 4096);
  assert.equal(number64(user, device, BLKGETSIZE), 8);
  assert.equal(number32(user, device, BLKSSZGET), 512);
  user.memory.u8.fill(0, BUFFER, BUFFER + 32);
  assert.equal(user.call("utimensat", AT_FDCWD, "/dev/loop0", BUFFER, 0), 0);
  assert.equal((user.stat("/dev/loop0") as Stat).mtime, 0);
  assert.equal(user.call("pwrite64", device, user.text("hello"), 5, 100), 5);
  assert.notEqual((user.stat("/dev/loop0") as Stat).mtime, 0, "the node tells when the device was written");
  assert.equal(user.call("pwrite64", device, user.text("xyz"), 3, 4095), 1, "a write ends with the device");
  assert.equal(user.call("pwrite64", device, user.text("xyz"), 3, 4096), -ENOSPC);
  assert.equal(user.call("fsync", device), 0);
  const content = user.get("/image") as string;
  assert.equal(content.length, 10_240);
  assert.equal(content.slice(612, 617), "hello");
  assert.equal(content.slice(4606, 4609), "\0x\0");
  assert.equal(user.call("lseek", device, 0, 2), 4096);
  assert.equal(user.call("lseek", device, 4097, 0), -EINVAL);
  const other = user.open("/dev/loop0");
  user.call("pread64", other, BUFFER, 5, 100);
  assert.equal(String.fromCharCode(...user.memory.u8.subarray(BUFFER, BUFFER + 5)), "hello");
});

it("sync hands on what was written to a device that lies in a device", () => {
  const user = machine();
  attach(user, 65_536);
  user.call("symlinkat", "/dev/loop0", -100, "/outer");
  const inner = attach(user, 0, { path: "/outer" });
  assert.equal(user.call("pwrite64", inner, user.text("deep"), 4, 8192), 4);
  syncAll(user.task.kernel);
  assert.equal((user.get("/image") as string).slice(8192, 8196), "deep");
  assert.equal(
    user.call("ioctl", user.open("/dev/loop0", O_RDWR), LOOP_CHANGE_FD, inner),
    -EINVAL,
    "it isn't read-only",
  );
  const control = user.open("/dev/loop-control", O_RDWR);
  user.call("ioctl", control, LOOP_CTL_ADD, 2);
  const third = user.open("/dev/loop2", O_RDWR);
  assert.equal(user.call("ioctl", third, LOOP_SET_FD, third), -EBADF, "a device behind itself");
  assert.equal(user.call("ioctl", third, LOOP_SET_FD, user.open("/dev", 0)), -EINVAL, "a folder");
});

it("a device goes with its last user, and with LO_FLAGS_AUTOCLEAR by itself", () => {
  const user = machine();
  const device = attach(user, 4096);
  const other = user.open("/dev/loop0");
  assert.equal(user.call("ioctl", device, LOOP_SET_FD, other), -EBUSY);
  assert.equal(user.call("ioctl", device, LOOP_CLR_FD, 0), 0);
  assert.equal(number64(user, device, BLKGETSIZE64), 4096, "somebody still uses it");
  user.call("close", other);
  assert.equal(user.call("ioctl", device, LOOP_CLR_FD, 0), 0);
  assert.equal(user.call("ioctl", device, LOOP_CLR_FD, 0), -ENXIO, "it is going");
  assert.equal(user.open("/dev/loop0"), -ENXIO);
  user.call("close", device);
  const again = user.open("/dev/loop0");
  assert.equal(number64(user, again, BLKGETSIZE64), 0);
  assert.equal(user.call("ioctl", again, LOOP_GET_STATUS64, BUFFER), -ENXIO);
  user.call("close", again);
  user.call("close", attach(user, 4096, { flags: LO_FLAGS_AUTOCLEAR }));
  assert.equal(number64(user, user.open("/dev/loop0"), BLKGETSIZE64), 0);
});

it("who listens for events of devices hears when a file comes behind one and goes", () => {
  const { user } = diskMachine();
  const heard: string[][] = [];
  user.task.kernel.uevents.listeners.add({
    network: {},
    ueventCame: (message) => void heard.push(byteString(message, 0, message.length).split("\0")),
  });
  const device = attach(user, 4096);
  user.call("ioctl", device, LOOP_CLR_FD, 0);
  assert.equal(heard.length, 1);
  user.call("close", device);
  assert.equal(heard.length, 2);
  for (const [index, event] of heard.entries())
    assert.deepEqual(event, [
      "change@/devices/virtual/block/loop0",
      "ACTION=change",
      "DEVPATH=/devices/virtual/block/loop0",
      "SUBSYSTEM=block",
      "MAJOR=7",
      "MINOR=0",
      "DEVNAME=loop0",
      "DEVTYPE=disk",
      event[8]!,
      `SEQNUM=${index + 1}`,
      "",
    ]);
  assert.match(heard[0]![8]!, /^DISKSEQ=\d+$/);
});

it("a read-only file makes a read-only device, whose file may be changed for one as long", () => {
  const user = machine();
  const device = attach(user, 4096, { access: 0 });
  assert.equal(number32(user, device, BLKROGET), 1);
  assert.equal(user.write(device, "x"), -EPERM);
  const longer = user.open("/longer", O_RDWR | O_CREAT),
    same = user.open("/same", O_RDWR | O_CREAT);
  user.call("ftruncate", longer, 8192);
  user.call("ftruncate", same, 4096);
  user.call("pwrite64", same, user.text("second"), 6, 0);
  assert.equal(user.call("ioctl", device, LOOP_CHANGE_FD, longer), -EINVAL);
  assert.equal(user.call("ioctl", device, LOOP_CHANGE_FD, same), 0);
  assert.equal(user.read(device, 6), "second");
  assert.equal(user.call("ioctl", device, LOOP_GET_STATUS64, BUFFER), 0);
  assert.equal(user.memory.view.getUint32(BUFFER + 52, true), LO_FLAGS_READ_ONLY);
});

it("LOOP_SET_STATUS64, LOOP_SET_CAPACITY and LOOP_SET_BLOCK_SIZE change a bound device", () => {
  const user = machine();
  const device = attach(user, 10_240);
  user.call("pwrite64", device, user.text("first"), 5, 0);
  const status = (offset: number, sizeLimit: number, flags: number): number => {
    user.memory.u8.fill(0, BUFFER, BUFFER + 232);
    user.memory.view.setBigUint64(BUFFER + 24, BigInt(offset), true);
    user.memory.view.setBigUint64(BUFFER + 32, BigInt(sizeLimit), true);
    user.memory.view.setUint32(BUFFER + 52, flags, true);
    user.memory.u8.set(byteStringOf("/image"), BUFFER + 56);
    return user.call("ioctl", device, LOOP_SET_STATUS64, BUFFER);
  };
  assert.equal(status(1024, 0, LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY), 0);
  assert.equal(number64(user, device, BLKGETSIZE64), 9216);
  assert.equal((user.get("/image") as string).slice(0, 5), "first", "it went where the device began");
  assert.equal(user.call("ioctl", device, LOOP_GET_STATUS64, BUFFER), 0);
  assert.equal(user.memory.view.getUint32(BUFFER + 52, true), LO_FLAGS_AUTOCLEAR, "read-only is not set so");
  assert.equal(byteString(user.memory.u8, BUFFER + 56, BUFFER + 63), "/image\0", "what losetup(8) shows");
  assert.equal(status(0, 0, 0), 0);
  user.call("truncate", "/image", 5120);
  assert.equal(number64(user, device, BLKGETSIZE64), 10_240);
  assert.equal(user.call("ioctl", device, LOOP_SET_CAPACITY, 0), 0);
  assert.equal(number64(user, device, BLKGETSIZE64), 5120);
  for (const size of [256, 4095, 8192]) assert.equal(user.call("ioctl", device, LOOP_SET_BLOCK_SIZE, size), -EINVAL);
  assert.equal(user.call("ioctl", device, LOOP_SET_BLOCK_SIZE, 4096), 0);
  assert.equal(number32(user, device, BLKSSZGET), 4096);
});

it("partitions are found when they are asked for, and are windows on the disk", () => {
  const user = machine();
  const file = user.open("/image", O_RDWR | O_CREAT);
  user.call("ftruncate", file, 1 << 20);
  putPartitionTable(user, file);
  const device = attach(user, 1 << 20);
  assert.equal(user.open("/dev/loop0p1"), -2);
  assert.equal(user.call("ioctl", device, BLKRRPART, 0), 0);
  const part = user.open("/dev/loop0p1", O_RDWR);
  assert.equal(number64(user, part, BLKGETSIZE64), 51_200);
  assert.equal(user.call("pwrite64", part, user.text("inside"), 6, 0), 6);
  assert.equal(user.call("ioctl", device, BLKRRPART, 0), -EBUSY);
  user.call("close", part);
  assert.equal((user.get("/image") as string).slice(64 * 512, 64 * 512 + 6), "inside");
  user.call("ioctl", device, LOOP_CLR_FD, 0);
  user.call("close", device);
  assert.equal(user.open("/dev/loop0p1"), -2);
  user.call("close", attach(user, 0, { flags: LO_FLAGS_PARTSCAN }));
  assert.ok(user.open("/dev/loop0p1") >= 0);
});

it("another file behind the device brings its own partitions, where they are looked for", () => {
  for (const flags of [LO_FLAGS_READ_ONLY, LO_FLAGS_READ_ONLY | LO_FLAGS_PARTSCAN]) {
    const user = machine();
    const device = attach(user, 1 << 20, { flags });
    const other = user.open("/other", O_RDWR | O_CREAT);
    user.call("ftruncate", other, 1 << 20);
    putPartitionTable(user, other);
    assert.equal(user.call("ioctl", device, LOOP_CHANGE_FD, other), 0);
    assert.equal(user.open("/dev/loop0p1") >= 0, (flags & LO_FLAGS_PARTSCAN) !== 0);
  }
});

it("a driver's reads and writes are whole when the call that needs them has used its work", () => {
  const user = machine();
  const device = attach(user, 1 << 20);
  const { kernel } = user.task;
  const inode = kernel.disks.all.get("loop0")!;
  const written = Uint8Array.from({ length: 16 * 4096 }, (_, index) => 1 + (index % 251));
  const read = new Uint8Array(written.length);
  kernel.work.mayPause = true;
  kernel.work.charge(kernel.work.limit);
  assert.equal(inode.writeThrough(0, written, 0, written.length), 0);
  assert.equal(inode.readThrough(0, read, 0, read.length), 0);
  kernel.work.mayPause = false;
  assert.deepEqual(read, written);
  user.call("close", device);
});

it("O_EXCL keeps a device for one, and discarded bytes are given back", () => {
  const user = machine();
  const device = attach(user, 1 << 20);
  const own = user.open("/dev/loop0", O_RDWR | O_EXCL);
  assert.ok(own >= 0);
  assert.equal(user.open("/dev/loop0", O_RDWR | O_EXCL), -EBUSY);
  user.call("close", own);
  assert.ok(user.open("/dev/loop0", O_RDWR | O_EXCL) >= 0);
  user.call("pwrite64", device, "x".repeat(8192), 8192, 0);
  user.call("fsync", device);
  assert.equal((user.stat("/image") as Stat).blocks, 16);
  user.memory.view.setBigUint64(BUFFER, 0n, true);
  user.memory.view.setBigUint64(BUFFER + 8, 4096n, true);
  assert.equal(user.call("ioctl", device, BLKDISCARD, BUFFER), 0);
  assert.equal((user.stat("/image") as Stat).blocks, 8);
  assert.equal(user.call("pread64", device, BUFFER, 1, 0), 1);
  assert.equal(user.memory.u8[BUFFER], 0);
});

it("BLKPG makes and removes partitions one by one, as parted(8) does", () => {
  const user = machine();
  const device = attach(user, 1 << 20);
  const change = (operation: number, number: number, start = 0, length = 0): number => {
    const { view } = user.memory;
    user.memory.u8.fill(0, BUFFER, BUFFER + 200);
    view.setUint32(BUFFER, operation, true);
    view.setUint32(BUFFER + 16, BUFFER + 32, true);
    view.setUint32(BUFFER + 32, start, true);
    view.setUint32(BUFFER + 40, length, true);
    view.setUint32(BUFFER + 48, number, true);
    return user.call("ioctl", device, BLKPG, BUFFER);
  };
  assert.equal(change(BLKPG_DEL_PARTITION, 1), -ENXIO);
  assert.equal(change(BLKPG_ADD_PARTITION, 1, 4096, 8192), 0);
  assert.equal(change(BLKPG_ADD_PARTITION, 2, 8192, 8192), -EBUSY, "they would overlap");
  assert.equal(change(BLKPG_ADD_PARTITION, 2, 1 << 20, 4096), -EINVAL);
  const part = user.open("/dev/loop0p1");
  assert.equal(number64(user, part, BLKGETSIZE64), 8192);
  assert.equal(change(BLKPG_DEL_PARTITION, 1), -EBUSY);
  user.call("close", part);
  assert.equal(change(BLKPG_DEL_PARTITION, 1), 0);
  assert.equal(user.open("/dev/loop0p1"), -2);
});

it("a device is sought from its end; a node of a partition that was removed leads nowhere", () => {
  const user = machine();
  const device = attach(user, 1 << 20, { flags: LO_FLAGS_PARTSCAN });
  assert.equal(user.call("lseek", device, -512, SEEK_END), (1 << 20) - 512);
  assert.equal(user.call("lseek", device, 12, SEEK_CUR), (1 << 20) - 500);
  assert.equal(user.call("lseek", device, -(1 << 20) - 1, SEEK_END), -EINVAL);
  putPartitionTable(user, device);
  assert.equal(user.call("ioctl", device, BLKRRPART, 0), 0);
  const { rdev } = user.stat("/dev/loop0p1") as Stat;
  user.call("mknodat", -100, "/dev/mine", S_IFBLK | 0o600, rdev);
  const partition = user.open("/dev/mine");
  assert.ok(partition >= 0);
  user.call("close", partition);
  user.memory.u8.fill(0, BUFFER, BUFFER + 512);
  user.call("pwrite64", device, BUFFER, 512, 0);
  assert.equal(user.call("ioctl", device, BLKRRPART, 0), 0);
  assert.equal(user.open("/dev/mine"), -ENXIO);
});
