/** Goal: what /proc says is read right, and what programs have written is kept to its bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptBytes } from "./desktop-programs.ts";
import { memoryUse, processorUse, processUse } from "./guest-processes.ts";

test("processor, memory and processes are as /proc tells them", () => {
  assert.deepEqual(processorUse("cpu  10 1 5 100 4 1 1 0 0 0\ncpu0 1 1 1\n"), { busyTicks: 18, idleTicks: 104 });
  assert.deepEqual(memoryUse("MemTotal:    2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n"), {
    memoryBytes: 2_097_152,
    usedBytes: 1_048_576,
  });
  const fields = ["S", ...Array.from({ length: 30 }, (_, index) => String(index + 4))];
  // A name with a bracket and a space moves nothing.
  assert.deepEqual(processUse(`7 (a) b (c) ${fields.join(" ")}\n`), { residentBytes: 24 * 4096, cpuTicks: 14 + 15 });
  assert.deepEqual(processUse(""), { residentBytes: 0, cpuTicks: 0 });
});

test("the last bytes are kept, and no more", () => {
  const kept = new KeptBytes(10);
  for (const text of ["abc", "defgh", "ijklmnopqrstuvwxyz", "01", "234"]) kept.add(Buffer.from(text));
  assert.equal(Buffer.from(kept.bytes()).toString(), "vwxyz01234");
  assert.equal(Buffer.from(new KeptBytes(4).bytes()).toString(), "");
});
