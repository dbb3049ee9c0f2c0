/**
 * Which addresses something is about: ranges of code (DWARF 5, 2.17), and where a variable lies in which of them
 * (2.6.2). Lists are those of DWARF 5 (`.debug_rnglists`, `.debug_loclists`) or of before (`.debug_ranges`,
 * `.debug_loc`).
 */
import { type ByteReader, DwarfError } from "./byte-reader.ts";
import { AT, type DebugInfo, type Entry, numberIn } from "./debug-info.ts";

const LIST_MAX = 100_000;
const LARGEST_ADDRESS = 2 ** 64 - 1;

interface AddressRange {
  readonly start: number;
  readonly end: number;
}

interface ListItem extends AddressRange {
  /** Of a location; of a range it is empty. */
  readonly expression: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Addresses of the file that belong to an entry. @throws DwarfError */
export function addressRanges(info: DebugInfo, entry: Entry): readonly AddressRange[] {
  const low = entry.attributes.get(AT.lowPc);
  const high = entry.attributes.get(AT.highPc);
  if (low !== undefined && high !== undefined) {
    const start = info.addressOf(entry, low);
    const isAddress = high.form === 0x01 || high.form === 0x1b || (high.form >= 0x29 && high.form <= 0x2c);
    return [{ start, end: isAddress ? info.addressOf(entry, high) : start + (numberIn(high) ?? 0) }];
  }
  const ranges = entry.attributes.get(AT.ranges);
  const at = numberIn(ranges);
  if (ranges === undefined || at === null) return [];
  if (entry.unit.version < 5) return [...oldList(info, entry, ".debug_ranges", at)];
  const offset = ranges.form === 0x23 ? info.listOffset(entry, at, ".debug_rnglists") : at;
  return [...newList(info, entry, ".debug_rnglists", offset)];
}

/** The expression of where something is at an address of the file; null: it is nowhere then. @throws DwarfError */
export function locationAt(info: DebugInfo, entry: Entry, name: number, address: number): Uint8Array | null {
  const attribute = entry.attributes.get(name);
  if (attribute === undefined) return null;
  if (typeof attribute.value === "string") throw new DwarfError("a location that is text");
  // What has 4 or 8 bytes was a place in the section before DWARF 4.
  const isPlace = attribute.form === 0x07 || typeof attribute.value === "number";
  if (!isPlace) return attribute.value as Uint8Array;
  const at = numberIn(attribute)!;
  const isNew = entry.unit.version >= 5;
  const offset = attribute.form === 0x22 ? info.listOffset(entry, at, ".debug_loclists") : at;
  const list = isNew ? newList(info, entry, ".debug_loclists", offset) : oldList(info, entry, ".debug_loc", offset);
  for (const { start, end, expression } of list) if (address >= start && address < end) return expression;
  return null;
}

/** Pairs of offsets, or of −1 and a base for those that follow; zeros end it. */
function* oldList(
  info: DebugInfo,
  entry: Entry,
  section: ".debug_ranges" | ".debug_loc",
  at: number,
): Generator<ListItem> {
  const reader = info.reader(section, at);
  let base = info.baseAddress(entry);
  for (let count = 0; count < LIST_MAX; count++) {
    info.spend(1);
    const [start, end] = [reader.u64(), reader.u64()];
    if (start === 0 && end === 0) return;
    if (start >= LARGEST_ADDRESS) {
      base = end;
      continue;
    }
    const expression = section === ".debug_loc" ? block(reader, reader.u16()) : NOTHING;
    yield { start: base + start, end: base + end, expression };
  }
  throw new DwarfError("a list without end");
}

/** DW_RLE and DW_LLE (7.25, 7.7.3): the same but for the default location, after which numbers are one more. */
function* newList(
  info: DebugInfo,
  entry: Entry,
  section: ".debug_rnglists" | ".debug_loclists",
  at: number,
): Generator<ListItem> {
  const reader = info.reader(section, at);
  const hasLocations = section === ".debug_loclists";
  const expression = (): Uint8Array => (hasLocations ? block(reader, reader.uleb()) : NOTHING);
  let base = info.baseAddress(entry);
  for (let count = 0; count < LIST_MAX; count++) {
    info.spend(1);
    const kind = reader.u8();
    if (hasLocations && kind === 5) {
      yield { start: 0, end: Infinity, expression: expression() };
      continue;
    }
    switch (hasLocations && kind > 5 ? kind - 1 : kind) {
      case 0:
        return;
      case 1:
        base = info.indexedAddress(entry, reader.uleb());
        break;
      case 2: {
        const [start, end] = [reader.uleb(), reader.uleb()];
        const range = { start: info.indexedAddress(entry, start), end: info.indexedAddress(entry, end) };
        yield { ...range, expression: expression() };
        break;
      }
      case 3: {
        const start = info.indexedAddress(entry, reader.uleb());
        yield { start, end: start + reader.uleb(), expression: expression() };
        break;
      }
      case 4: {
        const [start, end] = [base + reader.uleb(), base + reader.uleb()];
        yield { start, end, expression: expression() };
        break;
      }
      case 5:
        base = reader.u64();
        break;
      case 6: {
        const [start, end] = [reader.u64(), reader.u64()];
        yield { start, end, expression: expression() };
        break;
      }
      case 7: {
        const start = reader.u64();
        yield { start, end: start + reader.uleb(), expression: expression() };
        break;
      }
      default:
        throw new DwarfError(`an item ${kind} of a list`);
    }
  }
  throw new DwarfError("a list without end");
}

function block(reader: ByteReader, count: number): Uint8Array {
  const from = reader.at;
  reader.skip(count);
  return reader.bytes(from, from + count);
}
