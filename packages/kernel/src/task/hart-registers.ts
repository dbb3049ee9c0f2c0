import { PAGE_SIZE, RiscvDState } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import {
  type PhysicalMemory,
  HART,
  HART_F,
  HART_FFLAGS,
  HART_FRM,
  HART_PC,
  HART_PC_HIGH,
  HART_RESERVATION,
  HART_STATE_SIZE,
  HART_X,
} from "@stratos/riscv";
import { EXACT_END, put64, roomBehind, roomBehindWords, viewOf } from "../ground/words.ts";

/** Integer registers by their ABI role (RISC-V psABI §1). */
export const RA = 1,
  SP = 2,
  TP = 4,
  A0 = 10,
  A1 = 11,
  A2 = 12,
  A3 = 13,
  A7 = 17;

/** High words beyond these make numbers that a double does not hold exactly. */
const HIGH_MOST = EXACT_END / 2 ** 32,
  HIGH_LEAST = -(2 ** 21);

/**
 * The registers of the task that is on the hart. Numbers are signed 64-bit values as doubles: exact from −2^53 up to
 * `EXACT_END`. What lies beyond has the nearest high word that is exact and its own low one: an int in a
 * register is what `| 0` makes of it, whatever lies above, and a place behind `EXACT_END` stays there.
 */
export class HartRegisters {
  #u8: Uint8Array;
  #i32: Int32Array;
  #u32: Uint32Array;

  constructor(physical: PhysicalMemory) {
    this.#u8 = physical.u8;
    this.#i32 = physical.i32;
    this.#u32 = physical.u32;
  }

  get(register: number): number {
    const at = (HART_X >> 2) + register * 2;
    const high = this.#i32[at + 1]!;
    const near = high >= HIGH_MOST ? HIGH_MOST : high < HIGH_LEAST ? HIGH_LEAST : high;
    return near * 0x100000000 + this.#u32[at]!;
  }

