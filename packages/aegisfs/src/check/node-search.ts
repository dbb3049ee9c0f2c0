/**
 * Nodes that are on the device and that nothing names any more, since a node above them is lost. A search looks at each
 * place where a node may be, once, and takes those
 *
 *   - that miss an owner: they are marked as used, and fewer pointers lead to them than their record says (one without
 *     a record). Where more lost nodes could have named one than it misses owners, it may be another version of what
 *     one of them had, an older state of its files: it stays lost
 *   - that somebody vouches for, since the checksum that did was in the lost node: another copy that is equal, or an
 *     older version of the lost node, which is still in free space and has the pointers to all nodes that did not
 *     change since. What nobody vouches for may be damaged as well, and stays lost.
 *
 * Bound: it reads the volume once, and remembers a pointer for each entry of a node above leaves that it finds.
 */
import { Failure } from "../failure.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import {
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_AT_BIRTH_HIGH,
  NODE_AT_BIRTH_LOW,
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_LEVEL,
  NODE_AT_MAGIC,
  NODE_HEADER_WORDS,
  NODE_MAGIC,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_AT_INFO,
  POINTER_WORDS,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import { Layout } from "../store/layout.ts";
import { nodeMatches, TreeNode } from "../tree/node-cache.ts";
import type { Key, LostNode } from "../device/relocation.ts";
import type { Volume } from "../volume/volume.ts";

/** Owners that a node misses: as its record and the bitmaps say, and what they may be where those are lost. */
export interface MissingOwners {
  readonly known: number;
  readonly possible: number;
}

interface FoundNode {
  readonly missing: MissingOwners;
  readonly level: number;
  readonly generation: number;
  readonly first: Key;
  readonly last: Key;
  readonly pointer: Uint32Array;
  isVouched: boolean;
}

/** Kinds of items from here on belong to the volume's own tree. */
const VOLUME_KIND_MIN = 16;
const LEVEL_MAX = 11;

export class NodeSearch {
  readonly #volume: Volume;
  readonly #missing: (block: number) => MissingOwners;
  readonly #lost: readonly LostNode[];
  #found: FoundNode[] | null = null;

  /**
   * @param missing  how many fewer than there should be lead to the node at this block?
   * @param lost     nodes of subvolumes that cannot be read
   */
  constructor(volume: Volume, missing: (block: number) => MissingOwners, lost: readonly LostNode[]) {
    this.#volume = volume;
    this.#missing = missing;
    this.#lost = lost;
  }

  /** Nodes that were below the lost one, ascending and apart. */
  childrenOf({ level, generation, low, high }: LostNode, ofVolumeTree: boolean): { key: Key; pointer: Uint32Array }[] {
    this.#found ??= this.#search();
    const fitting = this.#found.filter(
      (node) =>
        node.isVouched &&
        node.level === level - 1 &&
        node.generation <= generation &&
        compare(node.first, low) >= 0 &&
        (high === null || compare(node.last, high) < 0) &&
        node.first[1] >>> 24 >= VOLUME_KIND_MIN === ofVolumeTree &&
        (ofVolumeTree || node.missing.known >= this.#claimants(node)),
    );
    // Of two versions of a part the newer one is that of the tree that was changed last.
    fitting.sort((a, b) => b.generation - a.generation);
    const chosen: FoundNode[] = [];
    for (const node of fitting)
      if (chosen.every((other) => compare(node.last, other.first) < 0 || compare(other.last, node.first) < 0))
        chosen.push(node);
    return chosen.sort((a, b) => compare(a.first, b.first)).map(({ first, pointer }) => ({ key: first, pointer }));
  }

