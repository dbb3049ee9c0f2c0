/**
 * Versions of one heap: what `fork-heap` gives. All of them lie in the same memory at the same addresses, and one is
 * there at a time; of the others it is known which words differ (decision 0088).
 *
 *     child ─ words ─ parent ─ words ─ other child        a tree; who is there has the words that are in memory
 *
 * To go from one version to another the words on the way are exchanged with those in memory (Baker, Shallow binding
 * makes functional arrays fast, 1991). Writes of the version that is there are kept on its only edge, the open one
 * (kept-words.ts); a version with several gets a stand-in, which takes them over and is no one's. What is global is
 * neither kept nor exchanged: where objects lie, holes, symbols, code. Cells, the roots, are copied as they are.
 *
 * A fork collects nothing: what the nursery has is shared as the old generation is (`Register.sharedBytes`), until it
 * is collected for all versions at once. Only until then, and only what was noted or exchanged since, may kept words
 * be young.
 *
 * Invariants: who is there changes at the base of the stack with an empty nursery; what any version reaches is kept by
 * the collector, because words that differ are roots as the other versions' cells.
 */
import { assert } from "@stratos/base";
import type { Heap } from "./heap.ts";
import { ForkWork } from "./kept-words.ts";
import { Cell, FIRST_BYTES_KIND, Immediate, Kind, Region, Register, Tag, cellAddress } from "./layout.ts";

/** What an entry of the log has, as 32-bit words: address, whether it is bytes, the word's halves. */
const ENTRY = 4;
const FORWARDED = 255;
/** Cells that belong to the heap and to no version. */
const COMMON_CELLS = [Cell.identities, Cell.majorAsked];

/** Words in which two neighbours differ: those of the one that is farther from what is in memory. */
class Edge {
  words: Uint32Array;
  count: number;
  /** Words may lie in the nursery, or point there. */
  isYoung: boolean;
  constructor() {
    this.words = new Uint32Array(64 * ENTRY);
    this.count = 0;
    this.isYoung = false;
  }

  /** Room for so many more entries. */
  reserve(count: number): void {
    const size = (this.count + count) * ENTRY;
    if (size <= this.words.length) return;
    const larger = new Uint32Array(Math.max(size, 2 * this.words.length));
    larger.set(this.words);
    this.words = larger;
  }
}

export class HeapVersion {
  readonly edges: Map<HeapVersion, Edge>;
  /** While another version is there. */
  cells: Uint8Array | null;
  /** What the session has of this version while another one is there. */
  session: unknown;
  /** A stand-in is no one's. */
  isOpen: boolean;
  constructor() {
    this.edges = new Map();
    this.cells = null;
    this.session = undefined;
    this.isOpen = true;
  }
}

/** Low-level routines that versions use. */
export interface VersionRoutines {
  /** Empties the nursery; at the base of the stack. */
  collect(): void;
  "begin-log"(): void;
  "end-log"(): void;
  "log-start"(): number;
  "is-first"(at: number): number;
  "forward-range"(start: number, end: number, from: number, size: number, from2: number, size2: number): void;
}

/** What a session knows of each version beside its heap. */
export interface VersionedSession {
  /** @returns the state of the version that is there; what the session goes on with shares nothing with it */
  save(): unknown;
  restore(state: unknown): void;
}

export class HeapVersions {
  readonly #heap: Heap;
  readonly #routines: VersionRoutines;
  current: HeapVersion;
  session: VersionedSession | null;
  readonly #all: Set<HeapVersion>;
  /** Versions whose cells may point into the nursery. */
  readonly #young: Set<HeapVersion>;
  #isRehearsalDue: boolean;
  #open: Edge | null;
  /** Cells of variables: a version that does not know one has it unbound. */
  readonly #variables: Set<number>;
  /** During a collection: whether it is of the nursery alone, or else where the old generation was. */
  #isMinor: boolean;
  #from: number;
  #used: number;
  /** Words of the log that may be moved, in order, and the objects that they are of. */
  #slots: Uint32Array;
  #objects: Uint32Array;

  constructor(heap: Heap, routines: VersionRoutines) {
    this.#heap = heap;
    this.#routines = routines;
    this.current = new HeapVersion();
    this.session = null;
    this.#all = new Set([this.current]);
    this.#young = new Set();
    this.#isRehearsalDue = false;
    this.#open = null;
    this.#variables = new Set();
    this.#isMinor = false;
    this.#from = 0;
    this.#used = 0;
    this.#slots = new Uint32Array(0);
    this.#objects = new Uint32Array(0);
  }

