/**
 * One `Packages` file as columns: where each stanza stands, its name, version and architecture, and who provides what.
 * 68 000 packages are a few megabytes that need no parsing, so a later run begins where the first one ended. Stanzas
 * are read from the text when somebody asks for more.
 *
 *     header   16 u32, little-endian: magic, format, packages, provided names, slots, bytes of strings, bytes of text,
 *              packages flagged, CRC-32C of all that follows before the text, mentioned names, six zeros
 *     columns  packages × u32 each:  name, version, architecture, start, end, next of the same slot, turn
 *              provided × u32 each:  name, package, next of the same slot
 *              mentioned × u32 each: name, turn, next of the same slot; of what is no package of the file
 *              slots × u32:          first package + 1 of each slot of a name's hash, then first provided + 1, first
 *              mentioned + 1
 *              flagged × u32:        packages that are Essential (bit 31) or of priority `required` (bit 30)
 *     strings  u16 length and bytes; a reference is the offset. Padded to 4
 *     text     the file itself
 *
 * A name's turn counts the names that the file mentions before it first mentions this one, as a package's or in a
 * relation. Among providers that are otherwise alike apt takes the one with the highest, since its cache numbers names
 * as it meets them (apt-pkg/pkgcachegen.cc, `NewPackage`; depcache.cc, `CompareProviders`).
 *
 * `FORMAT.md` has the same for other readers.
 */
import { crc32c } from "@stratos/base";
import { ControlError } from "../control.ts";
import { isVersion } from "../version.ts";

/** Cuts pieces from a text; a string does, and so does a file that is read in places. */
export interface TextSource {
  slice(start: number, end: number): string;
}

/** Policy §5.6.7; capitals occur in old archives. What has this form is safe in paths and scripts. */
const PACKAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9+.-]*$/;
const PROVIDED_NAME = /^\s*([A-Za-z0-9][A-Za-z0-9+.-]*)/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]*$/;

const MAGIC = 0x58495053; // "SPIX"
const FORMAT = 3;
const HEADER_WORDS = 16;
const ESSENTIAL = 0x8000_0000,
  REQUIRED = 0x4000_0000;

/** The bytes are no table of ours, of another format, or damaged. */
export class PackageTableError extends Error {
  override name = "PackageTableError";
}

export class PackageTable {
  /** how many packages */
  readonly count: number;
  /** header, columns and strings, as they are kept in a file before the text */
  readonly bytes: Uint8Array;
  readonly text: TextSource;
  readonly #names: Uint32Array;
  readonly #versions: Uint32Array;
  readonly #architectures: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #nexts: Uint32Array;
  readonly #turns: Uint32Array;
  readonly #providedNames: Uint32Array;
  readonly #providedOwners: Uint32Array;
  readonly #providedNexts: Uint32Array;
  readonly #mentionedNames: Uint32Array;
  readonly #mentionedTurns: Uint32Array;
  readonly #mentionedNexts: Uint32Array;
  readonly #heads: Uint32Array;
  readonly #providedHeads: Uint32Array;
  readonly #mentionedHeads: Uint32Array;
  readonly #flagged: Uint32Array;
  readonly #strings: Uint8Array;

  /** @throws PackageTableError */
  constructor(bytes: Uint8Array, text: TextSource) {
    const header = tableHeader(bytes);
    if (bytes.length !== header.tableBytes || bytes.byteOffset % 4 !== 0)
      throw new PackageTableError("the table is cut short");
    if (crc32c(bytes, HEADER_WORDS * 4) !== header.crc) throw new PackageTableError("the table is damaged");
    this.bytes = bytes;
    this.text = text;
    this.count = header.packages;
    let at = bytes.byteOffset + HEADER_WORDS * 4;
    const column = (words: number): Uint32Array => {
      const view = new Uint32Array(bytes.buffer, at, words);
      at += words * 4;
      return view;
    };
    const { packages, provided, mentioned, slots, flagged } = header;
    this.#names = column(packages);
    this.#versions = column(packages);
    this.#architectures = column(packages);
    this.#starts = column(packages);
    this.#ends = column(packages);
    this.#nexts = column(packages);
    this.#turns = column(packages);
    this.#providedNames = column(provided);
    this.#providedOwners = column(provided);
    this.#providedNexts = column(provided);
    this.#mentionedNames = column(mentioned);
    this.#mentionedTurns = column(mentioned);
    this.#mentionedNexts = column(mentioned);
    this.#heads = column(slots);
    this.#providedHeads = column(slots);
    this.#mentionedHeads = column(slots);
    this.#flagged = column(flagged);
    this.#strings = new Uint8Array(bytes.buffer, at, header.stringBytes);
  }

