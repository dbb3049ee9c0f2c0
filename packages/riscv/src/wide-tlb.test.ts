/**
 * The TLB of the wide mode against what a map of pages says: rights, neighbours that share an entry, and addresses
 * above 4 GiB.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { WIDE_READ_TLB, WIDE_TLB_ENTRIES, WIDE_VALID, WIDE_WRITE_TLB } from "./access.ts";
import { PhysicalMemory } from "./physical-memory.ts";
import { DirectMappedTlb } from "./wide-tlb.ts";

const HIGH = 0x7fff_ffff_e000;
/** Another page of the same entry. */
const RIVAL = HIGH - WIDE_TLB_ENTRIES * 4096;
const FRAME = 0x200000;

const physical = new PhysicalMemory(new NodeWasmEngine(), { frameBytes: 1 << 20, slotCount: 1, codePages: 1 });

/** Where generated code would find the page at `va`, −1: nowhere. */
function lookUp(tlb: number, va: number): number {
  const entry = (tlb + (Math.floor(va / 4096) % WIDE_TLB_ENTRIES) * 16) >>> 2;
  const tag = physical.u32[entry + 1]! * 2 ** 32 + physical.u32[entry]!;
  return tag === va + WIDE_VALID ? (physical.u32[entry + 2]! + (va >>> 0)) >>> 0 : -1;
}

const reads = (va: number): number => lookUp(WIDE_READ_TLB, va);
const writes = (va: number): number => lookUp(WIDE_WRITE_TLB, va);

test("a page is found for what it allows", () => {
  const tlb = new DirectMappedTlb(physical);
  tlb.map(HIGH, FRAME, true);
  assert.deepEqual([reads(HIGH), writes(HIGH)], [FRAME, FRAME]);
  tlb.map(HIGH, FRAME, false);
  assert.deepEqual([reads(HIGH), writes(HIGH)], [FRAME, -1]);
  tlb.flush();
  assert.deepEqual([reads(HIGH), writes(HIGH)], [-1, -1]);
});

test("pages that share an entry displace each other, and only their own entries are emptied", () => {
  const tlb = new DirectMappedTlb(physical);
  tlb.map(HIGH, FRAME, true);
  tlb.map(RIVAL, FRAME + 4096, false);
  assert.deepEqual(
    [reads(HIGH), writes(HIGH), reads(RIVAL), writes(RIVAL)],
    [-1, FRAME, FRAME + 4096, -1],
    "a page that is only read leaves the rival's write entry",
  );
  tlb.unmap(HIGH, HIGH + 4096);
  assert.deepEqual([writes(HIGH), reads(RIVAL)], [-1, FRAME + 4096]);
  tlb.flush();
});

test("write protection leaves reading, over small and large ranges", () => {
  const tlb = new DirectMappedTlb(physical);
  for (const size of [4096, 2 ** 40]) {
    tlb.map(HIGH, FRAME, true);
    tlb.writeProtect(HIGH, HIGH + size);
    assert.deepEqual([reads(HIGH), writes(HIGH)], [FRAME, -1]);
    tlb.map(HIGH, FRAME, true);
    tlb.unmap(HIGH - size + 4096, HIGH + 4096);
    assert.deepEqual([reads(HIGH), writes(HIGH)], [-1, -1]);
  }
  tlb.map(HIGH, FRAME, true);
  tlb.writeProtectAll();
  assert.deepEqual([reads(HIGH), writes(HIGH)], [FRAME, -1]);
  tlb.flush();
});
