/** Numbers in line: fixnums with their checks, doubles in registers, and the call of the runtime's slow way. */
import { Op, Type } from "@stratos/wasm";
import { Flonum } from "../datum/datum.ts";
import { Immediate, Offset } from "../heap/layout.ts";
import { constant, type Node } from "../middle/ir.ts";
import { typeOf } from "../middle/type-inference.ts";
import type { FrameWriter, Operand } from "./frame-writer.ts";

export type PrimNode = Node & { k: "prim" };
/** What an operation leaves on the stack; `nothing`: it is done for its effect. */
export type Result = "word" | "test" | "nothing";
export type Emitter = (e: FrameWriter, node: PrimNode) => Result;

export const FLOAT_COMPARE: Record<string, number> = {
  "<": Op.f64Lt,
  "<=": Op.f64Le,
  ">": Op.f64Gt,
  ">=": Op.f64Ge,
  "=": Op.f64Eq,
};
const FLOAT_BINARY: Record<string, number> = { "+": Op.f64Add, "-": Op.f64Sub, "*": Op.f64Mul, "/": Op.f64Div };
const FLOAT_UNARY: Record<string, number> = {
  "%flsqrt": Op.f64Sqrt,
  "%flfloor": Op.f64Floor,
  "%flceiling": Op.f64Ceil,
  "%flround": Op.f64Nearest,
  "%fltruncate": Op.f64Trunc,
  "%flabs": Op.f64Abs,
  "%flnegate": Op.f64Neg,
  "-": Op.f64Neg,
};

/** Pushes an operand as a double: a flonum, or an exact integer that becomes one. */
export function pushFloat(e: FrameWriter, node: Node): void {
  const { writer } = e;
  if (node.k === "const") return writer.f64Const(node.datum instanceof Flonum ? node.datum.value : Number(node.datum));
  // What makes it an operation on doubles holds without the pass that leaves out tests, too.
  const known = e.type(node);
  const type = known === "any" ? typeOf(node) : known;
  if (type === "fixnum") {
    e.gen(node, "word", null);
    writer.i64Const(3);
    writer.op(Op.i64ShrS);
    writer.op(Op.f64ConvertI64S);
  } else if (type === "integer") {
    const operand = e.operand(node);
    writer.localGet(operand.local);
    writer.i64Const(7);
    writer.op(Op.i64And);
    writer.op(Op.i64Eqz);
    writer.if(Type.f64);
    writer.localGet(operand.local);
    writer.i64Const(3);
    writer.op(Op.i64ShrS);
    writer.op(Op.f64ConvertI64S);
    writer.else();
    writer.localGet(operand.local);
    e.callLow("integer->double");
    writer.end();
    e.done(operand);
  } else e.gen(node, "f64", null);
}

/** Pushes the address of an object's byte, less the fields' offset. */
function pushIndexedField(e: FrameWriter, object: Node, index: Node): void {
  const { writer } = e;
  e.gen(object, "word", null);
  writer.op(Op.i32WrapI64);
  e.gen(index, "word", null);
  writer.op(Op.i32WrapI64);
  writer.i32Const(3);
  writer.op(Op.i32ShrU);
  writer.op(Op.i32Add);
}

/** Pushes the operation's result as a double. @returns false when it has no form on doubles */
export function floatOperation(e: FrameWriter, node: PrimNode): boolean {
  const { writer } = e;
  const { name } = node.op;
  const [a, b] = node.args as [Node, Node];
  const binary = FLOAT_BINARY[name.replace("%fl", "")];
  if (binary !== undefined && node.args.length === 2) {
    pushFloat(e, a);
    pushFloat(e, b);
    writer.op(binary);
    return true;
  }
  if (FLOAT_UNARY[name] !== undefined) {
    e.gen(a, "f64", null);
    writer.op(FLOAT_UNARY[name]);
    return true;
  }
  if (name === "%fixnum->flonum") {
    e.gen(a, "word", null);
    writer.i64Const(3);
    writer.op(Op.i64ShrS);
    writer.op(Op.f64ConvertI64S);
    return true;
  }
  if (name === "exact->inexact" || name === "inexact") {
    pushFloat(e, a);
    return true;
  }
  if (name === "%f64") {
    pushIndexedField(e, a, b);
    writer.memory(Op.f64Load, Offset.fields);
    return true;
  }
  return false;
}

/** Pushes an i32 that is not 0 unless both are fixnums; false: they are known to be. */
function pushNotFixnums(e: FrameWriter, a: Operand, b: Operand): boolean {
  const { writer } = e;
  const open = [a, b].filter((operand) => operand.constant === null && operand.type !== "fixnum");
  e.countTest(open.length === 0);
  if (open.length === 0) return false;
  e.push(open[0]!);
  if (open.length === 2) {
    e.push(open[1]!);
    writer.op(Op.i64Or);
  }
  writer.op(Op.i32WrapI64);
  writer.i32Const(7);
  writer.op(Op.i32And);
  return true;
}

