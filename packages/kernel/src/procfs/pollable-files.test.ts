/**
 * Goal: the kernel's messages are read by every way there is, the files of /proc that Linux lets one wait for tell each
 * change once, and /proc/config.gz says what is there. Method: system calls of a task.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  EAGAIN,
  EINVAL,
  EPERM,
  EPIPE,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDNORM,
  POLLWRNORM,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import { callsByNumber } from "../syscall/all-calls.ts";
import { systemCalls } from "../syscall/system-calls.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { Call } from "../testing/fake-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { Procfs } from "./procfs.ts";

function machine(): FileTask {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  mountAt(kernel, "/dev", devtmpfsOf(kernel));
  mountAt(kernel, "/proc", new Procfs(kernel));
  return user;
}

it("/dev/kmsg gives one record for each read, and takes lines", () => {
  const user = machine();
  const { kernel } = user.task;
  const log = user.open("/dev/kmsg", O_RDWR | O_NONBLOCK);
  assert.match(user.read(log) as string, /^6,0,\d+,-;Linux version 6\..*\n$/);
  user.call("lseek", log, 0, 2);
  assert.equal(user.read(log), -EAGAIN);
  kernel.log("out of paper");
  kernel.log("out of ink");
  assert.equal(user.read(log, 10), -EINVAL, "a record is not cut, and the one that does not fit is passed over");
  assert.match(user.read(log) as string, /^6,\d+,\d+,-;out of ink\n$/);
  assert.equal(user.write(log, "<4>careful\n"), 11);
  assert.match(user.read(log) as string, /^12,\d+,\d+,-;careful\n$/);
  user.write(log, "plain");
  assert.match(user.read(log) as string, /^14,/);
  for (let index = 0; index < 5000; index++) kernel.log(`line ${index}`);
  assert.equal(user.read(log), -EPIPE, "the oldest went");
  assert.match(user.read(log) as string, /;line 904\n$/);
});

it("syslog(2) and /proc/kmsg take a message once, SYSLOG_ACTION_READ_ALL shows it until it is cleared", () => {
  const user = machine();
  const syslog = (type: number, length = 4096): number =>
    Call.of(user.task, systemCalls["syslog"]!, type, BUFFER, length).result!;
  const text = (length: number): string => byteString(user.memory.u8, BUFFER, BUFFER + length);
  user.task.kernel.log("first");
  assert.match(text(syslog(3)), /^<6>\[ +\d+\.\d{6}\] Linux version .*\n[^]*\] first\n$/);
  const queue = user.open("/proc/kmsg", O_NONBLOCK);
  assert.match(user.read(queue) as string, /first\n$/);
  assert.equal(user.read(queue), -EAGAIN);
  assert.equal(user.call("read", queue, BUFFER, 0), -EAGAIN);
  assert.equal(user.call("read", user.open("/proc/kmsg"), BUFFER, 0), 0, "nothing is waited for, as nothing is wanted");
  assert.equal(syslog(9), 0);
  user.task.kernel.log("second");
  assert.ok(syslog(9) > 0);
  assert.equal(user.call("read", queue, BUFFER, 0), 0);
  assert.match(text(syslog(2)), /\] second\n$/);
  assert.match(text(syslog(4)), /first\n.*second\n$/);
  assert.equal(syslog(3), 0);
  user.becomeUser(1000);
  assert.equal(user.open("/proc/kmsg"), -13);
  assert.equal(syslog(2), -EPERM);
});

const READY = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

it("a mount is an exceptional condition of /proc/self/mounts, told once", () => {
  const user = machine();
  user.call("mkdirat", -100, "/mnt", 0o755);
  const files = ["mounts", "mountinfo"].map((name) => user.task.files.get(user.open(`/proc/self/${name}`))!);
  const names = user.task.files.get(user.open("/proc/sys/kernel/hostname"))!;
  for (const file of [...files, names, user.task.files.get(user.open("/proc/swaps"))!]) {
    assert.ok(file.waitQueue !== null);
    assert.equal(file.poll(), file === names ? READY : POLLIN | POLLRDNORM);
  }
  Object.assign(user.task.space, { areas: { size: 1 } });
  for (const [name, isWaitable] of [
    ["meminfo", true],
    ["sys/kernel/pid_max", true],
    ["self/net/dev", true],
    ["self/status", false],
    ["self/mountstats", false],
    ["self/fdinfo/0", false],
    ["self/pagemap", false],
  ] as const) {
    const file = user.task.files.get(user.open(`/proc/${name}`))!;
    assert.deepEqual([file.poll(), file.waitQueue !== null], [READY, isWaitable], name);
  }
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
  for (const file of files) {
    assert.equal(file.poll() & (POLLERR | POLLPRI), POLLERR | POLLPRI);
    file.eventsTold(POLLIN);
    assert.equal(file.poll() & POLLPRI, POLLPRI, "who asked for others wasn't told");
    file.eventsTold(POLLPRI);
    assert.equal(file.poll(), POLLIN | POLLRDNORM);
  }
  user.call("umount2", "/mnt", 0);
  assert.equal(files[0]!.poll() & POLLPRI, POLLPRI);
  user.write(user.open("/proc/sys/kernel/hostname", O_WRONLY), "other");
  assert.equal(names.poll() & POLLPRI, POLLPRI);
});

it("/proc/config.gz names what is there and what isn't", () => {
  const user = machine();
  user.task.kernel.calls = callsByNumber();
  const file = user.open("/proc/config.gz");
  const count = user.call("read", file, BUFFER, 16_384);
  const text = gunzipSync(user.memory.u8.subarray(BUFFER, BUFFER + count)).toString("latin1");
  for (const line of [
    "CONFIG_EPOLL=y",
    "CONFIG_TMPFS=y",
    "CONFIG_BLK_DEV_LOOP=y",
    "CONFIG_EXT4_FS=y",
    "CONFIG_FUSE_FS=y",
    "CONFIG_USERFAULTFD=y",
    "# CONFIG_SECRETMEM is not set",
    "# CONFIG_BPF_SYSCALL is not set",
    "# CONFIG_XFS_FS is not set",
  ])
    assert.ok(text.includes(`${line}\n`), line);
});
