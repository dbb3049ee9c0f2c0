import { assert } from "@stratos/base";
import { reloadsAfter } from "./register-use.ts";
import { isInside } from "./structure.ts";
import type { Element, Loop, Structure } from "./structure.ts";
import type { Block, Unit } from "./unit.ts";

/**
 * How control gets from block to block in the structure, and into the unit from outside: which wasm label a jump takes,
 * and which blocks are entries with a number by which the unit's top and the headers of loops dispatch.
 */
export class JumpRoutes {
  readonly structure: Structure;
  /** Blocks by entry number; the unit's first is 0. */
  readonly entries: Block[];
  /**
   * What loops dispatch to by number: the entries, and once more the first when it lies within a loop, where 0 means
   * the header.
   */
  readonly dispatched: Block[];
  /** By block index; −1: no entry. */
  readonly entryNumber: Int32Array;
  readonly #unit: Unit;

  /** Chooses the entries, and marks in the structure what is jumped to and which loops dispatch. */
  constructor(unit: Unit, structure: Structure) {
    this.#unit = unit;
    this.structure = structure;
    this.entries = [];
    this.entryNumber = new Int32Array(unit.blocks.length).fill(-1);
    this.#chooseEntries();
    this.dispatched = [...this.entries];
    if (this.loopEntered(null, unit.main) !== null)
      this.entryNumber[unit.main.index] = this.dispatched.push(unit.main) - 1;
    this.#markTargets();
  }

  #addEntry(block: Block): void {
    if (this.entryNumber[block.index]! >= 0) return;
    this.entryNumber[block.index] = this.entries.push(block) - 1;
  }

  #addOutsideLoops(block: Block): void {
    if (this.structure.loopOf[block.index] === null) this.#addEntry(block);
  }

  /**
   * In a loop only what must be an entry is one, because the loop's header would dispatch to it in each round.
   * Elsewhere in loops (the headers of inner ones, return points) the interpreter goes on after an exit, to an entry or
   * until the place has become hot enough for a unit of its own.
   */
  #chooseEntries(): void {
    // Deep recursion comes back to its return points from outside, because wasm frames nest to a bound.
    const isRecursive = this.#unit.blocks.some(
      (block) => block.ending === "call" && block.context.returnTo === null && block.context.blockAt.has(block.target),
    );
    this.#addEntry(this.#unit.main);
    for (const loop of this.structure.loops)
      if (loop.parent === null && loop.header.context.returnTo === null) this.#addEntry(loop.header);
    for (const block of this.#unit.blocks) {
      if (block.context.returnTo !== null) continue; // inlined: its records belong to the function's own translation
      if (reloadsAfter(block))
        for (const successor of block.successors)
          if (isRecursive) this.#addEntry(successor);
          else this.#addOutsideLoops(successor);
      if (block.ending === "inline-call") this.#addOutsideLoops(block.context.blockAt.get(block.end)!);
      for (const pc of block.targets) this.#addEntry(block.context.blockAt.get(pc)!);
    }
    // Jumps into the midst of loops go by entry number.
    for (const block of this.#unit.blocks)
      for (const successor of block.successors)
        if (this.loopEntered(block, successor) !== null) this.#addEntry(successor);
  }

  /**
   * The outermost loop around `to` that doesn't hold `from` and whose header isn't `to`; null when the jump is direct.
   */
  loopEntered(from: Block | null, to: Block): Loop | null {
    let found: Loop | null = null;
    for (let loop: Loop | null = this.structure.loopOf[to.index]!; loop !== null; loop = loop.parent) {
      if (from === null || !isInside(this.structure, from, loop)) found = loop;
    }
    return found === null || found.header === to ? null : found;
  }

  /** Where a jump goes: the loop itself (back to its header), or an element. */
  destination(from: Block | null, to: Block): Element | Loop {
    const { loopOf, elementOf } = this.structure;
    let entered: Loop | null = null;
    for (let loop: Loop | null = loopOf[to.index]!; loop !== null; loop = loop.parent) {
      if (from === null || !isInside(this.structure, from, loop)) entered = loop;
    }
    if (entered !== null) return elementOf[entered.header.index]!;
    const inner = loopOf[to.index]!;
    return inner !== null && inner.header === to ? inner : elementOf[to.index]!;
  }

  isNext(from: Block, to: Block): boolean {
    return this.structure.positionOf[to.index] === this.structure.positionOf[from.index]! + 1;
  }

  #markTargets(): void {
    const mark = (destination: Element | Loop): void => {
      if ("isTarget" in destination) destination.isTarget = true;
    };
    for (const block of this.#unit.blocks) {
      for (const successor of block.successors) {
        // Falling through needs no target, but some jumps stand inside a wasm `if`.
        const mayBranch = block.ending === "branch" && block.target <= block.end;
        if (
          !this.isNext(block, successor) ||
          mayBranch ||
          block.targets.length > 0 ||
          block.context.returnTo === successor
        )
          mark(this.destination(block, successor));
      }
    }
    for (let number = 0; number < this.entries.length; number++) {
      const block = this.entries[number]!;
      if (number === 0 && this.structure.positionOf[block.index] === 0) continue;
      // From the top, then from the header of each loop around it to the next level.
      mark(this.destination(null, block));
      for (let loop: Loop | null = this.structure.loopOf[block.index]!; loop !== null; loop = loop.parent) {
        if (loop.header === block) continue;
        loop.dispatches = true;
        mark(this.levelElement(loop, block));
      }
    }
  }

  /** The element directly in `loop` that is or holds `block`. */
  levelElement(loop: Loop, block: Block): Element {
    const { loopOf, elementOf } = this.structure;
    let inner: Loop | null = loopOf[block.index]!;
    if (inner === loop) return elementOf[block.index]!;
    while (inner !== null && inner.parent !== loop) inner = inner.parent;
    assert(inner !== null, "the block lies in the loop");
    return elementOf[inner.header.index]!;
  }
}
