import type { TranslatedCodeCache, TranslatedRegion } from "../code-cache.ts";
import { decode, newDecoded } from "../decode.ts";
import type { Decoded } from "../decode.ts";
import { INSTRUCTIONS, instructionIndex } from "../instruction-table.ts";
import type { PhysicalMemory } from "../physical-memory.ts";
import { RecordOp, endsRun, isBranch, isLinkRegister } from "../record.ts";

/**
 * What is translated together: the blocks that control reaches from an entry without leaving the guest function or its region.
 * Only what the interpreter has executed is taken (its records are decoded); the rest stays an exit.
 */
export const MAX_BLOCKS = 120;
export const MAX_INSTRUCTIONS = 1000;

export interface UnitInstruction extends Decoded { readonly pc: number }

export type Ending =
  | "fall" // into the next block
  | "branch"
  | "jump" // jal x0
  | "call" // jal rd
  | "call-register" // jalr ra or t0
  | "jump-register" // jalr elsewhere
  | "return" // jalr x0, ra or t0
  | "ecall"
  | "ebreak"
  | "illegal";

export interface Block {
  readonly index: number;
  readonly pc: number;
  readonly instructions: UnitInstruction[];
  ending: Ending;
  /** pc after the last instruction. */
  end: number;
  /** Target of a branch, jump or call; −1 otherwise. */
  target: number;
  /** Known targets of a jump through a register, inside the unit. */
  readonly targets: number[];
  /** Blocks that control reaches next within the unit; for branches the one taken first. */
  readonly successors: Block[];
  predecessorCount: number;
}

export interface Unit {
  readonly region: TranslatedRegion;
  readonly entry: number;
  readonly blocks: readonly Block[];
  readonly blockAt: ReadonlyMap<number, Block>;
  /** Page indices in the region. */
  readonly pages: readonly number[];
  readonly instructionCount: number;
}

const JAL = instructionIndex("jal");
const JALR = instructionIndex("jalr");
const ECALL = instructionIndex("ecall");

/** @param extraEntries  pcs to take in as well (a path out of an earlier translation that became hot) */
export function discoverUnit(options: {
  physical: PhysicalMemory; cache: TranslatedCodeCache; region: TranslatedRegion; entry: number; extraEntries: readonly number[];
  indirectTargets: ReadonlyMap<number, readonly number[]>;
}): Unit | undefined {
  const { region, entry } = options;
  const instructions = new Map<number, UnitInstruction>();
  const leaders = new Set<number>();
  const pages = new Set<number>();
  const work: number[] = [entry, ...options.extraEntries];
  for (let at = 0; at < work.length; at++) {
    let pc = work[at] as number;
    if (leaders.has(pc) || !isDecoded(options.physical, region, pc)) continue;
    if (leaders.size >= MAX_BLOCKS || instructions.size >= MAX_INSTRUCTIONS) break;
    leaders.add(pc);
    for (;;) {
      if (instructions.has(pc)) {
        leaders.add(pc);
        break;
      }
      if (!isDecoded(options.physical, region, pc)) break;
      const instruction = read(options.cache, pc);
      if (instruction === undefined) break;
      instructions.set(pc, instruction);
      pages.add((pc - region.start) >>> 12);
      pages.add((pc + instruction.length - 1 - region.start) >>> 12);
      const next = pc + instruction.length;
      if (!endsRun(instruction.index)) {
        pc = next;
        continue;
      }
      if (isBranch(instruction.index)) work.push(next, target(instruction));
      else if (instruction.index === ECALL) work.push(next);
      else if (instruction.index === JAL) work.push(instruction.rd === 0 ? target(instruction) : next);
      else if (instruction.index === JALR) {
        if (isLinkRegister(instruction.rd)) work.push(next);
        else if (instruction.rd === 0 && !isLinkRegister(instruction.rs1)) work.push(...(options.indirectTargets.get(pc) ?? []));
      }
      break;
    }
  }
  if (!instructions.has(entry)) return undefined;
  return buildBlocks(options.region, entry, instructions, leaders, [...pages].filter((page) => page < region.pages.length), options.indirectTargets);
}

function isDecoded(physical: PhysicalMemory, region: TranslatedRegion, pc: number): boolean {
  const page = region.existingPage(pc);
  return page !== 0 && physical.u16[(page + ((pc & 0xffe) << 3)) >>> 1] !== RecordOp.UNDECODED;
}

function read(cache: TranslatedCodeCache, pc: number): UnitInstruction | undefined {
  const word = cache.fetchWord(pc);
  if (cache.fetchFault >= 0) return undefined;
  const decoded = newDecoded();
  decode(word, decoded);
  return { ...decoded, pc };
}

function target(instruction: UnitInstruction): number {
  return (instruction.pc + instruction.imm) >>> 0;
}

function buildBlocks(
  region: TranslatedRegion, entry: number, instructions: ReadonlyMap<number, UnitInstruction>, leaders: ReadonlySet<number>,
  pages: readonly number[], indirectTargets: ReadonlyMap<number, readonly number[]>,
): Unit {
  const blocks: Block[] = [];
  const blockAt = new Map<number, Block>();
  for (const pc of [...leaders].sort((a, b) => a - b)) {
    if (!instructions.has(pc)) continue;
    const block: Block = { index: blocks.length, pc, instructions: [], ending: "fall", end: pc, target: -1, targets: [], successors: [], predecessorCount: 0 };
    blocks.push(block);
    blockAt.set(pc, block);
  }
  for (const block of blocks) {
    let pc = block.pc;
    for (;;) {
      const instruction = instructions.get(pc);
      if (instruction === undefined) break; // falls into what isn't decoded
      block.instructions.push(instruction);
      pc += instruction.length;
      if (endsRun(instruction.index)) {
        setEnding(block, instruction, indirectTargets);
        break;
      }
      if (blockAt.has(pc)) break;
    }
    block.end = pc;
  }
  for (const block of blocks) {
    const link = (pc: number): void => {
      const successor = blockAt.get(pc);
      if (successor === undefined || block.successors.includes(successor)) return;
      block.successors.push(successor);
      successor.predecessorCount++;
    };
    if (block.ending === "branch" || block.ending === "jump") link(block.target);
    if (block.ending === "branch" || block.ending === "fall" || block.ending === "ecall" || block.ending === "call" || block.ending === "call-register") link(block.end);
    const known = block.targets.filter((pc) => blockAt.has(pc));
    block.targets.length = 0;
    block.targets.push(...known);
    for (const pc of known) link(pc);
  }
  return { region, entry, blocks, blockAt, pages, instructionCount: instructions.size };
}

function setEnding(block: Block, last: UnitInstruction, indirectTargets: ReadonlyMap<number, readonly number[]>): void {
  if (last.index < 0) block.ending = "illegal";
  else if (isBranch(last.index)) {
    block.ending = "branch";
    block.target = target(last);
  } else if (last.index === JAL) {
    block.ending = last.rd === 0 ? "jump" : "call";
    block.target = target(last);
  } else if (last.index === JALR) {
    if (isLinkRegister(last.rd)) block.ending = "call-register";
    else if (last.rd === 0 && isLinkRegister(last.rs1)) block.ending = "return";
    else {
      block.ending = "jump-register";
      block.targets.push(...(indirectTargets.get(last.pc) ?? []));
    }
  } else block.ending = INSTRUCTIONS[last.index]!.name === "ecall" ? "ecall" : "ebreak";
}