/**
 * Fixnums in line (`quick` leaves the result on the stack or branches to `slow`), else the runtime's procedure. Of one
 * operand: it is taken from zero.
 */
function arithmetic(
  runtime: string,
  result: "word" | "test",
  quick: (e: FrameWriter, a: Operand, b: Operand, slow: number) => void,
): Emitter {
  return (e, node) => {
    const { writer } = e;
    const isBinary = node.args.length === 2;
    const a = e.operand(isBinary ? node.args[0]! : constant(0));
    const b = e.operand(node.args.at(-1)!);
    const done = writer.block(result === "test" ? Type.i32 : Type.i64);
    const slow = writer.block();
    if (pushNotFixnums(e, a, b)) writer.brIf(slow);
    quick(e, a, b, slow);
    writer.br(done);
    writer.end();
    const ref = e.linker.low(`slow${runtime}`);
    e.coldCall(node, ref, () => {
      if (isBinary) e.push(a);
      e.push(b);
    });
    if (result === "test") {
      writer.i64Const(Immediate.false);
      writer.op(Op.i64Ne);
    }
    writer.end();
    e.done(a, b);
    return result;
  };
}

function compare(name: string, opcode: number): Emitter {
  return arithmetic(name, "test", (e, a, b) => {
    e.push(a);
    e.push(b);
    e.writer.op(opcode);
  });
}

/** Addition or subtraction; the sum's sign tells an overflow. */
function additive(opcode: number): (e: FrameWriter, a: Operand, b: Operand, slow: number) => void {
  return (e, a, b, slow) => {
    const { writer } = e;
    const sum = e.temporary(Type.i64);
    e.push(a);
    e.push(b);
    writer.op(opcode);
    writer.localSet(sum);
    if (b.constant !== null && a.constant === null) {
      // One comparison: adding a positive number must not make it smaller.
      writer.localGet(sum);
      e.push(a);
      writer.op(b.constant >= 0 === (opcode === Op.i64Add) ? Op.i64LtS : Op.i64GtS);
      writer.brIf(slow);
    } else {
      writer.localGet(sum);
      e.push(a);
      writer.op(Op.i64Xor);
      if (opcode === Op.i64Add) {
        writer.localGet(sum);
        e.push(b);
      } else {
        e.push(a);
        e.push(b);
      }
      writer.op(Op.i64Xor);
      writer.op(Op.i64And);
      writer.i64Const(0);
      writer.op(Op.i64LtS);
      writer.brIf(slow);
    }
    writer.localGet(sum);
    e.release(sum, Type.i64);
  };
}

function multiply(e: FrameWriter, a: Operand, b: Operand, slow: number): void {
  const { writer } = e;
  // Both within 32 bits: the product fits 64 bits, and must fit 61.
  const x = e.temporary(Type.i64);
  const y = e.temporary(Type.i64);
  for (const [operand, local] of [
    [a, x],
    [b, y],
  ] as const) {
    e.push(operand);
    writer.i64Const(3);
    writer.op(Op.i64ShrS);
    writer.localTee(local);
    writer.op(Op.i64Extend32S);
    writer.localGet(local);
    writer.op(Op.i64Ne);
    writer.brIf(slow);
  }
  writer.localGet(x);
  writer.localGet(y);
  writer.op(Op.i64Mul);
  writer.localTee(x);
  writer.i64Const(3);
  writer.op(Op.i64Shl);
  writer.localTee(y);
  writer.i64Const(3);
  writer.op(Op.i64ShrS);
  writer.localGet(x);
  writer.op(Op.i64Ne);
  writer.brIf(slow);
  writer.localGet(y);
  e.release(x, Type.i64);
  e.release(y, Type.i64);
}

function divide(opcode: number, isModulo = false): (e: FrameWriter, a: Operand, b: Operand, slow: number) => void {
  return (e, a, b, slow) => {
    const { writer } = e;
    if (b.constant === null || b.constant === 0 || b.constant === -1) {
      // Zero, and -1 (which alone overflows), go the slow way.
      e.push(b);
      writer.i64Const(8);
      writer.op(Op.i64Add);
      writer.i64Const(8);
      writer.op(Op.i64LeU);
      writer.brIf(slow);
    }
    e.push(a);
    e.push(b);
    writer.op(opcode);
    if (opcode === Op.i64DivS) {
      writer.i64Const(3);
      writer.op(Op.i64Shl);
    }
    if (!isModulo) return;
    // The remainder takes the divisor's sign.
    const rest = e.temporary(Type.i64);
    writer.localTee(rest);
    e.push(b);
    writer.i64Const(0);
    writer.localGet(rest);
    e.push(b);
    writer.op(Op.i64Xor);
    writer.i64Const(0);
    writer.op(Op.i64LtS);
    writer.localGet(rest);
    writer.i64Const(0);
    writer.op(Op.i64Ne);
    writer.op(Op.i32And);
    writer.op(Op.select);
    writer.op(Op.i64Add);
    e.release(rest, Type.i64);
  };
}

