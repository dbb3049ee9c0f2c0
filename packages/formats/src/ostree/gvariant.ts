/**
 * GVariant's serialised form, as far as OSTree needs it: values are written by a type signature. Source: "GVariant
 * Specification" (A. Lortie, 2010) §2.5. Values lie at multiples of their alignment; where an element's length is not
 * fixed, the container ends with the offsets of its elements' ends, in words as small as its size allows. Numbers are
 * little-endian; OSTree swaps some itself.
 */
import { byteString, byteStringOf, concatBytes } from "@stratos/base";
import { FormatError } from "../format-error.ts";

/**
 * A value for a signature: numbers for y n q i u, booleans for b, [high, low] or a number for x and t, byte strings for
 * s o g.
 */
export type Variant =
  | number
  | boolean
  | string
  | Uint8Array
  | readonly Variant[]
  | { readonly type: string; readonly value: Variant }
  | { readonly type: string; readonly serialized: Uint8Array };

interface Type {
  readonly code: string;
  readonly alignment: number;
  /** bytes; undefined when it varies */
  readonly fixedSize: number | undefined;
  readonly members: readonly Type[];
}

const BASIC: Readonly<Record<string, readonly [number, number]>> = {
  y: [1, 1],
  b: [1, 1],
  n: [2, 2],
  q: [2, 2],
  i: [4, 4],
  u: [4, 4],
  x: [8, 8],
  t: [8, 8],
};
const known = new Map<string, Type>();

/** The bytes of `value` under `signature`. */
export function serializeVariant(signature: string, value: Variant): Uint8Array {
  return serialize(typeOf(signature), value);
}

function typeOf(signature: string): Type {
  let type = known.get(signature);
  if (type === undefined) {
    const parsed = parseType(signature, 0);
    if (parsed.end !== signature.length) throw new RangeError(`not one GVariant type: ${signature}`);
    known.set(signature, (type = parsed.type));
  }
  return type;
}

function parseType(signature: string, at: number): { type: Type; end: number } {
  const code = signature[at] ?? "";
  const basic = BASIC[code];
  if (basic !== undefined)
    return { type: { code, alignment: basic[0], fixedSize: basic[1], members: [] }, end: at + 1 };
  if (code === "s" || code === "o" || code === "g")
    return { type: { code: "s", alignment: 1, fixedSize: undefined, members: [] }, end: at + 1 };
  if (code === "v") return { type: { code, alignment: 8, fixedSize: undefined, members: [] }, end: at + 1 };
  if (code === "a") {
    const { type, end } = parseType(signature, at + 1);
    return { type: { code, alignment: type.alignment, fixedSize: undefined, members: [type] }, end };
  }
  if (code !== "(" && code !== "{") throw new RangeError(`not a GVariant type: ${signature}`);
  const members: Type[] = [];
  let next = at + 1;
  while (signature[next] !== ")" && signature[next] !== "}") {
    const { type, end } = parseType(signature, next);
    members.push(type);
    next = end;
  }
  const alignment = Math.max(1, ...members.map((member) => member.alignment));
  let size: number | undefined = 0;
  for (const member of members)
    size =
      size === undefined || member.fixedSize === undefined
        ? undefined
        : align(size, member.alignment) + member.fixedSize;
  return {
    type: { code: "(", alignment, fixedSize: size === undefined ? undefined : align(size, alignment), members },
    end: next + 1,
  };
}

function align(at: number, alignment: number): number {
  return Math.ceil(at / alignment) * alignment;
}

function serialize(type: Type, value: Variant): Uint8Array {
  switch (type.code) {
    case "s":
      return byteStringOf(`${value as string}\0`);
    case "v": {
      const own = value as { type: string; value: Variant } | { type: string; serialized: Uint8Array },
        signature = own.type;
      const bytes = "serialized" in own ? own.serialized : serializeVariant(signature, own.value);
      return concatBytes([bytes, byteStringOf(`\0${signature}`)]);
    }
    case "a":
      return value instanceof Uint8Array
        ? value
        : container(value as readonly Variant[], () => type.members[0]!, type, true);
    case "(":
      return container(value as readonly Variant[], (index) => type.members[index]!, type, false);
    default:
      return number(type, value);
  }
}

