/**
 * Meaning of Zicsr for the CSRs of user programs: fflags, frm, fcsr, and the counters cycle, time, instret (read-only;
 * the decoder refuses the rest). Rare, so one helper does the work; cycle counts instructions.
 */
import { Op, Type } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { Csr } from "../decode.ts";
import { HART_FFLAGS, HART_FRM, HART_FUEL, HART_RETIRED } from "../hart-state.ts";
import { emitNativeStateUpdate } from "./float-state.ts";
import { RS1 } from "./lowering.ts";
import type { Helper, Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

const WRITE = 0;
const SET = 1;
const CLEAR = 2;

/** The import that tells the time: () → f64, a whole number. */
export const READ_TIME = "readTime";

/** csr(number, operation, operand, retired) → old value */
const csrHelper: Helper = {
  name: "csr",
  parameters: [Type.i32, Type.i32, Type.i32, Type.i64],
  results: [Type.i64],
  locals: [Type.i32],
  emit(code, call) {
    const [number, operation, operand, retired, old] = [0, 1, 2, 3, 4];
    const isCsr = (csr: number): void => {
      code.localGet(number);
      code.i32Const(csr);
      code.op(Op.i32Eq);
    };

    isCsr(Csr.time);
    code.if();
    // A clock that counts instructions finds the fuel as it is now, not as it was when this function was entered.
    code.i32Const(0);
    code.i32Const(0);
    code.memory(Op.i64Load, HART_RETIRED);
    code.localGet(retired);
    code.op(Op.i64Sub);
    code.op(Op.i32WrapI64);
    code.memory(Op.i32Store, HART_FUEL);
    call(READ_TIME);
    code.op(Op.i64TruncF64U);
    code.return();
    code.end();
    code.localGet(number);
    code.i32Const(Csr.cycle);
    code.op(Op.i32GeU);
    code.if();
    code.localGet(retired);
    code.return();
    code.end();

    // fcsr = frm << 5 | fflags (§20.2).
    isCsr(Csr.fflags);
    code.if(Type.i32);
    cell(code, HART_FFLAGS);
    code.else();
    cell(code, HART_FRM);
    isCsr(Csr.fcsr);
    code.if(Type.i32);
    code.i32Const(5);
    code.else();
    code.i32Const(0);
    code.end();
    code.op(Op.i32Shl);
    isCsr(Csr.fcsr);
    code.if(Type.i32);
    cell(code, HART_FFLAGS);
    code.else();
    code.i32Const(0);
    code.end();
    code.op(Op.i32Or);
    code.end();
    code.localSet(old);

    // operand = the new value
    code.localGet(operation);
    code.i32Const(SET);
    code.op(Op.i32Eq);
    code.if();
    code.localGet(old);
    code.localGet(operand);
    code.op(Op.i32Or);
    code.localSet(operand);
    code.end();
    code.localGet(operation);
    code.i32Const(CLEAR);
    code.op(Op.i32Eq);
    code.if();
    code.localGet(old);
    code.localGet(operand);
    code.i32Const(-1);
    code.op(Op.i32Xor);
    code.op(Op.i32And);
    code.localSet(operand);
    code.end();

    isCsr(Csr.frm);
    code.op(Op.i32Eqz);
    code.if();
    setCell(code, HART_FFLAGS, () => {
      code.localGet(operand);
      code.i32Const(31);
      code.op(Op.i32And);
    });
    code.end();
    isCsr(Csr.fflags);
    code.op(Op.i32Eqz);
    code.if();
    setCell(code, HART_FRM, () => {
      code.localGet(operand);
      isCsr(Csr.fcsr);
      code.if(Type.i32);
      code.i32Const(5);
      code.else();
      code.i32Const(0);
      code.end();
      code.op(Op.i32ShrU);
      code.i32Const(7);
      code.op(Op.i32And);
    });
    code.end();
    emitNativeStateUpdate(code);
    code.localGet(old);
    code.op(Op.i64ExtendI32U);
  },
};

function cell(code: CodeWriter, address: number): void {
  code.i32Const(0);
  code.memory(Op.i32Load, address);
}

function setCell(code: CodeWriter, address: number, pushValue: () => void): void {
  code.i32Const(0);
  pushValue();
  code.memory(Op.i32Store, address);
}

const access =
  (operation: number, pushOperand: (to: Lowering) => void): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.immediate32();
    to.code.i32Const(operation);
    pushOperand(to);
    to.pushRetired();
    to.call("csr");
    to.endWriteX();
  };

export const csrHelpers: readonly Helper[] = [csrHelper];

export const csrLowerings: LoweringTable = {
  csrrw: access(WRITE, (to) => to.readXLow(RS1)),
  csrrs: access(SET, (to) => to.readXLow(RS1)),
  csrrc: access(CLEAR, (to) => to.readXLow(RS1)),
  csrrwi: access(WRITE, (to) => to.pushUnsignedImmediate()),
  csrrsi: access(SET, (to) => to.pushUnsignedImmediate()),
  csrrci: access(CLEAR, (to) => to.pushUnsignedImmediate()),
};
