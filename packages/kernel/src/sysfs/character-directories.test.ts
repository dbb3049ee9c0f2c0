/** Goal: udev and sd-device find the character devices of /dev in sysfs. Method: system calls of a task. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { AT_FDCWD } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { BUFFER, FileTask, type Stat } from "../testing/file-system-task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { Sysfs } from "./sysfs.ts";

it("each device of /dev is found by its number, with its name and class", () => {
  const { test, user } = FileTask.create();
  mountAt(test.kernel, "/sys", new Sysfs(test.kernel));
  mountAt(test.kernel, "/dev", devtmpfsOf(test.kernel));
  for (const [name, subsystem] of [
    ["null", "mem"],
    ["urandom", "mem"],
    ["console", "tty"],
    ["tty0", "tty"],
    ["loop-control", "misc"],
  ] as const) {
    const { rdev } = user.stat(`/dev/${name}`) as Stat;
    const number = `${majorOf(rdev)}:${minorOf(rdev)}`;
    assert.equal(user.get(`/sys/dev/char/${number}/dev`), `${number}\n`);
    assert.match(user.get(`/sys/class/${subsystem}/${name}/uevent`) as string, new RegExp(`^DEVNAME=${name}$`, "m"));
    const length = user.call("readlinkat", AT_FDCWD, `/sys/dev/char/${number}/subsystem`, BUFFER, 100);
    assert.equal(byteString(user.memory.u8, BUFFER, BUFFER + length), `../../../../class/${subsystem}`);
  }
  assert.equal(user.get("/sys/class/mem/null/uevent"), "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n");
  assert.equal(user.get("/sys/class/tty/tty0/active"), "tty1\n");
});
