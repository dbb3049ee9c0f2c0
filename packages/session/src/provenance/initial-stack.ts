/** What lies on the stack when a program begins (System V psABI, "Process Initialization"). */
import { peekMemory, registersOf, type Task } from "@stratos/kernel";
import { HART, HART_X } from "@stratos/riscv";

const ARGUMENTS_MAX = 4096;

/**
 * Which argument lies at an address, or that a variable of the environment does, in words.
 *
 * @param task  before its first instruction
 */
export function initialStackText(task: Task, argv: readonly string[], address: number): string {
  const state = registersOf(task);
  const pointer = new DataView(state.buffer, state.byteOffset).getUint32(HART_X - HART + 16, true);
  const words = new Uint8Array(8 * ARGUMENTS_MAX);
  peekMemory(task.space, pointer, words);
  const view = new DataView(words.buffer);
  const word = (index: number): number => Number(view.getBigUint64(8 * index, true));
  // argc, argv, 0, environment, 0.
  let found = -1;
  for (let index = 1, zeros = 0; index < ARGUMENTS_MAX && zeros < 2; index++) {
    if (word(index) === 0) zeros++;
    else if (word(index) <= address && (found < 0 || word(index) > word(found))) found = index;
  }
  if (found < 0) return `put on the stack when ${argv[0]} was executed`;
  const count = word(0);
  return found <= count
    ? `argument ${found - 1} of ${argv[0]}: ${JSON.stringify(argv[found - 1] ?? "")}`
    : `the environment that ${argv[0]} was executed with`;
}
