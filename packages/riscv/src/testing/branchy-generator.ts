import type { SeededRandom } from "@stratos/base";
import type { Assembler } from "./assembler.ts";
import { appendRandomInstructions, withReserved, type SequenceRules } from "./sequence-generator.ts";

/**
 * Random control flow that ends: if/else, bounded loops (nested, with break and continue), jumps into and out of arms
 * (irreducible shapes), calls through ra and t0, calls and jumps through computed addresses, functions that keep their
 * link in memory. With `goesByRegister` loops also go round by jumps through registers, alone and by tables of targets,
 * to their heads, into their midst and on to the loops around them, as threaded interpreters do.
 *
 * x1 and x5 hold links; x28 is scratch of the control flow itself. Loops count in x31 … x25 by depth, and apart for
 * each level of functions, so that a function called in a loop doesn't disturb its counter.
 */
const RA = 1,
  T0 = 5,
  GP = 3,
  COMPUTED = 28,
  COUNTERS = [31, 30, 29, 27, 26, 25] as const,
  TANGLE_COUNTER = 24;
/** Where functions keep their links: beyond the frame's scratch area. */
const LINK_SLOTS = 1624;
const SCRATCH = 1088;

interface Program {
  readonly assembler: Assembler;
  readonly random: SeededRandom;
  readonly rules: SequenceRules;
  readonly prefix: string;
  labels: number;
  readonly goesByRegister: boolean;
  /** Where the loops around the place being generated count, innermost last: jumping there always ends some time. */
  readonly latches: string[];
  /** Functions still to be emitted. */
  readonly functions: { label: string; level: number; link: number }[];
  /** Instructions that may still be generated. */
  budget: number;
}

/** Appends a branchy body; `finish` emits the jump back to the frame program, before the functions. */
export function appendBranchyProgram(
  assembler: Assembler,
  random: SeededRandom,
  rules: SequenceRules,
  prefix: string,
  finish: () => void,
  goesByRegister = false,
): void {
  const program: Program = {
    assembler,
    random,
    prefix,
    goesByRegister,
    latches: [],
    labels: 0,
    functions: [],
    budget: goesByRegister ? 180 : 90,
    rules: withReserved(rules, [RA, T0, COMPUTED, TANGLE_COUNTER, ...COUNTERS]),
  };
  appendStatements(program, 0, 0, 2 + random.below(4));
  finish();
  for (let index = 0; index < program.functions.length; index++) appendFunction(program, program.functions[index]!);
}

function newLabel(program: Program): string {
  return `${program.prefix}.${program.labels++}`;
}

function straight(program: Program, most: number): void {
  const count = 1 + program.random.below(most);
  program.budget -= count;
  appendRandomInstructions(program.assembler, program.random, count, program.rules);
}

function appendStatements(program: Program, depth: number, level: number, count: number): void {
  for (let index = 0; index < count; index++) {
    straight(program, 5);
    if (program.budget <= 0 || depth >= 4) continue;
    switch (program.random.below(program.goesByRegister ? 20 : 11)) {
      case 0:
      case 1:
        appendIf(program, depth, level);
        break;
      case 2:
      case 3:
        appendLoop(program, depth, level);
        break;
      case 4:
        appendCall(program, level);
        break;
      case 5:
        appendSwitch(program, depth, level);
        break;
      case 6:
        appendSkip(program);
        break;
      case 7:
        appendTangle(program);
        break;
      case 8:
        appendZeroExtension(program);
        break;
      case 9:
        appendChase(program, depth, level);
        break;
      case 10:
        appendSignExtension(program);
        break;
      case 11:
      case 12:
      case 13:
      case 14:
        appendRegisterLoop(program, depth, level);
        break;
      case 15:
      case 16:
        appendThreadedCode(program, depth, level);
        break;
      default:
        appendLoop(program, depth, level);
        break;
    }
  }
}

/** A branch on any condition and any registers. */
function randomBranch(program: Program, label: string): void {
  const { random } = program;
  program.assembler.branch([0, 1, 4, 5, 6, 7][random.below(6)]!, random.below(32), random.below(32), label);
}

