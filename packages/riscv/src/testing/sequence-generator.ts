import type { SeededRandom } from "@stratos/base";
import type { Assembler } from "./assembler.ts";
import { CONDITIONAL_FORMS, EXTENSION_FORMS, INSTRUCTION_FORMS, type InstructionForm } from "./instruction-forms.ts";

/**
 * Random instructions. Registers that hold addresses stay as they are (`RESERVED`), so that every access lands in the
 * scratch area; all others are fair game.
 *
 * ```
 * x2 (sp), x8   start of the scratch area     x9   its middle
 * x3 (gp)       the frame (frame-program.ts)  x4   link to the frame program
 * ```
 */
export const SCRATCH_SIZE = 512;
/** Where a page ends in every second scratch area (frame-program.ts: frames begin 2688 bytes into a page). */
const SCRATCH_PAGE_END = 4096 - 2688 - 1088;
const SP = 2,
  SCRATCH = 8,
  SCRATCH_MIDDLE = 9;
const RESERVED: readonly number[] = [SP, 3, 4, SCRATCH, SCRATCH_MIDDLE];

/** What the sequence may use. */
export interface SequenceRules {
  readonly reserved: ReadonlySet<number>;
  /** Forms to draw from. */
  readonly forms: readonly InstructionForm[];
}

const isFloatForm = (form: InstructionForm): boolean => form.kind.includes("float") || /^(f-|x-f|csr)/.test(form.kind);

export const ALL_RULES: SequenceRules = { reserved: new Set(RESERVED), forms: INSTRUCTION_FORMS };
export const INTEGER_RULES: SequenceRules = {
  ...ALL_RULES,
  forms: INSTRUCTION_FORMS.filter((form) => !isFloatForm(form)),
};
export const FLOAT_RULES: SequenceRules = { ...ALL_RULES, forms: INSTRUCTION_FORMS.filter(isFloatForm) };

export const EXTENSION_RULES: SequenceRules = { ...ALL_RULES, forms: [...EXTENSION_FORMS, ...INTEGER_RULES.forms] };
export const CONDITIONAL_RULES: SequenceRules = { ...ALL_RULES, forms: [...CONDITIONAL_FORMS, ...EXTENSION_FORMS] };

export function withReserved(rules: SequenceRules, registers: readonly number[]): SequenceRules {
  return { ...rules, reserved: new Set([...rules.reserved, ...registers]) };
}

/** Appends about `count` random instructions; returns their names for the report. */
export function appendRandomInstructions(
  assembler: Assembler,
  random: SeededRandom,
  count: number,
  rules: SequenceRules,
): string[] {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    if (random.below(24) === 0) {
      names.push(appendReservation(assembler, random, rules));
      continue;
    }
    const form = rules.forms[random.below(rules.forms.length)]!;
    names.push(form.name);
    appendInstruction(assembler, random, form, rules);
  }
  return names;
}

function destination(random: SeededRandom, rules: SequenceRules): number {
  for (;;) {
    const register = random.below(32);
    if (!rules.reserved.has(register)) return register;
  }
}

/** A destination among x8 … x15, for compressed forms. */
function compressedDestination(random: SeededRandom, rules: SequenceRules): number {
  for (;;) {
    const register = 8 + random.below(8);
    if (!rules.reserved.has(register)) return register;
  }
}

function roundingMode(random: SeededRandom): number {
  return random.below(2) === 0 ? 7 : random.below(5);
}

/**
 * A base register and an offset for `size` bytes inside the scratch area; seldom misaligned when `mayMisalign`, and
 * then half of the time with the end of a page in its midst.
 */
function place(random: SeededRandom, size: number, mayMisalign = true): { base: number; offset: number } {
  const base = [SP, SCRATCH, SCRATCH_MIDDLE][random.below(3)]!;
  const isMisaligned = mayMisalign && size > 1 && random.below(24) === 0;
  const offset =
    isMisaligned && random.below(2) === 0
      ? SCRATCH_PAGE_END - 1 - random.below(size - 1)
      : Math.floor(random.below(SCRATCH_SIZE - size + 1) / (isMisaligned ? 1 : size)) * (isMisaligned ? 1 : size);
  return { base, offset: base === SCRATCH_MIDDLE ? offset - SCRATCH_SIZE / 2 : offset };
}

