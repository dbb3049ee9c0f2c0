/** Which line of which source an address is of: `.debug_line` of DWARF 2 to 5 (DWARF 5, 6.2). */
import { ByteReader, DwarfError } from "./byte-reader.ts";

/** Rows of one file's tables: more are left out. */
const ROWS_MAX = 4_000_000;

interface SourcePlace {
  /** A byte string; absolute where the compiler said in which folder it ran. */
  readonly file: string;
  readonly line: number;
}

interface Row {
  readonly address: number;
  /** Of `#files`; −1: the end of a sequence. */
  readonly file: number;
  readonly line: number;
  readonly isStatement: boolean;
}

/** What strings and lines are read from. */
interface LineSections {
  readonly line: Uint8Array;
  /** `.debug_line_str`, `.debug_str`. */
  readonly lineStrings: Uint8Array | null;
  readonly strings: Uint8Array | null;
}

export class LineTable {
  readonly #files: string[] = [];
  readonly #rows: Row[] = [];

  /** Units that make no sense are passed over. */
  constructor(sections: LineSections) {
    const units = new ByteReader(sections.line);
    try {
      while (!units.isAtEnd) {
        const { length, is64 } = units.unitLength();
        const unit = new ByteReader(sections.line, units.at, units.at + length);
        units.skip(length);
        try {
          this.#readUnit(unit, is64, sections);
        } catch (error) {
          if (!(error instanceof DwarfError)) throw error;
        }
      }
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
    }
    this.#rows.sort((a, b) => a.address - b.address || a.file - b.file);
  }

