/** Types of a program's data, as its compiler described them (DWARF 5, chapter 5); their parts are read late. */
import { byteStringToUtf8 } from "@stratos/base";
import { DwarfError } from "./byte-reader.ts";
import { AT, type DebugInfo, type Entry, numberIn } from "./debug-info.ts";

const TAG = {
  ...{ array: 0x01, class: 0x02, enumeration: 0x04, member: 0x0d, pointer: 0x0f, reference: 0x10, structure: 0x13 },
  ...{ subroutine: 0x15, typedef: 0x16, union: 0x17, inheritance: 0x1c, subrange: 0x21, base: 0x24, const: 0x26 },
  ...{ enumerator: 0x28, volatile: 0x35, restrict: 0x37, rvalueReference: 0x42, atomic: 0x47 },
} as const;

/** From a name to what it stands for, and from a type to its parts. */
const HOPS_MAX = 64;
const MEMBERS_MAX = 10_000;
const DIMENSIONS_MAX = 16;
const POINTER_BYTES = 8;

/** DW_ATE (7.8). */
type Encoding = "boolean" | "float" | "signed" | "unsigned" | "signed char" | "unsigned char" | "unknown";
const ENCODINGS: Readonly<Record<number, Encoding>> = {
  ...{
    2: "boolean",
    4: "float",
    5: "signed",
    6: "signed char",
    7: "unsigned",
    8: "unsigned char",
    16: "unsigned char",
  },
};

export interface Member {
  /** Text; "": of a struct or union whose members are as if they were the outer one's. */
  readonly name: string;
  readonly type: () => DataType;
  /** Bytes from the beginning. */
  readonly offset: number;
  /** Of a bit field: bits from the beginning of `offset`. */
  readonly bits: { readonly from: number; readonly count: number } | null;
}

export type DataType = { readonly name: string; readonly size: number } & (
  | { readonly kind: "base"; readonly encoding: Encoding }
  | { readonly kind: "pointer"; readonly target: () => DataType }
  | { readonly kind: "struct"; readonly members: () => readonly Member[] }
  | { readonly kind: "array"; readonly element: () => DataType; readonly count: number }
  | { readonly kind: "enum"; readonly isSigned: boolean; readonly names: () => ReadonlyMap<bigint, string> }
  /** A function, or nothing. */
  | { readonly kind: "none" }
);

/** The type that an entry has; without one it is `void`. @throws DwarfError */
export function typeOf(info: DebugInfo, entry: Entry): DataType {
  const found = info.inherited(entry, AT.type);
  const type = found === null ? null : info.reference(found.entry, AT.type);
  return type === null ? { kind: "none", name: "void", size: 1 } : dataType(info, type, 0);
}

function dataType(info: DebugInfo, entry: Entry, hops: number): DataType {
  if (hops > HOPS_MAX) throw new DwarfError("a type that is made of itself");
  const ownName = byteStringToUtf8(info.nameOf(entry));
  const inner = (): DataType => {
    const type = info.reference(entry, AT.type);
    return type === null ? { kind: "none", name: "void", size: 1 } : dataType(info, type, hops + 1);
  };
  const size = Math.max(0, numberIn(entry.attributes.get(AT.byteSize)) ?? 0);
  switch (entry.tag) {
    case TAG.base: {
      const encoding = ENCODINGS[numberIn(entry.attributes.get(AT.encoding)) ?? 0] ?? "unknown";
      return { kind: "base", name: ownName, size, encoding };
    }
    case TAG.typedef:
      return { ...inner(), name: ownName };
    case TAG.const:
    case TAG.volatile:
    case TAG.restrict:
    case TAG.atomic: {
      const type = inner();
      return entry.tag === TAG.const ? { ...type, name: `const ${type.name}` } : type;
    }
    case TAG.pointer:
    case TAG.reference:
    case TAG.rvalueReference: {
      const mark = entry.tag === TAG.pointer ? "*" : "&";
      const name = `${pointedName(info, entry, hops)}${mark}`;
      return { kind: "pointer", name, size: POINTER_BYTES, target: () => typeOf(info, entry) };
    }
    case TAG.structure:
    case TAG.class:
    case TAG.union: {
      const word = entry.tag === TAG.structure ? "struct" : entry.tag === TAG.union ? "union" : "class";
      const name = `${word} ${ownName === "" ? "{…}" : ownName}`;
      return { kind: "struct", name, size, members: () => membersOf(info, entry) };
    }
    case TAG.enumeration:
      return enumeration(info, entry, { name: ownName === "" ? "enum" : `enum ${ownName}`, size: size || 4 });
    case TAG.array:
      return arrayType(info, entry, inner());
    default:
      return { kind: "none", name: entry.tag === TAG.subroutine ? "function" : "type", size: 1 };
  }
}

