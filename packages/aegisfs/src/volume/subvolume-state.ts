/**
 * What the volume's tree says of a subvolume, in memory: who it is, where its own tree begins, what it has counted.
 * Layout of the item: format/subvolume-item.ts.
 */
import { Tree } from "../tree/tree.ts";
import { KIND_SUBVOLUME, keyMiddle } from "../format/key.ts";
import { POINTER_WORDS } from "../format/node-layout.ts";
import {
  SUBVOLUME_AT_BASE,
  SUBVOLUME_AT_FLAGS,
  SUBVOLUME_AT_GENERATION,
  SUBVOLUME_AT_INODES,
  SUBVOLUME_AT_NEXT_INO,
  SUBVOLUME_AT_PARENT,
  SUBVOLUME_AT_PROPERTIES,
  SUBVOLUME_AT_ROOT,
  SUBVOLUME_AT_TIME,
  SUBVOLUME_INCOMPLETE,
  SUBVOLUME_READ_ONLY,
} from "../format/subvolume-item.ts";
import { putSubvolumeItem, subvolumeTexts, type SubvolumeOrigin } from "./subvolume-record.ts";
import type { Volume } from "./volume.ts";

export class SubvolumeState {
  readonly volume: Volume;
  readonly tree: Tree;
  readonly id: number;
  readonly name: string;
  readonly parent: number;
  /** When it was made: seconds since 1970. */
  readonly seconds: number;
  /** What people say about it; may be empty. */
  readonly label: string;
  /** Generation of the volume in which it was made: with its number, what no other subvolume of the volume has. */
  readonly generation: number;
  #flags: number;
  /** Next inode number; they are not used again. */
  nextIno = 0;
  /** Inodes in the tree. */
  inodes = 0;
  /** The snapshot whose content this went on from: the one taken of it, or rolled back to, last; 0 for none. */
  base = 0;
  /** What files get that have no properties of their own (format/properties.ts). */
  properties = 0;
  /** Root and counters as the item has them. */
  readonly #stored = new Uint32Array(POINTER_WORDS + 4);

  constructor(volume: Volume, { id, name, parent, flags, generation, seconds, label }: SubvolumeOrigin) {
    this.volume = volume;
    this.tree = new Tree(volume.cache, volume);
    this.id = id;
    this.name = name;
    this.parent = parent;
    this.#flags = flags;
    this.generation = generation;
    this.seconds = seconds;
    this.label = label;
  }

  /** SUBVOLUME_* of format/subvolume-item.ts. */
  get flags(): number {
    return this.#flags;
  }

  /** What a transfer has left half-way is the receiver's alone to write. */
  get readOnly(): boolean {
    return (this.#flags & (SUBVOLUME_READ_ONLY | SUBVOLUME_INCOMPLETE)) !== 0 || this.volume.readOnly;
  }

  get isIncomplete(): boolean {
    return (this.#flags & SUBVOLUME_INCOMPLETE) !== 0;
  }

  /** The item gets them with the next `store`. */
  setFlags(flags: number): void {
    this.#flags = flags;
    this.#stored[POINTER_WORDS] = 0; // differs from any next inode number
  }

  /** Takes root and counters from the item that the volume's tree is at. */
  takeStored({ words, offset }: Tree): void {
    const at = offset >>> 2;
    this.tree.root.set(words.subarray(at + SUBVOLUME_AT_ROOT, at + SUBVOLUME_AT_ROOT + POINTER_WORDS));
    this.base = words[at + SUBVOLUME_AT_BASE]!;
    this.nextIno = words[at + SUBVOLUME_AT_NEXT_INO]!;
    this.inodes = words[at + SUBVOLUME_AT_INODES]!;
    this.properties = words[at + SUBVOLUME_AT_PROPERTIES]!;
    this.#remember();
  }

  /** Puts root and counters into the volume tree when they changed; the tree is sealed or clean. Throws Failure. */
  store(): void {
    const root = this.tree.root;
    const stored = this.#stored;
    let same =
      stored[POINTER_WORDS + 3] === this.base &&
      stored[POINTER_WORDS] === this.nextIno &&
      stored[POINTER_WORDS + 1] === this.inodes &&
      stored[POINTER_WORDS + 2] === this.properties;
    for (let word = 0; word < POINTER_WORDS; word++) same &&= stored[word] === root[word];
    if (same) return;
    putSubvolumeItem(this.volume.tree, this);
    this.#remember();
  }

  #remember(): void {
    this.#stored.set(this.tree.root);
    this.#stored[POINTER_WORDS] = this.nextIno;
    this.#stored[POINTER_WORDS + 1] = this.inodes;
    this.#stored[POINTER_WORDS + 3] = this.base;
    this.#stored[POINTER_WORDS + 2] = this.properties;
  }
}

/**
 * Who the subvolume of that number is; the volume's tree stands at its item then. Null when there is none. Throws
 * Failure.
 */
export function findOrigin({ tree }: Volume, id: number): SubvolumeOrigin | null {
  if (!tree.find(0, keyMiddle(KIND_SUBVOLUME, 0), id)) return null;
  const { words } = tree;
  const at = tree.offset >>> 2;
  const generation = words[at + SUBVOLUME_AT_GENERATION]! + words[at + SUBVOLUME_AT_GENERATION + 1]! * 0x100000000;
  const seconds = words[at + SUBVOLUME_AT_TIME]! + (words[at + SUBVOLUME_AT_TIME + 1]! | 0) * 0x100000000;
  return {
    id,
    ...subvolumeTexts(tree),
    parent: words[at + SUBVOLUME_AT_PARENT]!,
    flags: words[at + SUBVOLUME_AT_FLAGS]!,
    generation,
    seconds,
  };
}
