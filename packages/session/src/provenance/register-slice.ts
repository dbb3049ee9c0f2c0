/**
 * Where a byte of a register came from, along the instructions that a thread has done before: copies, shifts by whole
 * bytes and merges are gone through, up to a load, a constant, the result of a call or a computation.
 *
 * A register is 0 … 31 for x0 … x31, and 32 … 63 for f0 … f31.
 */
import { decode, type Decoded, HART, HART_PC, HART_X, INSTRUCTIONS, newDecoded } from "@stratos/riscv";
import { peekMemory, registersOf, type Task } from "@stratos/kernel";

/** An instruction about to be done. */
export interface Step {
  /** Done before it. */
  readonly instructions: number;
  readonly pc: number;
  readonly word: number;
  /** x0 … x31 as 256 bytes. */
  readonly registers: Uint8Array;
}

type ByteOrigin =
  | { readonly kind: "memory"; readonly step: Step; readonly index: number; readonly address: number }
  | { readonly kind: "constant" | "call"; readonly step: Step }
  /** Of several values; of one, `register` goes on before the step. */
  | { readonly kind: "computed"; readonly step: Step; readonly index: number; readonly register: number | null }
  /** It was in the register before the first of the instructions. */
  | { readonly kind: "before"; readonly register: number };

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, d: 8 };
const SYSTEM_CALL = 0x73;
const A0 = 10;
const F0 = 32;

export function stepOf(task: Task): Step {
  const state = registersOf(task);
  const pc = new DataView(state.buffer, state.byteOffset).getUint32(HART_PC - HART, true);
  const code = new Uint8Array(4);
  peekMemory(task.space, pc, code);
  const registers = state.slice(HART_X - HART, HART_X - HART + 256);
  const { kernel } = task;
  return {
    instructions: kernel.processor.statistics.instructions,
    ...{ pc, registers },
    word: new DataView(code.buffer).getUint32(0, true),
  };
}

export function isSystemCall({ word }: Step): boolean {
  return word === SYSTEM_CALL;
}

/** The bytes that a step stores, and the register that it has them from; null: it stores none of one. */
export function storeOf(step: Step): { address: number; size: number; register: number } | null {
  const { name, operands, rs1, rs2, imm } = decoded(step);
  if (/^f?s[bhwd]$/.test(name))
    return { address: value(step, rs1) + imm, size: SIZES[name.at(-1)!]!, register: numberOf(operands[2], rs2) };
  if (/^(sc|amoswap)\.[wd]$/.test(name))
    return { address: value(step, rs1), size: SIZES[name.at(-1)!]!, register: rs2 };
  return null;
}

/** "sb a5, …" is known by its name alone. */
export function instructionName(step: Step): string {
  return decoded(step).name;
}

/** @param before  index of the step that the register was used by */
export function originOf(steps: readonly Step[], before: number, register: number, byte: number): ByteOrigin {
  let [wanted, at] = [register, byte];
  for (let index = before - 1; index >= 0; index--) {
    const step = steps[index]!;
    if (isSystemCall(step)) {
      if (wanted === A0) return { kind: "call", step };
      continue;
    }
    const { name, operands, rd, rs1, rs2, rs3, imm } = decoded(step);
    if (numberOf(operands[0], rd) !== wanted) continue;
    const load = /^(?:f?l([bhwd])(u?)|lr\.([wd])|amo\w+\.([wd]))$/.exec(name);
    if (load !== null) {
      const size = SIZES[load[1] ?? load[3] ?? load[4]!]!;
      const offset = name.includes(".") ? 0 : imm;
      // A narrower value in a wider register has ones above it (Unprivileged ISA, NaN Boxing of Narrower Values).
      if (at >= size && (load[2] === "u" || wanted >= F0)) return { kind: "constant", step };
      return { kind: "memory", step, index, address: value(step, rs1) + offset + Math.min(at, size - 1) };
    }
    if (operands[1] === "-" || name === "jalr") return { kind: "constant", step };
    const sources = [numberOf(operands[1], rs1), numberOf(operands[2], rs2), numberOf(operands[3], rs3)];
    const isFloat = wanted >= F0 || sources[0]! >= F0;
    const next = isFloat ? copiedFloat(name, sources, at) : copied({ name, rs1, rs2, imm }, step, at);
    if (next === "constant") return { kind: "constant", step };
    if (next === null) {
      const used = new Set(sources.filter((each) => each > 0));
      return { kind: "computed", step, index, register: used.size === 1 ? [...used][0]! : null };
    }
    [wanted, at] = [next.register, next.byte];
    if (wanted === 0) return { kind: "constant", step };
  }
  return { kind: "before", register: wanted };
}

