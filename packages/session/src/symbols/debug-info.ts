/**
 * The tree of what a compiler said of a program: `.debug_info` and `.debug_abbrev` of DWARF 2 to 5 (DWARF 5, 7.5). The
 * sections are the guest's and may hold anything: what makes no sense is a DwarfError, and nothing is without a bound.
 */
import { ByteReader, DwarfError } from "./byte-reader.ts";

const UNITS_MAX = 100_000;
const ENTRIES_MAX = 1_000_000;
const ABBREVIATIONS_MAX = 100_000;
const ATTRIBUTES_MAX = 1000;
const DEPTH_MAX = 256;
/** Trees that are kept: those of the functions on a stack. */
const TREES_MAX = 8;
/** From an entry to the one that it was made of. */
const ORIGINS_MAX = 16;
const NAME_MAX = 4096;
/** Bytes, attributes and items of lists that one question may look at. */
const WORK_MAX = 20_000_000;

/** DW_AT that are looked at. */
export const AT = {
  ...{
    location: 0x02,
    name: 0x03,
    byteSize: 0x0b,
    bitOffset: 0x0c,
    lowPc: 0x11,
    highPc: 0x12,
    constValue: 0x1c,
    upperBound: 0x2f,
  },
  ...{ abstractOrigin: 0x31, count: 0x37, memberLocation: 0x38, declaration: 0x3c, encoding: 0x3e, frameBase: 0x40 },
  ...{ specification: 0x47, type: 0x49, ranges: 0x55, bitSize: 0x0d, dataBitOffset: 0x6b, stringOffsetsBase: 0x72 },
  ...{ addressBase: 0x73, rangeListsBase: 0x74, locationListsBase: 0x8c },
} as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(AT));

const DW_UT_SKELETON = 4,
  DW_UT_SPLIT_COMPILE = 5,
  DW_UT_TYPE = 2,
  DW_UT_SPLIT_TYPE = 6;

interface Attribute {
  readonly form: number;
  /** Bytes of blocks and of what 8 bytes and more hold. */
  readonly value: number | string | Uint8Array;
}

export interface Entry {
  readonly unit: Unit;
  /** From the section's beginning. */
  readonly offset: number;
  readonly tag: number;
  readonly attributes: ReadonlyMap<number, Attribute>;
  readonly children: readonly Entry[];
}

interface Unit {
  readonly offset: number;
  readonly end: number;
  /** Of its first entry. */
  readonly first: number;
  readonly version: number;
  readonly is64: boolean;
  readonly addressSize: number;
  readonly abbreviations: number;
}

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly { readonly name: number; readonly form: number; readonly constant: number }[];
}

interface Tree {
  readonly root: Entry;
  readonly byOffset: ReadonlyMap<number, Entry>;
}

/** A section of the file by its name; null: there is none. */
export type Sections = (name: string) => Uint8Array | null;

export class DebugInfo {
  readonly sections: Sections;
  readonly #info: Uint8Array;
  readonly #units: Unit[] = [];
  readonly #abbreviations = new Map<number, ReadonlyMap<number, Abbreviation>>();
  readonly #roots = new Map<number, Entry>();
  readonly #trees = new Map<number, Tree>();
  #left = WORK_MAX;

