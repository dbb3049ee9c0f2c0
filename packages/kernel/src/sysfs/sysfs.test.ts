import assert from "node:assert/strict";
import { it } from "node:test";
import { FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";

it("the one NUMA node has all harts and all memory", () => {
  const { test, user } = FileTask.create(undefined, { harts: 3 });
  const fileSystem = test.kernel.vfs.types.get("sysfs")!.create(test.kernel, "sysfs", new Map());
  assert.ok(typeof fileSystem !== "number");
  assert.ok(typeof mountAt(test.kernel, "/sys", fileSystem) !== "number");
  const node = "/sys/devices/system/node/node0";
  assert.deepEqual(
    ["cpulist", "cpumap", "distance"].map((name) => user.get(`${node}/${name}`)),
    ["0-2\n", "7\n", "10\n"],
  );
  assert.equal(user.get("/sys/devices/system/cpu/cpu2/node0/cpulist"), "0-2\n");
  const kib = (name: string): number => Number(new RegExp(`^Node 0 ${name}: +(\\d+) kB$`, "m").exec(meminfo)![1]);
  const meminfo = user.get(`${node}/meminfo`) as string;
  assert.equal(kib("MemFree") + kib("MemUsed"), kib("MemTotal"));
});