/** The byte as it stood in another register; null: it is a new one. */
function copied(
  { name, rs1, rs2, imm }: Pick<Decoded, "rs1" | "rs2" | "imm"> & { name: string },
  step: Step,
  byte: number,
): { register: number; byte: number } | "constant" | null {
  const same = { register: rs1, byte };
  const shifted = (by: number): { register: number; byte: number } | "constant" | null => {
    if (by % 8 !== 0) return null;
    const from = byte - by / 8;
    return from < 0 || from > 7 ? "constant" : { register: rs1, byte: from };
  };
  const byteOf = (register: number): number => step.registers[8 * register + byte]!;
  switch (name) {
    case "addi":
      return rs1 === 0 ? "constant" : imm === 0 ? same : null;
    case "addiw":
      return imm === 0 && byte < 4 ? same : null;
    case "andi":
      return mask(imm, byte) === 0xff ? same : mask(imm, byte) === 0 ? "constant" : null;
    case "ori":
    case "xori":
      return mask(imm, byte) === 0 ? same : null;
    case "slli":
      return shifted(imm);
    case "srli":
    case "srai":
      return shifted(-imm);
    case "sll":
      return shifted(value(step, rs2) & 63);
    case "srl":
    case "sra":
      return shifted(-(value(step, rs2) & 63));
    case "slliw":
    case "srliw":
    case "sraiw":
      return byte > 3 ? null : shifted(name === "slliw" ? imm : -imm);
    case "zext.b":
      return byte === 0 ? same : "constant";
    case "add":
    case "addw":
      // A sum with what is zero is a copy; of others bytes carry.
      if (rs1 === 0) return { register: rs2, byte };
      return rs2 === 0 || value(step, rs2) === 0 ? same : value(step, rs1) === 0 ? { register: rs2, byte } : null;
    case "or":
    case "xor":
      if (byteOf(rs2) === 0) return same;
      return byteOf(rs1) === 0 ? { register: rs2, byte } : null;
    case "and":
      if (byteOf(rs2) === 0xff) return same;
      return byteOf(rs1) === 0xff ? { register: rs2, byte } : null;
    default:
      return null;
  }
}

/** The same, where floating-point registers are. */
function copiedFloat(
  name: string,
  [first, second]: readonly number[],
  byte: number,
): { register: number; byte: number } | "constant" | null {
  const moved = /^fmv\.(?:(x)\.([hwd])|([hwd])\.x)$/.exec(name);
  if (moved !== null) {
    const size = SIZES[moved[2] ?? moved[3]!]!;
    if (byte < size) return { register: first!, byte };
    return moved[1] === "x" ? { register: first!, byte: size - 1 } : "constant";
  }
  const signed = /^fsgnj[nx]?\.([hsd])$/.exec(name);
  if (signed === null) return null;
  const size = SIZES[signed[1] === "s" ? "w" : signed[1]!]!;
  if (byte >= size) return "constant";
  // The sign is the uppermost bit; fmv.d is fsgnj.d of a register and itself.
  return byte < size - 1 || (name.startsWith("fsgnj.") && first === second) ? { register: first!, byte } : null;
}

/** @returns −1: the instruction has none there */
function numberOf(file: string | undefined, register: number): number {
  return file === "x" ? register : file === "f" ? F0 + register : -1;
}

/** A byte of a sign-extended immediate. */
function mask(imm: number, byte: number): number {
  return byte < 4 ? (imm >> (8 * byte)) & 0xff : imm < 0 ? 0xff : 0;
}

/** Of an address, which has no more than 53 bits. */
function value({ registers }: Step, register: number): number {
  if (register === 0) return 0;
  return Number(new DataView(registers.buffer, registers.byteOffset).getBigInt64(8 * register, true));
}

function decoded({ word }: Step): Decoded & { name: string; operands: string } {
  const out = newDecoded();
  decode(word, out);
  const { name, operands } = INSTRUCTIONS[out.index] ?? { name: "?", operands: "----" };
  return { ...out, name, operands };
}