  get isForked(): boolean {
    return this.#open !== null;
  }

  noteVariable(cell: number): void {
    if (this.isForked) this.#variables.add(cell);
  }

  /**
   * A fork that is closed at once, in the whole memory: there is none before the first collection. Thereby the host has
   * compiled what a fork runs; and V8, which collects its garbage (8 to 19 ms) when a buffer is made after a memory
   * has grown by much, does so here.
   */
  rehearse(): void {
    this.#isRehearsalDue = this.#heap.get(Register.isWhole) === 0;
    if (!this.#isRehearsalDue && !this.isForked) this.close(this.fork());
  }

  noteGrowth(): void {
    if (this.#isRehearsalDue) this.rehearse();
  }

  /** Another version that is what is there now. */
  fork(): HeapVersion {
    const heap = this.#heap;
    if (heap.get(Register.isWhole) === 0) {
      heap.grow();
      this.#isRehearsalDue = false;
    }
    const version = new HeapVersion();
    version.cells = this.#cells();
    version.session = this.session?.save();
    this.#standIn(version);
    this.#young.add(version);
    const young = heap.get(Register.alloc) - Region.nursery;
    heap.set(Register.sharedBytes, young > NURSERY_HEAD ? young : 0);
    return version;
  }

  get #isShared(): boolean {
    return this.#heap.get(Register.sharedBytes) !== 0;
  }

  /** Gives all edges of the version that is there to another one in the same state, its only neighbour then. */
  #standIn(other: HeapVersion): void {
    this.#drain();
    const own = this.current.edges;
    for (const [neighbour, edge] of own) {
      neighbour.edges.delete(this.current);
      neighbour.edges.set(other, edge);
      other.edges.set(neighbour, edge);
    }
    own.clear();
    const edge = new Edge();
    own.set(other, edge);
    other.edges.set(this.current, edge);
    this.#all.add(other);
    this.#beginLog(edge);
  }

  switchTo(version: HeapVersion): void {
    if (version === this.current) return;
    this.#routines.collect();
    this.current.cells = this.#cells();
    this.current.session = this.session?.save();
    this.#goTo(version);
    this.#arrive();
  }

  /**
   * The same for ever. What is left may fill the heap, so that nothing is collected before: its only edge, which has
   * what it knew of the nursery, is given up first.
   */
  abandonFor(version: HeapVersion): void {
    const left = this.current;
    this.#goTo(version);
    this.close(left);
    this.#routines.collect();
  }

