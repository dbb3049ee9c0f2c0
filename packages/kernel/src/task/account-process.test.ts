/** Goal: each process that ends leaves a record (acct(5)); acct(2) refuses what it should. Method: fake tasks end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, RLIMIT_FSIZE } from "@stratos/abi";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { acct, compressed } from "./account-process.ts";
import { endAccounted } from "./exit.ts";

function recordsOf(user: FileTask): DataView[] {
  const text = user.get("/log") as string;
  const bytes = Uint8Array.from(text, (each) => each.charCodeAt(0));
  return Array.from({ length: bytes.length / 64 }, (_, index) => new DataView(bytes.buffer, index * 64, 64));
}

test("who has not the right, and what is no regular file that can be written, is refused", () => {
  const { user } = FileTask.create();
  user.put("/log", "");
  user.call("mkdirat", -100, "/dir", 0o755);
  user.call("symlinkat", "/loop", -100, "/loop");
  user.call("mkdirat", -100, "/proc", 0o755);
  user.call("mount", "proc", "/proc", "proc", 0, 0);
  const cases: [string | null, number][] = [
    ["/dir", -EISDIR],
    ["/none", -ENOENT],
    ["/log/x", -ENOTDIR],
    ["/loop", -ELOOP],
    ["x".repeat(300), -ENAMETOOLONG],
    ["/proc/sys/kernel/hostname", -EIO],
    ["/log", 0],
    [null, 0],
  ];
  for (const [path, expected] of cases) assert.equal(acct(user.task, path), expected, String(path));
  assert.equal(user.call("mknodat", -100, "/pipe", 0o010644, 0), 0);
  assert.ok(acct(user.task, "/pipe") < 0);
  user.becomeUser(1000);
  assert.equal(acct(user.task, "/log"), -EPERM);
  assert.equal(acct(user.task, null), -EPERM);
  assert.ok(EACCES > 0);
});

test("a process that ends leaves a record, also beyond its own limit of file sizes", () => {
  const { user, test: machine } = FileTask.create();
  const { kernel } = machine;
  user.put("/log", "");
  assert.equal(acct(user.task, "/log"), 0);
  const child = new FileTask(kernel, user);
  child.task.name = "a-name-of-more-than-fifteen";
  child.becomeUser(1000);
  const { group } = child.task;
  group.limits[RLIMIT_FSIZE] = { soft: 0, hard: 0 };
  group.userNs = 12_340e6;
  group.systemNs = 50e6;
  machine.clock.advance(1_500e6);
  endAccounted(child.task, group, 3 << 8);
  group.hasExecuted = true;
  endAccounted(child.task, group, 11 | 0x80);
  assert.equal(group.limits[RLIMIT_FSIZE]!.soft, 0);
  const [first, second] = recordsOf(user);
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual([first.getUint8(0), first.getUint8(1), first.getUint32(4, true)], [1, 3, 0x300]);
  assert.deepEqual([second.getUint8(0), second.getUint32(4, true)], [0x18, 0x8b]);
  assert.deepEqual([first.getUint32(8, true), first.getUint32(16, true)], [1000, group.pid]);
  assert.deepEqual([first.getUint32(20, true), second.getUint32(20, true)], [user.task.pid, user.task.pid]);
  assert.equal(first.getFloat32(28, true), 150);
  assert.deepEqual([first.getUint16(32, true), first.getUint16(34, true)], [1234, 5]);
  assert.equal(String.fromCharCode(...new Uint8Array(first.buffer, 48, 16)), "a-name-of-more-\0");
  endAccounted(user.task, user.task.group, 0);
  assert.equal(recordsOf(user)[2]?.getUint32(20, true), 0, "it has no parent");
  assert.equal(acct(user.task, null), 0);
  endAccounted(child.task, group, 0);
  assert.equal(recordsOf(user).length, 3);
});

test("records rest while the file system is nearly full, and go on later", () => {
  const { user, test: machine } = FileTask.create((kernel) => new Tmpfs(kernel, { sizeBytes: 1 << 20 }));
  user.put("/log", "");
  acct(user.task, "/log");
  const fill = user.open("/fill", 0o102);
  let filled = 0;
  while (user.write(fill, "x".repeat(4096)) > 0) filled++;
  assert.ok(filled > 200);
  endAccounted(user.task, user.task.group, 0);
  assert.equal(recordsOf(user).length, 0);
  user.call("ftruncate", fill, 0);
  endAccounted(user.task, user.task.group, 0);
  assert.equal(recordsOf(user).length, 0, "it looks each thirty seconds");
  machine.clock.advance(31e9);
  endAccounted(user.task, user.task.group, 0);
  assert.equal(recordsOf(user).length, 1);
});

test("numbers are compressed as comp_t says", () => {
  // Decoded: a fraction of 13 bits, times eight to the exponent.
  const decoded = (value: number): number => (value & 0x1fff) * 8 ** (value >> 13);
  for (const value of [0, 1, 8191, 8192, 65535, 1_000_000, 123_456_789])
    assert.ok(Math.abs(decoded(compressed(value)) - value) <= value / 1024, String(value));
  assert.equal(compressed(8191), 8191);
  assert.deepEqual(
    [40_003, 40_004, 40_011, 40_012].map((value) => decoded(compressed(value))),
    [40_000, 40_008, 40_008, 40_016],
    "to the nearest",
  );
  assert.equal(compressed(2 ** 60), 0xffff);
});
