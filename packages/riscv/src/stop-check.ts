/**
 * What the exact interpreter looks at before each instruction: is this where it is to stop? It is a filter of three
 * parts, and who runs it judges what it lets through:
 *
 * - HART_STOP_FUEL: as many instructions were to be done
 * - marks: one byte for each of 4096 classes of addresses (pc / 2 modulo 4096); not zero: it may be a breakpoint
 * - watched cells: an 8-byte value in memory, by its physical address, is not what it was
 *
 * Before the instruction at HART_PASS_FUEL, where it stopped last, nothing is looked at. Guest memory is not written,
 * and no instruction counts that would not count otherwise.
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { HART_PASS_FUEL, HART_STOP_FUEL } from "./hart-state.ts";
import type { PhysicalMemory } from "./physical-memory.ts";

/** In the engine's scratch: behind the TLBs, before the tables of AES. */
const MARKS = 0x18000;
const MARK_COUNT = 4096;
/** Each of 24 bytes: i64 value, i64 mask of the bits that count, u32 physical address. */
const CELLS = MARKS + MARK_COUNT;
const CELL_SIZE = 24;
export const WATCH_CELLS = 4;

/** A value that is watched; `bytes` of the 8 from `address` on count. */
export interface WatchCell {
  /** Physical, a multiple of 8. */
  readonly address: number;
  readonly first: number;
  readonly bytes: number;
  /** The 8 bytes that it held. */
  readonly value: Uint8Array;
}

/** Pushes 1 when the instruction that `pushPc` tells is to be looked at. */
export function emitStopTest(code: CodeWriter, fuel: number, pushPc: () => void): void {
  code.localGet(fuel);
  loadCell(code, HART_PASS_FUEL);
  code.op(Op.i32Ne);
  code.localGet(fuel);
  loadCell(code, HART_STOP_FUEL);
  code.op(Op.i32Eq);
  pushPc();
  code.i32Const(1);
  code.op(Op.i32ShrU);
  code.i32Const(MARK_COUNT - 1);
  code.op(Op.i32And);
  code.memory(Op.i32Load8U, MARKS);
  code.op(Op.i32Or);
  for (let cell = 0; cell < WATCH_CELLS; cell++) {
    const at = CELLS + cell * CELL_SIZE;
    loadCell(code, at + 16);
    code.memory(Op.i64Load, 0);
    code.i32Const(0);
    code.memory(Op.i64Load, at);
    code.op(Op.i64Xor);
    code.i32Const(0);
    code.memory(Op.i64Load, at + 8);
    code.op(Op.i64And);
    code.op(Op.i64Eqz);
    code.op(Op.i32Eqz);
    code.op(Op.i32Or);
  }
  code.i32Const(0);
  code.op(Op.i32Ne);
  code.op(Op.i32And);
}

function loadCell(code: CodeWriter, address: number): void {
  code.i32Const(0);
  code.memory(Op.i32Load, address);
}

/** @param addresses  of breakpoints */
export function setMarks(physical: PhysicalMemory, addresses: Iterable<number>): void {
  physical.u8.fill(0, MARKS, MARKS + MARK_COUNT);
  for (const address of addresses) physical.u8[MARKS + ((address >>> 1) & (MARK_COUNT - 1))] = 1;
}

/** Watches these cells, and no others. @param cells  at most WATCH_CELLS */
export function setWatchCells(physical: PhysicalMemory, cells: readonly WatchCell[]): void {
  physical.u8.fill(0, CELLS, CELLS + WATCH_CELLS * CELL_SIZE);
  cells.forEach(({ address, first, bytes, value }, index) => {
    const at = CELLS + index * CELL_SIZE;
    physical.u8.set(value, at);
    physical.u8.fill(0xff, at + 8 + first, at + 8 + first + bytes);
    physical.u32[(at + 16) >>> 2] = address;
  });
}

/** Is a watched value not what it was when it was set? */
export function hasWatchedChange({ u8, u32 }: PhysicalMemory, index: number): boolean {
  const at = CELLS + index * CELL_SIZE;
  const address = u32[(at + 16) >>> 2]!;
  for (let byte = 0; byte < 8; byte++)
    if (((u8[address + byte]! ^ u8[at + byte]!) & u8[at + 8 + byte]!) !== 0) return true;
  return false;
}
