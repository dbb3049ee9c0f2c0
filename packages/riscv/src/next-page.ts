/**
 * An instruction of four bytes that begins with the page's last two lies in two pages. Others may have decoded it; this
 * address space has to fetch both halves, too.
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { CODE_TABLE } from "./access.ts";
import { Record } from "./record.ts";

/**
 * Pushes 1 when the instruction goes on in a page that this address space has not fetched from.
 *
 * @param locals.next  gets the address of the second half
 */
export function emitNextPageTest(
  code: CodeWriter,
  { pc, record, tables, next }: { pc: number; record: number; tables: number; next: number },
): void {
  code.localGet(record);
  code.memory(Op.i32Load8U, Record.length);
  code.localGet(pc);
  code.i32Const(0xfff);
  code.op(Op.i32And);
  code.op(Op.i32Add);
  code.i32Const(0x1000);
  code.op(Op.i32GtU);
  code.localGet(pc);
  code.i32Const(2);
  code.op(Op.i32Add);
  code.localTee(next);
  code.i32Const(12);
  code.op(Op.i32ShrU);
  code.i32Const(2);
  code.op(Op.i32Shl);
  code.localGet(tables);
  code.op(Op.i32Add);
  code.memory(Op.i32Load, CODE_TABLE);
  code.op(Op.i32Eqz);
  code.op(Op.i32And);
}