function number(type: Type, value: Variant): Uint8Array {
  const bytes = new Uint8Array(type.fixedSize!);
  const view = new DataView(bytes.buffer);
  if (type.code === "y" || type.code === "b") bytes[0] = Number(value);
  else if (bytes.length === 2) view.setUint16(0, value as number, true);
  else if (bytes.length === 4) view.setUint32(0, value as number, true);
  else if (typeof value === "number") {
    view.setUint32(0, value % 2 ** 32, true);
    view.setInt32(4, Math.floor(value / 2 ** 32), true);
  } else {
    const [high, low] = value as readonly number[];
    view.setUint32(0, low!, true);
    view.setUint32(4, high!, true);
  }
  return bytes;
}

function container(
  values: readonly Variant[],
  memberType: (index: number) => Type,
  type: Type,
  isArray: boolean,
): Uint8Array {
  const parts: Uint8Array[] = [],
    ends: number[] = [];
  let size = 0;
  values.forEach((value, index) => {
    const member = memberType(index);
    const start = align(size, member.alignment);
    if (start > size) parts.push(new Uint8Array(start - size));
    const bytes = serialize(member, value);
    parts.push(bytes);
    size = start + bytes.length;
    // In an array every element has its offset, in a tuple each but the last.
    if (member.fixedSize === undefined && (isArray || index < values.length - 1)) ends.push(size);
  });
  if (!isArray) {
    if (type.fixedSize !== undefined && type.fixedSize > size) parts.push(new Uint8Array(type.fixedSize - size));
    // A tuple's offsets stand backwards.
    ends.reverse();
  }
  if (ends.length > 0) parts.push(offsets(ends, size));
  return concatBytes(parts);
}

function offsets(ends: readonly number[], size: number): Uint8Array {
  const width = [1, 2, 4, 8].find((candidate) => size + ends.length * candidate < 2 ** (8 * candidate))!;
  const bytes = new Uint8Array(ends.length * width);
  ends.forEach((end, index) => {
    for (let byte = 0, rest = end; byte < width; byte++, rest = Math.floor(rest / 256))
      bytes[index * width + byte] = rest % 256;
  });
  return bytes;
}

/** The number whose little-endian bytes are the big-endian ones of `value`. */
export function swapU32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** The number of a value of `t` whose bytes are the big-endian ones. @throws FormatError above 2^53 */
export function unswapU64(value: Variant): number {
  const [high, low] = value as readonly [number, number],
    number = swapU32(low) * 2 ** 32 + swapU32(high);
  if (number > Number.MAX_SAFE_INTEGER) throw damaged("number");
  return number;
}

/** The same for 64 bits, as a value for `t`. */
export function swapU64(value: number): Variant {
  return [swapU32(value % 2 ** 32), swapU32(Math.floor(value / 2 ** 32))];
}

/**
 * The elements of a serialised array whose elements vary in length (§2.5.3.1).
 * @throws FormatError when its offsets lead elsewhere
 */
export function arrayElements(bytes: Uint8Array, alignment: number): Uint8Array[] {
  if (bytes.length === 0) return [];
  const width = offsetWidth(bytes.length),
    listStart = readOffset(bytes, bytes.length - width, width);
  const count = (bytes.length - listStart) / width;
  if (!Number.isInteger(count) || count < 1) throw damaged("array");
  const elements: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index < count; index++) {
    const end = readOffset(bytes, listStart + index * width, width);
    start = align(start, alignment);
    if (end < start || end > listStart) throw damaged("array");
    elements.push(bytes.subarray(start, end));
    start = end;
  }
  return elements;
}

