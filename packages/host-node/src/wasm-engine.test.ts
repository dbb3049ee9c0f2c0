/** Goal: the engine of this Node. Method: what V8 says of its collections, in a process of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("a machine's memory lets the heap grow by tens of MiB before it is collected again", () => {
  const program = `
    const { NodeWasmEngine } = await import(${JSON.stringify(new URL("wasm-engine.ts", import.meta.url).href)});
    globalThis.memory = new NodeWasmEngine().createMemory(45_000);
    console.log("made");
    globalThis.kept = [];
    for (let count = 0; count < 400_000; count++) kept.push({ count });`;
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--trace-gc", "--input-type=module", "--eval", program],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 0, stdout);
  const [making, use] = stdout.split("made");
  assert.match(making!, /Mark-Compact .* external memory pressure/, "V8 still counts the memory as if it were in use");
  assert.match(use!, /Scavenge/);
  assert.doesNotMatch(use!, /Mark-Compact/);
});
