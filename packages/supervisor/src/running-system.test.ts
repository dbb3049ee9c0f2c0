/** Goal: a machine's process ends even when it answers nothing any more. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { EngineClient } from "@stratos/sdk/client";
import { MachineProcess } from "./machine-process.ts";
import { RunningSystem } from "./running-system.ts";

test("an engine that hangs is killed when its system is closed", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const exit = once(child, "exit");
  const later: (() => void)[] = [];
  let released = 0;
  const engine = new EngineClient({
    processId: child.pid,
    send: () => {},
    onBytes: () => {},
    onGone: () => {},
    hold: () => {},
    callLater: (_, act) => {
      later.push(act);
      return () => {};
    },
    close: () => {},
  });
  const listener = { onOutput: () => {}, onRead: () => {} };
  const machines = new MachineProcess({ engine, release: () => void released++ });
  const running = new RunningSystem({ process: machines, target: 1 }, { op: "attach", request: { pid: 1 } }, listener);
  const closed = running.close();
  assert.ok(later.length > 0, "it waits for an answer, but not for ever");
  for (const act of later.splice(0)) act();
  await closed;
  assert.deepEqual(await exit, [null, "SIGKILL"]);
  assert.equal(released, 1);
});
