/** procfs, sysfs and devtmpfs as programs read them, through system calls over a fake process. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENXIO,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFCHR,
  S_IFLNK,
  S_IFMT,
} from "@stratos/abi";
import type { AddressSpace } from "../mm/address-space.ts";
import { BUFFER, FileTask, type Stat } from "../testing/file-system-task.ts";
import type { TestKernel } from "../testing/fake-task.ts";
import { mountAt } from "../vfs/mounting.ts";

function begin(): { test: TestKernel; user: FileTask } {
  const { test, user } = FileTask.create();
  for (const [place, type] of [
    ["/proc", "proc"],
    ["/sys", "sysfs"],
    ["/dev", "devtmpfs"],
  ] as const) {
    const fileSystem = test.kernel.vfs.types.get(type)!.create(test.kernel, type, "");
    assert.ok(typeof fileSystem !== "number");
    assert.ok(typeof mountAt(test.kernel, place, fileSystem) !== "number");
  }
  // What proc asks of a memory that the fake one lacks.
  Object.assign(user.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  user.task.name = "tester";
  return { test, user };
}

it("the system's files are there and are read anew from their start", () => {
  const { test, user } = begin();
  assert.match(user.get("/proc/meminfo") as string, /^MemTotal: +\d+ kB\nMemFree: +\d+ kB\nMemAvailable: +\d+ kB\n/);
  assert.match(user.get("/proc/cpuinfo") as string, /isa\t\t: rv64imafdc/);
  assert.match(user.get("/proc/stat") as string, /^cpu  \d+ 0 \d+ \d+ 0.*\ncpu0 .*\nintr .*\nctxt \d+\nbtime \d+\n/);
  assert.match(user.get("/proc/filesystems") as string, /nodev\tproc\n/);
  assert.match(user.get("/proc/self/mounts") as string, /proc \/proc proc rw,relatime 0 0\n/);
  assert.match(user.get("/proc/mounts") as string, /\/dev devtmpfs /);
  assert.match(user.get("/proc/self/mountinfo") as string, /^\d+ \d+ 0:\d+ \/ \/ rw,relatime - tmpfs root rw,size=/);
  assert.match(user.get("/proc/version") as string, /^Linux version 6\./);
  const fd = user.open("/proc/uptime");
  const first = user.read(fd);
  test.clock.advance(5e9);
  user.call("lseek", fd, 0, 0);
  assert.notEqual(user.read(fd), first);
  assert.equal(user.open("/proc/meminfo", O_WRONLY), -EACCES);
  for (const name of [
    "loadavg",
    "vmstat",
    "devices",
    "partitions",
    "swaps",
    "net/dev",
    "net/route",
    "net/tcp",
    "net/unix",
    "net/if_inet6",
    "locks",
    "self/limits",
    "self/cgroup",
    "self/statm",
  ]) {
    assert.equal(typeof user.get(`/proc/${name}`), "string", name);
  }
});

it("a process has its numbers, in proc(5)'s order", () => {
  const { user } = begin();
  const { pid } = user.task;
  assert.equal(user.readlink("/proc/self"), String(pid));
  const fields = (user.get("/proc/self/stat") as string).trim().split(" ");
  assert.equal(fields.length, 52);
  assert.deepEqual(fields.slice(0, 3), [String(pid), "(tester)", "R"]);
  assert.match(
    user.get(`/proc/${pid}/status`) as string,
    /^Name:\ttester\nUmask:\t0022\nState:\tR \(running\)\nTgid:\t\d+\n[^]*CapEff:\t000001ffffffffff\n/,
  );
  assert.equal(user.get("/proc/self/comm"), "tester\n");
  assert.ok((user.list("/proc") as string[]).includes(String(pid)));
  assert.ok((user.list("/proc/self/task") as string[]).includes(String(pid)));
  assert.equal(user.stat("/proc/999999"), -ENOENT);
  assert.equal(user.stat("/proc/01"), -ENOENT);
});

it("descriptors are magic links to their files, whatever became of the name", () => {
  const { user } = begin();
  user.put("/f", "content");
  const fd = user.open("/f", O_RDWR);
  assert.equal(user.readlink(`/proc/self/fd/${fd}`), "/f");
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  assert.equal(user.readlink(`/proc/self/fd/${fd}`), "/f (deleted)");
  assert.equal(user.get(`/proc/self/fd/${fd}`), "content");
  assert.equal((user.stat(`/proc/self/fd/${fd}`, AT_SYMLINK_NOFOLLOW) as Stat).mode & S_IFMT, S_IFLNK);
  assert.match(user.get(`/proc/self/fdinfo/${fd}`) as string, /^pos:\t0\nflags:\t0100002\nmnt_id:\t\d+\n/);
  assert.equal(user.call("pipe2", 0x9000, 0), 0);
  const reader = user.memory.view.getUint32(0x9000, true),
    writer = user.memory.view.getUint32(0x9004, true);
  assert.match(user.readlink(`/proc/self/fd/${reader}`) as string, /^pipe:\[\d+\]$/);
  // Opening a pipe's link opens the pipe again (/dev/stdin of a pipeline).
  user.write(writer, "through");
  assert.equal(user.read(user.open(`/dev/fd/${reader}`)), "through");
  assert.equal(user.stat("/proc/self/fd/99"), -ENOENT);
  assert.equal(user.readlink("/proc/self/cwd"), "/");
  const namespace = user.open("/proc/self/ns/mnt");
  assert.match(user.readlink(`/proc/self/fd/${namespace}`) as string, /^mnt:\[\d+\]$/);
  user.call("chdir", "/proc/self/fd");
  assert.equal(user.cwd(), `/proc/${user.task.pid}/fd`);
});

it("what is private to a user stays so", () => {
  const { test, user } = begin();
  const other = new FileTask(test.kernel, user);
  Object.assign(other.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  other.becomeUser(1000);
  assert.equal(other.get(`/proc/${user.task.pid}/environ`), -EACCES);
  assert.equal(other.list(`/proc/${user.task.pid}/fd`), -EACCES);
  assert.equal(other.readlink(`/proc/${user.task.pid}/cwd`), -EACCES);
  assert.equal(typeof other.get(`/proc/${user.task.pid}/stat`), "string");
  assert.equal(typeof user.get(`/proc/${other.task.pid}/environ`), "string");
});

it("settings can be read and set by who may", () => {
  const { test, user } = begin();
  user.put("/proc/sys/kernel/hostname", "renamed\n");
  assert.equal(test.kernel.namespaces.uts.hostname, "renamed");
  assert.equal(user.get("/proc/sys/kernel/hostname"), "renamed\n");
  const fd = user.open("/proc/sys/vm/overcommit_memory", O_WRONLY);
  assert.equal(user.write(fd, "7\n"), -EINVAL);
  const { messages } = test.kernel;
  const told = messages.end;
  assert.equal(user.write(fd, "1\n"), 2);
  assert.equal(messages.at(told)!.text, "sysctl: vm/overcommit_memory is kept and shown, and changes nothing here");
  assert.equal(messages.end, told + 1, "what was refused, and what has an effect, is not told");
  assert.equal(user.get("/proc/sys/vm/overcommit_memory"), "1\n");
  assert.equal(user.open("/proc/sys/kernel/osrelease", O_WRONLY), -EACCES);
  assert.match(user.get("/proc/sys/kernel/random/uuid") as string, /^[0-9a-f-]{36}\n$/);
  assert.equal(user.get("/proc/sys/kernel/random/boot_id"), user.get("/proc/sys/kernel/random/boot_id"));
  assert.equal(user.get("/sys/devices/system/cpu/online"), "0\n");
});

it("memory devices behave as null(4) and full(4) say", () => {
  const { user } = begin();
  const stat = user.stat("/dev/null") as Stat;
  assert.equal(stat.mode, S_IFCHR | 0o666);
  assert.equal(stat.rdev, 0x103);
  const nothing = user.open("/dev/null", O_RDWR);
  assert.equal(user.write(nothing, "gone"), 4);
  assert.equal(user.read(nothing), "");
  const zero = user.open("/dev/zero", O_RDONLY);
  assert.equal(user.read(zero, 3), "\0\0\0");
  const full = user.open("/dev/full", O_RDWR);
  assert.equal(user.write(full, "x"), -ENOSPC);
  const random = user.open("/dev/urandom");
  assert.notEqual(user.read(random, 16), user.read(random, 16));
  assert.equal(user.readlink("/dev/stdin"), "/proc/self/fd/0");
  user.call("mknodat", AT_FDCWD, "/nodriver", S_IFCHR | 0o666, 0xfff00);
  assert.equal(user.open("/nodriver"), -ENXIO);
  assert.equal(user.call("statfs", "/proc", BUFFER), 0);
  assert.equal(user.memory.view.getUint32(BUFFER, true), 0x9fa0);
});