  /** How far it is to 2^63 from a place that `get` told as `value`: exact where it is less than 2^53. */
  roomBehind(register: number, value: number): number {
    if (value < EXACT_END) return roomBehind(value);
    const at = (HART_X >> 2) + register * 2;
    return Math.min(roomBehind(value), roomBehindWords(this.#u32[at]!, this.#i32[at + 1]!));
  }

  /** Copies the low and the high word of a register. */
  copyWords(register: number, to: Uint32Array, at: number): void {
    const from = (HART_X >> 2) + register * 2;
    to[at] = this.#u32[from]!;
    to[at + 1] = this.#u32[from + 1]!;
  }

  setWords(register: number, low: number, high: number): void {
    const at = (HART_X >> 2) + register * 2;
    this.#u32[at] = low;
    this.#u32[at + 1] = high;
  }

  set(register: number, value: number): void {
    const at = (HART_X >> 2) + register * 2;
    if (value === (value | 0)) {
      this.#i32[at] = value;
      this.#i32[at + 1] = value >> 31;
    } else {
      const high = Math.floor(value / 0x100000000);
      this.#u32[at] = value - high * 0x100000000;
      this.#i32[at + 1] = high;
    }
  }

  get pc(): number {
    return this.#i32[HART_PC_HIGH >> 2]! * 0x100000000 + this.#u32[HART_PC >> 2]!;
  }

  set pc(address: number) {
    this.#u32[HART_PC >> 2] = address;
    this.#u32[HART_PC_HIGH >> 2] = Math.floor(address / 0x100000000);
  }

  get pcHigh(): number {
    return this.#u32[HART_PC_HIGH >> 2]!;
  }

  /** The pc is where an address space can hold code. */
  get hasNearPc(): boolean {
    return this.pcHigh === 0;
  }

  /** The pc as it is, in 8 bytes. */
  readPc(from: DataView, at: number): void {
    this.#u32[HART_PC >> 2] = from.getUint32(at, true);
    this.#u32[HART_PC_HIGH >> 2] = from.getUint32(at + 4, true);
  }

  writePc(to: DataView, at: number): void {
    to.setUint32(at, this.#u32[HART_PC >> 2]!, true);
    to.setUint32(at + 4, this.#u32[HART_PC_HIGH >> 2]!, true);
  }

  get fcsr(): number {
    return (this.#u32[HART_FFLAGS >> 2]! & 31) | ((this.#u32[HART_FRM >> 2]! & 7) << 5);
  }

  set fcsr(value: number) {
    this.#u32[HART_FFLAGS >> 2] = value & 31;
    this.#u32[HART_FRM >> 2] = (value >> 5) & 7;
  }

  /** All registers zero: a program's start. */
  clear(): void {
    this.#u8.fill(0, HART, HART + HART_STATE_SIZE);
  }

  saveTo(registers: Uint8Array): void {
    registers.set(this.#u8.subarray(HART, HART + HART_STATE_SIZE));
  }

  loadFrom(registers: Uint8Array): void {
    this.#u8.set(registers, HART);
  }

  /** A trap or a switch breaks an LR/SC pair (Unprivileged ISA §13.2). */
  dropReservation(): void {
    this.#u32[HART_RESERVATION >> 2] = 0xffffffff;
  }

  /** The page that it may be of has another frame: in the wide mode a reservation is a physical address. */
  moveReservation(from: number, to: number): void {
    const reserved = this.#u32[HART_RESERVATION >> 2]!;
    if (reserved - (reserved % PAGE_SIZE) === from) this.#u32[HART_RESERVATION >> 2] = to + (reserved % PAGE_SIZE);
  }

  static {
    stateClass("HartRegisters", this, {
      save: (it) => ({ u8: it.#u8, i32: it.#i32, u32: it.#u32 }),
      load: (it, from) => ({ u8: it.#u8, i32: it.#i32, u32: it.#u32 } = from),
    });
  }
}

/** Register `register` of a task that isn't on the hart. */
export function setSavedRegister(registers: Uint8Array, register: number, value: number): void {
  put64(viewOf(registers), register * 8, value);
}

export function setSavedPc(registers: Uint8Array, pc: number): void {
  viewOf(registers).setUint32(HART_PC - HART, pc, true);
  viewOf(registers).setUint32(HART_PC_HIGH - HART, Math.floor(pc / 0x100000000), true);
}

/** `struct user_regs_struct`: the pc, then x1 … x31. */
export const GENERAL_REGISTERS_SIZE = 256;

export function generalRegisterBytes(registers: Uint8Array): Uint8Array {
  const bytes = registers.slice(HART_X - HART, HART_X - HART + GENERAL_REGISTERS_SIZE);
  bytes.set(registers.subarray(HART_PC - HART, HART_PC - HART + 4));
  bytes.set(registers.subarray(HART_PC_HIGH - HART, HART_PC_HIGH - HART + 4), 4);
  return bytes;
}

export function setGeneralRegisterBytes(registers: Uint8Array, bytes: Uint8Array): void {
  registers.set(bytes.subarray(0, 4), HART_PC - HART);
  registers.set(bytes.subarray(4, 8), HART_PC_HIGH - HART);
  registers.set(bytes.subarray(8), HART_X - HART + 8);
}

/** `struct __riscv_d_ext_state`. */
export function floatRegisterBytes(registers: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RiscvDState.size);
  bytes.set(registers.subarray(HART_F - HART, HART_F - HART + 256), RiscvDState.offset.f);
  bytes[RiscvDState.offset.fcsr] = (registers[HART_FFLAGS - HART]! & 31) | ((registers[HART_FRM - HART]! & 7) << 5);
  return bytes;
}

export function setFloatRegisterBytes(registers: Uint8Array, bytes: Uint8Array): void {
  registers.set(bytes.subarray(RiscvDState.offset.f, RiscvDState.offset.f + 256), HART_F - HART);
  const fcsr = bytes[RiscvDState.offset.fcsr]!;
  registers[HART_FFLAGS - HART] = fcsr & 31;
  registers[HART_FRM - HART] = fcsr >> 5;
}