  constructor(sections: Sections) {
    this.sections = sections;
    this.#info = sections(".debug_info") ?? new Uint8Array(0);
    const reader = new ByteReader(this.#info);
    try {
      while (!reader.isAtEnd && this.#units.length < UNITS_MAX) this.#addUnit(reader);
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
    }
  }

  #addUnit(reader: ByteReader): void {
    const offset = reader.at;
    const { length, is64 } = reader.unitLength();
    const end = reader.at + length;
    const version = reader.u16();
    const kind = version >= 5 ? reader.u8() : 0;
    const before = version >= 5 ? reader.u8() : 0;
    const abbreviations = reader.offset(is64);
    const addressSize = version >= 5 ? before : reader.u8();
    if (kind === DW_UT_SKELETON || kind === DW_UT_SPLIT_COMPILE) reader.skip(8);
    if (kind === DW_UT_TYPE || kind === DW_UT_SPLIT_TYPE) reader.skip(is64 ? 16 : 12);
    const isRead = version >= 2 && version <= 5 && addressSize === 8;
    if (isRead) this.#units.push({ offset, end, first: reader.at, version, is64, addressSize, abbreviations });
    reader.at = offset;
    reader.skip(end - offset);
  }

  /** A question more: what it costs is counted anew. */
  begin(): void {
    this.#left = WORK_MAX;
  }

  /** @throws DwarfError when the question has cost too much */
  spend(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw new DwarfError("too much to look at");
  }

  /** What was compiled at once, the first of which this holds. @throws DwarfError */
  unitWhere(isIt: (root: Entry) => boolean): Entry | null {
    for (const unit of this.#units) {
      const root = this.#rootOf(unit);
      if (root !== null && isIt(root)) return this.#treeOf(unit).root;
    }
    return null;
  }

  /** The entry that an attribute refers to (7.5.5). @throws DwarfError */
  reference(entry: Entry, name: number): Entry | null {
    const attribute = entry.attributes.get(name);
    if (attribute === undefined) return null;
    if (typeof attribute.value !== "number" || attribute.form === 0x20) throw new DwarfError("a reference elsewhere");
    const offset = attribute.form === 0x10 ? attribute.value : entry.unit.offset + attribute.value;
    const unit = this.#unitOf(offset);
    const found = unit === undefined ? undefined : this.#treeOf(unit).byOffset.get(offset);
    if (found === undefined) throw new DwarfError("a reference to what is no entry");
    return found;
  }

  #unitOf(offset: number): Unit | undefined {
    let low = 0;
    let high = this.#units.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#units[middle]!.first <= offset) low = middle + 1;
      else high = middle;
    }
    const unit = this.#units[low - 1];
    return unit !== undefined && offset < unit.end ? unit : undefined;
  }

  /** An attribute of the entry, or of what it was made of (inlined code, definitions of what was declared). */
  inherited(entry: Entry, name: number): { readonly entry: Entry; readonly attribute: Attribute } | null {
    let at: Entry | null = entry;
    for (let hops = 0; at !== null && hops < ORIGINS_MAX; hops++) {
      const attribute = at.attributes.get(name);
      if (attribute !== undefined) return { entry: at, attribute };
      at = this.reference(at, at.attributes.has(AT.abstractOrigin) ? AT.abstractOrigin : AT.specification);
    }
    return null;
  }

  /** A byte string; "": it has none. @throws DwarfError */
  nameOf(entry: Entry): string {
    const found = this.inherited(entry, AT.name);
    if (found === null) return "";
    const { form, value } = found.attribute;
    if (typeof value === "string") return value;
    if (typeof value !== "number") throw new DwarfError("a name that is no text");
    if (form === 0x0e) return this.#text(".debug_str", value);
    if (form === 0x1f) return this.#text(".debug_line_str", value);
    const { is64 } = found.entry.unit;
    const base = this.#base(found.entry, AT.stringOffsetsBase, is64 ? 16 : 8);
    const offsets = this.reader(".debug_str_offsets", base + value * (is64 ? 8 : 4));
    return this.#text(".debug_str", offsets.offset(is64));
  }

  /** @throws DwarfError when it is none */
  addressOf(entry: Entry, { form, value }: Attribute): number {
    if (form === 0x01 && typeof value === "number") return value;
    const isIndex = form === 0x1b || (form >= 0x29 && form <= 0x2c);
    if (!isIndex || typeof value !== "number") throw new DwarfError(`an address of form ${form}`);
    return this.indexedAddress(entry, value);
  }

  indexedAddress(entry: Entry, index: number): number {
    return this.reader(".debug_addr", this.#base(entry, AT.addressBase, 8) + index * 8).u64();
  }

  /** What the unit says of where its part of a section begins. */
  #base(entry: Entry, name: number, fallback: number): number {
    const value = this.#rootOf(entry.unit)?.attributes.get(name)?.value;
    return typeof value === "number" ? value : fallback;
  }

  /** Where the list with this number is. @param section  of lists of ranges or of locations */
  listOffset(entry: Entry, index: number, section: ".debug_rnglists" | ".debug_loclists"): number {
    const { is64 } = entry.unit;
    const name = section === ".debug_rnglists" ? AT.rangeListsBase : AT.locationListsBase;
    const base = this.#base(entry, name, is64 ? 20 : 12);
    return base + this.reader(section, base + index * (is64 ? 8 : 4)).offset(is64);
  }

  /** The unit's first address, which lists count from. */
  baseAddress(entry: Entry): number {
    const root = this.#rootOf(entry.unit);
    const low = root?.attributes.get(AT.lowPc);
    return root === null || low === undefined ? 0 : this.addressOf(root, low);
  }

  /** @throws DwarfError  there is no such section, or less of it */
  reader(section: string, at: number): ByteReader {
    const bytes = this.sections(section);
    if (bytes === null) throw new DwarfError(`there is no ${section}`);
    return new ByteReader(bytes, at);
  }

  #text(section: string, at: number): string {
    const bytes = this.sections(section);
    if (bytes === null) throw new DwarfError(`there is no ${section}`);
    const text = new ByteReader(bytes, at, Math.max(at, Math.min(bytes.length, at + NAME_MAX))).text();
    this.spend(text.length);
    return text;
  }

  // ---- Reading

  #rootOf(unit: Unit): Entry | null {
    let root = this.#roots.get(unit.offset);
    if (root === undefined) {
      try {
        root = this.#readEntries(unit, 1).root;
      } catch (error) {
        if (!(error instanceof DwarfError)) throw error;
        return null;
      }
      this.#roots.set(unit.offset, root);
    }
    return root;
  }

  #treeOf(unit: Unit): Tree {
    let tree = this.#trees.get(unit.offset);
    if (tree === undefined) {
      tree = this.#readEntries(unit, ENTRIES_MAX);
      const oldest = this.#trees.keys().next();
      if (this.#trees.size >= TREES_MAX && oldest.done !== true) this.#trees.delete(oldest.value);
      this.#trees.set(unit.offset, tree);
    }
    return tree;
  }

  /** @param most  more entries than these are left out */
  #readEntries(unit: Unit, most: number): Tree {
    const abbreviations = this.#abbreviationsAt(unit.abbreviations);
    const reader = new ByteReader(this.#info, unit.first, unit.end);
    const byOffset = new Map<number, Entry>();
    const open: Entry[][] = [];
    let root: Entry | null = null;
    while (!reader.isAtEnd && byOffset.size < most) {
      const offset = reader.at;
      const code = reader.uleb();
      if (code === 0) {
        open.pop();
        if (open.length === 0) break;
        continue;
      }
      const abbreviation = abbreviations.get(code);
      if (abbreviation === undefined) throw new DwarfError(`an entry of kind ${code}, which is not described`);
      const attributes = new Map<number, Attribute>();
      this.spend(1 + abbreviation.attributes.length);
      for (const { name, form, constant } of abbreviation.attributes) {
        const attribute = readAttribute(reader, unit, form, constant);
        if (KNOWN.has(name)) attributes.set(name, attribute);
      }
      const children: Entry[] = [];
      const entry: Entry = { unit, offset, tag: abbreviation.tag, attributes, children };
      byOffset.set(offset, entry);
      open.at(-1)?.push(entry);
      root ??= entry;
      if (abbreviation.hasChildren) open.push(children);
      else if (open.length === 0) break;
      if (open.length > DEPTH_MAX) throw new DwarfError("entries within entries without end");
    }
    if (root === null) throw new DwarfError("a unit without entries");
    return { root, byOffset };
  }

  #abbreviationsAt(offset: number): ReadonlyMap<number, Abbreviation> {
    const known = this.#abbreviations.get(offset);
    if (known !== undefined) return known;
    const found = new Map<number, Abbreviation>();
    const reader = this.reader(".debug_abbrev", offset);
    for (let code = reader.uleb(); code !== 0; code = reader.uleb()) {
      const tag = reader.uleb();
      const hasChildren = reader.u8() !== 0;
      const attributes: { name: number; form: number; constant: number }[] = [];
      for (;;) {
        const [name, form] = [reader.uleb(), reader.uleb()];
        if (name === 0 && form === 0) break;
        this.spend(1);
        attributes.push({ name, form, constant: form === 0x21 ? reader.sleb() : 0 });
        if (attributes.length > ATTRIBUTES_MAX) throw new DwarfError("an entry with too many attributes");
      }
      found.set(code, { tag, hasChildren, attributes });
      if (found.size > ABBREVIATIONS_MAX) throw new DwarfError("too many kinds of entries");
    }
    this.#abbreviations.set(offset, found);
    return found;
  }
}

