/** Operations in line: their quick way with all checks, and the call of the runtime where that does not do. */
import { Op, Type } from "@stratos/wasm";
import { CHARACTER_BYTE, Immediate, Kind, Offset, Tag, cellAddress, headerByte } from "../heap/layout.ts";
import type { Node } from "../middle/ir.ts";
import { isFloatComparison, isFloatOperation } from "../middle/type-inference.ts";
import { ARITHMETIC, FLOAT_COMPARE, floatOperation, pushFloat, wordCompare } from "./emit-arithmetic.ts";
import {
  tagTest,
  immediateTest,
  pushKindTest,
  kindTest,
  numberTest,
  checkIndex,
  pushIndexed,
  fieldAddress,
  field,
  setField,
  toFixnum,
  toCharacter,
  constantOf,
  makeObject,
  checkedElement,
  bytesLength,
  checkRecord,
  pushRecordTest,
} from "./emit-checks.ts";
import { characterCompare, checkCharacter } from "./emit-characters.ts";
import type { Emitter, PrimNode, Result } from "./emit-arithmetic.ts";
import type { Context, Destination, FrameWriter, Operand } from "./frame-writer.ts";

export function emitPrimitive(e: FrameWriter, node: PrimNode, destination: Destination, context: Context | null): void {
  const { name } = node.op;
  if (destination === "effect" && node.op.isPure && name !== "%rebox") {
    for (const arg of node.args) e.gen(arg, "effect", null);
    return;
  }
  if (name === "%the") return e.gen(node.args[0]!, destination, context);
  if (isFloatComparison(node)) {
    if (!name.startsWith("%")) e.countTest(true);
    pushFloat(e, node.args[0]!);
    pushFloat(e, node.args[1]!);
    e.writer.op(FLOAT_COMPARE[name.replace("%fl", "")]!);
    return e.finishTest(destination, context);
  }
  if (isFloatOperation(node) && floatOperation(e, node)) {
    if (!name.startsWith("%")) e.countTest(true);
    return e.finishFloat(node, destination, context);
  }
  if (name === "%rebox") {
    e.gen(node.args[0]!, "f64", null);
    return e.finishFloat(node, destination, context);
  }
  if (name === "%check-failed") return e.raiseCheck(node, destination === "tail" && context === null);
  const emitter = EMITTERS[name];
  if (emitter === undefined) throw new Error(`no code for the primitive ${name}`);
  const result = emitter(e, node);
  if (result === "word") e.finish(destination, context);
  else if (result === "test") e.finishTest(destination, context);
  else {
    // for effect
    if (destination === "effect") return;
    e.word(Immediate.unspecified);
    e.finish(destination, context);
  }
}

