/**
 * Where a byte of a register came from, along the instructions that a thread has done before: copies, shifts by whole
 * bytes and merges are gone through, up to a load, a constant, the result of a call or a computation.
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

/** The bytes that a step stores, and the integer register that it has them from; null: it stores none of one. */
export function storeOf(step: Step): { address: number; size: number; register: number } | null {
  const { name, rs1, rs2, imm } = decoded(step);
  if (/^s[bhwd]$/.test(name)) return { address: value(step, rs1) + imm, size: SIZES[name[1]!]!, register: rs2 };
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
    const { name, operands, rd, rs1, rs2, imm } = decoded(step);
    if (operands[0] !== "x" || rd !== wanted) continue;
    const load = /^(?:l([bhwd])(u?)|lr\.([wd])|amo\w+\.([wd]))$/.exec(name);
    if (load !== null) {
      const size = SIZES[load[1] ?? load[3] ?? load[4]!]!;
      const offset = name.includes(".") ? 0 : imm;
      if (at >= size && load[2] === "u") return { kind: "constant", step };
      return { kind: "memory", step, index, address: value(step, rs1) + offset + Math.min(at, size - 1) };
    }
    if (operands[1] !== "x" || name === "jalr") return { kind: "constant", step };
    const next = copied({ name, rs1, rs2, imm }, step, at);
    if (next === "constant") return { kind: "constant", step };
    if (next === null) {
      const sources = [rs1, ...(operands[2] === "x" ? [rs2] : [])].filter((each) => each !== 0);
      return { kind: "computed", step, index, register: sources.length === 1 ? sources[0]! : null };
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