  #goTo(version: HeapVersion): void {
    this.#drain();
    for (const edge of wayTo(this.current, version, null)!) this.#exchange(edge);
    this.#restoreCells(version.cells!);
    version.cells = null;
    this.#young.delete(version);
    this.session?.restore(version.session);
    version.session = undefined;
    this.current = version;
  }

  /** The version that is there gets a log: none, when it is the last one. */
  #arrive(): void {
    const [only] = this.current.edges.values();
    if (only === undefined) {
      this.#open = null;
      this.#variables.clear();
      this.#routines["end-log"]();
    } else if (this.current.edges.size > 1) {
      const other = new HeapVersion();
      other.isOpen = false;
      this.#standIn(other);
    } else if (only !== this.#open) this.#beginLog(only);
  }

  /** Forgets a version that is not there. */
  close(version: HeapVersion): void {
    assert(version !== this.current, "the version that is there must stay");
    this.#drain();
    version.isOpen = false;
    version.cells = null;
    this.#young.delete(version);
    version.session = undefined;
    for (let some = true; some;) {
      some = false;
      for (const one of this.#all) if (!one.isOpen && one !== this.current && this.#prune(one)) some = true;
    }
    this.#arrive();
  }

  /** Takes a version out of the tree that nobody wants. @returns whether it could be */
  #prune(version: HeapVersion): boolean {
    const neighbours = [...version.edges.keys()];
    if (neighbours.length > 2) return false;
    this.#all.delete(version);
    for (const neighbour of neighbours) neighbour.edges.delete(version);
    if (neighbours.length < 2) return true;
    const [one, other] = neighbours as [HeapVersion, HeapVersion];
    const isNearer = wayTo(one, this.current, version) !== null;
    const [near, far] = isNearer ? [one, other] : [other, one];
    const joined = joinedEdge(version.edges.get(near)!, version.edges.get(far)!);
    near.edges.set(far, joined);
    far.edges.set(near, joined);
    return true;
  }

  #beginLog(edge: Edge): void {
    this.#open = edge;
    this.#routines["begin-log"]();
    for (let at = 0; at < edge.count * ENTRY; at += ENTRY) this.#routines["is-first"](edge.words[at]!);
  }

  /** Takes over what the log has. */
  #drain(): void {
    const edge = this.#open;
    if (edge === null) return;
    const start = this.#routines["log-start"]();
    const bytes = this.#heap.get(Register.keptNext) - start;
    if (bytes === 0) return;
    if (this.#isShared) edge.isYoung = true;
    edge.reserve(bytes / 16);
    edge.words.set(new Uint32Array(this.#heap.view.buffer, start, bytes / 4), edge.count * ENTRY);
    edge.count += bytes / 16;
    this.#heap.set(Register.keptNext, start);
  }

  #exchange(edge: Edge): void {
    const { words, count } = edge;
    if (this.#isShared) edge.isYoung = true;
    const memory = new Uint32Array(this.#heap.view.buffer);
    for (let at = 0; at < count * ENTRY; at += ENTRY) {
      const place = words[at]! >>> 2;
      const low = memory[place]!;
      const high = memory[place + 1]!;
      memory[place] = words[at + 2]!;
      memory[place + 1] = words[at + 3]!;
      words[at + 2] = low;
      words[at + 3] = high;
    }
  }

  #cells(): Uint8Array {
    return this.#heap.copyOut(Region.cells, cellAddress(this.#heap.get(Register.cellCount)));
  }

  /** Cells that were made since are constants, which all versions have, or variables, which this one has not bound. */
  #restoreCells(cells: Uint8Array): void {
    const heap = this.#heap;
    const common = COMMON_CELLS.map((cell) => heap.cell(cell));
    heap.copyIn(Region.cells, cells);
    COMMON_CELLS.forEach((cell, index) => heap.setCell(cell, common[index]!));
    for (let cell = cells.length / 8; cell < heap.get(Register.cellCount); cell++)
      if (this.#variables.has(cell)) heap.setCell(cell, BigInt(Immediate.unbound));
  }

  // The collector's

  work(work: number): void {
    if (work === ForkWork.logIsFull) this.#drain();
    else if (work === ForkWork.beforeCopy) this.#findObjects(false);
    else if (work === ForkWork.beforeMinor) this.#findObjects(true);
    else if (work === ForkWork.followKept) this.#followAll();
    else this.#placeAnew();
  }

  /** Those that the collection has to do with. */
  #edges(): Set<Edge> {
    const all = new Set([...this.#all].flatMap((version) => [...version.edges.values()]));
    return this.#isMinor ? new Set([...all].filter(({ isYoung }) => isYoung)) : all;
  }

  /** Of each word of the log that may be moved the object that it lies in. */
  #findObjects(isMinor: boolean): void {
    this.#drain();
    const heap = this.#heap;
    this.#isMinor = isMinor;
    this.#from = heap.get(Register.oldStart);
    this.#used = isMinor ? 0 : heap.get(Register.oldNext) - this.#from;
    const edges = [...this.#edges()];
    const all = new Uint32Array(edges.reduce((sum, { count }) => sum + count, 0));
    let filled = 0;
    for (const { words, count } of edges)
      for (let at = 0; at < count * ENTRY; at += ENTRY) if (this.#isMoving(words[at]!)) all[filled++] = words[at]!;
    const slots = all.subarray(0, filled).sort();
    const objects = new Uint32Array(filled);
    const { view } = heap;
    let next = 0;
    const look = (start: number, end: number): void => {
      for (let at = start; at < end && next < filled && slots[next]! < end;) {
        const to = at + objectBytes(view, at);
        while (next < filled && slots[next]! < to) objects[next++] = at;
        at = to;
      }
    };
    look(Region.nursery + NURSERY_HEAD, Region.nursery + heap.get(Register.sharedBytes));
    look(this.#from + 8, this.#from + this.#used);
    assert(next === filled, "each word that is kept lies in an object");
    this.#slots = slots;
    this.#objects = objects;
  }

  /** Whether the collection moves what lies there. */
  #isMoving(slot: number): boolean {
    return !this.#isMinor || slot < this.#heap.get(Register.nurseryEnd);
  }

  #followAll(): void {
    for (const edge of this.#edges()) this.#followEdge(edge);
    for (const { cells } of this.#isMinor ? this.#young : this.#all) {
      if (cells === null) continue;
      for (let at = 0; at < cells.length; at += PART) {
        const part = cells.subarray(at, at + PART);
        part.set(this.#follow(part));
      }
    }
  }

  #followEdge({ words, count }: Edge): void {
    const part = new Uint32Array(PART / 4);
    for (let first = 0; first < count; first += PART / 8) {
      const last = Math.min(count, first + PART / 8);
      for (let index = first; index < last; index++) {
        // Bytes are shown as no value.
        const isValue = words[index * ENTRY + 1] === 0;
        part[(index - first) * 2] = isValue ? words[index * ENTRY + 2]! : 0;
        part[(index - first) * 2 + 1] = isValue ? words[index * ENTRY + 3]! : 0;
      }
      const bytes = this.#follow(new Uint8Array(part.buffer, 0, (last - first) * 8));
      const followed = new Uint32Array(bytes.buffer);
      for (let index = first; index < last; index++) {
        if (words[index * ENTRY + 1] !== 0) continue;
        words[index * ENTRY + 2] = followed[(index - first) * 2]!;
        words[index * ENTRY + 3] = followed[(index - first) * 2 + 1]!;
      }
    }
  }

  /** The words after the collection. The buffer of noted fields is free: all that lives is looked through. */
  #follow(words: Uint8Array): Uint8Array {
    const heap = this.#heap;
    const end = Region.stores + words.length;
    heap.copyIn(Region.stores, words);
    this.#routines["forward-range"](
      Region.stores,
      end,
      Region.nursery,
      heap.get(Register.nurserySize),
      this.#from,
      this.#used,
    );
    return heap.copyOut(Region.stores, end);
  }

  /** Where the words of the log lie now. Those of objects that no version reaches are forgotten. */
  #placeAnew(): void {
    const { view } = this.#heap;
    for (const edge of this.#edges()) {
      const { words } = edge;
      let kept = 0;
      for (let index = 0; index < edge.count; index++) {
        let slot = words[index * ENTRY]!;
        if (this.#isMoving(slot)) {
          const object = this.#objects[indexOf(this.#slots, slot)]!;
          if (view.getUint8(object) !== FORWARDED) continue;
          slot = view.getUint32(object + 4, true) + (slot - object);
        }
        words.copyWithin(kept * ENTRY, index * ENTRY, (index + 1) * ENTRY);
        words[kept++ * ENTRY] = slot;
      }
      edge.count = kept;
      edge.isYoung = false;
    }
    this.#young.clear();
    this.#slots = this.#objects = new Uint32Array(0);
    this.#beginLog(this.#open!);
  }
}

