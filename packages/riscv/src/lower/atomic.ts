/**
 * Meaning of the A extension on one hart: plain operations, because nothing runs between their load and their store.
 * Source: Unprivileged ISA, chapter 14. LR remembers address and value; SC succeeds when both still hold (another task
 * of the hart may have run between only through a trap, and every trap drops the reservation).
 */
import { Op, Type } from "@stratos/wasm";
import { HART_RESERVATION, HART_RESERVED_VALUE } from "../hart-state.ts";
import { RS2 } from "./lowering.ts";
import type { Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

const NO_RESERVATION = -1;

function loadReserved(opcode: number, size: 4 | 8): LoweringFunction {
  return (to) => {
    const { code } = to;
    const value = to.scratch(Type.i64, 0);
    to.physicalAddress(size, false);
    code.memory(opcode, 0);
    code.localSet(value);
    code.i32Const(0);
    to.reservationAddress();
    code.memory(Op.i32Store, HART_RESERVATION);
    code.i32Const(0);
    code.localGet(value);
    code.memory(Op.i64Store, HART_RESERVED_VALUE);
    to.beginWriteX();
    code.localGet(value);
    to.endWriteX();
  };
}

function storeConditional(loadOpcode: number, storeOpcode: number, size: 4 | 8): LoweringFunction {
  return (to) => {
    const { code } = to;
    const address = to.scratch(Type.i32, 0);
    const failed = to.scratch(Type.i64, 0);
    to.physicalAddress(size, true);
    code.localSet(address);
    code.i64Const(1);
    code.localSet(failed);
    code.i32Const(0);
    code.memory(Op.i32Load, HART_RESERVATION);
    to.reservationAddress();
    code.op(Op.i32Eq);
    code.localGet(address);
    code.memory(loadOpcode, 0);
    code.i32Const(0);
    code.memory(Op.i64Load, HART_RESERVED_VALUE);
    code.op(Op.i64Eq);
    code.op(Op.i32And);
    code.if();
    code.localGet(address);
    to.readX(RS2);
    code.memory(storeOpcode, 0);
    code.i64Const(0);
    code.localSet(failed);
    code.end();
    code.i32Const(0);
    code.i32Const(NO_RESERVATION);
    code.memory(Op.i32Store, HART_RESERVATION);
    to.beginWriteX();
    code.localGet(failed);
    to.endWriteX();
  };
}

/** rd = old value (sign-extended), memory = combine(old, rs2). */
function amo(size: 4 | 8, combine: (to: Lowering, old: number, source: number) => void): LoweringFunction {
  return (to) => {
    const { code } = to;
    const address = to.scratch(Type.i32, 0);
    const old = to.scratch(Type.i64, 0);
    const source = to.scratch(Type.i64, 1);
    to.physicalAddress(size, true);
    code.localTee(address);
    code.memory(size === 4 ? Op.i64Load32S : Op.i64Load, 0);
    code.localSet(old);
    to.readX(RS2);
    if (size === 4) code.op(Op.i64Extend32S);
    code.localSet(source);
    code.localGet(address);
    combine(to, old, source);
    code.memory(size === 4 ? Op.i64Store32 : Op.i64Store, 0);
    to.beginWriteX();
    code.localGet(old);
    to.endWriteX();
  };
}

const arithmetic =
  (opcode: number) =>
  (to: Lowering, old: number, source: number): void => {
    to.code.localGet(old);
    to.code.localGet(source);
    to.code.op(opcode);
  };

/** Sign extension keeps the order of words, signed and unsigned, so that one 64-bit comparison serves both sizes. */
const choose =
  (comparison: number) =>
  (to: Lowering, old: number, source: number): void => {
    to.code.localGet(old);
    to.code.localGet(source);
    to.code.localGet(old);
    to.code.localGet(source);
    to.code.op(comparison);
    to.code.op(Op.select);
  };

const swap = (to: Lowering, _old: number, source: number): void => to.code.localGet(source);

export const atomicLowerings: LoweringTable = {
  "lr.w": loadReserved(Op.i64Load32S, 4),
  "lr.d": loadReserved(Op.i64Load, 8),
  "sc.w": storeConditional(Op.i64Load32S, Op.i64Store32, 4),
  "sc.d": storeConditional(Op.i64Load, Op.i64Store, 8),
  "amoswap.w": amo(4, swap),
  "amoadd.w": amo(4, arithmetic(Op.i64Add)),
  "amoxor.w": amo(4, arithmetic(Op.i64Xor)),
  "amoand.w": amo(4, arithmetic(Op.i64And)),
  "amoor.w": amo(4, arithmetic(Op.i64Or)),
  "amomin.w": amo(4, choose(Op.i64LtS)),
  "amomax.w": amo(4, choose(Op.i64GtS)),
  "amominu.w": amo(4, choose(Op.i64LtU)),
  "amomaxu.w": amo(4, choose(Op.i64GtU)),
  "amoswap.d": amo(8, swap),
  "amoadd.d": amo(8, arithmetic(Op.i64Add)),
  "amoxor.d": amo(8, arithmetic(Op.i64Xor)),
  "amoand.d": amo(8, arithmetic(Op.i64And)),
  "amoor.d": amo(8, arithmetic(Op.i64Or)),
  "amomin.d": amo(8, choose(Op.i64LtS)),
  "amomax.d": amo(8, choose(Op.i64GtS)),
  "amominu.d": amo(8, choose(Op.i64LtU)),
  "amomaxu.d": amo(8, choose(Op.i64GtU)),
};
