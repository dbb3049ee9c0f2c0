import type { Block } from "./unit.ts";

/**
 * Orders the blocks of a unit and nests its loops, so that structured wasm can express its control flow: at each level
 * the elements (blocks or loops) stand in topological order, a loop begins with its header, and every jump inside a
 * level but the one back to the header goes forwards.
 *
 * A loop is a strongly connected component; its header is where depth-first search from the entry came in. Removing the
 * edges into the header and looking for components again gives the inner loops. Jumps into the midst of a loop
 * (irreducible flow, and entries from outside) go through the header's dispatch by entry number.
 */
export interface Loop {
  readonly header: Block;
  readonly parent: Loop | null;
  readonly body: Element[];
  label: number;
  /** Entries other than the header lie in it: its header dispatches by entry number. */
  dispatches: boolean;
}

export interface Element {
  readonly block: Block | null;
  readonly loop: Loop | null;
  /** A jump comes here: a wasm block ends before it. */
  isTarget: boolean;
  label: number;
}

export interface Structure {
  readonly elements: Element[];
  readonly loops: readonly Loop[];
  /**
   * By block index: the innermost loop, the element at the level of its own loop (headers: of the parent loop), the
   * position.
   */
  readonly loopOf: readonly (Loop | null)[];
  readonly elementOf: readonly Element[];
  readonly positionOf: readonly number[];
  readonly order: readonly Block[];
}

export function structureBlocks(blocks: readonly Block[], entry: Block): Structure {
  const loopOf = new Array<Loop | null>(blocks.length).fill(null);
  const elementOf = new Array<Element>(blocks.length);
  const positionOf = new Array<number>(blocks.length).fill(0);
  const order: Block[] = [];
  const loops: Loop[] = [];

  const arrange = (members: readonly Block[], roots: readonly Block[], parent: Loop | null): Element[] => {
    const components = stronglyConnected(members, roots, blocks.length);
    const elements: Element[] = [];
    for (let i = components.length - 1; i >= 0; i--) {
      const component = components[i]!;
      const root = component[component.length - 1]!; // popped last
      const header = root === entry ? naturalHeader(component, root) : root;
      if (component.length === 1 && !header.successors.includes(header)) {
        const element: Element = { block: header, loop: null, isTarget: false, label: 0 };
        loopOf[header.index] = parent;
        elementOf[header.index] = element;
        positionOf[header.index] = order.push(header) - 1;
        elements.push(element);
        continue;
      }
      const loop: Loop = { header, parent, body: [], label: 0, dispatches: false };
      const element: Element = { block: null, loop, isTarget: false, label: 0 };
      loops.push(loop);
      loopOf[header.index] = loop;
      elementOf[header.index] = element;
      positionOf[header.index] = order.push(header) - 1;
      loop.body.push(
        ...arrange(
          component.filter((block) => block !== header),
          header.successors,
          loop,
        ),
      );
      elements.push(element);
    }
    return elements;
  };
  const elements = arrange(blocks, [entry], null);
  return { elements, loops, loopOf, elementOf, positionOf, order };
}

/**
 * A unit that begins in the midst of a loop, because an inner loop became hot first: the loop's header is the one that
 * it would have if control came from above, so that the inner loop has its own. Compilers put it first.
 */
function naturalHeader(component: readonly Block[], root: Block): Block {
  let header = root;
  for (const block of component) {
    if (block.context !== root.context || block.pc >= header.pc) continue;
    if (
      component.some((from) => from.context === root.context && from.pc >= block.pc && from.successors.includes(block))
    )
      header = block;
  }
  // The entry's number stands for itself in the tables of jumps through registers.
  return component.some((block) => block.targets.length > 0) ? root : header;
}

/**
 * The blocks to translate for an entry in the midst of a loop, which became hot before the loop's header did: the inner
 * loop that the entry heads, or else what lies around the entry within the loop. The loop has a unit of its own as soon
 * as its header is hot, and no dispatch to the entry in it.
 *
 * @returns null when the entry is in no loop, or heads the outermost: all of the unit
 */
export function blocksAround(blocks: readonly Block[], entry: Block): readonly Block[] | null {
  let members: readonly Block[] | null = null;
  for (;;) {
    const components = stronglyConnected(members ?? blocks, [entry], blocks.length);
    const component = components.find((candidate) => candidate.includes(entry))!;
    if (component.length === 1 && !entry.successors.includes(entry)) return members;
    const header = naturalHeader(component, entry);
    if (header === entry) return members === null ? null : component;
    members = component.filter((block) => block !== header);
  }
}

/** True when `block` lies in `loop` (its header included). */
export function isInside(structure: Structure, block: Block, loop: Loop | null): boolean {
  if (loop === null) return true;
  for (let at: Loop | null = structure.loopOf[block.index]!; at !== null; at = at.parent) if (at === loop) return true;
  return false;
}

/** Tarjan's algorithm over the members; components come in reverse topological order, each with its root last. */
function stronglyConnected(members: readonly Block[], roots: readonly Block[], total: number): Block[][] {
  const isMember = new Uint8Array(total);
  for (const block of members) isMember[block.index] = 1;
  const number = new Int32Array(total);
  const low = new Int32Array(total);
  const onStack = new Uint8Array(total);
  const stack: Block[] = [];
  const components: Block[][] = [];
  let counter = 0;

  const visit = (block: Block): void => {
    number[block.index] = low[block.index] = ++counter;
    stack.push(block);
    onStack[block.index] = 1;
    // What is visited last comes first in the order: the fall-through, which stands last among the successors.
    for (const successor of block.successors) {
      if (isMember[successor.index] === 0) continue;
      if (number[successor.index] === 0) {
        visit(successor);
        low[block.index] = Math.min(low[block.index]!, low[successor.index]!);
      } else if (onStack[successor.index] === 1) {
        low[block.index] = Math.min(low[block.index]!, number[successor.index]!);
      }
    }
    if (low[block.index] !== number[block.index]) return;
    const component: Block[] = [];
    for (;;) {
      const member = stack.pop()!;
      onStack[member.index] = 0;
      component.push(member);
      if (member === block) break;
    }
    components.push(component);
  };
  for (const block of roots) if (isMember[block.index] === 1 && number[block.index] === 0) visit(block);
  for (const block of members) if (number[block.index] === 0) visit(block);
  return components;
}