  /** The source of an address as the file has it. */
  placeOf(address: number): SourcePlace | null {
    const rows = this.#rows;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const row = rows[low - 1];
    return row === undefined || row.file < 0 || row.line === 0
      ? null
      : { file: this.#files[row.file]!, line: row.line };
  }

  /**
   * Where a line begins, or the next one that has code: an address in each piece of code that it became.
   *
   * @param isFile  does a source's path mean the file that is meant?
   */
  addressesOf(isFile: (path: string) => boolean, line: number): { line: number; addresses: readonly number[] } | null {
    const isMeant = this.#files.map((path) => isFile(path));
    let best = Infinity;
    for (const row of this.#rows)
      if (row.file >= 0 && isMeant[row.file] === true && row.isStatement && row.line >= line && row.line < best)
        best = row.line;
    if (best === Infinity) return null;
    const addresses: number[] = [];
    let before: Row | null = null;
    for (const row of this.#rows) {
      const isHere = row.file >= 0 && isMeant[row.file] === true && row.line === best;
      const wasHere = before !== null && before.file === row.file && before.line === row.line;
      if (isHere && !wasHere && row.isStatement) addresses.push(row.address);
      before = row;
    }
    return { line: best, addresses };
  }

  get sources(): readonly string[] {
    return [...new Set(this.#files)];
  }

  #readUnit(unit: ByteReader, is64: boolean, sections: LineSections): void {
    const version = unit.u16();
    if (version < 2 || version > 5) return;
    if (version >= 5) unit.skip(2); // address_size, segment_selector_size
    const headerLength = unit.offset(is64);
    const program = unit.at + headerLength;
    const minimumLength = unit.u8();
    if (version >= 4) unit.u8(); // maximum_operations_per_instruction: RISC-V is no VLIW
    const isStatementFirst = unit.u8() !== 0;
    const lineBase = unit.s8();
    const lineRange = unit.u8();
    const opcodeBase = unit.u8();
    if (lineRange === 0 || opcodeBase === 0) return;
    const operands = Array.from({ length: opcodeBase - 1 }, () => unit.u8());
    const files = version >= 5 ? readTables(unit, is64, sections) : readOldTables(unit);
    const first = this.#files.length;
    this.#files.push(...files);
    unit.at = program;
    this.#run(unit, { minimumLength, isStatementFirst, lineBase, lineRange, opcodeBase, operands }, (file) =>
      file >= 0 && file < files.length ? first + file : -1,
    );
  }

  /** The state machine (6.2.5). */
  #run(
    unit: ByteReader,
    form: {
      minimumLength: number;
      isStatementFirst: boolean;
      lineBase: number;
      lineRange: number;
      opcodeBase: number;
      operands: readonly number[];
    },
    fileOf: (file: number) => number,
  ): void {
    const { minimumLength, lineBase, lineRange, opcodeBase } = form;
    let [address, file, line, isStatement] = [0, 1, 1, form.isStatementFirst];
    const row = (isEnd: boolean): void => {
      if (this.#rows.length >= ROWS_MAX) return;
      this.#rows.push({ address, file: isEnd ? -1 : fileOf(file), line, isStatement });
    };
    while (!unit.isAtEnd) {
      const opcode = unit.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        address += Math.floor(adjusted / lineRange) * minimumLength;
        line += lineBase + (adjusted % lineRange);
        row(false);
        continue;
      }
      switch (opcode) {
        case 0: {
          const length = unit.uleb();
          const next = unit.at + length;
          const extended = length === 0 ? 0 : unit.u8();
          if (extended === 1) {
            row(true);
            [address, file, line, isStatement] = [0, 1, 1, form.isStatementFirst];
          } else if (extended === 2) address = length === 5 ? unit.u32() : unit.u64();
          unit.at = next;
          break;
        }
        case 1:
          row(false);
          break;
        case 2:
          address += unit.uleb() * minimumLength;
          break;
        case 3:
          line += unit.sleb();
          break;
        case 4:
          file = unit.uleb();
          break;
        case 6:
          isStatement = !isStatement;
          break;
        case 8:
          address += Math.floor((255 - opcodeBase) / lineRange) * minimumLength;
          break;
        case 9:
          address += unit.u16();
          break;
        default:
          // Columns, basic blocks, prologues; and opcodes of later versions, whose operands are counted.
          for (let count = form.operands[opcode - 1] ?? 0; count > 0; count--) unit.uleb();
      }
    }
  }
}

/** Folders and files of DWARF 2 to 4 (DWARF 4, 6.2.4): file 0 is none. */
function readOldTables(unit: ByteReader): string[] {
  const folders = [""];
  for (let folder = unit.text(); folder !== ""; folder = unit.text()) folders.push(folder);
  const files = [""];
  for (let name = unit.text(); name !== ""; name = unit.text()) {
    const folder = folders[unit.uleb()] ?? "";
    unit.uleb();
    unit.uleb();
    files.push(joined(folder, name));
  }
  return files;
}

/** … of DWARF 5: described by what they have. */
function readTables(unit: ByteReader, is64: boolean, sections: LineSections): string[] {
  const folders = readEntries(unit, is64, sections).map(({ path }) => path);
  const root = folders[0] ?? "";
  return readEntries(unit, is64, sections).map(({ path, folder }) => joined(root, joined(folders[folder] ?? "", path)));
}

const DW_LNCT_PATH = 1,
  DW_LNCT_DIRECTORY = 2;

function readEntries(unit: ByteReader, is64: boolean, sections: LineSections): { path: string; folder: number }[] {
  const formats = Array.from({ length: unit.u8() }, () => ({ content: unit.uleb(), form: unit.uleb() }));
  const count = unit.uleb();
  const entries: { path: string; folder: number }[] = [];
  for (let index = 0; index < count; index++) {
    const entry = { path: "", folder: 0 };
    for (const { content, form } of formats) {
      const value = readForm(unit, form, is64, sections);
      if (content === DW_LNCT_PATH && typeof value === "string") entry.path = value;
      if (content === DW_LNCT_DIRECTORY && typeof value === "number") entry.folder = value;
    }
    if (formats.length === 0) break;
    entries.push(entry);
  }
  return entries;
}

/** The forms that line tables have (DWARF 5, 7.5.6). */
function readForm(unit: ByteReader, form: number, is64: boolean, sections: LineSections): string | number {
  const stringAt = (from: Uint8Array | null): string => {
    const at = unit.offset(is64);
    return from === null ? "" : new ByteReader(from, at).text();
  };
  switch (form) {
    case 0x08:
      return unit.text();
    case 0x1f:
      return stringAt(sections.lineStrings);
    case 0x0e:
      return stringAt(sections.strings);
    case 0x0b:
      return unit.u8();
    case 0x05:
      return unit.u16();
    case 0x06:
      return unit.u32();
    case 0x07:
      return unit.u64();
    case 0x0f:
      return unit.uleb();
    case 0x1e:
      unit.skip(16);
      return 0;
    case 0x09:
      unit.skip(unit.uleb());
      return 0;
    default:
      throw new DwarfError(`form ${form} in a line table`);
  }
}

function joined(folder: string, name: string): string {
  return name.startsWith("/") || folder === "" ? name : `${folder}/${name}`;
}
