/**
 * How to get from a function's registers to its caller's: `.eh_frame` (LSB 5.0, 10.6) and `.debug_frame` (DWARF 5,
 * 6.4). Expressions are not evaluated: a stack ends where one would be needed.
 */
import { ByteReader, DwarfError } from "./byte-reader.ts";

const REGISTERS = 32;
/** x1 and x2 of the RISC-V psABI. */
export const RETURN_ADDRESS = 1,
  STACK_POINTER = 2;
const ENTRIES_MAX = 200_000;
/** What is in the place of an entry's pointer to its common one. */
const DEBUG_FRAME_COMMON = 0xffffffff;

interface CommonEntry {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnRegister: number;
  readonly encoding: number;
  readonly hasAugmentation: boolean;
  readonly from: number;
  readonly to: number;
}

interface FrameEntry {
  readonly common: CommonEntry;
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Where a caller's register is: at the frame's address plus so many bytes; in another register; lost. */
type RegisterRule =
  | { readonly kind: "at"; readonly offset: number }
  | { readonly kind: "in"; readonly register: number }
  | { kind: "lost" };

interface FrameRules {
  cfaRegister: number;
  cfaOffset: number;
  rules: Map<number, RegisterRule>;
}

export class CallFrames {
  readonly #bytes: Uint8Array;
  readonly #address: number;
  readonly #isDebug: boolean;
  readonly #entries: FrameEntry[] = [];

  /** @param section.address  where the program expects it */
  constructor(section: { readonly name: string; readonly bytes: Uint8Array; readonly address: number }) {
    this.#isDebug = section.name === ".debug_frame";
    this.#bytes = section.bytes;
    this.#address = section.address;
    try {
      this.#index();
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
    }
    this.#entries.sort((a, b) => a.start - b.start);
  }

  /**
   * The caller's registers.
   *
   * @param pc  as the file has it; of a caller the address before the one that it returns to
   * @param registers  x0 … x31 there
   * @param load  8 bytes of the stack; null: they are not there
   * @param saved  where registers of the function lie, by their DWARF numbers (null: lost), and then the caller's
   * @returns null: nothing is known, or it is the outermost function
   */
  callerOf(
    pc: number,
    registers: readonly number[],
    load: (address: number) => number | null,
    saved: Map<number, number | null> = new Map(),
  ): number[] | null {
    const entry = this.#entryAt(pc);
    if (entry === null) return null;
    let rules: FrameRules | null;
    try {
      rules = this.#rulesAt(entry, pc);
    } catch (error) {
      if (error instanceof DwarfError) return null;
      throw error;
    }
    if (rules === null) return null;
    const cfa = registers[rules.cfaRegister]! + rules.cfaOffset;
    const caller = [...registers];
    const before = new Map(saved);
    for (const [register, rule] of rules.rules) {
      if (rule.kind === "at") saved.set(register, cfa + rule.offset);
      else if (rule.kind === "lost") saved.set(register, null);
      else if (before.has(rule.register)) saved.set(register, before.get(rule.register)!);
      if (register >= REGISTERS) continue;
      if (rule.kind === "lost") {
        if (register === entry.common.returnRegister) return null;
        continue;
      }
      const value = rule.kind === "in" ? registers[rule.register]! : load(cfa + rule.offset);
      if (value === null) return null;
      caller[register] = value;
    }
    caller[STACK_POINTER] = cfa;
    caller[RETURN_ADDRESS] = caller[entry.common.returnRegister]!;
    return caller;
  }

