/** Small numbers that say what state a machine is in: two machines that went one way have the same ones. */
import { crc32c } from "@stratos/base";
import { PAGE_SIZE } from "@stratos/abi";
import type { Machine } from "@stratos/machine";
import { HART, HART_PC_HIGH } from "@stratos/riscv";

/** Of the registers: integers, floating point, the low half of the pc (older recordings have no other), flags. */
export function registersMark({ kernel }: Machine): number {
  return crc32c(kernel.physical.u8, HART, HART_PC_HIGH);
}

/** Of all frames that somebody holds, and of which they are; an ended process holds none. */
export function memoryMark({ kernel }: Machine): number {
  const { u8 } = kernel.physical;
  const frames = kernel.frames.used();
  let mark = crc32c(new Uint8Array(frames.buffer));
  for (const frame of frames) mark = crc32c(u8, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE, mark);
  return mark;
}