/** DW_FORM (7.5.6). */
function readAttribute(reader: ByteReader, unit: Unit, form: number, constant: number): Attribute {
  switch (form) {
    case 0x16: {
      const actual = reader.uleb();
      if (actual === 0x16 || actual === 0x21) throw new DwarfError("a form that names itself");
      return readAttribute(reader, unit, actual, 0);
    }
    case 0x21:
      return { form, value: constant };
    case 0x19:
      return { form, value: 1 };
    case 0x08:
      return { form, value: reader.text() };
    case 0x07:
      return { form, value: block(reader, 8) };
    case 0x1e:
      return { form, value: block(reader, 16) };
    case 0x0a:
      return { form, value: block(reader, reader.u8()) };
    case 0x03:
      return { form, value: block(reader, reader.u16()) };
    case 0x04:
      return { form, value: block(reader, reader.u32()) };
    case 0x09:
    case 0x18:
      return { form, value: block(reader, reader.uleb()) };
    case 0x0d:
      return { form, value: reader.sleb() };
    case 0x0e:
    case 0x17:
    case 0x1d:
    case 0x1f:
      return { form, value: reader.offset(unit.is64) };
    // In DWARF 2 it was as long as an address.
    case 0x10:
      return { form, value: unit.version === 2 ? reader.u64() : reader.offset(unit.is64) };
    case 0x27:
    case 0x2b:
      return { form, value: reader.u8() + reader.u16() * 256 };
    default:
      return { form, value: plainNumber(reader, form) };
  }
}

function plainNumber(reader: ByteReader, form: number): number {
  switch (form) {
    case 0x0b:
    case 0x0c:
    case 0x11:
    case 0x25:
    case 0x29:
      return reader.u8();
    case 0x05:
    case 0x12:
    case 0x26:
    case 0x2a:
      return reader.u16();
    case 0x06:
    case 0x13:
    case 0x1c:
    case 0x28:
    case 0x2c:
      return reader.u32();
    case 0x01:
    case 0x14:
    case 0x20:
    case 0x24:
      return reader.u64();
    case 0x0f:
    case 0x15:
    case 0x1a:
    case 0x1b:
    case 0x22:
    case 0x23:
      return reader.uleb();
    default:
      throw new DwarfError(`an attribute of form ${form}`);
  }
}

function block(reader: ByteReader, count: number): Uint8Array {
  const from = reader.at;
  reader.skip(count);
  return reader.bytes(from, from + count);
}

/** A number that may be in 8 bytes; exact below 2^53. @returns null: it is none */
export function numberIn(attribute: Attribute | undefined): number | null {
  if (attribute === undefined) return null;
  const { form, value } = attribute;
  const number = form === 0x07 && typeof value === "object" ? new ByteReader(value).s64() : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
