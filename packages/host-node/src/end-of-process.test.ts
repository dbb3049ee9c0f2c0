/** Goal: whoever waits for a program ends as it does, and outlives the signals that are the program's business. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { endOfForeground } from "./end-of-process.ts";

const MODULE = JSON.stringify(new URL("end-of-process.ts", import.meta.url).href);

test("the end of a program is its status, or 128 and its signal", async () => {
  const sh = (script: string): Promise<number> => endOfForeground(spawn("sh", ["-c", script], { stdio: "ignore" }));
  assert.equal(await sh("exit 7"), 7);
  for (const [signal, status] of [
    ["INT", 130],
    ["KILL", 137],
    ["SEGV", 139],
    ["TERM", 143],
  ] as const)
    assert.equal(await sh(`kill -${signal} $$`), status, signal);
  await assert.rejects(endOfForeground(spawn("/none/absent")), { code: "ENOENT" });
  assert.equal(process.listenerCount("SIGTERM"), 0, "signals do again what they did");
});

test("a signal that ends us is the program's, which decides how we end", { timeout: 60_000 }, async (t) => {
  // Without a terminal nobody but us gets it.
  for (const [signal, name] of [
    ["SIGTERM", "TERM"],
    ["SIGHUP", "HUP"],
    ["SIGINT", "INT"],
  ] as const) {
    const inner =
      `trap 'echo had it; exit 5' ${name}; echo ready; i=0;` + ` while [ $((i += 1)) -lt 999 ]; do sleep 0.05; done`;
    const script = `
      import { spawn } from "node:child_process";
      import { endOfForeground } from ${MODULE};
      const child = spawn("sh", ["-c", ${JSON.stringify(inner)}], { stdio: "inherit" });
      const end = endOfForeground(child);
      process.stderr.write("waits");
      process.exitCode = await end;`;
    const outer = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => outer.kill("SIGKILL"));
    let [said, isSent] = ["", false];
    for (const stream of [outer.stdout!, outer.stderr!])
      stream.on("data", (bytes: Buffer) => {
        said += bytes.toString();
        if (!isSent && said.includes("ready") && said.includes("waits")) isSent = outer.kill(signal);
      });
    const [status] = (await once(outer, "close")) as [number | null];
    assert.deepEqual([status, said.replace("waits", "")], [5, "ready\nhad it\n"], signal);
  }
});
