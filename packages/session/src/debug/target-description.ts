/**
 * The registers of a hart as gdb knows them ("Debugging with GDB", G.5.12 RISC-V features): x0 … x31 and pc, f0 … f31
 * with fflags, frm and fcsr. Their order in a `g` packet is that of their numbers.
 */
import { hexOf } from "@stratos/base";
import { HART, HART_F, HART_FFLAGS, HART_FRM, HART_PC, HART_PC_HIGH, HART_X } from "@stratos/riscv";

const X_NAMES =
  "zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split(" ");
const F_NAMES = [
  ..."ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5".split(" "),
  ..."fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11".split(" "),
];
export const SP = 2,
  PC = 32;
const F0 = 33,
  FFLAGS = 65;
export const REGISTER_COUNT = 68;

/** By their numbers. */
export const REGISTER_NAMES: readonly string[] = [...X_NAMES, "pc", ...F_NAMES, "fflags", "frm", "fcsr"];

export const TARGET_DESCRIPTION = `<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
<architecture>riscv:rv64</architecture>
<osabi>GNU/Linux</osabi>
<feature name="org.gnu.gdb.riscv.cpu">
${X_NAMES.map((name, index) => registerXml(name, 64, typeOf(name), index)).join("\n")}
<reg name="pc" bitsize="64" type="code_ptr" regnum="${PC}"/>
</feature>
<feature name="org.gnu.gdb.riscv.fpu">
<union id="riscv_double"><field name="float" type="ieee_single"/><field name="double" type="ieee_double"/></union>
${F_NAMES.map((name, index) => registerXml(name, 64, "riscv_double", F0 + index)).join("\n")}
${["fflags", "frm", "fcsr"].map((name, index) => registerXml(name, 32, "int", FFLAGS + index)).join("\n")}
</feature>
</target>
`;

function registerXml(name: string, bits: number, type: string, number: number): string {
  return `<reg name="${name}" bitsize="${bits}" type="${type}" regnum="${number}"/>`;
}

function typeOf(name: string): string {
  return name === "ra" ? "code_ptr" : /^[sgtf]p$/.test(name) ? "data_ptr" : "int";
}

/** @param registers  as the kernel keeps them (HART_STATE_SIZE bytes). @returns hexadecimal, as `p` answers */
export function registerText(registers: Uint8Array, number: number): string {
  const field = (at: number, size: number): string => hexOf(registers.subarray(at - HART, at - HART + size));
  if (number < PC) return field(HART_X + 8 * number, 8);
  if (number === PC) return field(HART_PC, 4) + field(HART_PC_HIGH, 4);
  if (number < FFLAGS) return field(HART_F + 8 * (number - F0), 8);
  const flags = registers[HART_FFLAGS - HART]! & 31;
  const mode = registers[HART_FRM - HART]! & 7;
  const value = [flags, mode, flags | (mode << 5)][number - FFLAGS]!;
  return `${value.toString(16).padStart(2, "0")}000000`;
}

/** @param value  as many bytes as `registerText` tells; x0 stays 0 */
export function writeRegister(registers: Uint8Array, number: number, value: Uint8Array): void {
  const write = (at: number, size: number): void => registers.set(value.subarray(0, size), at - HART);
  if (number === 0) return;
  if (number < PC) return write(HART_X + 8 * number, 8);
  if (number === PC) {
    registers.set(value.subarray(4, 8), HART_PC_HIGH - HART);
    return write(HART_PC, 4);
  }
  if (number < FFLAGS) return write(HART_F + 8 * (number - F0), 8);
  const [flags = 0] = value;
  if (number !== FFLAGS + 1) registers[HART_FFLAGS - HART] = flags & 31;
  if (number === FFLAGS + 1) registers[HART_FRM - HART] = flags & 7;
  else if (number === FFLAGS + 2) registers[HART_FRM - HART] = (flags >> 5) & 7;
}

/** @returns null: there is no such register */
export function registerValue(registers: Uint8Array, name: string): bigint | null {
  const number = REGISTER_NAMES.indexOf(name);
  if (number < 0) return null;
  const bytes = registerText(registers, number).match(/../g)!;
  return BigInt(`0x${bytes.reverse().join("")}`);
}
