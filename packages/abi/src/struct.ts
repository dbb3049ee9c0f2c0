/**
 * Layouts of C structures, declared once. Offsets, sizes and alignments follow from the order and the types of the
 * fields, by the rules of the riscv64 ELF psABI ("C/C++ type sizes and alignments": each scalar is aligned to its
 * size), and are computed when the module is loaded. At run time a layout is plain numbers:
 *
 *     view.setUint32(Stat.offset.st_mode, inode.mode, true); // a wrong name does not compile
 */

/** How an integer is written for people: strace(1)'s habits. */
type IntegerBase = "decimal" | "hex" | "octal" | "pointer";

export interface IntegerType {
  readonly kind: "integer";
  readonly size: 1 | 2 | 4 | 8;
  readonly align: number;
  readonly isSigned: boolean;
  readonly isBigEndian: boolean;
  readonly base: IntegerBase;
}

/** `char[size]`: text that ends at its first NUL, or at the array's end. */
interface TextType {
  readonly kind: "text";
  readonly size: number;
  readonly align: 1;
}

interface ArrayType {
  readonly kind: "array";
  readonly size: number;
  readonly align: number;
  readonly of: FieldType;
  readonly length: number;
}

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly type: FieldType;
}

/** `offset` and `size` are in bytes. */
export interface Struct<Name extends string = string> {
  readonly kind: "struct";
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly offset: { readonly [N in Name]: number };
  readonly fields: readonly Field[];
}

export type FieldType = IntegerType | TextType | ArrayType | Struct;

const integer = (size: 1 | 2 | 4 | 8, isSigned: boolean, base: IntegerBase, isBigEndian = false): IntegerType => ({
  kind: "integer",
  size,
  align: size,
  isSigned,
  isBigEndian,
  base,
});

export const i8 = integer(1, true, "decimal"),
  u8 = integer(1, false, "decimal"),
  i16 = integer(2, true, "decimal"),
  u16 = integer(2, false, "decimal"),
  i32 = integer(4, true, "decimal"),
  u32 = integer(4, false, "decimal"),
  i64 = integer(8, true, "decimal"),
  u64 = integer(8, false, "decimal");
/** Bits: flags, masks, magic numbers. */
export const hex16 = integer(2, false, "hex"),
  hex32 = integer(4, false, "hex"),
  hex64 = integer(8, false, "hex");
/** Permissions and modes. */
export const octal16 = integer(2, false, "octal"),
  octal32 = integer(4, false, "octal"),
  octal64 = integer(8, false, "octal");
/** In network order. */
export const be16 = integer(2, false, "decimal", true),
  be32 = integer(4, false, "hex", true);
export const pointer = integer(8, false, "pointer");

export function text(size: number): TextType {
  return { kind: "text", size, align: 1 };
}

/** `length` 0 is a flexible array at the end of a structure. */
export function array(of: FieldType, length: number): ArrayType {
  return { kind: "array", size: of.size * length, align: of.align, of, length };
}

/** `isPacked`: no padding, alignment 1; `align`: at least so much (`__attribute__((aligned))`). */
interface Layout {
  readonly isPacked?: boolean;
  readonly align?: number;
}

/** Fields whose names begin with `_` are padding and room for later: they keep their place and are not shown. */
export function struct<const Name extends string>(
  name: string,
  fields: { readonly [N in Name]: FieldType },
  { isPacked = false, align: least = 1 }: Layout = {},
): Struct<Name> {
  let end = 0;
  let align = least;
  const placed: Field[] = [];
  for (const [field, type] of Object.entries<FieldType>(fields)) {
    const fieldAlign = isPacked ? 1 : type.align;
    end = roundUp(end, fieldAlign);
    align = Math.max(align, fieldAlign);
    placed.push({ name: field, offset: end, type });
    end += type.size;
  }
  return { kind: "struct", name, size: roundUp(end, align), align, offset: offsetsOf(placed), fields: placed };
}

/** From entries: of many keys that are assigned one by one V8 makes a hash table, and each use would be a look-up. */
function offsetsOf<Name extends string>(fields: readonly Field[]): { readonly [N in Name]: number } {
  return Object.fromEntries(fields.map(({ name, offset }) => [name, offset])) as { [N in Name]: number };
}

function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}