  nameAt(id: number): string {
    return this.#string(this.#names[id]!);
  }
  versionAt(id: number): string {
    return this.#string(this.#versions[id]!);
  }
  architectureAt(id: number): string {
    return this.#string(this.#architectures[id]!);
  }
  startAt(id: number): number {
    return this.#starts[id]!;
  }
  endAt(id: number): number {
    return this.#ends[id]!;
  }

  /** −1 for a name that the file does not mention. */
  turnOf(name: string): number {
    let turn = -1;
    this.eachNamed(name, (id) => {
      turn = this.#turns[id]!;
    });
    for (
      let link = turn >= 0 ? 0 : this.#mentionedHeads[hashOf(name) & (this.#mentionedHeads.length - 1)]!;
      link !== 0;
      link = this.#mentionedNexts[link - 1]!
    ) {
      if (this.#isString(this.#mentionedNames[link - 1]!, name)) return this.#mentionedTurns[link - 1]!;
    }
    return turn;
  }

  /** Calls `visit` with each package of that name. */
  eachNamed(name: string, visit: (id: number) => void): void {
    for (let link = this.#heads[hashOf(name) & (this.#heads.length - 1)]!; link !== 0; link = this.#nexts[link - 1]!) {
      if (this.#isString(this.#names[link - 1]!, name)) visit(link - 1);
    }
  }

  /** Calls `visit` with each package that provides `name`; one that does so twice comes twice. */
  eachProviding(name: string, visit: (id: number) => void): void {
    for (
      let link = this.#providedHeads[hashOf(name) & (this.#providedHeads.length - 1)]!;
      link !== 0;
      link = this.#providedNexts[link - 1]!
    ) {
      if (this.#isString(this.#providedNames[link - 1]!, name)) visit(this.#providedOwners[link - 1]!);
    }
  }

  /** Calls `visit` with each package that is essential or required. */
  eachFlagged(visit: (id: number, flags: { isEssential: boolean; isRequired: boolean }) => void): void {
    for (const word of this.#flagged)
      visit(word & (REQUIRED - 1), { isEssential: (word & ESSENTIAL) !== 0, isRequired: (word & REQUIRED) !== 0 });
  }

  #string(reference: number): string {
    const strings = this.#strings;
    const length = strings[reference]! | (strings[reference + 1]! << 8);
    let text = "";
    for (let at = reference + 2, end = at + length; at < end; at++) text += String.fromCharCode(strings[at]!);
    return text;
  }

  #isString(reference: number, text: string): boolean {
    const strings = this.#strings;
    if ((strings[reference]! | (strings[reference + 1]! << 8)) !== text.length) return false;
    for (let index = 0; index < text.length; index++)
      if (strings[reference + 2 + index] !== text.charCodeAt(index)) return false;
    return true;
  }
}

/** Fields that mention names, in apt's order (apt-pkg/deb/deblistparser.cc, `NewVersion`). */
const RELATION_FIELDS = [
  "Pre-Depends",
  "Depends",
  "Conflicts",
  "Breaks",
  "Recommends",
  "Suggests",
  "Replaces",
  "Enhances",
  "Provides",
] as const;
const COLON = 0x3a,
  COMMA = 0x2c,
  BAR = 0x7c;

/** By byte: whether it can be in a package's name. */
const NAME_BYTES = Uint8Array.from({ length: 256 }, (_, code) =>
  /[A-Za-z0-9+.-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Names in the order in which a file first mentions them. */
class MetNames {
  readonly #strings: StringPool;
  /** by reference: turn + 1, or 0 */
  #turns = new Uint32Array(1 << 22);
  /** references, by turn */
  readonly inOrder: number[] = [];

  constructor(strings: StringPool) {
    this.#strings = strings;
  }

  turnOf(reference: number): number {
    if (reference >= this.#turns.length) {
      const larger = new Uint32Array(2 * reference);
      larger.set(this.#turns);
      this.#turns = larger;
    }
    if (this.#turns[reference] === 0) this.#turns[reference] = this.inOrder.push(reference);
    return this.#turns[reference]! - 1;
  }

  /**
   * The names of a relation field. One with an architecture behind it is to apt a name of its own, and so is none here.
   */
  meetRelation(text: string, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      while (at < end && text.charCodeAt(at) <= 0x20) at++;
      const nameStart = at;
      let hash = HASH_START,
        code = 0;
      for (; at < end; at++) {
        code = text.charCodeAt(at);
        if (NAME_BYTES[code] !== 1) break;
        hash = Math.imul(hash ^ code, HASH_PRIME);
      }
      // What is too long for a name of the table is none.
      if ((at === end || code !== COLON) && at > nameStart && at - nameStart < 0x100)
        this.turnOf(this.#strings.internPart(text, nameStart, at, hash >>> 0));
      for (; at < end; at++) {
        code = text.charCodeAt(at);
        if (code === COMMA || code === BAR) break;
      }
    }
  }
}

interface TableHeader {
  packages: number;
  provided: number;
  mentioned: number;
  slots: number;
  stringBytes: number;
  textBytes: number;
  flagged: number;
  crc: number;
  tableBytes: number;
}

export const TABLE_HEADER_BYTES = HEADER_WORDS * 4;

/**
 * What a table's first bytes say of it; `tableBytes` is where the text begins.
 *
 * @throws PackageTableError
 */
export function tableHeader(bytes: Uint8Array): TableHeader {
  if (bytes.length < TABLE_HEADER_BYTES) throw new PackageTableError("the table is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, TABLE_HEADER_BYTES);
  const word = (index: number): number => view.getUint32(index * 4, true);
  const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
  if (word(0) !== MAGIC || word(1) !== FORMAT || !isLittleEndian)
    throw new PackageTableError("this is no package table of this version");
  const [packages, provided, slots, stringBytes, textBytes, flagged, crc, mentioned] = [
    word(2),
    word(3),
    word(4),
    word(5),
    word(6),
    word(7),
    word(8),
    word(9),
  ];
  if (slots === 0 || (slots & (slots - 1)) !== 0) throw new PackageTableError("the table is damaged");
  const tableBytes =
    TABLE_HEADER_BYTES + 4 * (7 * packages + 3 * provided + 3 * mentioned + 3 * slots + flagged) + stringBytes;
  return { packages, provided, mentioned, slots, stringBytes, textBytes, flagged, crc, tableBytes };
}

/** What the packages of a `Sources` text go by: there the field lists what they are built for. */
const SOURCE_ARCHITECTURE = "source";

/**
 * Reads a `Packages` text, a byte string, or a `Sources` text.
 *
 * @param source  for messages
 * @throws ControlError  a stanza without name, version or architecture, or with a malformed one
 */
export function buildPackageTable(text: string, source: string, isSources = false): PackageTable {
  const names: number[] = [],
    versions: number[] = [],
    architectures: number[] = [],
    starts: number[] = [],
    ends: number[] = [];
  const providedNames: number[] = [],
    providedOwners: number[] = [],
    flagged: number[] = [],
    turns: number[] = [];
  const strings = new StringPool();
  const met = new MetNames(strings);
  const relations = new Int32Array(2 * RELATION_FIELDS.length);
  let start = 0;
  let name = "",
    version = "",
    architecture = "",
    provides = "",
    isRequired = false,
    isEssential = false;
  const finish = (end: number): void => {
    if (end > start && name + version + architecture !== "") {
      if (!PACKAGE_NAME.test(name) || !ARCHITECTURE.test(architecture) || !isVersion(version)) {
        throw new ControlError(
          `${source}: a package without a proper name, version or architecture near byte ${start}: ` +
            `${name.slice(0, 80)} ${version.slice(0, 80)}`,
        );
      }
      const id = names.length;
      names.push(strings.intern(name));
      versions.push(strings.intern(version));
      architectures.push(strings.intern(architecture));
      turns.push(met.turnOf(names[id]!));
      starts.push(start);
      ends.push(end);
      for (let field = 0; field < relations.length; field += 2)
        if (relations[field + 1] !== 0) met.meetRelation(text, relations[field]!, relations[field + 1]!);
      if (isEssential || isRequired)
        flagged.push((id | (isEssential ? ESSENTIAL : 0) | (isRequired ? REQUIRED : 0)) >>> 0);
      if (provides !== "") {
        // The names alone: the whole field is read, and refused if it must be, when its package comes into question.
        for (const entry of provides.split(",")) {
          const provided = PROVIDED_NAME.exec(entry);
          if (provided === null) continue;
          providedNames.push(strings.intern(provided[1]!));
          providedOwners.push(id);
        }
      }
    }
    name = version = architecture = provides = "";
    isRequired = isEssential = false;
    relations.fill(0);
  };
  const note = (field: (typeof RELATION_FIELDS)[number], at: number, end: number): void => {
    if (!text.startsWith(field, at) || text.charCodeAt(at + field.length) !== COLON) return;
    const index = RELATION_FIELDS.indexOf(field);
    relations[2 * index] = at + field.length + 1;
    relations[2 * index + 1] = end;
  };
  let at = 0;
  while (at < text.length) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    switch (text.charCodeAt(at)) {
      case 10:
        finish(at);
        start = at + 1;
        break;
      case 0x50: // P
        if (text.startsWith("Package:", at)) name = text.slice(at + 8, end).trim();
        else if (text.startsWith("Priority:", at)) isRequired = text.slice(at + 9, end).trim() === "required";
        else if (text.startsWith("Provides:", at)) {
          provides = text.slice(at + 9, end).trim();
          note("Provides", at, end);
        } else note("Pre-Depends", at, end);
        break;
      case 0x44: // D
        note("Depends", at, end);
        break;
      case 0x43: // C
        note("Conflicts", at, end);
        break;
      case 0x42: // B
        note("Breaks", at, end);
        break;
      case 0x52: // R
        note("Recommends", at, end);
        note("Replaces", at, end);
        break;
      case 0x53: // S
        note("Suggests", at, end);
        break;
      case 0x56: // V
        if (text.startsWith("Version:", at)) version = text.slice(at + 8, end).trim();
        break;
      case 0x41: // A
        if (text.startsWith("Architecture:", at))
          architecture = isSources ? SOURCE_ARCHITECTURE : text.slice(at + 13, end).trim();
        break;
      case 0x45: // E
        if (text.startsWith("Essential:", at)) isEssential = text.slice(at + 10, end).trim() === "yes";
        else note("Enhances", at, end);
        break;
    }
    at = end + 1;
  }
  finish(text.length);

  const own = new Set(names);
  const mentionedNames: number[] = [],
    mentionedTurns: number[] = [];
  met.inOrder.forEach((reference, turn) => {
    if (own.has(reference)) return;
    mentionedNames.push(reference);
    mentionedTurns.push(turn);
  });
  const slots = slotCount(Math.max(names.length, providedNames.length, mentionedNames.length));
  const named = chain(names, slots, strings),
    providing = chain(providedNames, slots, strings),
    mentioned = chain(mentionedNames, slots, strings);
  const pool = strings.bytes();
  const words = 7 * names.length + 3 * providedNames.length + 3 * mentionedNames.length + 3 * slots + flagged.length;
  const bytes = new Uint8Array(TABLE_HEADER_BYTES + 4 * words + pool.length);
  const all = new Uint32Array(bytes.buffer, 0, HEADER_WORDS + words);
  all.set([
    MAGIC,
    FORMAT,
    names.length,
    providedNames.length,
    slots,
    pool.length,
    text.length,
    flagged.length,
    0,
    mentionedNames.length,
  ]);
  let word = HEADER_WORDS;
  for (const column of [
    names,
    versions,
    architectures,
    starts,
    ends,
    named.nexts,
    turns,
    providedNames,
    providedOwners,
    providing.nexts,
    mentionedNames,
    mentionedTurns,
    mentioned.nexts,
    named.heads,
    providing.heads,
    mentioned.heads,
    flagged,
  ]) {
    all.set(column, word);
    word += column.length;
  }
  bytes.set(pool, word * 4);
  all[8] = crc32c(bytes, TABLE_HEADER_BYTES);
  return new PackageTable(bytes, text);
}

/** Links the entries of each slot; within one they stand in the order of the file. */
function chain(
  references: readonly number[],
  slots: number,
  strings: StringPool,
): { heads: Uint32Array; nexts: Uint32Array } {
  const heads = new Uint32Array(slots),
    nexts = new Uint32Array(references.length);
  for (let id = references.length - 1; id >= 0; id--) {
    const slot = strings.hashAt(references[id]!) & (slots - 1);
    nexts[id] = heads[slot]!;
    heads[slot] = id + 1;
  }
  return { heads, nexts };
}

function slotCount(entries: number): number {
  let slots = 16;
  while (slots < entries) slots *= 2;
  return slots;
}

const HASH_START = 0x811c9dc5,
  HASH_PRIME = 0x01000193;

/** FNV-1a over the bytes. */
function hashOf(text: string): number {
  let hash = HASH_START;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), HASH_PRIME);
  return hash >>> 0;
}

/** Strings that are there once each, found by an open-addressing table over their own bytes. */
class StringPool {
  #bytes = new Uint8Array(1 << 21);
  #size = 0;
  #count = 0;
  /** reference + 1, or 0 */
  #slots = new Uint32Array(1 << 18);

  intern(text: string): number {
    return this.internPart(text, 0, text.length, hashOf(text));
  }

  /** @param hash  {@link hashOf} the part */
  internPart(text: string, start: number, end: number, hash: number): number {
    const length = end - start;
    if (length > 0xffff) throw new ControlError(`a name or version of ${length} characters`);
    if (this.#count * 2 > this.#slots.length) this.#grow();
    const slots = this.#slots,
      mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#holds(slots[slot]! - 1, text, start, length)) return slots[slot]! - 1;
    const reference = this.#size;
    if (reference + 2 + length > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2 + length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    bytes[reference] = length & 0xff;
    bytes[reference + 1] = length >> 8;
    for (let index = 0; index < length; index++) bytes[reference + 2 + index] = text.charCodeAt(start + index);
    this.#size += 2 + length;
    this.#count++;
    slots[slot] = reference + 1;
    return reference;
  }

  /** The hash of a string that is here. */
  hashAt(reference: number): number {
    const bytes = this.#bytes,
      end = reference + 2 + (bytes[reference]! | (bytes[reference + 1]! << 8));
    let hash = HASH_START;
    for (let at = reference + 2; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_PRIME);
    return hash >>> 0;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, (this.#size + 3) & ~3);
  }

  #holds(reference: number, text: string, start: number, length: number): boolean {
    const bytes = this.#bytes;
    if ((bytes[reference]! | (bytes[reference + 1]! << 8)) !== length) return false;
    for (let index = 0; index < length; index++)
      if (bytes[reference + 2 + index] !== text.charCodeAt(start + index)) return false;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2),
      mask = slots.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      let slot = this.hashAt(entry - 1) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
    this.#slots = slots;
  }
}
