import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import type { VirtualAddress } from "./addresses.ts";
import { RECORD_SHIFT } from "./record.ts";

/**
 * The one place that emits address translation. The address mode is a parameter of everything that is generated.
 *
 * - `paged`: user addresses below 4 GiB (the upper half of a register is ignored), flat tables whose entry is host page
 *   − guest page − 1, so that untouched (zero) table memory says "not mapped". The one test
 *   `((2·va + entry + 1) & (2·size − 1)) != 0` catches unmapped, read-only, misaligned and page-crossing: page
 *   differences are multiples of 4096, so that of a mapped page's sum only the misalignment is left; of an unmapped
 *   one's the sum is odd. (Of a byte it is enough that the entry is 0.) A load or store that is caught asks again
 *   whether all of it lies in a mapped page. The access itself goes to va + entry with the constant offset
 *   `hostOffset`, which costs nothing.
 * - `window`: as `paged`, but what the entry would be is guessed: where the pages of a process lie in host memory as
 *   they do in its own, all entries are the same, `HART_WINDOW`. One byte for each page says whether it holds (for
 *   reads, for writes), so that an access waits for a comparison that the host predicts, not for the load of an entry;
 *   where it doesn't hold, the tables are asked. The tables stay the truth: a page that isn't in the window only takes
 *   longer.
 * - `wide`: 64-bit addresses through a direct-mapped TLB for each of reads and writes (wide-tlb.ts). A miss asks the
 *   kernel's hook first, which knows the page as a rule: leaving costs five times as much (1 µs).
 */
export type AddressMode = "paged" | "window" | "wide";

/** Offsets of the tables in a slot. */
export const READ_TABLE = 0;
export const WRITE_TABLE = 4 << 20;
export const CODE_TABLE = 8 << 20;

/**
 * Window mode: a byte for each page behind the tables, WINDOW_READ | WINDOW_WRITE. The index is the address rotated to
 * the right by the access's size, which puts what is misaligned above 2^20, where all bytes stay zero.
 */
export const WINDOW_BYTES = 12 << 20;
export const WINDOW_READ = 1;
export const WINDOW_WRITE = 2;

/** TLBs of the wide mode: 1024 entries of 16 bytes {u64 tag: virtual page address | WIDE_VALID, u32 delta, u32 0}. */
export const WIDE_READ_TLB = 0x10000;
export const WIDE_WRITE_TLB = 0x14000;
export const WIDE_TLB_ENTRIES = 1024;

export interface AccessLocals {
  /** i32: base of the active tables */
  tables: number;
  /** i32: virtual address, low half */
  va: VirtualAddress;
  /** i32: host address − virtual address − hostOffset */
  delta: number;
  /** i64, wide mode only */
  address: number;
  /** i32: what an entry in the window is; only of translations, the interpreter always asks the tables. */
  window?: number;
}

/** What is to be done at an address. */
export interface AccessForm {
  readonly size: number;
  readonly write: boolean;
  /** Atomic: a misaligned one leaves. */
  readonly mustAlign?: boolean;
}

/**
 * Name of the imported function (address low, high, form) → 1 when the access can be done now, where the form is its
 * size and these bits. Wide mode only.
 */
export const TLB_MISS = "tlbMiss";
export const TLB_MISS_WRITE = 0x100;
export const TLB_MISS_ALIGN = 0x200;

/**
 * Stack: the virtual address as i64. Afterwards `pushHost` gives the host address;
 * `exit` is emitted where the access can't be done.
 */
export function emitTranslate(
  code: CodeWriter,
  mode: AddressMode,
  locals: AccessLocals,
  form: AccessForm,
  exit: () => void,
  helper: (name: string) => number,
): void {
  if (mode === "wide") {
    emitWide(code, locals, form, exit, helper(TLB_MISS));
    return;
  }
  code.op(Op.i32WrapI64);
  code.localTee(locals.va);
  if (mode === "window" && locals.window !== undefined)
    emitWindow(code, { ...locals, window: locals.window }, form, exit);
  else emitPaged(code, locals, form, exit);
}

/** Stack: the virtual address as i32. */
function emitPaged(code: CodeWriter, locals: AccessLocals, form: AccessForm, exit: () => void): void {
  emitEntryLookup(code, locals.tables, form.write);
  code.localSet(locals.delta);
  emitEntryTest(code, locals, form, exit);
}

/** Emits `exit` for where the access at `va` can't be done by the entry in `delta`. */
export function emitEntryTest(
  code: CodeWriter,
  locals: AccessLocals,
  { size, mustAlign }: AccessForm,
  exit: () => void,
): void {
  pushMisfit(code, locals, size);
  code.unlikely();
  code.if();
  if (size === 1 || mustAlign === true) exit();
  else {
    pushLeavesPage(code, locals, size);
    code.unlikely();
    code.if();
    exit();
    code.end();
  }
  code.end();
}

/** Pushes whether the entry in `delta` doesn't do for an aligned access of `size` bytes at `va`. */
export function pushMisfit(code: CodeWriter, { va, delta }: AccessLocals, size: number): void {
  code.localGet(delta);
  if (size === 1) {
    code.op(Op.i32Eqz);
    return;
  }
  // One addition and one test on most hosts (lea, test): see above.
  code.localGet(va);
  code.i32Const(1);
  code.op(Op.i32Shl);
  code.op(Op.i32Add);
  code.i32Const(ENTRY_BIAS);
  code.op(Op.i32Add);
  code.i32Const(2 * size - 1);
  code.op(Op.i32And);
}