  /** How many lost nodes could have named it, or what named it. */
  #claimants({ level, generation, first, last }: FoundNode): number {
    return this.#lost.filter(
      (lost) =>
        lost.level > level &&
        lost.generation >= generation &&
        compare(last, lost.low) >= 0 &&
        (lost.high === null || compare(first, lost.high) < 0),
    ).length;
  }

  #search(): FoundNode[] {
    const { store } = this.#volume;
    const found: FoundNode[] = [];
    const vouched = new Map<number, Set<string>>();
    const nodes = [new TreeNode(0, 0), new TreeNode(0, 0), new TreeNode(0, 0)];
    for (const segment of store.layout.segments) {
      const reserved = new Set(Layout.reserved(segment));
      for (
        let block = Math.ceil(segment.first / NODE_BLOCKS) * NODE_BLOCKS;
        block + NODE_BLOCKS <= segment.first + segment.blocks;
        block += NODE_BLOCKS
      ) {
        if ([0, 1, 2, 3].some((offset) => reserved.has(block + offset))) continue;
        const versions: { pointer: Uint32Array; node: TreeNode }[] = [];
        for (let copy = 0, copies = Math.min(nodes.length, store.copies(block, NODE_BLOCKS)); copy < copies; copy++) {
          const pointer = this.#readNode(block, copy, nodes[copy]!);
          if (pointer !== null) versions.push({ pointer, node: nodes[copy]! });
        }
        for (const { node } of versions) if (node.level > 0) vouchFor(node, vouched);
        if (versions.length === 0) continue;
        const missing = this.#missing(block);
        if (missing.possible <= 0) continue;
        for (const [index, { pointer, node }] of versions.entries()) {
          const others = versions.filter(
            (other, at) => at !== index && signatureOf(other.pointer, 0) === signatureOf(pointer, 0),
          );
          if (versions.slice(0, index).some((before) => signatureOf(before.pointer, 0) === signatureOf(pointer, 0)))
            continue;
          const stride = node.level > 0 ? ENTRY_WORDS : SLOT_WORDS;
          if (node.count === 0) continue;
          found.push({
            missing,
            level: node.level,
            generation: generationOf(node),
            first: keyAt(node, 0, stride),
            last: keyAt(node, node.count - 1, stride),
            pointer,
            isVouched: others.length > 0,
          });
        }
      }
    }
    for (const node of found)
      if (vouched.get(node.pointer[POINTER_AT_BLOCK]!)?.has(signatureOf(node.pointer, 0)) === true)
        node.isVouched = true;
    return found;
  }

  /** A pointer that would vouch for what a copy has at a place; null when that is no node. */
  #readNode(block: number, copy: number, node: TreeNode): Uint32Array | null {
    const { store, superblock } = this.#volume;
    try {
      if (!store.readCopy(block, NODE_BLOCKS, copy, node.bytes, 0)) return null;
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return null;
    }
    const { words } = node;
    node.level = words[NODE_AT_LEVEL]!;
    node.count = words[NODE_AT_COUNT]!;
    if (
      words[NODE_AT_MAGIC] !== NODE_MAGIC ||
      words[NODE_AT_BLOCK] !== block ||
      node.level > LEVEL_MAX ||
      generationOf(node) > superblock.generation
    )
      return null;
    const pointer = new Uint32Array(POINTER_WORDS);
    pointer[POINTER_AT_BLOCK] = block;
    pointer[POINTER_AT_BIRTH_LOW] = words[NODE_AT_BIRTH_LOW]!;
    pointer[POINTER_AT_BIRTH_HIGH] = words[NODE_AT_BIRTH_HIGH]!;
    pointer[POINTER_AT_INFO] = node.level;
    pointer[POINTER_AT_CHECKSUM] = node.checksum();
    return nodeMatches(node, pointer, 0) ? pointer : null;
  }
}

function vouchFor(node: TreeNode, vouched: Map<number, Set<string>>): void {
  for (let index = 0; index < node.count; index++) {
    const at = NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER;
    const block = node.words[at + POINTER_AT_BLOCK]!;
    const known = vouched.get(block);
    if (known === undefined) vouched.set(block, new Set([signatureOf(node.words, at)]));
    else known.add(signatureOf(node.words, at));
  }
}

function signatureOf(words: Uint32Array, at: number): string {
  return (
    `${words[at + POINTER_AT_BIRTH_LOW]} ${words[at + POINTER_AT_BIRTH_HIGH]} ${words[at + POINTER_AT_INFO]! & 255}` +
    ` ${words[at + POINTER_AT_CHECKSUM]}`
  );
}

function generationOf({ words }: TreeNode): number {
  return words[NODE_AT_BIRTH_LOW]! + words[NODE_AT_BIRTH_HIGH]! * 0x100000000;
}

function keyAt({ words }: TreeNode, index: number, stride: number): Key {
  const at = NODE_HEADER_WORDS + index * stride;
  return [words[at]!, words[at + 1]!, words[at + 2]!];
}

function compare(a: Key, b: Key): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