/** What a serialised `a{sv}` holds, values as they stand there. @throws FormatError when it is damaged */
export function dictionaryEntries(bytes: Uint8Array): { key: string; type: string; serialized: Uint8Array }[] {
  return arrayElements(bytes, 8).map((element) => {
    const width = offsetWidth(element.length),
      keyEnd = element.length < width ? 0 : readOffset(element, element.length - width, width);
    const valueStart = align(keyEnd, 8),
      valueEnd = element.length - width;
    const split = element.subarray(0, valueEnd).lastIndexOf(0);
    if (keyEnd < 1 || valueStart > valueEnd || split < valueStart) throw damaged("dictionary");
    return {
      key: byteString(element, 0, keyEnd - 1),
      type: byteString(element, split + 1, valueEnd),
      serialized: element.slice(valueStart, split),
    };
  });
}

/**
 * The value of serialised bytes: what {@link serializeVariant} takes, but texts and values of `v` as they stand there.
 * Bytes (`ay`) are views.
 * @throws FormatError when they are not of the type
 */
export function parseVariant(signature: string, bytes: Uint8Array): Variant {
  return parse(typeOf(signature), bytes);
}

function parse(type: Type, bytes: Uint8Array): Variant {
  switch (type.code) {
    case "s": {
      if (bytes.length === 0 || bytes.indexOf(0) !== bytes.length - 1) throw damaged("text");
      return byteString(bytes, 0, bytes.length - 1);
    }
    case "v": {
      const split = bytes.lastIndexOf(0);
      if (split < 0) throw damaged("value");
      return { type: byteString(bytes, split + 1), serialized: bytes.subarray(0, split) };
    }
    case "a":
      return parseArray(type.members[0]!, bytes);
    case "(":
      return parseTuple(type, bytes);
    default:
      return parseNumber(type, bytes);
  }
}

function parseNumber(type: Type, bytes: Uint8Array): Variant {
  if (bytes.length !== type.fixedSize) throw damaged("number");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 1) return type.code === "b" ? bytes[0] === 1 : bytes[0]!;
  if (bytes.length === 2) return view.getUint16(0, true);
  return bytes.length === 4 ? view.getUint32(0, true) : [view.getUint32(4, true), view.getUint32(0, true)];
}

function parseArray(member: Type, bytes: Uint8Array): Variant {
  if (member.fixedSize === undefined)
    return arrayElements(bytes, member.alignment).map((element) => parse(member, element));
  if (member.code === "y") return bytes;
  if (bytes.length % member.fixedSize !== 0) throw damaged("array");
  return Array.from({ length: bytes.length / member.fixedSize }, (_, index) =>
    parse(member, bytes.subarray(index * member.fixedSize!, (index + 1) * member.fixedSize!)),
  );
}

function parseTuple(type: Type, bytes: Uint8Array): Variant {
  if (type.fixedSize !== undefined && bytes.length !== type.fixedSize) throw damaged("tuple");
  const width = offsetWidth(bytes.length),
    last = type.members.length - 1;
  const varying = type.members.filter(({ fixedSize }, index) => fixedSize === undefined && index < last).length;
  // Offsets stand backwards behind the members.
  const end = bytes.length - varying * width;
  let at = 0,
    offset = bytes.length;
  return type.members.map((member, index) => {
    const start = align(at, member.alignment);
    if (member.fixedSize !== undefined) at = start + member.fixedSize;
    else if (index === last) at = end;
    else at = readOffset(bytes, (offset -= width), width);
    if (start > at || at > end || end < 0) throw damaged("tuple");
    return parse(member, bytes.subarray(start, at));
  });
}

function damaged(what: string): FormatError {
  return new FormatError(`a serialised ${what} is damaged`);
}

function offsetWidth(size: number): number {
  return size < 0x100 ? 1 : size < 0x10000 ? 2 : size < 2 ** 32 ? 4 : 8;
}

function readOffset(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let byte = width - 1; byte >= 0; byte--) value = value * 256 + (bytes[at + byte] ?? 0);
  return value;
}