function appendIf(program: Program, depth: number, level: number): void {
  const { assembler, random } = program;
  const otherwise = newLabel(program),
    end = newLabel(program);
  randomBranch(program, otherwise);
  appendStatements(program, depth + 1, level, 1);
  assembler.jump(0, end);
  assembler.label(otherwise);
  if (random.below(2) === 0) appendStatements(program, depth + 1, level, 1);
  assembler.label(end);
}

function appendLoop(program: Program, depth: number, level: number): void {
  const { assembler, random } = program;
  if (depth > 1) return;
  const counter = COUNTERS[level * 2 + depth]!;
  const head = newLabel(program),
    latch = newLabel(program),
    end = newLabel(program);
  assembler.i("addi", counter, 0, 1 + random.below(program.goesByRegister && depth === 0 ? 30 : 6));
  assembler.label(head);
  program.latches.push(latch);
  appendStatements(program, depth + 1, level, 1);
  program.latches.pop();
  if (random.below(3) === 0) randomBranch(program, end);
  if (random.below(3) === 0) randomBranch(program, latch);
  straight(program, 4);
  assembler.label(latch);
  assembler.i("addi", counter, counter, -1);
  assembler.branch(1, counter, 0, head);
  assembler.label(end);
}

/** A loop that goes round by a jump through a register; it may be entered by one, and in its midst. */
function appendRegisterLoop(program: Program, depth: number, level: number): void {
  const { assembler, random, latches } = program;
  if (depth > 1) return;
  const counter = COUNTERS[level * 2 + depth]!;
  const head = newLabel(program),
    middle = newLabel(program),
    latch = newLabel(program),
    end = newLabel(program);
  assembler.i("addi", counter, 0, 1 + random.below(depth === 0 ? 40 : 6));
  if (random.below(4) === 0) appendRegisterJump(program, [head, middle]);
  assembler.label(head);
  latches.push(latch);
  appendStatements(program, depth + 1, level, 1);
  latches.pop();
  assembler.label(middle);
  if (random.below(3) === 0) randomBranch(program, latch);
  straight(program, 3);
  assembler.label(latch);
  assembler.i("addi", counter, counter, -1);
  assembler.branch(0, counter, 0, end);
  const targets = random.below(2) === 0 ? [head] : [head, middle, ...latches];
  appendRegisterJump(program, targets);
  assembler.label(end);
}

/** Pieces each of which jumps to any of them, as an interpreter's do; some go out to a loop around them. */
function appendThreadedCode(program: Program, depth: number, level: number): void {
  const { assembler, random, latches } = program;
  if (depth > 1) return;
  const counter = COUNTERS[level * 2 + depth]!;
  const pieces = Array.from({ length: 2 + random.below(3) }, () => newLabel(program));
  const end = newLabel(program);
  assembler.i("addi", counter, 0, 1 + random.below(depth === 0 ? 60 : 12));
  for (const piece of pieces) {
    assembler.label(piece);
    if (random.below(3) === 0) {
      // From within, the loop around this code is that of the pieces.
      appendStatements(program, depth + 1, level, 1);
    } else straight(program, 4);
    assembler.i("addi", counter, counter, -1);
    assembler.branch(5, 0, counter, end); // bge zero, counter
    appendRegisterJump(program, random.below(4) === 0 ? [...pieces, ...latches] : pieces);
  }
  assembler.label(end);
}

