/**
 * The way of a byte along the instructions of one thread, the last of which stored it: from its register to the value
 * that it was, or to the memory that it was loaded from, and on from a store there that is among them, too.
 */
import { SYSCALL_NAMES } from "@stratos/abi";
import { instructionName, isSystemCall, originOf, type Step, storeOf } from "./register-slice.ts";

/** @param position  so many instructions were done then */
type Tell = (kind: "call" | "store" | "computed" | "origin", position: number, text: string, step: Step | null) => void;

/**
 * @param tell  is told each hop, the last that happened first
 * @returns the memory that it came from, before an instruction; null: it came into being on the way; "further": in a
 *   register from before the first step
 */
export function alongSteps(
  steps: readonly Step[],
  { address, instructions }: { readonly address: number; readonly instructions: number },
  tell: Tell,
): { readonly address: number; readonly at: number } | null | "further" {
  let stored = { index: steps.length - 1, address };
  for (;;) {
    const step = steps[stored.index];
    if (step === undefined || isSystemCall(step)) {
      const call = step === undefined ? "a system call" : `${callName(step)}(2)`;
      tell("call", instructions, `${call} wrote it to 0x${stored.address.toString(16)}`, null);
      return null;
    }
    const store = storeOf(step);
    const words = `${instructionName(step)} stored it at 0x${stored.address.toString(16)}`;
    tell("store", step.instructions + 1, words, step);
    if (store === null) return null;
    let [index, register] = [stored.index, store.register];
    const byte = stored.address - store.address;
    if (byte < 0 || byte >= store.size) return null;
    let origin = originOf(steps, index, register, byte);
    while (origin.kind === "computed" && origin.register !== null) {
      const text = `${instructionName(origin.step)} computed it`;
      tell("computed", origin.step.instructions + 1, text, origin.step);
      ({ index, register } = { index: origin.index, register: origin.register });
      origin = originOf(steps, index, register, byte);
    }
    switch (origin.kind) {
      case "before":
        return "further";
      case "constant":
        tell("origin", origin.step.instructions + 1, "a constant of the program", origin.step);
        return null;
      case "call":
        tell("origin", origin.step.instructions + 1, `the result of ${callName(origin.step)}(2)`, origin.step);
        return null;
      case "computed": {
        const text = `${instructionName(origin.step)} computed it of several values`;
        tell("computed", origin.step.instructions + 1, text, origin.step);
        return null;
      }
    }
    const next = storeBefore(steps, origin.index, origin.address);
    if (typeof next === "number") return { address: origin.address, at: next };
    stored = { index: next.index, address: origin.address };
  }
}

function callName({ registers }: Step): string {
  const number = new DataView(registers.buffer, registers.byteOffset).getUint32(8 * 17, true);
  return SYSCALL_NAMES[number] ?? `call ${number}`;
}

/** Among the steps before an index; a number: none up to there, where a call or another thread may have. */
function storeBefore(steps: readonly Step[], before: number, address: number): { index: number } | number {
  for (let index = before - 1; index >= 0; index--) {
    const step = steps[index]!;
    if (steps[index + 1]!.instructions !== step.instructions + 1 || isSystemCall(step))
      return steps[index + 1]!.instructions;
    const store = storeOf(step);
    if (store !== null && store.address <= address && address < store.address + store.size) return { index };
  }
  return steps[0]?.instructions ?? 0;
}
