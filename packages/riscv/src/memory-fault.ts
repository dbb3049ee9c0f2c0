/** What the instruction at the pc wanted of memory, and the slow way to do it: for MEMORY exits. */
import { assert } from "@stratos/base";
import type { AddressMode } from "./access.ts";
import type { TranslatedCodeCache } from "./code-cache.ts";
import { decode, newDecoded } from "./decode.ts";
import type { Decoded } from "./decode.ts";
import { HART_F, HART_PC, HART_X } from "./hart-state.ts";
import { INSTRUCTIONS } from "./instruction-table.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { FaultingAccess } from "./processor.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

interface MemoryInstruction {
  size: number;
  kind: FaultingAccess["kind"];
  isSigned: boolean;
  isReserved: boolean;
}

const MEMORY_INSTRUCTIONS: ReadonlyMap<number, MemoryInstruction> = new Map(
  INSTRUCTIONS.flatMap((instruction, index): [number, MemoryInstruction][] => {
    const found = describe(instruction.name);
    return found === undefined ? [] : [[index, found]];
  }),
);

function describe(name: string): MemoryInstruction | undefined {
  const plain = (size: number, kind: "load" | "store", isSigned: boolean): MemoryInstruction => ({
    size,
    kind,
    isSigned,
    isReserved: false,
  });
  switch (name) {
    case "lb":
      return plain(1, "load", true);
    case "lh":
      return plain(2, "load", true);
    case "lw":
      return plain(4, "load", true);
    case "ld":
      return plain(8, "load", false);
    case "lbu":
      return plain(1, "load", false);
    case "lhu":
      return plain(2, "load", false);
    case "lwu":
      return plain(4, "load", false);
    case "flh":
      return plain(2, "load", false);
    case "flw":
      return plain(4, "load", false);
    case "fld":
      return plain(8, "load", false);
    case "sb":
      return plain(1, "store", false);
    case "sh":
    case "fsh":
      return plain(2, "store", false);
    case "sw":
    case "fsw":
      return plain(4, "store", false);
    case "sd":
    case "fsd":
      return plain(8, "store", false);
  }
  // A block lies in one page, whatever address of it is named.
  if (name.startsWith("cbo.")) return plain(1, name === "cbo.zero" ? "store" : "load", false);
  const size = name.endsWith(".w") ? 4 : 8;
  if (name.startsWith("lr.")) return { size, kind: "load", isSigned: true, isReserved: true };
  if (name.startsWith("sc.") || name.startsWith("amo")) return { size, kind: "amo", isSigned: true, isReserved: true };
  return undefined;
}

const DECODED = newDecoded();

function decodeAtPc(
  physical: PhysicalMemory,
  code: TranslatedCodeCache,
): { decoded: Decoded; memory: MemoryInstruction } {
  const word = code.fetchWord(physical.u32[HART_PC >>> 2] as number);
  assert(code.fetchFault < 0, "the page of an instruction that was executed is there");
  decode(word, DECODED);
  const memory = MEMORY_INSTRUCTIONS.get(DECODED.index);
  assert(memory !== undefined, "only loads, stores and AMOs leave with MEMORY");
  return { decoded: DECODED, memory };
}

/** rs1 + imm: the low 32 bits in the paged modes, the signed 64-bit number in the wide one. */
function effectiveAddress(physical: PhysicalMemory, decoded: Decoded, mode: AddressMode): number {
  const sum = addressSum(physical, decoded);
  return mode === "wide" ? highHalf(physical, decoded, sum) * 2 ** 32 + (sum >>> 0) : sum >>> 0;
}

function addressSum({ u32 }: PhysicalMemory, { rs1, imm }: Decoded): number {
  return u32[(HART_X + rs1 * 8) >>> 2]! + imm;
}

function highHalf({ u32 }: PhysicalMemory, { rs1 }: Decoded, sum: number): number {
  return (u32[(HART_X + rs1 * 8 + 4) >>> 2]! + Math.floor(sum / 2 ** 32)) | 0;
}

export function faultingAccess(physical: PhysicalMemory, code: TranslatedCodeCache, mode: AddressMode): FaultingAccess {
  const { decoded, memory } = decodeAtPc(physical, code);
  return { va: effectiveAddress(physical, decoded, mode), size: memory.size, kind: memory.kind };
}

/** @see Processor.faultingAddress */
export function faultingAddress(physical: PhysicalMemory, code: TranslatedCodeCache): [low: number, high: number] {
  const { decoded } = decodeAtPc(physical, code);
  const sum = addressSum(physical, decoded);
  return [sum >>> 0, highHalf(physical, decoded, sum) >>> 0];
}

/** @see Processor.emulateMisaligned */
export function emulateMisaligned(
  physical: PhysicalMemory,
  code: TranslatedCodeCache,
  mode: AddressMode,
  translate: (va: VirtualAddress) => PhysicalAddress,
): number {
  const { decoded, memory } = decodeAtPc(physical, code);
  if (memory.isReserved) return -1;
  const va = effectiveAddress(physical, decoded, mode);
  const isFloat =
    INSTRUCTIONS[decoded.index]!.operands.startsWith("f") || INSTRUCTIONS[decoded.index]!.operands[2] === "f";
  const { u8, u32 } = physical;
  const file = isFloat ? HART_F : HART_X;
  if (memory.kind === "store") {
    const source = file + decoded.rs2 * 8;
    for (let i = 0; i < memory.size; i++) u8[translate(va + i)] = u8[source + i] as number;
  } else {
    const bytes = BYTES.fill(0);
    for (let i = 0; i < memory.size; i++) bytes[i] = u8[translate(va + i)] as number;
    const isNegative = memory.isSigned && ((bytes[memory.size - 1] as number) & 0x80) !== 0;
    // A half or a single is NaN-boxed: all ones above it.
    if (isNegative || (isFloat && memory.size < 8)) bytes.fill(0xff, memory.size);
    if (isFloat || decoded.rd !== 0) u8.set(bytes, file + decoded.rd * 8);
  }
  u32[HART_PC >>> 2] = (u32[HART_PC >>> 2] as number) + decoded.length;
  return 0;
}

const BYTES = new Uint8Array(8);
