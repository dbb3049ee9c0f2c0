/** Finds the blocks of a unit (unit.ts). */
import type { TranslatedCodeCache, TranslatedRegion } from "../code-cache.ts";
import { decode, newDecoded } from "../decode.ts";
import { INSTRUCTIONS, instructionIndex } from "../instruction-table.ts";
import type { PhysicalMemory } from "../physical-memory.ts";
import { slotAt } from "../code-target.ts";
import { RecordOp, endsRun, isBranch, isLinkRegister, recordAt } from "../record.ts";
import { isComputationIndex } from "./computations.ts";
import { isInTwoPages } from "./page-presence.ts";
import { blocksAround } from "./structure.ts";
import type { Block, Context, Unit, UnitInstruction } from "./unit.ts";

const MAX_BLOCKS = 120;
const MAX_INSTRUCTIONS = 1000;
/** Bounds of a function that is inlined, of inlining in inlined functions, and of the unit with all of them. */
const MAX_INLINE_BLOCKS = 12;
const MAX_INLINE_INSTRUCTIONS = 40;
const MAX_INLINE_DEPTH = 2;
const MAX_TOTAL_BLOCKS = 200;
/**
 * Jumps with more known targets (the dispatch of an interpreter) leave the unit: each target would take all the others
 * in. One more is remembered.
 */
export const MAX_JUMP_TARGETS = 32;

/**
 * Computations that a branch may skip and still be worth a condition instead: it saves a misprediction, and costs a
 * select each.
 */
const MAX_HAMMOCK = 3;

const JAL = instructionIndex("jal");
const JALR = instructionIndex("jalr");
const ECALL = instructionIndex("ecall");
const TRAPS: Readonly<Record<string, Block["ending"]>> = { ecall: "ecall", ebreak: "ebreak", "fence.i": "fence" };

interface DiscoveryOptions {
  readonly physical: PhysicalMemory;
  readonly cache: TranslatedCodeCache;
  readonly region: TranslatedRegion;
  readonly indirectTargets: ReadonlyMap<number, readonly number[]>;
  /** Table slots of earlier translations of the same unit, which this one replaces. */
  readonly ownSlots: ReadonlySet<number>;
}

/** Units of up to so many instructions are taken into others that reach them: inner loops, hot before those around. */
const ABSORBED = 250;

/** Slots of the translations that a unit at `entry` takes the place of, or in. */
export function ownSlots(region: TranslatedRegion, entry: number): Set<number> {
  return new Set(
    region.translations
      .filter((translation) => translation.entry === entry || translation.instructionCount <= ABSORBED)
      .map(({ slot }) => slot),
  );
}

/** @returns undefined when nothing at `entry` has been executed */
export function discoverUnit(options: DiscoveryOptions, entry: number): Unit | undefined {
  const unit = new Discovery(options, new Set()).unit(entry);
  const around = unit === undefined ? null : blocksAround(unit.blocks, unit.main);
  if (unit === undefined || around === null) return unit;
  const excluded = new Set(
    unit.blocks
      .filter((block) => block.context === unit.main.context && !around.includes(block))
      .map((block) => block.pc),
  );
  return new Discovery(options, excluded).unit(entry);
}

interface FunctionBody {
  readonly instructions: Map<number, UnitInstruction>;
  readonly leaders: Set<number>;
  /** Branches over a few computations, by pc: these are done under a condition instead. */
  readonly hammocks: Map<number, number>;
  readonly isComplete: boolean;
}

