/** Characters in line. */
import { Op } from "@stratos/wasm";
import { CHARACTER_BYTE } from "../heap/layout.ts";
import type { Node } from "../middle/ir.ts";
import type { Emitter } from "./emit-arithmetic.ts";
import type { FrameWriter, Operand } from "./frame-writer.ts";

export function characterCompare(name: string, opcode: number): Emitter {
  return (e, node) => {
    const operands = node.args.map((arg) => e.operand(arg));
    operands.forEach((operand, index) => checkCharacter(e, operand, node.args[index]!, name, "char"));
    for (const operand of operands) e.push(operand);
    e.writer.op(opcode);
    e.done(...operands);
    return "test";
  };
}

export function checkCharacter(
  e: FrameWriter,
  operand: Operand,
  node: Node,
  primitive: string,
  expected: string,
): void {
  e.countTest(operand.type === "char");
  if (operand.type === "char") return;
  e.push(operand);
  e.writer.op(Op.i32WrapI64);
  e.writer.i32Const(255);
  e.writer.op(Op.i32And);
  e.writer.i32Const(CHARACTER_BYTE);
  e.writer.op(Op.i32Ne);
  e.raiseIf(operand, primitive, expected);
  e.learn(node, "char");
}