/** Through the register of computed addresses, to one of the targets. */
function appendRegisterJump(program: Program, targets: readonly string[]): void {
  const { assembler, random } = program;
  const any = (): string => targets[random.below(targets.length)]!;
  const jumpAway = (): void => {
    if (random.below(2) === 0) assembler.half(0x8002 | (COMPUTED << 7)); // c.jr
    else assembler.jumpRegister(COMPUTED);
  };
  switch (random.below(3)) {
    case 0: // one target, with an offset that the jump takes back
      assembler.loadAddress(COMPUTED, any());
      assembler.i("addi", COMPUTED, COMPUTED, -64);
      assembler.word(0x67 | (COMPUTED << 15) | (64 << 20));
      break;
    case 1: {
      const chosen = newLabel(program);
      assembler.loadAddress(COMPUTED, any());
      randomBranch(program, chosen);
      assembler.loadAddress(COMPUTED, any());
      assembler.label(chosen);
      jumpAway();
      break;
    }
    case 2: {
      const table = newLabel(program);
      const selector = dataRegister(program);
      assembler.i("andi", selector, random.below(32), 3);
      assembler.i("slli", selector, selector, 2);
      assembler.loadAddress(COMPUTED, table);
      assembler.r("add", COMPUTED, COMPUTED, selector);
      jumpAway();
      assembler.label(table);
      for (let index = 0; index < 4; index++) assembler.jump(0, any());
      break;
    }
  }
}

function appendCall(program: Program, level: number): void {
  const { assembler, random } = program;
  if (level >= 2) return;
  // Level 0 calls with ra, level 1 with t0 or ra: both are link registers to the return-address convention.
  const link = random.below(3) === 0 ? T0 : RA;
  const label = newLabel(program);
  program.functions.push({ label, level: level + 1, link });
  switch (random.below(3)) {
    case 0:
      assembler.jump(link, label);
      break;
    case 1:
      assembler.loadAddress(COMPUTED, label);
      assembler.word(0x67 | (link << 7) | (COMPUTED << 15));
      break;
    case 2:
      assembler.loadAddress(COMPUTED, label);
      if (link === RA) assembler.half(0x9002 | (COMPUTED << 7)); // c.jalr
      else assembler.word(0x67 | (link << 7) | (COMPUTED << 15));
      break;
  }
}

function appendFunction(
  program: Program,
  { label, level, link }: { label: string; level: number; link: number },
): void {
  const { assembler, random } = program;
  assembler.label(label);
  const slot = LINK_SLOTS + level * 8;
  assembler.store("sd", link, GP, slot);
  appendStatements(program, 0, level, 1 + random.below(2));
  assembler.i("ld", link, GP, slot);
  if (random.below(2) === 0) assembler.half(0x8002 | (link << 7)); // c.jr
  else assembler.jumpRegister(link);
}

/** A jump table of four arms, some of them shared. */
function appendSwitch(program: Program, depth: number, level: number): void {
  const { assembler, random } = program;
  const table = newLabel(program),
    end = newLabel(program);
  const arms = [newLabel(program), newLabel(program), newLabel(program)];
  let selector: number;
  do selector = 10 + random.below(6);
  while (program.rules.reserved.has(selector));
  assembler.i("andi", selector, random.below(32), 3);
  assembler.i("slli", selector, selector, 2);
  assembler.loadAddress(COMPUTED, table);
  assembler.r("add", COMPUTED, COMPUTED, selector);
  assembler.jumpRegister(COMPUTED);
  assembler.label(table);
  for (let index = 0; index < 4; index++) assembler.jump(0, arms[random.below(3)]!);
  for (const arm of arms) {
    assembler.label(arm);
    appendStatements(program, depth + 1, level, 1);
    if (random.below(3) !== 0) assembler.jump(0, end); // else falls into the next arm
  }
  assembler.label(end);
}

/** A compressed branch or jump over a little. */
function appendSkip(program: Program): void {
  const { assembler, random } = program;
  const end = newLabel(program);
  if (random.below(3) === 0) assembler.compressedJump(end);
  else assembler.compressedBranch(random.below(2) === 0, 8 + random.below(8), end);
  straight(program, 3);
  assembler.label(end);
}

/** The two shifts that zero-extend and scale, perhaps skipped, perhaps only halves of one. */
function appendZeroExtension(program: Program): void {
  const { assembler, random } = program;
  const end = newLabel(program);
  const to = dataRegister(program);
  const left = [32, 48, 56, 33, 31, 63][random.below(6)]!;
  if (random.below(2) === 0) randomBranch(program, end);
  assembler.i("slli", to, random.below(32), left);
  assembler.i(
    "srli",
    to,
    random.below(4) === 0 ? random.below(32) : to,
    random.below(2) === 0 ? left : random.below(64),
  );
  assembler.label(end);
}

