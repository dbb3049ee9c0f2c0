/**
 * Goal: a function that is told by its caller which entry it is hears that number and the depth, whatever the depth;
 * and nobody who enters the interpreter tells it one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { ModuleBuilder, Op, Type } from "@stratos/wasm";
import { emitTakeEntry, enterAt, entryAt, leaveAt, pushDepthWithEntry, pushHasEntry, slotAt } from "./code-target.ts";
import { DEPTH_LIMIT } from "./interpreter.ts";
import { PhysicalMemory } from "./physical-memory.ts";

const PC = 0x11ffe;

test("depth and entry arrive as they were sent, at every depth that calls nest to, and below zero", () => {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 1, codePages: 2 });
  const page = physical.codeArenaStart;
  const builder = new ModuleBuilder();
  const { code } = builder;
  builder.importMemory("m", "memory");
  const type = builder.type([Type.i32, Type.i32, Type.i32], [Type.i32]);
  // send(depth, pc, target), then what is received: 1000 × entry + depth.
  const round = builder.addFunction(type);
  const start = code.beginFunction([{ count: 2, type: Type.i32 }]);
  const [depth, pc, target, sent, entry] = [0, 1, 2, 3, 4];
  pushDepthWithEntry(code, depth, pc, target);
  code.localSet(sent);
  pushHasEntry(code, sent);
  code.if();
  emitTakeEntry(code, sent, entry);
  code.end();
  code.localGet(entry);
  code.i32Const(1000);
  code.op(Op.i32Mul);
  code.localGet(sent);
  code.op(Op.i32Add);
  code.endFunction(start);
  builder.exportFunction("round", round);
  const { exports } = engine.instantiate(engine.compile(builder.finish()), { m: { memory: physical.memory } });
  const call = exports.round as (depth: number, pc: number, target: number) => number;
  for (const number of [0, 1, 2, 99, 600])
    for (let nested = -DEPTH_LIMIT; nested <= DEPTH_LIMIT; nested++) {
      const at = enterAt(physical, page, PC, 7, number);
      assert.equal(call(nested, PC, at), 1000 * number + nested, `entry ${number} at depth ${nested}`);
    }
});

test("what is left leads to no entry of a translation, and what another one has taken over stays its own", () => {
  const physical = new PhysicalMemory(new NodeWasmEngine(), { frameBytes: 1 << 20, slotCount: 1, codePages: 2 });
  for (const page of [
    physical.codeArenaStart,
    physical.codeArenaEnd - (physical.codeArenaEnd - physical.codeArenaStart) / 2,
  ])
    for (const pc of [0x11000, 0x11002, 0x117f4, PC]) {
      const target = enterAt(physical, page, pc, 7, 3);
      leaveAt(physical, target, 8);
      assert.deepEqual([slotAt(physical, page, pc), entryAt(physical, page, pc)], [7, 3]);
      enterAt(physical, page, pc + 2 < 0x12000 ? pc + 2 : pc - 2, 9, 5);
      leaveAt(physical, target, 7);
      assert.deepEqual([slotAt(physical, page, pc), entryAt(physical, page, pc)], [0, 0]);
      const beside = pc + 2 < 0x12000 ? pc + 2 : pc - 2;
      assert.deepEqual([slotAt(physical, page, beside), entryAt(physical, page, beside)], [9, 5]);
    }
});