function fixnumBinary(opcode: number, shape: "plain" | "product" | "quotient" | "left" | "right" = "plain"): Emitter {
  return (e, node) => {
    const { writer } = e;
    e.gen(node.args[0]!, "word", null);
    if (shape === "product") {
      writer.i64Const(3);
      writer.op(Op.i64ShrS);
    }
    e.gen(node.args[1]!, "word", null);
    if (shape === "left" || shape === "right") {
      writer.i64Const(3);
      writer.op(Op.i64ShrS);
    }
    writer.op(opcode);
    if (shape === "quotient") {
      writer.i64Const(3);
      writer.op(Op.i64Shl);
    } else if (shape === "right") {
      writer.i64Const(-8);
      writer.op(Op.i64And);
    }
    return "word";
  };
}

export function wordCompare(opcode: number): Emitter {
  return (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.gen(node.args[1]!, "word", null);
    e.writer.op(opcode);
    return "test";
  };
}

function slowOnly(e: FrameWriter, node: PrimNode, name: string): Result {
  const operands = node.args.map((arg) => e.operand(arg));
  e.coldCall(node, e.linker.low(name), () => {
    for (const operand of operands) e.push(operand);
  });
  e.done(...operands);
  return "word";
}

const SUBTRACT = arithmetic("-", "word", additive(Op.i64Sub));
const NEGATE = arithmetic("-negate", "word", additive(Op.i64Sub));

export const ARITHMETIC: Record<string, Emitter> = {
  "+": arithmetic("+", "word", additive(Op.i64Add)),
  "-": (e, node) => (node.args.length === 1 ? NEGATE : SUBTRACT)(e, node),
  "*": arithmetic("*", "word", multiply),
  "<": compare("<", Op.i64LtS),
  "<=": compare("<=", Op.i64LeS),
  ">": compare(">", Op.i64GtS),
  ">=": compare(">=", Op.i64GeS),
  "=": compare("=", Op.i64Eq),
  "quotient": arithmetic("quotient", "word", divide(Op.i64DivS)),
  "remainder": arithmetic("remainder", "word", divide(Op.i64RemS)),
  "modulo": arithmetic("modulo", "word", divide(Op.i64RemS, true)),
  "/": (e, node) => slowOnly(e, node, "slow/"),
  "exact->inexact": (e, node) => slowOnly(e, node, "slow-inexact"),
  "inexact": (e, node) => slowOnly(e, node, "slow-inexact"),
  "sqrt": (e, node) => slowOnly(e, node, "slow-sqrt"),

  "%fx+": fixnumBinary(Op.i64Add),
  "%fx-": fixnumBinary(Op.i64Sub),
  "%fx*": fixnumBinary(Op.i64Mul, "product"),
  "%fxquotient": fixnumBinary(Op.i64DivS, "quotient"),
  "%fxremainder": fixnumBinary(Op.i64RemS),
  "%fxand": fixnumBinary(Op.i64And),
  "%fxor": fixnumBinary(Op.i64Or),
  "%fxxor": fixnumBinary(Op.i64Xor),
  "%fxshl": fixnumBinary(Op.i64Shl, "left"),
  "%fxshr": fixnumBinary(Op.i64ShrS, "right"),
  "%fx<": wordCompare(Op.i64LtS),
  "%fx<=": wordCompare(Op.i64LeS),
  "%fx>": wordCompare(Op.i64GtS),
  "%fx>=": wordCompare(Op.i64GeS),
  "%fx=": wordCompare(Op.i64Eq),
  "%fx<u": wordCompare(Op.i64LtU),
  "%flonum->fixnum": (e, node) => {
    e.gen(node.args[0]!, "f64", null);
    e.writer.op(Op.i64TruncF64S);
    e.writer.i64Const(3);
    e.writer.op(Op.i64Shl);
    return "word";
  },
  "%bits": (e, node) => {
    e.gen(node.args[0]!, "f64", null);
    e.writer.op(Op.i64ReinterpretF64);
    e.writer.i64Const(-8);
    e.writer.op(Op.i64And);
    return "word";
  },
};
