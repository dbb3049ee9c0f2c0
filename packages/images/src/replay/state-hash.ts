/** What a machine is where it stands, as one number that replays on any computer have in common. */
import type { Machine } from "@stratos/machine";
import { memoryMark, registersMark } from "@stratos/trace";

/** Of its registers and of the memory that it holds: sixteen hexadecimal digits. */
export function stateHash(machine: Machine): string {
  return [registersMark(machine), memoryMark(machine)]
    .map((mark) => (mark >>> 0).toString(16).padStart(8, "0"))
    .join("");
}