class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #blocks: Block[];
  readonly #pages: Set<number>;
  /** What was read before, by pc, and small functions by entry: they are called from several places. */
  readonly #read: Map<number, UnitInstruction>;
  readonly #leaves: Map<number, FunctionBody | undefined>;
  readonly #excluded: ReadonlySet<number>;
  #instructionCount: number;

  constructor(options: DiscoveryOptions, excluded: ReadonlySet<number>) {
    this.#options = options;
    this.#excluded = excluded;
    this.#blocks = [];
    this.#pages = new Set();
    this.#read = new Map();
    this.#leaves = new Map();
    this.#instructionCount = 0;
  }

  unit(entry: number): Unit | undefined {
    const body = this.#explore(entry, MAX_BLOCKS, MAX_INSTRUCTIONS, true);
    const first = body.instructions.get(entry);
    // Nobody has asked for its second page where it is entered.
    if (first === undefined || isInTwoPages(first)) return undefined;
    const { region } = this.#options;
    const context = this.#build(body, null, [entry]);
    const pages = [...this.#pages].filter((page) => page < region.pages.length);
    return {
      region,
      entry,
      blocks: this.#blocks,
      main: context.blockAt.get(entry)!,
      pages,
      instructionCount: this.#instructionCount,
      excluded: this.#excluded,
    };
  }

  /**
   * Follows control from `entry` within one function; `isComplete` when no bound stopped it.
   *
   * @param stopsAtOthers  leave what another unit can be entered at to it: else the parts that a large function's units
   *   share would be translated anew for each (an interpreter's loop once for each of its instructions)
   */
  #explore(entry: number, maxBlocks: number, maxInstructions: number, stopsAtOthers: boolean): FunctionBody {
    const instructions = new Map<number, UnitInstruction>();
    const leaders = new Set<number>();
    const references = new Map<number, number>();
    const work: number[] = [entry];
    for (let at = 0; at < work.length; at++) {
      let pc = work[at]!;
      if (leaders.has(pc) || !this.#isDecoded(pc)) continue;
      if (stopsAtOthers && pc !== entry && this.#isLeftToOthers(pc)) continue;
      if (leaders.size >= maxBlocks || instructions.size >= maxInstructions)
        return { instructions, leaders, hammocks: new Map(), isComplete: false };
      leaders.add(pc);
      for (;;) {
        if (instructions.has(pc)) {
          leaders.add(pc);
          break;
        }
        if (stopsAtOthers && pc !== entry && this.#isLeftToOthers(pc)) break;
        const instruction = this.#instructionAt(pc);
        if (instruction === undefined) break;
        instructions.set(pc, instruction);
        if (isInTwoPages(instruction)) leaders.add(pc);
        const next = pc + instruction.length;
        if (pc >>> 12 !== next >>> 12 && !endsRun(instruction.index)) leaders.add(next);
        pc = next;
        if (!endsRun(instruction.index)) continue;
        for (const successor of this.#successors(instruction)) {
          work.push(successor);
          references.set(successor, (references.get(successor) ?? 0) + 1);
        }
        break;
      }
    }
    return {
      instructions,
      leaders,
      hammocks: this.#findHammocks(entry, instructions, leaders, references),
      isComplete: true,
    };
  }

  /** Takes the skipped instructions' leader away, so that they stay in the block of their branch. */
  #findHammocks(
    entry: number,
    instructions: ReadonlyMap<number, UnitInstruction>,
    leaders: Set<number>,
    references: ReadonlyMap<number, number>,
  ): Map<number, number> {
    const hammocks = new Map<number, number>();
    for (const branch of instructions.values()) {
      if (!isBranch(branch.index)) continue;
      const first = branch.pc + branch.length;
      const end = target(branch);
      if (
        end <= first ||
        end > first + MAX_HAMMOCK * 4 ||
        first === entry ||
        branch.pc >>> 12 !== end >>> 12 ||
        references.get(first) !== 1 ||
        !leaders.has(end)
      )
        continue;
      let count = 0;
      let pc = first;
      while (pc < end) {
        const instruction = instructions.get(pc);
        if (instruction === undefined || !isCheap(instruction.index) || (pc !== first && leaders.has(pc))) break;
        pc += instruction.length;
        count++;
      }
      if (pc !== end || count > MAX_HAMMOCK) continue;
      leaders.delete(first);
      hammocks.set(branch.pc, count);
    }
    return hammocks;
  }

  #successors(last: UnitInstruction): readonly number[] {
    const next = last.pc + last.length;
    if (isBranch(last.index)) return [next, target(last)];
    if (last.index === ECALL) return [next];
    if (last.index === JAL) return [last.rd === 0 ? target(last) : next];
    if (last.index !== JALR) return [];
    if (isLinkRegister(last.rd)) return [next];
    if (last.rd === 0 && isLinkRegister(last.rs1)) return [];
    return knownTargets(this.#options.indirectTargets, last.pc);
  }

  /** Can another unit be entered here, or will it? */
  #isLeftToOthers(pc: number): boolean {
    if (this.#excluded.has(pc)) return true;
    const { region, physical, ownSlots } = this.#options;
    const page = region.existingPage(pc);
    if (page === 0) return false;
    const slot = slotAt(physical, page, pc);
    return slot !== 0 && !ownSlots.has(slot);
  }

  #isDecoded(pc: number): boolean {
    const { region, physical, cache } = this.#options;
    if (cache.barriers.has(pc)) return false;
    const page = region.existingPage(pc);
    if (page === 0) return false;
    return physical.u8[recordAt(page, pc)] !== RecordOp.UNDECODED || region.isKnown(pc);
  }

  #instructionAt(pc: number): UnitInstruction | undefined {
    const known = this.#read.get(pc);
    if (known !== undefined) return known;
    if (!this.#isDecoded(pc)) return undefined;
    const word = this.#options.cache.regionWord(this.#options.region, pc);
    if (word === 0) return undefined;
    decode(word, DECODED);
    const { index, rd, rs1, rs2, rs3, rm, imm, length } = DECODED;
    const instruction: UnitInstruction = {
      index,
      rd,
      rs1,
      rs2,
      rs3,
      rm,
      imm,
      length,
      pc,
      skips: 0,
      isConditional: false,
    };
    this.#read.set(pc, instruction);
    return instruction;
  }

  /** @param chain  entries of the functions around this one, to stop recursion */
  #build(body: FunctionBody, returnTo: Block | null, chain: readonly number[]): Context {
    const context: Context = { blockAt: new Map(), returnTo };
    const own: Block[] = [];
    const { region, indirectTargets } = this.#options;
    for (const pc of [...body.leaders].sort((a, b) => a - b)) {
      if (!body.instructions.has(pc)) continue;
      const block: Block = {
        index: this.#blocks.length,
        pc,
        context,
        instructions: [],
        ending: "fall",
        end: pc,
        target: -1,
        targets: [],
        successors: [],
        predecessorCount: 0,
      };
      this.#blocks.push(block);
      own.push(block);
      context.blockAt.set(pc, block);
    }
    for (const block of own) {
      let pc = block.pc;
      let conditional = 0;
      for (;;) {
        const found = body.instructions.get(pc);
        if (found === undefined) break; // falls into what isn't decoded
        const skips = body.hammocks.get(pc) ?? 0;
        const instruction = skips > 0 || conditional > 0 ? { ...found, skips, isConditional: conditional > 0 } : found;
        conditional = skips > 0 ? skips : Math.max(0, conditional - 1);
        block.instructions.push(instruction);
        this.#pages.add((pc - region.start) >>> 12);
        this.#pages.add((pc + instruction.length - 1 - region.start) >>> 12);
        pc += instruction.length;
        if (endsRun(instruction.index) && skips === 0) {
          setEnding(block, instruction, indirectTargets);
          break;
        }
        if (context.blockAt.has(pc)) break;
      }
      block.end = pc;
    }
    this.#instructionCount += body.instructions.size;
    for (const block of own) this.#link(block, chain);
    return context;
  }

  #link(block: Block, chain: readonly number[]): void {
    const { blockAt, returnTo } = block.context;
    const link = (successor: Block | undefined): void => {
      if (successor === undefined || block.successors.includes(successor)) return;
      block.successors.push(successor);
      successor.predecessorCount++;
    };
    // What an inlined function does outside of the unit comes back to its return point.
    const follow = (pc: number): void => link(blockAt.get(pc) ?? returnTo ?? undefined);
    switch (block.ending) {
      case "branch":
        follow(block.target);
        follow(block.end);
        break;
      case "jump":
        follow(block.target);
        break;
      case "fall":
        follow(block.end);
        break;
      case "ecall":
      case "call-register":
        link(blockAt.get(block.end));
        break;
      case "call": {
        const inlined = this.#inline(block, chain);
        link(inlined ?? blockAt.get(block.end));
        break;
      }
      case "return":
        if (returnTo === null) break;
        block.ending = "inline-return";
        link(returnTo);
        break;
      default: {
        const known = block.targets.filter((pc) => blockAt.has(pc));
        block.targets.length = 0;
        block.targets.push(...known);
        for (const pc of known) link(blockAt.get(pc));
      }
    }
  }

  /**
   * The first block of the called function's copy for this call site, when it is small and calls nothing that isn't.
   */
  #inline(block: Block, chain: readonly number[]): Block | undefined {
    const { region } = this.#options;
    const returnTo = block.context.blockAt.get(block.end);
    const entry = block.target;
    if (
      returnTo === undefined ||
      chain.length > MAX_INLINE_DEPTH ||
      chain.includes(entry) ||
      entry < region.start ||
      entry >= region.end
    )
      return undefined;
    if (this.#blocks.length >= MAX_TOTAL_BLOCKS || block.instructions[block.instructions.length - 1]!.rd !== 1)
      return undefined;
    const body = this.#leaves.has(entry) ? this.#leaves.get(entry) : this.#exploreLeaf(entry);
    if (body === undefined) return undefined;
    block.ending = "inline-call";
    return this.#build(body, returnTo, [...chain, entry]).blockAt.get(entry);
  }

  /** The function at `entry` when it is small and returns by `ret`, without calls or traps. */
  #exploreLeaf(entry: number): FunctionBody | undefined {
    const body = this.#explore(entry, MAX_INLINE_BLOCKS, MAX_INLINE_INSTRUCTIONS, false);
    let returns = false;
    let fits = body.isComplete && body.instructions.has(entry) && body.instructions.size <= MAX_INLINE_INSTRUCTIONS;
    for (const instruction of body.instructions.values()) {
      if (instruction.index === ECALL || (instruction.index === JAL && instruction.rd !== 0)) fits = false;
      if (instruction.index !== JALR) continue;
      if (instruction.rd !== 0 || instruction.rs1 !== 1) fits = false;
      returns = true;
    }
    const leaf = fits && returns ? body : undefined;
    this.#leaves.set(entry, leaf);
    return leaf;
  }
}

