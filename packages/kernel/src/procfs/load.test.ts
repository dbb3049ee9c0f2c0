/** Goal: /proc/loadavg and sysinfo(2) tell the load that the scheduler counts (proc_loadavg(5)). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Sysinfo } from "@stratos/abi";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { call } from "../testing/system-calls.ts";
import { mountAt } from "../vfs/boot-mounts.ts";

test("both tell the same load", () => {
  const { test: machine, user } = FileTask.create();
  const { kernel } = machine;
  const fileSystem = kernel.vfs.types.get("proc")!.create(kernel, "proc", new Map());
  assert.ok(typeof fileSystem !== "number");
  assert.ok(typeof mountAt(kernel, "/proc", fileSystem) !== "number");
  const from = kernel.now();
  for (let s = 0; s < 120; s++) kernel.scheduler.load.turnEnded(from + s * 1e9, from + (s + 1) * 1e9, 2, 2);
  machine.clock.advance(120e9);
  const averages = (user.get("/proc/loadavg") as string).split(" ").slice(0, 3).map(Number);
  assert.ok(averages[0]! > 1.6 && averages[0]! < 1.8, String(averages));
  assert.equal(call(user.task, "sysinfo", BUFFER), 0);
  for (const [at, average] of averages.entries()) {
    const load = user.memory.loadU64(BUFFER + Sysinfo.offset.loads + 8 * at) / 65536;
    assert.ok(Math.abs(load - average) < 0.01, `${load}, ${average}`);
  }
});
