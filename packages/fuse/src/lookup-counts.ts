/**
 * Nodes that the kernel knows, each with how often it was told of them: FORGET gives that many back. Open addressing in
 * typed arrays, at most three quarters full. Bound: the kernel's own inode cache, which takes some fifty times as much
 * memory for each.
 */
export class LookupCounts {
  #node: Uint32Array;
  #tree: Uint32Array;
  #count: Uint32Array;
  /** 1 for a node that is kept for the kernel although its last name went. */
  #kept: Uint8Array;
  #mask: number;
  #used = 0;

  constructor(capacity = 1024) {
    this.#node = new Uint32Array(capacity);
    this.#tree = new Uint32Array(capacity);
    this.#count = new Uint32Array(capacity);
    this.#kept = new Uint8Array(capacity);
    this.#mask = capacity - 1;
  }

  /** Nodes that the kernel knows. */
  get size(): number {
    return this.#used;
  }

  #place(node: number, tree: number): number {
    return ((Math.imul(node, 0x9e3779b1) ^ Math.imul(tree, 0x85ebca77)) >>> 7) & this.#mask;
  }

  /** Where the node is, or −1 − the free place for it. */
  #find(node: number, tree: number): number {
    let at = this.#place(node, tree);
    while (this.#count[at] !== 0) {
      if (this.#node[at] === node && this.#tree[at] === tree) return at;
      at = (at + 1) & this.#mask;
    }
    return -1 - at;
  }

  /** The kernel was told of the node once more. */
  add(node: number, tree: number): void {
    const at = this.#find(node, tree);
    if (at >= 0) {
      this.#count[at]!++;
      return;
    }
    const free = -1 - at;
    this.#node[free] = node;
    this.#tree[free] = tree;
    this.#count[free] = 1;
    this.#kept[free] = 0;
    if (++this.#used * 4 > this.#mask * 3) this.#grow();
  }

  /** Marks a known node as kept. @returns true when it was not before */
  keep(node: number, tree: number): boolean {
    const at = this.#find(node, tree);
    if (at < 0 || this.#kept[at] === 1) return false;
    this.#kept[at] = 1;
    return true;
  }

  /** The kernel gives `times` back. @returns true when a kept node is no longer known */
  forget(node: number, tree: number, times: number): boolean {
    const at = this.#find(node, tree);
    if (at < 0) return false;
    if (this.#count[at]! > times) {
      this.#count[at]! -= times;
      return false;
    }
    const kept = this.#kept[at] === 1;
    this.#remove(at);
    return kept;
  }

  /** Calls for each known node. */
  forEach(visit: (node: number, tree: number) => void): void {
    for (let at = 0; at <= this.#mask; at++) if (this.#count[at] !== 0) visit(this.#node[at]!, this.#tree[at]!);
  }

  /** Closes the gap, so that no search ends too early (Knuth, vol. 3, 6.4, algorithm R). */
  #remove(at: number): void {
    this.#used--;
    let gap = at;
    for (let next = (at + 1) & this.#mask; this.#count[next] !== 0; next = (next + 1) & this.#mask) {
      const home = this.#place(this.#node[next]!, this.#tree[next]!);
      if (((next - home) & this.#mask) < ((next - gap) & this.#mask)) continue;
      this.#node[gap] = this.#node[next]!;
      this.#tree[gap] = this.#tree[next]!;
      this.#count[gap] = this.#count[next]!;
      this.#kept[gap] = this.#kept[next]!;
      gap = next;
    }
    this.#count[gap] = 0;
    this.#kept[gap] = 0;
  }

  #grow(): void {
    const [node, tree, count, kept] = [this.#node, this.#tree, this.#count, this.#kept];
    const capacity = count.length * 2;
    this.#node = new Uint32Array(capacity);
    this.#tree = new Uint32Array(capacity);
    this.#count = new Uint32Array(capacity);
    this.#kept = new Uint8Array(capacity);
    this.#mask = capacity - 1;
    for (let from = 0; from < count.length; from++) {
      if (count[from] === 0) continue;
      const to = -1 - this.#find(node[from]!, tree[from]!);
      this.#node[to] = node[from]!;
      this.#tree[to] = tree[from]!;
      this.#count[to] = count[from]!;
      this.#kept[to] = kept[from]!;
    }
  }
}
