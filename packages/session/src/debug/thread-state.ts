/** Registers and memory of a thread as packets of gdb's remote protocol have them, read and written. */
import { byteStringOf, hexOf } from "@stratos/base";
import { peekMemory, pokeMemory, registersOf, type Task } from "@stratos/kernel";
import { PACKET_MAX, textOfHex } from "./packet-stream.ts";
import { REGISTER_COUNT, registerText, writeRegister } from "./target-description.ts";

export const OK = "OK";
/** EINVAL and EFAULT, in hexadecimal as the protocol has them. */
export const BAD_REQUEST = "E16";
const NO_MEMORY = "E0e";

/** @param end  behind the last one */
export function registersText(task: Task, first: number, end: number): string {
  if (!(first >= 0 && end <= REGISTER_COUNT)) return BAD_REQUEST;
  const registers = registersOf(task);
  let text = "";
  for (let number = first; number < end; number++) text += registerText(registers, number);
  return text;
}

/** @param where  `addr,length` */
export function memoryText(task: Task, where: string): string {
  const range = parseRange(where);
  if (range === null) return BAD_REQUEST;
  const bytes = new Uint8Array(Math.min(range.length, PACKET_MAX / 2));
  const count = peekMemory(task.space, range.address, bytes);
  return count === 0 && range.length > 0 ? NO_MEMORY : hexOf(bytes.subarray(0, count));
}

/** @param values  of the first register and those behind it */
export function writeRegisters(task: Task, first: number, values: string): string {
  // It would be executed once more with others, or come back to another place.
  if (task.syscallNumber >= 0) return "E.the thread waits in a system call: its registers can't be changed";
  const registers = registersOf(task);
  let rest = values;
  for (let number = first; rest.length > 0; number++) {
    const width = number >= 0 && number < REGISTER_COUNT ? registerText(registers, number).length : 0;
    if (width === 0 || !/^[0-9a-f]+$/.test(rest) || rest.length < width) return BAD_REQUEST;
    writeRegister(registers, number, bytesOfHex(rest.slice(0, width)));
    rest = rest.slice(width);
  }
  return OK;
}

/** @param data  `addr,length:bytes` */
export function writeMemory(task: Task, data: string): string {
  const [where, content = ""] = data.split(":");
  const range = parseRange(where!);
  const bytes = bytesOfHex(content);
  if (range === null || bytes.length !== range.length) return BAD_REQUEST;
  return pokeMemory(task.space, range.address, bytes) < bytes.length ? NO_MEMORY : OK;
}

/** `addr,length` in hexadecimal; addresses beyond what a program can have are none. */
export function parseRange(text: string): { address: number; length: number } | null {
  const found = /^([0-9a-f]{1,16}),([0-9a-f]{1,8})$/.exec(text);
  if (found === null) return null;
  const address = parseInt(found[1]!, 16);
  return address <= Number.MAX_SAFE_INTEGER ? { address, length: parseInt(found[2]!, 16) } : null;
}

function bytesOfHex(text: string): Uint8Array {
  return byteStringOf(textOfHex(text));
}
