/** Goal: the engine of this Node. Method: what V8 says of its collections, in a process of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const OWN = new URL("own-process.ts", import.meta.url).href;
const ENGINE = new URL("wasm-engine.ts", import.meta.url).href;

/** @returns what the program prints */
function run(program: string, flags: readonly string[] = []): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...flags, "--input-type=module", "--eval", program],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

/** V8's name for its flags in a process that says first what `beginning` says, then has an engine. */
function flagsWith(beginning: string, flags: readonly string[] = []): string {
  return run(
    `import { cachedDataVersionTag } from "node:v8";
    const { ownProcess, ownFlags } = await import("${OWN}");
    const { NodeWasmEngine } = await import("${ENGINE}");
    ${beginning}
    const before = cachedDataVersionTag();
    new NodeWasmEngine();
    console.log(before, cachedDataVersionTag(), ...ownFlags());`,
    flags,
  );
}

test("an engine changes V8's flags in a process of ours alone, and others are begun with the same ones", () => {
  const [usual, others, ...none] = flagsWith("").trim().split(" ");
  assert.deepEqual([others, none], [usual, []]);
  const [before, own, ...handedOn] = flagsWith("ownProcess();").trim().split(" ");
  assert.equal(before, usual, "Node's modules have their compiled code until there is an engine");
  assert.notEqual(own, usual);
  assert.equal(flagsWith("", handedOn).trim().split(" ")[1], own, "it finds the machine code that the other keeps");
});

test("a machine's memory lets the heap grow by tens of MiB before it is collected again", () => {
  const stdout = run(
    `const { NodeWasmEngine } = await import("${ENGINE}");
    globalThis.memory = new NodeWasmEngine().createMemory(45_000);
    console.log("made");
    globalThis.kept = [];
    for (let count = 0; count < 400_000; count++) kept.push({ count });`,
    ["--trace-gc"],
  );
  const [making, use] = stdout.split("made");
  assert.match(making!, /Mark-Compact .* external memory pressure/, "V8 still counts the memory as if it were in use");
  assert.match(use!, /Scavenge/);
  assert.doesNotMatch(use!, /Mark-Compact/);
});

test("machine code is kept and found also when V8 has forgotten the bytecode of what has not run for long", () => {
  const stdout = run(
    `const { NodeWasmEngine } = await import("${ENGINE}");
    const engine = new NodeWasmEngine();
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 11]);
    for (let time = 0; time < 2; time++) {
      const code = engine.preserve(bytes);
      console.log(code.length > 0, engine.restore(code, bytes) instanceof WebAssembly.Module);
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }`,
    ["--expose-gc", "--stress-flush-code"],
  );
  assert.equal(stdout, "true true\n".repeat(2));
});
