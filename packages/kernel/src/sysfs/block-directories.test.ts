/**
 * Goal: programs such as lsblk and losetup find block devices in sysfs and procfs while they are there. Method: system
 * calls of a task.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BLKRRPART, ENOENT, LOOP_CLR_FD, LOOP_CTL_GET_FREE, LOOP_SET_FD, O_CREAT, O_RDWR } from "@stratos/abi";
import { diskMachine, putPartitionTable } from "../testing/disk-machine.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { Procfs } from "../procfs/procfs.ts";
import { Sysfs } from "./sysfs.ts";

it("memory is shown in blocks that make up all of it", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  mountAt(kernel, "/sys", new Sysfs(kernel));
  const size = parseInt(user.get("/sys/devices/system/memory/block_size_bytes") as string, 16);
  const blocks = (user.list("/sys/devices/system/memory") as string[]).filter((name) => /^memory\d+$/.test(name));
  assert.equal(size * blocks.length, kernel.memory.limit * 4096 - ((kernel.memory.limit * 4096) % size));
  assert.equal(user.get("/sys/devices/system/memory/memory0/state"), "online\n");
});

it("a loop device and its partition are shown with what lies behind them, and go", () => {
  const { user } = diskMachine();
  const { kernel } = user.task;
  mountAt(kernel, "/sys", new Sysfs(kernel));
  mountAt(kernel, "/proc", new Procfs(kernel));
  assert.deepEqual(user.list("/sys/block"), [".", ".."]);
  const file = user.open("/image", O_RDWR | O_CREAT);
  user.call("ftruncate", file, 1 << 20);
  putPartitionTable(user, file);
  user.call("ioctl", user.open("/dev/loop-control", O_RDWR), LOOP_CTL_GET_FREE, 0);
  const device = user.open("/dev/loop0", O_RDWR);
  assert.deepEqual(user.list("/sys/block"), [".", "..", "loop0"]);
  assert.deepEqual(user.list("/sys/block/loop0/loop"), [".", ".."], "nothing lies behind it");
  assert.equal(user.get("/proc/partitions"), "major minor  #blocks  name\n\n");
  user.call("ioctl", device, LOOP_SET_FD, file);
  user.call("ioctl", device, BLKRRPART, 0);
  assert.equal(user.get("/sys/block/loop0/loop/backing_file"), "/image\n");
  assert.equal(user.get("/sys/dev/block/7:0/size"), "2048\n");
  assert.equal(user.get("/sys/class/block/loop0p1/start"), "64\n");
  assert.equal(user.readlink("/sys/class/block/loop0p1"), "../../devices/virtual/block/loop0/loop0p1");
  assert.equal(user.get("/sys/block/loop0/loop0p1/size"), "100\n");
  assert.equal(
    user.get("/proc/partitions"),
    "major minor  #blocks  name\n\n   7        0       1024 loop0\n 259        0         50 loop0p1\n",
  );
  assert.match(user.get("/proc/devices") as string, /Block devices:\n {2}7 loop\n259 blkext\n/);
  user.call("ioctl", device, LOOP_CLR_FD, 0);
  user.call("close", device);
  assert.equal(user.get("/sys/block/loop0/loop/backing_file"), -ENOENT);
  assert.equal(user.get("/sys/class/block/loop0p1/start"), -ENOENT);
});
