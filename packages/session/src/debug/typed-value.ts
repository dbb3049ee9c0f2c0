/** Values of a program's variables, as an editor shows them: a line of text, and what they are made of. */
import { byteString, byteStringToUtf8 } from "@stratos/base";
import type { DataType, Member } from "../symbols/data-type.ts";
import { littleEndian, type Location } from "../symbols/location.ts";

const TEXT_BYTES_MAX = 200;
const SHOWN_ELEMENTS_MAX = 10;
/** Structs and arrays within one another in a line. */
const DEPTH_MAX = 3;
const LINE_LENGTH_MAX = 500;

/** Memory of the process; null: not all of it is mapped. */
export type ReadMemory = (address: number, count: number) => Uint8Array | null;

export interface TypedValue {
  readonly type: DataType;
  readonly place: Location;
  /** Of a bit field. */
  readonly bits?: Member["bits"];
}

/** Something in a value, by the name under which an expression finds it there. */
export interface ValuePart {
  readonly name: string;
  readonly value: TypedValue;
}

/** @returns null: not all of it is there */
export function bytesOfValue({ type, place }: TypedValue, read: ReadMemory): Uint8Array | null {
  if (place.kind === "memory") return read(place.address, type.size);
  return place.bytes.length < type.size ? null : place.bytes.subarray(0, type.size);
}

/** What a number, a pointer, an enumeration is as a number; null: it is none, or lost. */
export function numberOfValue(value: TypedValue, read: ReadMemory): bigint | null {
  const { type, bits } = value;
  if (type.kind === "array" || type.kind === "struct" || type.kind === "none" || type.size > 16) return null;
  const bytes = bytesOfValue(value, read);
  if (bytes === null) return null;
  const isSigned = type.kind === "base" ? type.encoding.startsWith("signed") : type.kind === "enum" && type.isSigned;
  const whole = littleEndian(bytes);
  const count = bits?.count ?? 8 * type.size;
  const part = whole >> BigInt(bits?.from ?? 0);
  return isSigned ? BigInt.asIntN(count, part) : BigInt.asUintN(count, part);
}

/** Parts of a struct or an array, from the one with this number on; what a pointer points to. @throws DwarfError */
export function partsOfValue(value: TypedValue, { from, count }: { from: number; count: number }): ValuePart[] {
  const { type } = value;
  if (type.kind === "struct") {
    return type
      .members()
      .slice(from, from + count)
      .map((member) => ({ name: member.name || "(unnamed)", value: memberOf(value, member) }));
  }
  if (type.kind !== "array") return [];
  const last = Math.min(type.count, from + count);
  return Array.from({ length: Math.max(0, last - from) }, (_, index) => ({
    name: `[${from + index}]`,
    value: elementOf(value, from + index)!,
  }));
}

function memberOf({ place }: TypedValue, { type, offset, bits }: Member): TypedValue {
  return { type: type(), place: moved(place, offset), bits };
}

/** By its name, also in members that have none. @returns null: there is none. @throws DwarfError */
export function namedMember(value: TypedValue, name: string, depth = 0): TypedValue | null {
  const { type } = value;
  if (type.kind !== "struct" || depth > DEPTH_MAX) return null;
  const members = type.members();
  const found = members.find((each) => each.name === name);
  if (found !== undefined) return memberOf(value, found);
  for (const each of members) {
    const inner = each.name === "" ? namedMember(memberOf(value, each), name, depth + 1) : null;
    if (inner !== null) return inner;
  }
  return null;
}

/** @returns null: it has no elements. @throws DwarfError */
export function elementOf({ type, place }: TypedValue, index: number): TypedValue | null {
  if (type.kind !== "array") return null;
  const element = type.element();
  return { type: element, place: moved(place, index * element.size) };
}

/** What a pointer points to, or so many of it further. @returns null: it is none, or lost. @throws DwarfError */
export function pointedTo(value: TypedValue, read: ReadMemory, index = 0): TypedValue | null {
  if (value.type.kind !== "pointer") return null;
  const address = numberOfValue(value, read);
  if (address === null) return null;
  const target = value.type.target();
  return { type: target, place: { kind: "memory", address: Number(address) + index * target.size } };
}