/**
 * lr and sc on one address, or on two so that the sc fails. A trap between them ends the reservation, and where pages
 * are first touched isn't the same everywhere: so an amo that changes nothing comes first, and both lie in one page of
 * code.
 */
function appendReservation(assembler: Assembler, random: SeededRandom, rules: SequenceRules): string {
  const width = 2 + random.below(2);
  const [reserved, stored] = random.below(4) === 0 ? [SCRATCH, SCRATCH_MIDDLE] : [SCRATCH, SCRATCH];
  const ordering = random.below(4);
  for (const address of [reserved!, stored!]) assembler.r("amoor.w", 0, address, 0);
  while (assembler.here % 4096 > 4096 - 8) assembler.half(0x0001); // c.nop
  assembler.word(
    0x2f | (width << 12) | (destination(random, rules) << 7) | (reserved! << 15) | (ordering << 25) | (2 << 27),
  );
  assembler.word(
    0x2f |
      (width << 12) |
      (destination(random, rules) << 7) |
      (stored! << 15) |
      (random.below(32) << 20) |
      (ordering << 25) |
      (3 << 27),
  );
  return width === 2 ? "lr.w sc.w" : "lr.d sc.d";
}

function appendInstruction(
  assembler: Assembler,
  random: SeededRandom,
  form: InstructionForm,
  rules: SequenceRules,
): void {
  const register = (): number => random.below(32);
  const rd = (): number => destination(random, rules) << 7;
  const frd = (): number => register() << 7;
  const rs1 = (): number => register() << 15;
  const rs2 = (): number => register() << 20;
  const rm = (): number => roundingMode(random) << 12;
  const { match, size } = form;

  switch (form.kind) {
    case "r":
      return assembler.word(match | rd() | rs1() | rs2());
    // Often 0: moves and sign extensions.
    case "i":
      return assembler.word(match | rd() | rs1() | (random.below(4) === 0 ? 0 : random.below(4096) << 20));
    case "shift64":
      return assembler.word(match | rd() | rs1() | (random.below(64) << 20));
    case "shift32":
      return assembler.word(match | rd() | rs1() | (random.below(32) << 20));
    case "x-x":
      return assembler.word((match | rd() | rs1()) >>> 0);
    case "round":
      return assembler.word(match | rd() | rs1() | (random.below(11) << 20));
    case "u":
      return assembler.word(match | rd() | (random.below(1 << 20) << 12));
    case "fence":
      return assembler.word(match | (match === 0x0f ? 0x0ff00000 : 0));
    case "load":
    case "float-load": {
      const { base, offset } = place(random, size);
      return assembler.word(match | (form.kind === "load" ? rd() : frd()) | (base << 15) | ((offset & 0xfff) << 20));
    }
    case "store":
    case "float-store": {
      const { base, offset } = place(random, size);
      return assembler.store(form.name, register(), base, offset);
    }
    case "amo": {
      // The address goes through a register that isn't reserved: any place, not only the bases.
      const { base, offset } = place(random, size, false);
      const pointer = compressedDestination(random, rules);
      assembler.i("addi", pointer, base, offset);
      return assembler.word(match | rd() | (pointer << 15) | rs2() | (random.below(4) << 25));
    }
    case "csr-flags":
      return appendCsr(assembler, random, form, rules);
    case "f-ff":
      return assembler.word(match | frd() | rs1() | rs2());
    case "f-ff-rm":
      return assembler.word(match | frd() | rs1() | rs2() | rm());
    case "f-f-rm":
    case "f-x-rm":
      return assembler.word(match | frd() | rs1() | rm());
    case "f-fff-rm":
      return assembler.word((match | frd() | rs1() | rs2() | rm() | (register() << 27)) >>> 0);
    case "x-ff":
      return assembler.word(match | rd() | rs1() | rs2());
    case "x-f":
      return assembler.word(match | rd() | rs1());
    case "x-f-rm":
      return assembler.word(match | rd() | rs1() | rm());
    case "f-x":
      return assembler.word(match | frd() | rs1());
    default:
      return appendCompressed(assembler, random, form, rules);
  }
}