/** Words and what only looks like them, combined and then sign-extended, under a branch as often as not. */
function appendSignExtension(program: Program): void {
  const { assembler, random } = program;
  const end = newLabel(program);
  const [first, second, to] = [dataRegister(program), dataRegister(program), dataRegister(program)];
  for (const register of [first, second]) {
    switch (random.below(4)) {
      case 0:
        assembler.i("addiw", register, random.below(32), random.below(4096) - 2048);
        break;
      case 1:
        assembler.i("slli", register, random.below(32), random.below(64));
        break;
      case 2:
        assembler.r("addw", register, random.below(32), random.below(32));
        break;
      case 3:
        assembler.i("andi", register, random.below(32), random.below(4096) - 2048);
        break;
    }
  }
  if (random.below(2) === 0) randomBranch(program, end);
  assembler.r(["xor", "or", "and", "add"][random.below(4)]!, to, first, second);
  assembler.label(end);
  assembler.i("addiw", dataRegister(program), to, 0);
}

/**
 * Goes round a ring of three nodes of the scratch area, which lies over a page boundary as often as not, and reads and
 * writes their data.
 */
function appendChase(program: Program, depth: number, level: number): void {
  const { assembler, random } = program;
  if (depth > 1) return;
  const counter = COUNTERS[level * 2 + depth]!;
  const at = dataRegister(program),
    data = dataRegister(program);
  if (at === data) return;
  const nodes = [0, 1, 2].map((third) => SCRATCH + third * 168 + 8 * random.below(19));
  for (let node = 0; node < 3; node++) {
    assembler.i("addi", at, GP, nodes[(node + 1) % 3]!);
    assembler.store("sd", at, GP, nodes[node]!);
  }
  const head = newLabel(program);
  assembler.i("addi", counter, 0, 1 + random.below(40));
  assembler.label(head);
  for (let count = random.below(4); count > 0; count--) appendNodeAccess(program, data, at);
  assembler.i("ld", at, at, 0);
  for (let count = random.below(3); count > 0; count--) appendNodeAccess(program, data, at);
  assembler.i("addi", counter, counter, -1);
  assembler.branch(1, counter, 0, head);
}

function appendNodeAccess({ assembler, random }: Program, data: number, at: number): void {
  const [load, store, size] = (
    [
      ["lbu", "sb", 1],
      ["lh", "sh", 2],
      ["lw", "sw", 4],
      ["ld", "sd", 8],
    ] as const
  )[random.below(4)]!;
  const offset = 8 + random.below(8 / size) * size;
  if (random.below(3) === 0) assembler.store(store, data, at, offset);
  else assembler.i(load, data, at, offset);
}

/** One that the control flow doesn't need. */
function dataRegister({ random, rules }: Program): number {
  for (;;) {
    const register = 8 + random.below(10);
    if (!rules.reserved.has(register)) return register;
  }
}

/** Two arms that jump into the middle of each other, a bounded number of times: an irreducible loop. */
function appendTangle(program: Program): void {
  const { assembler } = program;
  const left = newLabel(program),
    right = newLabel(program),
    middle = newLabel(program),
    end = newLabel(program);
  const counter = TANGLE_COUNTER;
  assembler.i("addi", counter, 0, 5);
  randomBranch(program, right);
  assembler.label(left);
  straight(program, 2);
  assembler.i("addi", counter, counter, -1);
  assembler.branch(4, counter, 0, end); // blt counter, zero
  randomBranch(program, middle);
  assembler.label(right);
  straight(program, 2);
  assembler.label(middle);
  assembler.i("addi", counter, counter, -1);
  assembler.branch(5, 0, counter, end); // bge zero, counter
  randomBranch(program, left);
  assembler.jump(0, right);
  assembler.label(end);
}
