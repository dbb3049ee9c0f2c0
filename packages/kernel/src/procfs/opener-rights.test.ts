/**
 * Goal: settings in /proc ask who opened the file, so that a program with more rights isn't made to write to it
 * (CVE-2013-1959). Method: a descriptor is opened with some rights and written to with others.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { CAP_DAC_OVERRIDE, CLONE_NEWTIME, CLONE_NEWUSER, EACCES, EINVAL, EPERM, O_WRONLY } from "@stratos/abi";
import { FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { Procfs } from "./procfs.ts";

/** Root, and nobody in a user namespace of his own. */
function begin(): { user: FileTask; nobody: FileTask } {
  const { test, user } = FileTask.create();
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  const nobody = new FileTask(test.kernel, user);
  nobody.becomeUser(1000);
  assert.equal(nobody.call("unshare", CLONE_NEWUSER | CLONE_NEWTIME), 0);
  return { user, nobody };
}

it("uid_map takes others' ids only when opener and writer may set them", () => {
  const { user, nobody } = begin();
  const fd = nobody.open("/proc/self/uid_map", O_WRONLY);
  user.task.files = nobody.task.files;
  assert.equal(user.write(fd, "0 5 10\n"), -EPERM, "the opener may not");
  assert.equal(nobody.write(fd, "0 1000 1\n"), 9, "his own id");
});

it("uid_map opened by who may set ids isn't written by who may not", () => {
  const { user, nobody } = begin();
  const fd = user.open(`/proc/${nobody.task.pid}/uid_map`, O_WRONLY);
  user.becomeUser(2000);
  assert.equal(user.write(fd, "0 5 10\n"), -EPERM);
  user.become({});
  assert.equal(user.write(fd, "0 5 10\n"), 7);
});

it("setgroups asks when it is opened for writing", () => {
  const { user, nobody } = begin();
  const name = `/proc/${nobody.task.pid}/setgroups`;
  user.become({ effective: 2 ** CAP_DAC_OVERRIDE });
  assert.equal(user.open(name, O_WRONLY), -EACCES);
  assert.equal(user.get(name), "allow\n");
  user.become({});
  assert.equal(user.write(user.open(name, O_WRONLY), "deny"), 4);
});

it("timens_offsets and /proc/sys ask the opener", () => {
  const { user, nobody } = begin();
  const { pid } = nobody.task;
  for (const [name, text] of [
    [`${pid}/timens_offsets`, "boottime 5 0\n"],
    ["sys/kernel/hostname", "changed"],
  ] as const) {
    user.become({ effective: 2 ** CAP_DAC_OVERRIDE });
    const fd = user.open(`/proc/${name}`, O_WRONLY);
    user.become({});
    assert.equal(user.write(fd, text), -EPERM, name);
    assert.equal(user.write(user.open(`/proc/${name}`, O_WRONLY), text), text.length, name);
  }
  const fd = user.open("/proc/sys/kernel/hostname", O_WRONLY);
  user.becomeUser(5);
  assert.equal(user.write(fd, "again"), -EPERM, "nor is the opener's right enough");
});

it("a map has 340 ranges at most", () => {
  const { user } = begin();
  const written = (ranges: number): number => {
    const inside = new FileTask(user.task.kernel, user);
    assert.equal(inside.call("unshare", CLONE_NEWUSER), 0);
    const lines = Array.from({ length: ranges }, (_, index) => `${index * 2} ${index * 2} 1\n`).join("");
    return user.write(user.open(`/proc/${inside.task.pid}/gid_map`, O_WRONLY), lines);
  };
  assert.ok(written(340) > 0);
  assert.equal(written(341), -EINVAL);
});
