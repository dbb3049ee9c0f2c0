/**
 * What a debugger computes with values of a program. Integers have 64 bits: `unsigned long` where an operand is that,
 * else `long`, into which all smaller ones fit; numbers with a fraction are `double`; pointers count in what they point
 * to, arrays are pointers to their first element (C17 §6.3.1.8, §6.3.2.1, §6.5.6, §6.5.8).
 */
import type { DataType } from "../symbols/data-type.ts";
import {
  bytesOfValue,
  elementOf,
  namedMember,
  numberOfValue,
  pointedTo,
  type ReadMemory,
  type TypedValue,
} from "./typed-value.ts";

/** Why an expression has no meaning, or no value here. */
export class ExpressionError extends Error {}

export type Operator =
  | "||"
  | "&&"
  | "|"
  | "^"
  | "&"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "<<"
  | ">>"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%";

const LONG: DataType = { kind: "base", name: "long", size: 8, encoding: "signed" };
const UNSIGNED_LONG: DataType = { kind: "base", name: "unsigned long", size: 8, encoding: "unsigned" };
const DOUBLE: DataType = { kind: "base", name: "double", size: 8, encoding: "float" };

/** What an operator sees of a value. */
type Operand =
  | { readonly kind: "integer"; readonly value: bigint; readonly isSigned: boolean }
  | { readonly kind: "float"; readonly value: number }
  /** The type is the pointer's. */
  | { readonly kind: "pointer"; readonly value: bigint; readonly type: DataType & { kind: "pointer" } };

export function longOf(value: bigint): TypedValue {
  return bytesAs(LONG, value);
}

export function doubleOf(value: number): TypedValue {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return { type: DOUBLE, place: { kind: "bytes", bytes } };
}

/** A constant of an enumeration. @returns null: it has none of this name, or it is no enumeration */
export function namedConstant(type: DataType, name: string): TypedValue | null {
  if (type.kind !== "enum") return null;
  for (const [value, each] of type.names()) if (each === name) return longOf(value);
  return null;
}

/** C's `!= 0`. @throws ExpressionError */
export function isTrue(value: TypedValue, memory: ReadMemory): boolean {
  const operand = operandOf(value, memory);
  return operand.kind === "float" ? operand.value !== 0 : operand.value !== 0n;
}

/** What a pointer points to; of a number, the `long` at that address. @throws ExpressionError, DwarfError */
export function pointed(value: TypedValue, memory: ReadMemory): TypedValue {
  if (value.type.kind === "array") return element(value, 0, memory);
  const operand = operandOf(value, memory);
  if (operand.kind === "pointer") return element(value, 0, memory);
  if (operand.kind === "float") throw new ExpressionError(`${value.type.name} is no pointer`);
  const address = BigInt.asUintN(64, operand.value);
  const at: TypedValue = { type: LONG, place: { kind: "memory", address: Number(address) } };
  if (bytesOfValue(at, memory) === null) throw new ExpressionError(`nothing is mapped at 0x${address.toString(16)}`);
  return at;
}

/** @throws ExpressionError: it is not in memory */
export function addressOf({ type, place, bits }: TypedValue): TypedValue {
  const isInMemory = place.kind === "memory" && Number.isFinite(place.address) && (bits ?? null) === null;
  if (!isInMemory) throw new ExpressionError(`the address of ${type.name} that is not in memory`);
  return bytesAs(pointerTo(type), BigInt(Math.trunc(place.address)));
}

/** @throws ExpressionError, DwarfError */
export function indexed(value: TypedValue, index: TypedValue, memory: ReadMemory): TypedValue {
  const operand = operandOf(index, memory);
  if (operand.kind !== "integer") throw new ExpressionError(`an index of type ${index.type.name}`);
  return element(value, Number(operand.value), memory);
}

/** Of a struct, or of what a pointer points to. @throws ExpressionError, DwarfError */
export function memberNamed(value: TypedValue, name: string, memory: ReadMemory): TypedValue {
  const whole = value.type.kind === "pointer" ? pointed(value, memory) : value;
  const member = namedMember(whole, name);
  if (member === null) throw new ExpressionError(`${whole.type.name} has no member ${name}`);
  return member;
}

/** @throws ExpressionError */
export function unaryOperation(operator: "-" | "+" | "~" | "!", value: TypedValue, memory: ReadMemory): TypedValue {
  if (operator === "!") return longOf(isTrue(value, memory) ? 0n : 1n);
  const operand = operandOf(value, memory);
  if (operand.kind === "pointer" || (operand.kind === "float" && operator === "~"))
    throw new ExpressionError(`${operator} of ${value.type.name}`);
  if (operand.kind === "float") return doubleOf(operator === "-" ? -operand.value : operand.value);
  const result = operator === "-" ? -operand.value : operator === "~" ? ~operand.value : operand.value;
  return integerOf(result, operand.isSigned);
}