const EMITTERS: Record<string, Emitter> = {
  "eq?": wordCompare(Op.i64Eq),
  "not": (e, node) => {
    e.gen(node.args[0]!, "test", null);
    e.writer.op(Op.i32Eqz);
    return "test";
  },
  "null?": immediateTest(Immediate.nil),
  "eof-object?": immediateTest(Immediate.eof),
  "%unbound?": immediateTest(Immediate.unbound),
  "%default?": immediateTest(Immediate.default),
  "pair?": tagTest(Tag.pair),
  "vector?": tagTest(Tag.vector),
  "procedure?": tagTest(Tag.procedure),
  "%flonum?": tagTest(Tag.flonum),
  "%fixnum?": tagTest(Tag.fixnum),
  "%object?": tagTest(Tag.object),
  "%integer?": numberTest([Tag.fixnum], [Kind.bignum]),
  "%real?": numberTest([Tag.fixnum, Tag.flonum], [Kind.bignum, Kind.ratnum]),
  "%number?": numberTest([Tag.fixnum, Tag.flonum], [Kind.bignum, Kind.ratnum, Kind.compnum]),
  "string?": kindTest(Kind.string),
  "symbol?": kindTest(Kind.symbol),
  "bytevector?": kindTest(Kind.bytevector),
  "char?": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.i32Const(255);
    e.writer.op(Op.i32And);
    e.writer.i32Const(CHARACTER_BYTE);
    e.writer.op(Op.i32Eq);
    return "test";
  },
  "boolean?": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.i64Const(-257);
    e.writer.op(Op.i64And);
    e.writer.i64Const(Immediate.false);
    e.writer.op(Op.i64Eq);
    return "test";
  },
  "%kind?": (e, node) => {
    const operand = e.operand(node.args[0]!);
    pushKindTest(e, operand, constantOf(node.args[1]!));
    e.done(operand);
    return "test";
  },
  "car": field(Tag.pair, Offset.car, "pair", "car", "pair"),
  "cdr": field(Tag.pair, Offset.cdr, "pair", "cdr", "pair"),
  "%car": (e, node) => unchecked(e, node, Offset.car),
  "%cdr": (e, node) => unchecked(e, node, Offset.cdr),
  "%unbox": (e, node) => unchecked(e, node, Offset.fields),
  "set-car!": setField(Offset.car, "set-car!"),
  "set-cdr!": setField(Offset.cdr, "set-cdr!"),
  "cons": (e, node) => {
    const address = e.allocate(node, 16);
    node.args.forEach((arg, index) => {
      e.writer.localGet(address);
      e.gen(arg, "word", null);
      e.writer.memory(Op.i64Store, index * 8);
    });
    e.pointer(address, Tag.pair);
    e.release(address, Type.i32);
    return "word";
  },
  "%box": (e, node) => {
    const address = e.allocate(node, 16);
    e.storeHeader(address, headerByte(Kind.box), 1);
    e.writer.localGet(address);
    e.gen(node.args[0]!, "word", null);
    e.writer.memory(Op.i64Store, 8);
    e.pointer(address, Tag.object);
    e.release(address, Type.i32);
    return "word";
  },
  "%set-box!": (e, node) => {
    const box = e.operand(node.args[0]!);
    const value = e.operand(node.args[1]!);
    e.storeField(
      () => {
        e.push(box);
        e.writer.op(Op.i32WrapI64);
      },
      Offset.fields,
      value,
    );
    e.done(box, value);
    return "nothing";
  },
  "%closure-ref": (e, node) => unchecked(e, node, Offset.captured + 8 * constantOf(node.args[1]!)),
  "%closure-set!": (e, node) => {
    const closure = e.operand(node.args[0]!);
    const value = e.operand(node.args[2]!);
    e.storeField(
      () => {
        e.push(closure);
        e.writer.op(Op.i32WrapI64);
      },
      Offset.captured + 8 * constantOf(node.args[1]!),
      value,
    );
    e.done(closure, value);
    return "nothing";
  },

  ...ARITHMETIC,

  "vector-length": (e, node) => {
    const vector = e.operand(node.args[0]!);
    e.checkTag(vector, node.args[0]!, Tag.vector, "vector", "vector-length", "vector");
    e.push(vector);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load, Offset.vectorLength);
    toFixnum(e);
    e.done(vector);
    return "word";
  },
  "vector-ref": (e, node) => {
    const { vector, index } = checkedVector(e, node, "vector-ref");
    pushIndexed(e, vector, index, 8);
    e.writer.memory(Op.i64Load, Offset.vectorItems);
    e.done(vector, index);
    return "word";
  },
  "vector-set!": (e, node) => {
    const { vector, index } = checkedVector(e, node, "vector-set!");
    const value = e.operand(node.args[2]!);
    e.storeField(() => pushIndexed(e, vector, index, 8), Offset.vectorItems, value);
    e.done(vector, index, value);
    return "nothing";
  },
  "string-length": bytesLength(Kind.string, "string", "string-length", 2),
  "bytevector-length": bytesLength(Kind.bytevector, "bytevector", "bytevector-length", 0),
  "string-ref": (e, node) => {
    const { object, index } = checkedElement(e, node, Kind.string, "string", "string-ref", 2);
    pushIndexed(e, object, index, 4);
    e.writer.memory(Op.i32Load, Offset.fields);
    toCharacter(e);
    e.done(object, index);
    return "word";
  },
  "bytevector-u8-ref": (e, node) => {
    const { object, index } = checkedElement(e, node, Kind.bytevector, "bytevector", "bytevector-u8-ref", 0);
    pushIndexed(e, object, index, 1);
    e.writer.memory(Op.i32Load8U, Offset.fields);
    toFixnum(e);
    e.done(object, index);
    return "word";
  },
  "bytevector-u8-set!": (e, node) => {
    const { object, index } = checkedElement(e, node, Kind.bytevector, "bytevector", "bytevector-u8-set!", 0);
    const value = e.operand(node.args[2]!);
    e.push(value);
    e.writer.i64Const(~0x7f8);
    e.writer.op(Op.i64And);
    e.writer.op(Op.i64Eqz);
    e.writer.op(Op.i32Eqz);
    e.raiseIf(value, "bytevector-u8-set!", "byte");
    keepBytes(e, object, index, 1);
    pushIndexed(e, object, index, 1);
    e.push(value);
    e.writer.op(Op.i32WrapI64);
    e.writer.i32Const(3);
    e.writer.op(Op.i32ShrU);
    e.writer.memory(Op.i32Store8, Offset.fields);
    e.done(object, index, value);
    return "nothing";
  },
  "char->integer": (e, node) => {
    const operand = e.operand(node.args[0]!);
    checkCharacter(e, operand, node.args[0]!, "char->integer", "char");
    e.push(operand);
    e.writer.i64Const(8);
    e.writer.op(Op.i64ShrU);
    e.writer.i64Const(3);
    e.writer.op(Op.i64Shl);
    e.done(operand);
    return "word";
  },
  "%char->integer": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.i64Const(8);
    e.writer.op(Op.i64ShrU);
    e.writer.i64Const(3);
    e.writer.op(Op.i64Shl);
    return "word";
  },
  "integer->char": (e, node) => {
    const { writer } = e;
    const operand = e.operand(node.args[0]!);
    // A fixnum below 0x110000 that is no surrogate.
    e.push(operand);
    writer.i64Const(7);
    writer.op(Op.i64And);
    writer.op(Op.i64Eqz);
    writer.op(Op.i32Eqz);
    e.push(operand);
    writer.i64Const(0x110000 * 8);
    writer.op(Op.i64GeU);
    writer.op(Op.i32Or);
    e.push(operand);
    writer.i64Const(0xd800 * 8);
    writer.op(Op.i64Sub);
    writer.i64Const(0x800 * 8);
    writer.op(Op.i64LtU);
    writer.op(Op.i32Or);
    e.raiseIf(operand, "integer->char", "code of a character");
    e.push(operand);
    writer.i64Const(5);
    writer.op(Op.i64Shl);
    writer.i64Const(CHARACTER_BYTE);
    writer.op(Op.i64Or);
    e.done(operand);
    return "word";
  },
  "%integer->char": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.i64Const(5);
    e.writer.op(Op.i64Shl);
    e.writer.i64Const(CHARACTER_BYTE);
    e.writer.op(Op.i64Or);
    return "word";
  },
  "char=?": characterCompare("char=?", Op.i64Eq),
  "char<?": characterCompare("char<?", Op.i64LtU),
  "char>?": characterCompare("char>?", Op.i64GtU),
  "char<=?": characterCompare("char<=?", Op.i64LeU),
  "char>=?": characterCompare("char>=?", Op.i64GeU),

  "%make": (e, node) => makeObject(e, node, "make-words"),
  "%make-bytes": (e, node) => makeObject(e, node, "make-bytes"),
  "%make-vector": (e, node) => {
    const count = e.operand(node.args[0]!);
    const fill = e.operand(node.args[1]!);
    e.coldCall(node, e.linker.low("make-vector"), () => {
      e.push(count);
      e.writer.i64Const(3);
      e.writer.op(Op.i64ShrS);
      e.writer.op(Op.i32WrapI64);
      e.push(fill);
    });
    e.done(count, fill);
    return "word";
  },
  "%ref": (e, node) => {
    fieldAddress(e, node.args[0]!, node.args[1]!, 8);
    e.writer.memory(Op.i64Load, Offset.fields);
    return "word";
  },
  "%vref": (e, node) => {
    fieldAddress(e, node.args[0]!, node.args[1]!, 8);
    e.writer.memory(Op.i64Load, Offset.vectorItems);
    return "word";
  },
  "%set!": (e, node) => setIndexed(e, node, Offset.fields),
  "%vset!": (e, node) => setIndexed(e, node, Offset.vectorItems),
  "%count": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load, Offset.count);
    toFixnum(e);
    return "word";
  },
  "%extra": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load, Offset.header);
    e.writer.i32Const(8);
    e.writer.op(Op.i32ShrU);
    toFixnum(e);
    return "word";
  },
  "%set-extra!": (e, node) => {
    const object = e.operand(node.args[0]!);
    const value = e.operand(node.args[1]!);
    e.push(object);
    e.writer.op(Op.i32WrapI64);
    e.push(object);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load8U, Offset.header);
    e.push(value);
    e.writer.op(Op.i32WrapI64);
    e.writer.i32Const(5);
    e.writer.op(Op.i32Shl);
    e.writer.op(Op.i32Or);
    e.writer.memory(Op.i32Store, Offset.header);
    e.done(object, value);
    return "nothing";
  },
  "%u8": (e, node) => {
    fieldAddress(e, node.args[0]!, node.args[1]!, 1);
    e.writer.memory(Op.i32Load8U, Offset.fields);
    toFixnum(e);
    return "word";
  },
  "%u32": (e, node) => {
    fieldAddress(e, node.args[0]!, node.args[1]!, 4);
    e.writer.memory(Op.i32Load, Offset.fields);
    toFixnum(e);
    return "word";
  },
  "%set-u8!": (e, node) => setNumber(e, node, 1, Op.i32Store8),
  "%set-u32!": (e, node) => setNumber(e, node, 4, Op.i32Store),
  "%bytes-copy!": (e, node) => copy(e, node, 1),
  "%words-copy!": (e, node) => copy(e, node, 8),
  "%arity": (e, node) => {
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load8U, Offset.procedureHeader + 1);
    toFixnum(e);
    return "word";
  },
  "%cell": (e, node) => {
    e.loadCell(constantOf(node.args[0]!));
    return "word";
  },
  "%register": (e, node) => {
    e.writer.i32Const(0);
    e.writer.memory(Op.i32Load, constantOf(node.args[0]!));
    toFixnum(e);
    return "word";
  },
  "%set-register!": (e, node) => {
    e.writer.i32Const(0);
    e.gen(node.args[1]!, "word", null);
    e.writer.i64Const(3);
    e.writer.op(Op.i64ShrS);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Store, constantOf(node.args[0]!));
    return "nothing";
  },
  "%symbol-name": (e, node) => {
    // its only field is its name's place among the cells, as a fixnum: that many times 8
    e.gen(node.args[0]!, "word", null);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i32Load, Offset.fields);
    e.writer.memory(Op.i64Load, cellAddress(0));
    return "word";
  },
  "%set-cell!": (e, node) => {
    e.writer.i32Const(0);
    e.gen(node.args[1]!, "word", null);
    e.writer.memory(Op.i64Store, cellAddress(constantOf(node.args[0]!)));
    return "nothing";
  },
  "%record": (e, node) => {
    const address = e.allocate(node, 8 + 8 * node.args.length);
    e.storeHeader(address, headerByte(Kind.record), node.args.length);
    node.args.forEach((arg, index) => {
      e.writer.localGet(address);
      e.gen(arg, "word", null);
      e.writer.memory(Op.i64Store, 8 + index * 8);
    });
    e.pointer(address, Tag.object);
    e.release(address, Type.i32);
    return "word";
  },
  "%record?": (e, node) => {
    const record = e.operand(node.args[0]!);
    pushRecordTest(e, record, node.args[1]!);
    e.done(record);
    return "test";
  },
  "%record-ref": (e, node) => {
    const record = checkRecord(e, node, node.args[3]!);
    e.push(record);
    e.writer.op(Op.i32WrapI64);
    e.writer.memory(Op.i64Load, Offset.fields + 8 + 8 * constantOf(node.args[2]!));
    e.done(record);
    return "word";
  },
  "%record-set!": (e, node) => {
    const value = e.operand(node.args[3]!);
    const record = checkRecord(e, node, node.args[4]!);
    e.storeField(
      () => {
        e.push(record);
        e.writer.op(Op.i32WrapI64);
      },
      Offset.fields + 8 + 8 * constantOf(node.args[2]!),
      value,
    );
    e.done(record, value);
    return "nothing";
  },
  "%eqv?": (e, node) => {
    const a = e.operand(node.args[0]!);
    const b = e.operand(node.args[1]!);
    e.push(a);
    e.push(b);
    e.writer.op(Op.i64Eq);
    e.writer.if(Type.i32);
    e.writer.i32Const(1);
    e.writer.else();
    e.push(a);
    e.push(b);
    e.callLow("eqv-numbers");
    e.writer.end();
    e.done(a, b);
    return "test";
  },
  "%equal": (e, node) => {
    const a = e.operand(node.args[0]!);
    const b = e.operand(node.args[1]!);
    e.push(a);
    e.push(b);
    e.callLow("equal-words");
    e.done(a, b);
    return "word";
  },
  "%host": (e, node) => {
    const { writer } = e;
    const [operation, ...args] = node.args as [Node, ...Node[]];
    const operands = args.map((arg) => e.operand(arg));
    operands.forEach((operand, index) => {
      e.pushFrame();
      e.push(operand);
      writer.memory(Op.i64Store, 8 * index);
    });
    e.pushFrame();
    writer.i32Const(constantOf(operation));
    e.callLow("host");
    e.done(...operands);
    return "word";
  },
};