/** Where control leaves the unit for what wasn't decoded. */
export function exitsOf(unit: Unit): number[] {
  const exits: number[] = [];
  for (const block of unit.blocks) {
    const outs: number[] = [];
    if (block.ending === "branch" || block.ending === "jump") outs.push(block.target);
    if (
      block.ending !== "jump" &&
      block.ending !== "return" &&
      block.ending !== "inline-return" &&
      block.ending !== "jump-register"
    )
      outs.push(block.end);
    for (const pc of outs) if (!block.context.blockAt.has(pc) && !unit.excluded.has(pc)) exits.push(pc);
  }
  return exits;
}

function knownTargets(indirectTargets: ReadonlyMap<number, readonly number[]>, pc: number): readonly number[] {
  const targets = indirectTargets.get(pc);
  return targets === undefined || targets.length > MAX_JUMP_TARGETS ? [] : targets;
}

const DECODED = newDecoded();

/** Integer arithmetic of about one cycle. */
function isCheap(index: number): boolean {
  return index >= 0 && isComputationIndex(index) && !/^(mul|div|rem)/.test(INSTRUCTIONS[index]!.name);
}

function target(instruction: UnitInstruction): number {
  return (instruction.pc + instruction.imm) >>> 0;
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
      block.targets.push(...knownTargets(indirectTargets, last.pc));
    }
  } else block.ending = TRAPS[INSTRUCTIONS[last.index]!.name]!;
}
