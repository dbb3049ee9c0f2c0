/**
 * Plain loads and stores that lie in two pages, done without leaving translated code: glibc's memcpy
 * for processors with fast misaligned accesses crosses a page at every 4096th byte, and leaving takes 1 µs.
 *
 * What is asked for is the delta of an access (access.ts), so that the access itself stays as it is. A load's bytes are
 * copied beside one another, and its delta leads there; a store is done here, and its delta leads to a place that
 * nobody reads. Both ask the tables of both pages first: of an access that faults no byte is written.
 */
import { Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { emitEntryLookup, ENTRY_BIAS, LOAD_TWO_PAGES, STORE_TWO_PAGES } from "../access.ts";
import { HART_SCRATCH, HART_TABLES } from "../hart-state.ts";
import type { Helper } from "./lowering.ts";

/** The last eight bytes of the one page and the first of the other; where the store that was done here goes. */
const JOINED = HART_SCRATCH;
const SINK = HART_SCRATCH + 16;

const VA = 0;
const SIZE = 1;
const VALUE = 2;

interface Entries {
  readonly tables: number;
  readonly first: number;
  readonly second: number;
}

const LOCALS: readonly ValueType[] = [Type.i32, Type.i32, Type.i32];

/** (address, size) → delta, 0 where it can't be done. */
const loadTwoPages: Helper = {
  name: LOAD_TWO_PAGES,
  parameters: [Type.i32, Type.i32],
  results: [Type.i32],
  locals: LOCALS,
  emit: (code) => {
    const entries: Entries = { tables: 2, first: 3, second: 4 };
    emitEntries(code, entries, false);
    code.i32Const(0);
    code.localGet(VA);
    code.i32Const(-8);
    code.op(Op.i32And);
    code.localGet(entries.first);
    code.op(Op.i32Add);
    code.memory(Op.i64Load, ENTRY_BIAS);
    code.memory(Op.i64Store, JOINED);
    code.i32Const(0);
    code.localGet(VA);
    code.i32Const(-8);
    code.op(Op.i32And);
    code.localGet(entries.second);
    code.op(Op.i32Add);
    code.memory(Op.i64Load, ENTRY_BIAS + 8);
    code.memory(Op.i64Store, JOINED + 8);
    // Where the address lies among them.
    code.localGet(VA);
    code.i32Const(7);
    code.op(Op.i32And);
    code.i32Const(JOINED - ENTRY_BIAS);
    code.op(Op.i32Add);
    code.localGet(VA);
    code.op(Op.i32Sub);
  },
};

/** (address, size, value) → delta, 0 where it can't be done. */
const storeTwoPages: Helper = {
  name: STORE_TWO_PAGES,
  parameters: [Type.i32, Type.i32, Type.i64],
  results: [Type.i32],
  locals: [...LOCALS, Type.i32],
  emit: (code) => {
    const entries: Entries = { tables: 3, first: 4, second: 5 };
    const at = 6;
    emitEntries(code, entries, true);
    code.localGet(VA);
    code.localSet(at);
    const nextByte = code.loop();
    code.localGet(at);
    // The other page's entry once the address has come there.
    code.localGet(entries.first);
    code.localGet(entries.second);
    code.localGet(at);
    code.localGet(VA);
    code.op(Op.i32Xor);
    code.i32Const(4096);
    code.op(Op.i32LtU);
    code.op(Op.select);
    code.op(Op.i32Add);
    code.localGet(VALUE);
    code.memory(Op.i64Store8, ENTRY_BIAS);
    code.localGet(VALUE);
    code.i64Const(8);
    code.op(Op.i64ShrU);
    code.localSet(VALUE);
    code.localGet(at);
    code.i32Const(1);
    code.op(Op.i32Add);
    code.localTee(at);
    code.localGet(VA);
    code.op(Op.i32Sub);
    code.localGet(SIZE);
    code.op(Op.i32LtU);
    code.brIf(nextByte);
    code.end();
    code.i32Const(SINK - ENTRY_BIAS);
    code.localGet(VA);
    code.op(Op.i32Sub);
  },
};

export const twoPagesHelpers: readonly Helper[] = [loadTwoPages, storeTwoPages];

/** Both pages' entries; returns 0 from the function where one isn't mapped, or the access lies in a single page. */
function emitEntries(code: CodeWriter, { tables, first, second }: Entries, write: boolean): void {
  code.i32Const(0);
  code.memory(Op.i32Load, HART_TABLES);
  code.localSet(tables);
  code.localGet(VA);
  emitEntryLookup(code, tables, write);
  code.localSet(first);
  code.localGet(VA);
  code.localGet(SIZE);
  code.op(Op.i32Add);
  code.i32Const(-1);
  code.op(Op.i32Add);
  emitEntryLookup(code, tables, write);
  code.localSet(second);
  // Entries of mapped pages are odd.
  code.localGet(first);
  code.localGet(second);
  code.op(Op.i32And);
  code.i32Const(1);
  code.op(Op.i32And);
  code.op(Op.i32Eqz);
  code.localGet(VA);
  code.i32Const(4095);
  code.op(Op.i32And);
  code.localGet(SIZE);
  code.op(Op.i32Add);
  code.i32Const(4097);
  code.op(Op.i32LtU);
  code.op(Op.i32Or);
  code.if();
  code.i32Const(0);
  code.return();
  code.end();
}