/** Stack: the virtual address as i32. */
function emitWindow(code: CodeWriter, locals: Required<AccessLocals>, form: AccessForm, exit: () => void): void {
  const shift = Math.log2(form.size);
  if (shift > 0) {
    code.i32Const(shift);
    code.op(Op.i32Rotr);
  }
  code.i32Const(12 - shift);
  code.op(Op.i32ShrU);
  code.localGet(locals.tables);
  code.op(Op.i32Add);
  code.memory(Op.i32Load8U, WINDOW_BYTES);
  code.i32Const(form.write ? WINDOW_WRITE : WINDOW_READ);
  code.op(Op.i32And);
  code.op(Op.i32Eqz);
  code.localGet(locals.window);
  code.localSet(locals.delta);
  code.if();
  code.localGet(locals.va);
  emitPaged(code, locals, form, exit);
  code.end();
}

/**
 * Pushes whether some of `size` bytes at va don't lie in a mapped page: the pages of the first and the last of them
 * differ in more than what may be (nothing, where the page isn't mapped: its entry is even).
 */
function pushLeavesPage(code: CodeWriter, locals: AccessLocals, size: number): void {
  code.localGet(locals.va);
  code.i32Const(size - 1);
  code.op(Op.i32Add);
  code.localGet(locals.va);
  code.op(Op.i32Xor);
  code.i32Const(12);
  code.op(Op.i32ShrU);
  code.localGet(locals.delta);
  code.i32Const(1);
  code.op(Op.i32And);
  code.op(Op.i32GeU);
}

/** Stack: a virtual address; pushes the table entry of its page. */
export function emitEntryLookup(code: CodeWriter, tables: number, write: boolean): void {
  code.i32Const(12);
  code.op(Op.i32ShrU);
  code.i32Const(2);
  code.op(Op.i32Shl);
  code.localGet(tables);
  code.op(Op.i32Add);
  code.memory(Op.i32Load, write ? WRITE_TABLE : READ_TABLE);
}

function emitWide(code: CodeWriter, locals: AccessLocals, form: AccessForm, exit: () => void, tlbMiss: number): void {
  const { size, write } = form;
  code.localTee(locals.address);
  code.op(Op.i32WrapI64);
  code.localTee(locals.va);
  code.i32Const(8);
  code.op(Op.i32ShrU);
  code.i32Const((WIDE_TLB_ENTRIES - 1) << 4);
  code.op(Op.i32And);
  code.localTee(locals.delta);
  code.memory(Op.i64Load, write ? WIDE_WRITE_TLB : WIDE_READ_TLB);
  // The low bits that must be zero in an aligned address stay in the comparison; bit 11 of the tag marks a valid entry.
  code.localGet(locals.address);
  code.i64Const(-4096 | (size - 1));
  code.op(Op.i64And);
  code.i64Const(WIDE_VALID);
  code.op(Op.i64Or);
  code.op(Op.i64Ne);
  code.if();
  code.localGet(locals.va);
  code.localGet(locals.address);
  code.i64Const(32);
  code.op(Op.i64ShrU);
  code.op(Op.i32WrapI64);
  code.i32Const(size | (write ? TLB_MISS_WRITE : 0) | (form.mustAlign === true ? TLB_MISS_ALIGN : 0));
  code.call(tlbMiss);
  code.op(Op.i32Eqz);
  code.if();
  exit();
  code.end();
  code.end();
  code.localGet(locals.delta);
  code.memory(Op.i32Load, (write ? WIDE_WRITE_TLB : WIDE_READ_TLB) + 8);
  code.localSet(locals.delta);
}

/** Marks a TLB entry as filled: a bit that no masked address has. */
export const WIDE_VALID = 0x800;

/** What is added to an address pushed by `pushHost`, as the constant offset of the load or store. */
export function hostOffset(mode: AddressMode): number {
  return mode === "wide" ? 0 : ENTRY_BIAS;
}

/** Table entry = host page − guest page − ENTRY_BIAS: odd, and small enough for the host's short form of an offset. */
export const ENTRY_BIAS = 1;

/** Pushes the host address less `hostOffset`. */
export function pushHost(code: CodeWriter, locals: AccessLocals): void {
  code.localGet(locals.delta);
  code.localGet(locals.va);
  code.op(Op.i32Add);
}

/** Pushes the address of the code page for the pc in local `pc`. */
export function emitCodePage(code: CodeWriter, tables: number, pc: number): void {
  code.localGet(pc);
  code.i32Const(12);
  code.op(Op.i32ShrU);
  code.i32Const(2);
  code.op(Op.i32Shl);
  code.localGet(tables);
  code.op(Op.i32Add);
  code.memory(Op.i32Load, CODE_TABLE);
}

/** Sets `record` to the address of the record for the pc in local `pc`. */
export function emitRecordLookup(code: CodeWriter, tables: number, pc: number, record: number): void {
  emitCodePage(code, tables, pc);
  code.localGet(pc);
  code.i32Const(0xffe);
  code.op(Op.i32And);
  code.i32Const(RECORD_SHIFT);
  code.op(Op.i32Shl);
  code.op(Op.i32Add);
  code.localSet(record);
}