function checkedVector(e: FrameWriter, node: PrimNode, primitive: string): { vector: Operand; index: Operand } {
  const vector = e.operand(node.args[0]!);
  const index = e.operand(node.args[1]!);
  e.checkTag(vector, node.args[0]!, Tag.vector, "vector", primitive, "vector");
  checkIndex(
    e,
    index,
    () => {
      e.push(vector);
      e.writer.op(Op.i32WrapI64);
      e.writer.memory(Op.i32Load, Offset.vectorLength);
    },
    primitive,
  );
  e.learn(node.args[1]!, "fixnum");
  return { vector, index };
}

function unchecked(e: FrameWriter, node: PrimNode, offset: number): Result {
  e.gen(node.args[0]!, "word", null);
  e.writer.op(Op.i32WrapI64);
  e.writer.memory(Op.i64Load, offset);
  return "word";
}

function setIndexed(e: FrameWriter, node: PrimNode, offset: number): Result {
  const object = e.operand(node.args[0]!);
  const index = e.operand(node.args[1]!);
  const value = e.operand(node.args[2]!);
  e.storeField(() => pushIndexed(e, object, index, 8), offset, value);
  e.done(object, index, value);
  return "nothing";
}

/** Before bytes of an object change. */
function keepBytes(e: FrameWriter, object: Operand, index: Operand, scale: 1 | 4): void {
  e.ifForked(() => {
    pushIndexed(e, object, index, scale);
    e.writer.i32Const(Offset.fields);
    e.writer.op(Op.i32Add);
    e.writer.i32Const(1);
    e.callLow("keep");
  });
}