/** Bytes at the nursery's start that no object has. */
const NURSERY_HEAD = 8;
/** Words that are followed at once, in bytes: of the buffer of noted fields. */
const PART = 64 * 1024;

function objectBytes(view: DataView, at: number): number {
  const low = view.getUint32(at, true);
  if ((low & 7) !== Tag.header) return 16;
  const kind = (low >> 3) & 31;
  const count = view.getUint32(at + 4, true);
  if (kind === Kind.procedure) return 8 + 8 * (low >>> 16);
  return kind >= FIRST_BYTES_KIND ? 8 + ((count + 7) & ~7) : 8 + 8 * count;
}

/** Where a number is in a sorted array that has it. */
function indexOf(sorted: Uint32Array, value: number): number {
  let low = 0;
  for (let high = sorted.length - 1; low < high;) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The edges from one version to another; null: there is no way but through `without`. */
function wayTo(from: HeapVersion, to: HeapVersion, without: HeapVersion | null): Edge[] | null {
  if (from === to) return [];
  for (const [neighbour, edge] of from.edges) {
    if (neighbour === without) continue;
    const rest = wayTo(neighbour, to, from);
    if (rest !== null) return [edge, ...rest];
  }
  return null;
}

/** Two edges as one: the farther one has the words of who is farther away. */
function joinedEdge(near: Edge, far: Edge): Edge {
  const joined = new Edge();
  joined.reserve(near.count + far.count);
  joined.isYoung = near.isYoung || far.isYoung;
  const known = new Set<number>();
  for (const { words, count } of [far, near])
    for (let at = 0; at < count * ENTRY; at += ENTRY) {
      if (known.has(words[at]!)) continue;
      known.add(words[at]!);
      joined.words.set(words.subarray(at, at + ENTRY), joined.count++ * ENTRY);
    }
  return joined;
}
