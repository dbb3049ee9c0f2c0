/**
 * Code as instructions, for an editor's view of it: from what is in memory, so that a stripped program has them too;
 * symbols and lines where its files tell. Instructions have two or four bytes, so that where the ones before an address
 * begin is known from a function's beginning alone; without one, beginnings are tried.
 */
import { type AdapterArguments, AdapterError, numberOf } from "@stratos/base";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { disassemble } from "@stratos/riscv";
import { peekMemory, type Task } from "@stratos/kernel";
import type { ProgramCode } from "../symbols/program-code.ts";
import { addressOf, hex } from "./adapter-request.ts";

const INSTRUCTIONS_MAX = 4096;
/** A function is read from its beginning if that is no farther from the address than this. */
const FUNCTION_BYTES_MAX = 1 << 16;
/** Instructions of any beginning come to be the right ones after a few. */
const WARMING_BYTES = 64;

interface Placed {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly instruction: ReturnType<typeof disassemble> | null;
}

/** Answers `disassemble`: as many instructions as are asked for; where nothing is mapped, ones that say so. */
export function disassembly(
  task: Task,
  code: ProgramCode,
  given: AdapterArguments,
): DebugProtocol.DisassembledInstruction[] {
  const start = addressOf(given["memoryReference"]) + numberOf(given["offset"], 0);
  const count = numberOf(given["instructionCount"], 0);
  const skipped = numberOf(given["instructionOffset"], 0);
  if (!(count >= 0 && count <= INSTRUCTIONS_MAX && Math.abs(skipped) <= INSTRUCTIONS_MAX))
    throw new AdapterError(`at most ${INSTRUCTIONS_MAX} instructions at a time`);
  const before = skipped < 0 ? lastBefore(task, code, { address: start, count: -skipped }) : [];
  const after = onwardFrom(task, start, Math.max(0, skipped + count));
  const found = [...before, ...after].slice(Math.max(0, skipped)).slice(0, count);
  return found.map((each) => describe(task, code, each, given["resolveSymbols"] !== false));
}

function describe(
  task: Task,
  code: ProgramCode,
  { address, bytes, instruction }: Placed,
  resolvesSymbols: boolean,
): DebugProtocol.DisassembledInstruction {
  const common = { address: hex(Math.max(0, address)) };
  if (instruction === null) return { ...common, instruction: "??", presentationHint: "invalid" };
  const { mnemonic, operands, target, isInstruction } = instruction;
  const { functionName, source } = code.placeAt(task, address);
  const targetName = target === null || !resolvesSymbols ? null : code.placeAt(task, target).name;
  const goal = target === null ? "" : `${hex(target)}${targetName === null ? "" : ` <${targetName}>`}`;
  const all = [operands, goal].filter((each) => each !== "").join(",");
  return {
    ...common,
    instruction: all === "" ? mnemonic : `${mnemonic} ${all}`,
    instructionBytes: [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
    ...(isInstruction ? {} : { presentationHint: "invalid" as const }),
    ...(functionName === null || !resolvesSymbols ? {} : { symbol: functionName }),
    ...(source === null
      ? {}
      : { line: source.line, location: { name: source.file.split("/").at(-1)!, path: source.file } }),
  };
}

/** Null: nothing is mapped there. */
function placedAt(task: Task, address: number): Placed {
  const bytes = new Uint8Array(4);
  const read = address < 0 ? 0 : peekMemory(task.space, address, bytes);
  const word = new DataView(bytes.buffer).getUint32(0, true);
  const instruction = read < 2 ? null : disassemble(word, address);
  const length = instruction?.length ?? 2;
  if (instruction === null || read < length) return { address, bytes: bytes.subarray(0, 0), instruction: null };
  return { address, bytes: bytes.subarray(0, length), instruction };
}

function after({ address, instruction }: Placed): number {
  return address + (instruction?.length ?? 2);
}

function onwardFrom(task: Task, start: number, count: number): Placed[] {
  const found: Placed[] = [];
  for (let at = start; found.length < count; at = after(found.at(-1)!)) found.push(placedAt(task, at));
  return found;
}

/** The `count` instructions before an address. */
function lastBefore(task: Task, code: ProgramCode, { address, count }: { address: number; count: number }): Placed[] {
  let found: Placed[] = [];
  while (found.length < count) {
    const end = found[0]?.address ?? address;
    const begin = code.functionStart(task, end - 1);
    const known = begin !== null && end - begin <= FUNCTION_BYTES_MAX ? through(task, begin, end) : null;
    const more = known ?? guessedBefore(task, end, count - found.length);
    found = [...more, ...found];
  }
  return found.slice(-count);
}

/** Instructions from `start` on whose last one ends at `end`; null: none does. */
function through(task: Task, start: number, end: number): Placed[] | null {
  const found: Placed[] = [];
  let at = start;
  for (; at < end; at = after(found.at(-1)!)) found.push(placedAt(task, at));
  return at === end && found.length > 0 ? found : null;
}

/** At least one instruction: the row before `end` with the fewest in it that are none. */
function guessedBefore(task: Task, end: number, count: number): Placed[] {
  const candidates = [0, 2, 4, 6].flatMap((shift) => {
    const row = through(task, end - 4 * count - WARMING_BYTES + shift, end);
    return row === null ? [] : [row.slice(-count)];
  });
  const wrong = (row: readonly Placed[]): number => row.filter((each) => !each.instruction?.isInstruction).length;
  candidates.sort((a, b) => wrong(a) - wrong(b));
  // What begins two bytes before goes beyond: no row can end here, but one does two bytes before.
  return candidates[0] ?? [{ address: end - 2, bytes: new Uint8Array(0), instruction: null }];
}