function pointedName(info: DebugInfo, entry: Entry, hops: number): string {
  const target = info.reference(entry, AT.type);
  if (target === null) return "void ";
  const { name } = dataType(info, target, hops + 1);
  return name.endsWith("*") ? name : `${name} `;
}

function membersOf(info: DebugInfo, entry: Entry): Member[] {
  const members: Member[] = [];
  for (const child of entry.children) {
    const isBase = child.tag === TAG.inheritance;
    // A static member is a variable of its own.
    if ((child.tag !== TAG.member && !isBase) || child.attributes.has(AT.declaration)) continue;
    if (members.length >= MEMBERS_MAX) break;
    const bitCount = numberIn(child.attributes.get(AT.bitSize));
    const firstBit = numberIn(child.attributes.get(AT.dataBitOffset)) ?? oldFirstBit(info, child, bitCount ?? 0);
    const offset = numberIn(child.attributes.get(AT.memberLocation)) ?? 0;
    members.push({
      name: byteStringToUtf8(info.nameOf(child)),
      type: () => typeOf(info, child),
      offset: bitCount === null ? offset : offset + Math.floor(firstBit / 8),
      bits: bitCount === null ? null : { from: firstBit % 8, count: Math.min(64, Math.max(0, bitCount)) },
    });
  }
  return members;
}

/** Before DWARF 4 it was counted from the highest bit of what the field is stored in (DWARF 3, 5.5.6). */
function oldFirstBit(info: DebugInfo, member: Entry, bitCount: number): number {
  const fromTop = numberIn(member.attributes.get(AT.bitOffset));
  if (fromTop === null) return 0;
  const bytes = numberIn(member.attributes.get(AT.byteSize)) ?? typeOf(info, member).size;
  return 8 * bytes - fromTop - bitCount;
}

function enumeration(info: DebugInfo, entry: Entry, { name, size }: { name: string; size: number }): DataType {
  const values = entry.children.filter(({ tag }) => tag === TAG.enumerator).slice(0, MEMBERS_MAX);
  const numbers = values.map((each) => numberIn(each.attributes.get(AT.constValue)) ?? 0);
  const isSigned = numbers.some((value) => value < 0);
  const names = (): ReadonlyMap<bigint, string> =>
    new Map(values.map((each, at) => [exact(numbers[at]!), byteStringToUtf8(info.nameOf(each))]));
  return { kind: "enum", name, size, isSigned, names };
}

/** Dimensions of C, the outermost first; one without a bound has no elements. */
function arrayType(info: DebugInfo, entry: Entry, element: DataType): DataType {
  const counts = entry.children
    .filter(({ tag }) => tag === TAG.subrange)
    .slice(0, DIMENSIONS_MAX)
    .map(({ attributes }) => {
      const bound = numberIn(attributes.get(AT.upperBound));
      const count = numberIn(attributes.get(AT.count)) ?? (bound === null ? 0 : bound + 1);
      return Number.isSafeInteger(count) && count > 0 ? count : 0;
    });
  const base = element.name;
  return counts.reduceRight<DataType>((inner, count, at) => {
    const name = `${base}${counts
      .slice(at)
      .map((each) => `[${each === 0 ? "" : each}]`)
      .join("")}`;
    return { kind: "array", name, size: count * inner.size, count, element: () => inner };
  }, element);
}

function exact(value: number): bigint {
  return Number.isInteger(value) ? BigInt(value) : 0n;
}
