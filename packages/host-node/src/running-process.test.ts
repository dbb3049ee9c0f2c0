/** Goal: who reads of a process of ours reads the command that was given. Method: processes with such command lines. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { processWords, startOfProcess, statOfProcess } from "./running-process.ts";

test("how Node runs us is not told, whichever launcher began it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-words-"));
  for (const [name, flags] of [
    ["main.cjs", ["--disable-warning=ExperimentalWarning", "--max-old-space-size=100", "--"]],
    ["stratos.mjs", []],
  ] as const) {
    const main = join(folder, name);
    writeFileSync(main, 'process.stdout.write("."); setInterval(() => {}, 1000);');
    const child = spawn(process.execPath, [...flags, main, "fs", "serve", "a volume"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      assert.equal(processWords(child.pid!), `process ${child.pid} (stratos fs serve a volume)`);
    } finally {
      child.kill();
    }
  }
  rmSync(folder, { recursive: true });
});

test("a process's fields are told whatever it is called, and its start of one that is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-stat-")),
    program = join(folder, "a) S 1 (b");
  cpSync("/bin/sleep", program);
  const child = spawn(program, ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    assert.equal(statOfProcess(child.pid!)[1], String(process.pid));
    assert.ok(Number(startOfProcess(child.pid!)) >= Number(startOfProcess(process.pid)));
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
  await once(child, "exit");
  assert.equal(startOfProcess(child.pid!), undefined);
});
