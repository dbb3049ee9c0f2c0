/** Tests and checks of operands, and fields of objects: what most primitives are made of. */
import { Op, Type } from "@stratos/wasm";
import { CHARACTER_BYTE, Kind, Offset, Tag, headerByte } from "../heap/layout.ts";
import type { Node } from "../middle/ir.ts";
import type { ValueType } from "../middle/value-type.ts";
import type { Emitter, PrimNode, Result } from "./emit-arithmetic.ts";
import type { FrameWriter, Operand } from "./frame-writer.ts";

export function tagTest(tag: number): Emitter {
  return (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.i32Const(7);
    e.writer.op(Op.i32And);
    e.writer.i32Const(tag);
    e.writer.op(Op.i32Eq);
    return "test";
  };
}

export function immediateTest(word: number): Emitter {
  return (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.i64Const(word);
    e.writer.op(Op.i64Eq);
    return "test";
  };
}

/** Pushes whether the word in the operand is an object with a header of this kind. */
export function pushKindTest(e: FrameWriter, operand: Operand, kind: number): void {
  const { writer } = e;
  e.push(operand);
  writer.op(Op.i32WrapI64);
  writer.i32Const(7);
  writer.op(Op.i32And);
  writer.i32Const(Tag.object);
  writer.op(Op.i32Eq);
  writer.if(Type.i32);
  e.push(operand);
  writer.op(Op.i32WrapI64);
  writer.memory(Op.i32Load8U, Offset.header);
  writer.i32Const(headerByte(kind));
  writer.op(Op.i32Eq);
  writer.else();
  writer.i32Const(0);
  writer.end();
}

export function kindTest(kind: number): Emitter {
  return (e, node) => {
    const operand = e.operand(node.args[0]!);
    pushKindTest(e, operand, kind);
    e.done(operand);
    return "test";
  };
}

/** Whether the word has one of the tags, or is an object with a header of one of the kinds. */
export function numberTest(tags: readonly number[], kinds: readonly number[]): Emitter {
  return (e, node) => {
    const { writer } = e;
    const operand = e.operand(node.args[0]!);
    const hasTag = (tag: number): void => {
      e.push(operand);
      writer.op(Op.i32WrapI64);
      writer.i32Const(7);
      writer.op(Op.i32And);
      writer.i32Const(tag);
      writer.op(Op.i32Eq);
    };
    tags.forEach((tag, index) => {
      hasTag(tag);
      if (index > 0) writer.op(Op.i32Or);
    });
    writer.if(Type.i32);
    writer.i32Const(1);
    writer.else();
    kinds.forEach((kind, index) => {
      pushKindTest(e, operand, kind);
      if (index > 0) writer.op(Op.i32Or);
    });
    writer.end();
    e.done(operand);
    return "test";
  };
}

function checkKind(
  e: FrameWriter,
  operand: Operand,
  node: Node,
  kind: number,
  known: ValueType,
  primitive: string,
  expected: string,
): void {
  e.countTest(operand.type === known);
  if (operand.type === known) return;
  pushKindTest(e, operand, kind);
  e.writer.op(Op.i32Eqz);
  e.raiseIf(operand, primitive, expected);
  e.learn(node, known);
}

/** Raises unless the operand is a fixnum from 0 to below the count that `count` pushes (an i32). */
export function checkIndex(e: FrameWriter, index: Operand, count: () => void, primitive: string): void {
  const { writer } = e;
  // As an unsigned number a fixnum's word is 8 times itself; negative ones are huge; other tags are seen by their low
  // bits.
  const isTested = index.constant === null && index.type !== "fixnum";
  e.countTest(!isTested);
  if (isTested) {
    e.push(index);
    writer.i64Const(7);
    writer.op(Op.i64And);
    writer.op(Op.i64Eqz);
    writer.op(Op.i32Eqz);
    e.raiseIf(index, primitive, "index");
  }
  e.push(index);
  count();
  writer.op(Op.i64ExtendI32U);
  writer.i64Const(3);
  writer.op(Op.i64Shl);
  writer.op(Op.i64GeU);
  e.raiseIf(index, primitive, "index");
}

/** Pushes pointer + index × scale as an i32. */
export function pushIndexed(e: FrameWriter, object: Operand, index: Operand, scale: 1 | 4 | 8): void {
  const { writer } = e;
  e.push(object);
  writer.op(Op.i32WrapI64);
  if (index.constant !== null) {
    writer.i32Const(index.constant * scale);
  } else {
    e.push(index);
    writer.op(Op.i32WrapI64);
    if (scale !== 8) {
      writer.i32Const(scale === 1 ? 3 : 1);
      writer.op(Op.i32ShrU);
    }
  }
  writer.op(Op.i32Add);
}

