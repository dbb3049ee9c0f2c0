/** What expressions ask of a thread that stands: its registers, and the memory of its process. */
import { peekMemory, registersOf, type Task } from "@stratos/kernel";
import type { ValueSource } from "./expression.ts";
import { registerValue } from "./target-description.ts";

export function valuesOf(task: Task): ValueSource {
  return {
    register: (name) => registerValue(registersOf(task), name),
    memory(address) {
      const bytes = new Uint8Array(8);
      const isRead = address <= Number.MAX_SAFE_INTEGER && peekMemory(task.space, Number(address), bytes) === 8;
      return isRead ? new DataView(bytes.buffer).getBigUint64(0, true) : null;
    },
  };
}