/** All but `&&` and `||`, which may not ask for their second operand. @throws ExpressionError */
export function binaryOperation(
  operator: Exclude<Operator, "&&" | "||">,
  [left, right]: readonly [TypedValue, TypedValue],
  memory: ReadMemory,
): TypedValue {
  const a = operandOf(left, memory);
  const b = operandOf(right, memory);
  const mistake = new ExpressionError(`${left.type.name} ${operator} ${right.type.name}`);
  if (a.kind === "float" || b.kind === "float") {
    if (a.kind === "pointer" || b.kind === "pointer") throw mistake;
    const result = FLOAT_OPERATIONS[operator]?.(Number(a.value), Number(b.value));
    if (result === undefined) throw mistake;
    return typeof result === "boolean" ? truth(result) : doubleOf(result);
  }
  const compare = COMPARISONS[operator];
  const isSigned = isSignedOperand(a) && (isSignedOperand(b) || operator === "<<" || operator === ">>");
  if (compare !== undefined) return truth(compare(inSign(a.value, isSigned), inSign(b.value, isSigned)));
  if (a.kind === "pointer" || b.kind === "pointer") {
    const result = pointerOperation(operator, a, b);
    if (result === null) throw mistake;
    return result;
  }
  return integerOf(INTEGER_OPERATIONS[operator]!(inSign(a.value, isSigned), inSign(b.value, isSigned)), isSigned);
}

const COMPARISONS: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const INTEGER_OPERATIONS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "|": (a, b) => a | b,
  "^": (a, b) => a ^ b,
  "&": (a, b) => a & b,
  "<<": (a, b) => a << (b & 63n),
  ">>": (a, b) => a >> (b & 63n),
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / divisor(b),
  "%": (a, b) => a % divisor(b),
};

const FLOAT_OPERATIONS: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

/** @returns null: C has no such operation */
function pointerOperation(operator: Operator, a: Operand, b: Operand): TypedValue | null {
  if (a.kind === "pointer" && b.kind === "pointer") {
    if (operator !== "-") return null;
    return longOf((a.value - b.value) / BigInt(Math.max(1, a.type.target().size)));
  }
  const [pointer, count] = a.kind === "pointer" ? [a, b] : [b, a];
  const isSum = operator === "+" || (operator === "-" && pointer === a);
  if (!isSum || pointer.kind !== "pointer" || count.kind !== "integer") return null;
  const bytes = count.value * BigInt(pointer.type.target().size);
  return bytesAs(pointer.type, operator === "+" ? pointer.value + bytes : pointer.value - bytes);
}

function operandOf(value: TypedValue, memory: ReadMemory): Operand {
  const { type, place } = value;
  if (type.kind === "array") {
    if (place.kind !== "memory") throw new ExpressionError(`${type.name} is not in memory`);
    const pointer = pointerTo(type.element());
    return { kind: "pointer", value: BigInt(Math.trunc(place.address)), type: pointer };
  }
  if (type.kind === "struct" || type.kind === "none") throw new ExpressionError(`${type.name} is no number`);
  if (type.size > 8) throw new ExpressionError(`${type.name} is not computed with`);
  const number = numberOfValue(value, memory);
  const bytes = bytesOfValue(value, memory);
  if (number === null || bytes === null) {
    const where = place.kind === "memory" ? `nothing is mapped at 0x${place.address.toString(16)}` : "it is lost";
    throw new ExpressionError(`${type.name}: ${where}`);
  }
  if (type.kind === "pointer") return { kind: "pointer", value: number, type };
  if (type.kind === "base" && type.encoding === "float") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (type.size === 8) return { kind: "float", value: view.getFloat64(0, true) };
    if (type.size === 4) return { kind: "float", value: view.getFloat32(0, true) };
    throw new ExpressionError(`${type.name} is not computed with`);
  }
  const isUnsignedLong = type.kind === "base" && type.size === 8 && type.encoding === "unsigned";
  return { kind: "integer", value: isUnsignedLong ? number : BigInt.asIntN(64, number), isSigned: !isUnsignedLong };
}

function element(value: TypedValue, index: number, memory: ReadMemory): TypedValue {
  const found = value.type.kind === "array" ? elementOf(value, index) : pointedTo(value, memory, index);
  if (found === null) throw new ExpressionError(`${value.type.name} has no elements, or it is not there`);
  return found;
}

function isSignedOperand(operand: Operand): boolean {
  return operand.kind === "integer" && operand.isSigned;
}

function inSign(value: bigint, isSigned: boolean): bigint {
  return isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
}

function integerOf(value: bigint, isSigned: boolean): TypedValue {
  return bytesAs(isSigned ? LONG : UNSIGNED_LONG, value);
}

function truth(holds: boolean): TypedValue {
  return longOf(holds ? 1n : 0n);
}

function divisor(value: bigint): bigint {
  if (value === 0n) throw new ExpressionError("a division by zero");
  return value;
}

function pointerTo(type: DataType): DataType & { kind: "pointer" } {
  const name = type.name.endsWith("*") ? `${type.name}*` : `${type.name} *`;
  return { kind: "pointer", name, size: 8, target: () => type };
}

function bytesAs(type: DataType, value: bigint): TypedValue {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return { type, place: { kind: "bytes", bytes } };
}