/** Pushes the address of an unchecked field: object, index in words, bytes (1) or units of 4 bytes. */
export function fieldAddress(e: FrameWriter, object: Node, index: Node, scale: 1 | 4 | 8): void {
  const a = e.operand(object);
  const b = e.operand(index);
  pushIndexed(e, a, b, scale);
  e.done(a, b);
}

export function field(tag: number, offset: number, type: ValueType, primitive: string, expected: string): Emitter {
  return (e, node) => {
    const [object] = node.args as [Node];
    const operand = e.operand(object);
    e.checkTag(operand, object, tag, type, primitive, expected);
    e.push(operand);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i64Load, offset);
    e.done(operand);
    return "word";
  };
}

export function setField(offset: number, primitive: string): Emitter {
  return (e, node) => {
    const [object, value] = node.args as [Node, Node];
    const a = e.operand(object);
    const b = e.operand(value);
    e.checkTag(a, object, Tag.pair, "pair", primitive, "pair");
    e.storeField(
      () => {
        e.push(a);
        e.writer.op(Op.i32WrapI64);
      },
      offset,
      b,
    );
    e.done(a, b);
    return "nothing";
  };
}

/** Turns the i32 on the stack into a fixnum. */
export function toFixnum(e: FrameWriter): void {
  e.writer.op(Op.i64ExtendI32U);
  e.writer.i64Const(3);
  e.writer.op(Op.i64Shl);
}

/** Code on the stack (i32) to the character's word. */
export function toCharacter(e: FrameWriter): void {
  e.writer.op(Op.i64ExtendI32U);
  e.writer.i64Const(8);
  e.writer.op(Op.i64Shl);
  e.writer.i64Const(CHARACTER_BYTE);
  e.writer.op(Op.i64Or);
}

export function constantOf(node: Node): number {
  if (node.k !== "const" || typeof node.datum !== "number") throw new Error("an operand must be constant here");
  return node.datum;
}

export function makeObject(e: FrameWriter, node: PrimNode, name: string): Result {
  const kind = constantOf(node.args[0]!);
  const count = e.operand(node.args[1]!);
  e.coldCall(node, e.linker.low(name), () => {
    e.writer.i32Const(kind);
    e.push(count);
    e.writer.i64Const(3);
    e.writer.op(Op.i64ShrS);
    e.writer.op(Op.i32WrapI64);
  });
  e.done(count);
  return "word";
}

/** Checks of a string or bytevector and an index; pushes nothing. */
export function checkedElement(
  e: FrameWriter,
  node: PrimNode,
  kind: number,
  known: ValueType,
  primitive: string,
  shift: number,
): { object: Operand; index: Operand } {
  const object = e.operand(node.args[0]!);
  const index = e.operand(node.args[1]!);
  checkKind(e, object, node.args[0]!, kind, known, primitive, known);
  checkIndex(
    e,
    index,
    () => {
      e.push(object);
      e.writer.op(Op.i32WrapI64);
      e.writer.memory(Op.i32Load, Offset.count);
      if (shift > 0) {
        e.writer.i32Const(shift);
        e.writer.op(Op.i32ShrU);
      }
    },
    primitive,
  );
  e.learn(node.args[1]!, "fixnum");
  return { object, index };
}

export function bytesLength(kind: number, known: ValueType, primitive: string, shift: number): Emitter {
  return (e, node) => {
    const object = e.operand(node.args[0]!);
    checkKind(e, object, node.args[0]!, kind, known, primitive, known);
    e.push(object);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load, Offset.count);
    if (shift > 0) {
      e.writer.i32Const(shift);
      e.writer.op(Op.i32ShrU);
    }
    toFixnum(e);
    e.done(object);
    return "word";
  };
}

/** Pushes whether the operand is a record of the type. A type that is not defined yet is that of no record. */
export function pushRecordTest(e: FrameWriter, record: Operand, type: Node): void {
  const { writer } = e;
  pushKindTest(e, record, Kind.record);
  writer.if(Type.i32);
  e.push(record);
  writer.op(Op.i32WrapI64);
  writer.memory(Op.i64Load, Offset.fields);
  if (type.k === "gref") e.loadCell(type.g.cell);
  else e.gen(type, "word", null);
  writer.op(Op.i64Eq);
  writer.else();
  writer.i32Const(0);
  writer.end();
}

/** Checks that a record has a type; pushes nothing. */
export function checkRecord(e: FrameWriter, node: PrimNode, name: Node): Operand {
  const { writer } = e;
  const record = e.operand(node.args[0]!);
  pushRecordTest(e, record, node.args[1]!);
  writer.op(Op.i32Eqz);
  writer.if();
  e.raiseRecord(record, node.args[1]!, name);
  writer.end();
  return record;
}