/** fflags takes anything; frm and fcsr are kept to legal modes by what is written. */
function appendCsr(assembler: Assembler, random: SeededRandom, form: InstructionForm, rules: SequenceRules): void {
  const [FFLAGS, FRM, FCSR] = [1, 2, 3];
  const immediate = form.name.endsWith("i");
  const rd = destination(random, rules) << 7;
  const emit = (csr: number, source: number): void =>
    assembler.word((form.match | rd | (source << 15) | (csr << 20)) >>> 0);
  const writes = form.name.startsWith("csrrw");
  switch (random.below(4)) {
    case 0:
      return writes && immediate ? emit(FRM, random.below(5)) : emit(FRM, 0);
    case 1: {
      if (immediate) return emit(FCSR, writes ? random.below(32) : 0);
      if (!writes) return emit(FCSR, 0);
      const source = compressedDestination(random, rules);
      assembler.i("andi", source, random.below(32), [0x1f, 0x9f, 0x3f, 0x5f][random.below(4)]!);
      return emit(FCSR, source);
    }
    default:
      return emit(FFLAGS, random.below(32));
  }
}

function appendCompressed(
  assembler: Assembler,
  random: SeededRandom,
  form: InstructionForm,
  rules: SequenceRules,
): void {
  const { match, size } = form;
  const small = (): number => random.below(8);
  const rdSmall = (): number => compressedDestination(random, rules) - 8;
  const imm6 = (): number => (random.below(2) << 12) | (random.below(32) << 2);
  const nonzero = (make: () => number): number => {
    for (;;) {
      const value = make();
      if (value !== 0) return value;
    }
  };
  const rdFull = (): number => nonzero(() => destination(random, rules)) << 7;
  // Loads and stores relative to x8 or x9; uimm[5:3] at 12:10, the rest at 6:5.
  const offset = (): number => Math.floor(random.below(size === 8 ? 256 : 128) / size) * size;
  const memory = (at: number): number =>
    (((at >> 3) & 7) << 10) |
    (size === 8 ? ((at >> 6) & 3) << 5 : (((at >> 2) & 1) << 6) | (((at >> 6) & 1) << 5)) |
    (random.below(2) << 7);
  const stackLoad = (at: number): number =>
    size === 8
      ? (((at >> 5) & 1) << 12) | (((at >> 3) & 3) << 5) | (((at >> 6) & 7) << 2)
      : (((at >> 5) & 1) << 12) | (((at >> 2) & 7) << 4) | (((at >> 6) & 3) << 2);
  const stackStore = (at: number): number =>
    size === 8 ? (((at >> 3) & 7) << 10) | (((at >> 6) & 7) << 7) : (((at >> 2) & 15) << 9) | (((at >> 6) & 3) << 7);
  const stackOffset = (): number =>
    Math.floor(random.below(Math.min(size === 8 ? 512 : 256, SCRATCH_SIZE - size + 1)) / size) * size;

  switch (form.kind) {
    case "c-addi4spn":
      return assembler.half(match | (nonzero(() => random.below(256)) << 5) | (rdSmall() << 2));
    case "c-load":
      return assembler.half(match | memory(offset()) | (rdSmall() << 2));
    case "c-store":
    case "c-float-load":
    case "c-float-store":
      return assembler.half(match | memory(offset()) | (small() << 2));
    case "c-addi":
    case "c-addiw":
    case "c-li":
      return assembler.half(match | imm6() | rdFull());
    case "c-lui":
      return assembler.half(match | nonzero(imm6) | rdFull());
    case "c-slli":
      return assembler.half(match | nonzero(imm6) | rdFull());
    case "c-shift":
      return assembler.half(match | nonzero(imm6) | (rdSmall() << 7));
    case "c-andi":
      return assembler.half(match | imm6() | (rdSmall() << 7));
    case "c-alu":
      return assembler.half(match | (rdSmall() << 7) | (small() << 2));
    case "c-mv":
      return assembler.half(match | rdFull() | ((1 + random.below(31)) << 2));
    case "c-load-sp":
      return assembler.half(match | stackLoad(stackOffset()) | rdFull());
    case "c-float-load-sp":
      return assembler.half(match | stackLoad(stackOffset()) | (random.below(32) << 7));
    case "c-store-sp":
    case "c-float-store-sp":
      return assembler.half(match | stackStore(stackOffset()) | (random.below(32) << 2));
    default:
      throw new Error(`the generator doesn't know forms of kind ${form.kind}`);
  }
}