function setNumber(e: FrameWriter, node: PrimNode, scale: 1 | 4, opcode: number): Result {
  const object = e.operand(node.args[0]!);
  const index = e.operand(node.args[1]!);
  keepBytes(e, object, index, scale);
  pushIndexed(e, object, index, scale);
  e.gen(node.args[2]!, "word", null);
  e.writer.i64Const(3);
  e.writer.op(Op.i64ShrS);
  e.writer.op(Op.i32WrapI64);
  e.writer.memory(opcode, Offset.fields);
  e.done(object, index);
  return "nothing";
}

/**
 * Copies units of `scale` bytes between objects (offsets of fields of vectors and others differ by their tag alone).
 */
function copy(e: FrameWriter, node: PrimNode, scale: 1 | 8): Result {
  const [to, toStart, from, fromStart, count] = node.args.map((arg) => e.operand(arg)) as [
    Operand,
    Operand,
    Operand,
    Operand,
    Operand,
  ];
  for (const [object, start] of [
    [to, toStart],
    [from, fromStart],
  ] as const) {
    e.push(object);
    e.writer.i64Const(-8);
    e.writer.op(Op.i64And);
    e.writer.op(Op.i32WrapI64);
    e.writer.i32Const(16);
    e.writer.op(Op.i32Add);
    e.push(start);
    e.writer.op(Op.i32WrapI64);
    if (scale === 1) {
      e.writer.i32Const(3);
      e.writer.op(Op.i32ShrU);
    }
    e.writer.op(Op.i32Add);
  }
  e.push(count);
  e.writer.op(Op.i32WrapI64);
  if (scale === 1) {
    e.writer.i32Const(3);
    e.writer.op(Op.i32ShrU);
    e.callLow("copy-bytes");
  } else e.callLow("copy-words");
  e.done(to, toStart, from, fromStart, count);
  return "nothing";
}