function moved(place: Location, offset: number): Location {
  if (place.kind === "memory") return { kind: "memory", address: place.address + offset };
  return { kind: "bytes", bytes: place.bytes.subarray(Math.min(place.bytes.length, Math.max(0, offset))) };
}

/** In a line. @throws DwarfError */
export function textOfValue(value: TypedValue, read: ReadMemory, depth = 0): string {
  const text = plainText(value, read, depth);
  return text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX)}…` : text;
}

function plainText(value: TypedValue, read: ReadMemory, depth: number): string {
  const { type } = value;
  if (type.kind === "none") return type.name === "function" ? "{…}" : "?";
  if (type.kind === "struct" || type.kind === "array") return compoundText(value, read, depth);
  const bytes = bytesOfValue(value, read);
  const number = numberOfValue(value, read);
  if (bytes === null || number === null) return LOST;
  if (type.kind === "enum") return type.names().get(number) ?? `${number}`;
  if (type.kind === "pointer") {
    const target = isChar(type.target()) ? textAt(Number(number), read) : null;
    return `0x${number.toString(16)}${target === null ? "" : ` ${target}`}`;
  }
  switch (type.encoding) {
    case "boolean":
      return number === 0n ? "false" : number === 1n ? "true" : `${number}`;
    case "float": {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (type.size === 4) return shortest(view.getFloat32(0, true));
      return type.size === 8 ? String(view.getFloat64(0, true)) : `0x${number.toString(16)}`;
    }
    case "signed char":
    case "unsigned char":
      return type.size === 1 ? `${number} '${quoted(byteString(bytes), "'")}'` : `${number}`;
    case "unknown":
      return `0x${number.toString(16)}`;
    default:
      return `${number}`;
  }
}

/** What cannot be read. */
const LOST = "<not there>";

function compoundText(value: TypedValue, read: ReadMemory, depth: number): string {
  const { type } = value;
  if (type.kind === "array" && isChar(type.element())) {
    const bytes = bytesOfValue({ ...value, type: { ...type, size: Math.min(type.size, TEXT_BYTES_MAX) } }, read);
    if (bytes === null) return LOST;
    const end = bytes.indexOf(0);
    return `"${quoted(byteString(end < 0 ? bytes : bytes.subarray(0, end)), '"')}"`;
  }
  if (depth >= DEPTH_MAX) return "{…}";
  const parts = partsOfValue(value, { from: 0, count: SHOWN_ELEMENTS_MAX });
  const count = type.kind === "array" ? type.count : type.kind === "struct" ? type.members().length : 0;
  const texts = parts.map((part) => {
    const text = textOfValue(part.value, read, depth + 1);
    return type.kind === "array" ? text : `${part.name} = ${text}`;
  });
  return `{${texts.join(", ")}${count > parts.length ? ", …" : ""}}`;
}

function isChar(type: DataType): boolean {
  return type.kind === "base" && type.size === 1 && type.encoding.endsWith("char");
}

/** What is at an address up to a zero; null: nothing is mapped there. */
function textAt(address: number, read: ReadMemory): string | null {
  // Memory may end within what could be the text.
  for (let count = TEXT_BYTES_MAX; count > 0; count = Math.floor(count / 2)) {
    const bytes = read(address, count);
    if (bytes === null) continue;
    const end = bytes.indexOf(0);
    return `"${quoted(byteString(end < 0 ? bytes : bytes.subarray(0, end)), '"')}${end < 0 ? "…" : ""}"`;
  }
  return null;
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", "\0": "\\0" };

/** @param bytes  a byte string */
function quoted(bytes: string, mark: string): string {
  return byteStringToUtf8(bytes).replace(/[\0-\x1f\x7f\\'"]/g, (character) => {
    if (character === "'" || character === '"') return character === mark ? `\\${character}` : character;
    return ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** The fewest digits that are this number as a float. */
function shortest(value: number): string {
  for (let digits = 1; digits < 10; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}
