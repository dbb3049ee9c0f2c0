import { BPF_MAXINSNS, EFAULT, EINVAL, SockFilter } from "@stratos/abi";
import type { Instruction } from "./bpf-filter.ts";

/** A program's memory, as far as it is read here. */
interface ReadMemory {
  /** @returns 0 or −EFAULT */
  copyIn(address: number, into: Uint8Array, at: number, count: number): number;
}

export function isProgramLength(count: number): boolean {
  return count > 0 && count <= BPF_MAXINSNS;
}

/** Reads the instructions that a `struct sock_fprog` names: −EFAULT, −EINVAL. */
export function loadBpfProgram(space: ReadMemory, address: number, count: number): Instruction[] | number {
  if (!isProgramLength(count)) return -EINVAL;
  const bytes = new Uint8Array(count * SockFilter.size);
  if (space.copyIn(address, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const instructions: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += SockFilter.size)
    instructions.push({
      code: view.getUint16(at + SockFilter.offset.code, true),
      jt: bytes[at + SockFilter.offset.jt]!,
      jf: bytes[at + SockFilter.offset.jf]!,
      k: view.getUint32(at + SockFilter.offset.k, true),
    });
  return instructions;
}

/** The other way round. */
export function storeBpfProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * SockFilter.size);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    const at = index * SockFilter.size;
    view.setUint16(at + SockFilter.offset.code, code, true);
    bytes[at + SockFilter.offset.jt] = jt;
    bytes[at + SockFilter.offset.jf] = jf;
    view.setUint32(at + SockFilter.offset.k, k, true);
  });
  return bytes;
}