  #entryAt(pc: number): FrameEntry | null {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.start <= pc) low = middle + 1;
      else high = middle;
    }
    const found = this.#entries[low - 1];
    return found !== undefined && pc < found.end ? found : null;
  }

  #index(): void {
    const commons = new Map<number, CommonEntry | null>();
    const reader = new ByteReader(this.#bytes);
    while (!reader.isAtEnd && this.#entries.length < ENTRIES_MAX) {
      const start = reader.at;
      const { length } = reader.unitLength();
      if (length === 0 && !this.#isDebug) break;
      const body = reader.at;
      reader.skip(length);
      const entry = new ByteReader(this.#bytes, body, body + length);
      const id = entry.u32();
      if (id === (this.#isDebug ? DEBUG_FRAME_COMMON : 0)) {
        commons.set(start, this.#common(entry));
        continue;
      }
      const common = commons.get(this.#isDebug ? id : body - id) ?? null;
      if (common === null) continue;
      const first = this.#pointer(entry, common.encoding);
      const count = this.#pointer(entry, common.encoding & 0x0f);
      if (common.hasAugmentation) entry.skip(entry.uleb());
      this.#entries.push({ common, start: first, end: first + count, from: entry.at, to: entry.end });
    }
  }

  #common(entry: ByteReader): CommonEntry | null {
    const version = entry.u8();
    const augmentation = entry.text();
    // Sizes of addresses and of segment selectors.
    if (this.#isDebug && version >= 4) entry.skip(2);
    const codeAlignment = entry.uleb();
    const dataAlignment = entry.sleb();
    const returnRegister = version === 1 ? entry.u8() : entry.uleb();
    let encoding = 0;
    if (augmentation.startsWith("z")) {
      const end = entry.uleb() + entry.at;
      for (const letter of augmentation.slice(1)) {
        if (letter === "R") encoding = entry.u8();
        else if (letter === "L") entry.u8();
        else if (letter === "P") this.#pointer(entry, entry.u8());
        else if (letter !== "S" && letter !== "B") break;
      }
      entry.at = end;
    } else if (augmentation !== "") return null;
    if (returnRegister >= REGISTERS) return null;
    const hasAugmentation = augmentation !== "";
    return { codeAlignment, dataAlignment, returnRegister, encoding, hasAugmentation, from: entry.at, to: entry.end };
  }

  /** DW_EH_PE: absolute, or relative to itself (LSB 5.0, 10.5.1). */
  #pointer(reader: ByteReader, encoding: number): number {
    const own = this.#address + reader.at;
    const value = readEncoded(reader, encoding & 0x0f);
    const base = encoding & 0x70;
    if (base === 0) return value;
    if (base === 0x10) return own + value;
    throw new DwarfError(`a pointer in encoding ${encoding}`);
  }

  /** @returns null: a rule needs an expression */
  #rulesAt({ common, start, from, to }: FrameEntry, pc: number): FrameRules | null {
    const rules: FrameRules = { cfaRegister: -1, cfaOffset: 0, rules: new Map() };
    this.#run(new ByteReader(this.#bytes, common.from, common.to), common, rules, { at: 0, until: 0, initial: null });
    const initial = new Map(rules.rules);
    this.#run(new ByteReader(this.#bytes, from, to), common, rules, { at: start, until: pc, initial });
    return rules.cfaRegister >= 0 && rules.cfaRegister < REGISTERS ? rules : null;
  }

  /** DW_CFA (DWARF 5, 6.4.2). */
  #run(
    reader: ByteReader,
    { codeAlignment, dataAlignment, encoding }: CommonEntry,
    rules: FrameRules,
    span: { at: number; until: number; initial: Map<number, RegisterRule> | null },
  ): void {
    const saved: FrameRules[] = [];
    let { at } = span;
    const advance = (count: number): boolean => {
      at += count * codeAlignment;
      return at > span.until;
    };
    const restore = (register: number): void => {
      const rule = span.initial?.get(register);
      if (rule === undefined) rules.rules.delete(register);
      else rules.rules.set(register, rule);
    };
    while (!reader.isAtEnd) {
      const opcode = reader.u8();
      const low = opcode & 63;
      switch (opcode >> 6) {
        case 1:
          if (advance(low)) return;
          continue;
        case 2:
          rules.rules.set(low, { kind: "at", offset: reader.uleb() * dataAlignment });
          continue;
        case 3:
          restore(low);
          continue;
      }
      switch (low) {
        case 0x00: // nop
          break;
        case 0x01:
          at = this.#pointer(reader, encoding);
          if (at > span.until) return;
          break;
        case 0x02:
          if (advance(reader.u8())) return;
          break;
        case 0x03:
          if (advance(reader.u16())) return;
          break;
        case 0x04:
          if (advance(reader.u32())) return;
          break;
        case 0x05: // offset_extended
          rules.rules.set(reader.uleb(), { kind: "at", offset: reader.uleb() * dataAlignment });
          break;
        case 0x11: // offset_extended_sf
          rules.rules.set(reader.uleb(), { kind: "at", offset: reader.sleb() * dataAlignment });
          break;
        case 0x06:
          restore(reader.uleb());
          break;
        case 0x07:
          rules.rules.set(reader.uleb(), { kind: "lost" });
          break;
        case 0x08:
          rules.rules.delete(reader.uleb());
          break;
        case 0x09:
          rules.rules.set(reader.uleb(), { kind: "in", register: Math.min(REGISTERS - 1, reader.uleb()) });
          break;
        case 0x0a:
          if (saved.length >= 64) throw new DwarfError("rules are remembered without end");
          saved.push({ ...rules, rules: new Map(rules.rules) });
          break;
        case 0x0b:
          Object.assign(rules, saved.pop() ?? rules);
          break;
        case 0x0c:
          rules.cfaRegister = reader.uleb();
          rules.cfaOffset = reader.uleb();
          break;
        case 0x12:
          rules.cfaRegister = reader.uleb();
          rules.cfaOffset = reader.sleb() * dataAlignment;
          break;
        case 0x0d:
          rules.cfaRegister = reader.uleb();
          break;
        case 0x0e:
          rules.cfaOffset = reader.uleb();
          break;
        case 0x13:
          rules.cfaOffset = reader.sleb() * dataAlignment;
          break;
        case 0x2e: // GNU_args_size
          reader.uleb();
          break;
        default:
          throw new DwarfError(`rule ${low} of a call frame`);
      }
    }
  }
}

function readEncoded(reader: ByteReader, form: number): number {
  switch (form) {
    case 0x00:
    case 0x04:
      return reader.u64();
    case 0x01:
      return reader.uleb();
    case 0x02:
      return reader.u16();
    case 0x03:
      return reader.u32();
    case 0x09:
      return reader.sleb();
    case 0x0a:
      return reader.s16();
    case 0x0b:
      return reader.s32();
    case 0x0c:
      return reader.s64();
    default:
      throw new DwarfError(`a pointer of form ${form}`);
  }
}
