import { assert, stateClass } from "@stratos/base";
import { ENOMEM, PAGE_SIZE } from "@stratos/abi";
import type { PhysicalMemory } from "@stratos/riscv";
import { CALL_WORK } from "../ground/call-work.ts";
import { MemoryAccount, type Reclaimable } from "./memory-account.ts";
import { Reaper } from "./reaper.ts";
import type { Frame } from "./frame.ts";
import { FrameList } from "./frame-list.ts";
import type { PendingPages } from "./pending-pages.ts";

/** Accounts open at once: a frame's number is 15 bits, beside which the highest says that code was decoded from it. */
const ACCOUNTS_MAX = 0x7fff;
const HOLDS_CODE = 0x8000;
/** Of work in pieces: a fraction of a millisecond. */
const FRAMES_AT_ONCE = 1 << 14;

/**
 * PMM: owns the frames of physical memory. A frame number is its physical address / 4096, so 0 is never one. Each frame
 * has a count of references (page tables and caches) and an account that it is charged to; the free ones form a LIFO
 * stack, so that warm memory is used again first and the host commits no more than the high-water mark.
 *
 * With windows (mm/slot-pool.ts) there are more numbers than frames: whoever wants a certain one is given it where it
 * is free (`allocateAt`). No more than `total` of them are ever touched, so that the host commits no more than without.
 *
 * The limits of the accounts at the top add up to no more than all frames, so that none can use up another's.
 */
export class FrameAllocator {
  readonly physical: PhysicalMemory;
  readonly first: Frame;
  readonly total: number;
  /** References by (frame − first). */
  #references: Int32Array;
  /** Numbers of accounts by (frame − first), and HOLDS_CODE. */
  #charged: Uint16Array;
  #free: Int32Array;
  /**
   * A small number that is kept with a frame, by (frame − first): entries in use, for nodes of page tables; for frames
   * of page caches to how many accounts it is lent, or how many further caches have it (forks of a kernel).
   */
  readonly notes: Uint16Array;
  /** By their numbers; null: free. */
  #accounts: (MemoryAccount | null)[] = [];
  /** A frame that held code became free: what was decoded from it must go. */
  onCodeGone: (frame: Frame) => void = () => {};
  /** Of frames whose content is elsewhere yet; null: all have it. */
  pending: PendingPages | null = null;
  /**
   * Frames that are the board's and lent to accounts, which are charged for them as for their own: so there is a frame
   * for each charge whoever else borrows the same one. Those that nobody has borrowed stand where frames are free.
   */
  #lender: MemoryAccount;
  /** Who gives such frames back when there are no others. */
  lent: Reclaimable | null = null;
  /** Frames that no account at the top was promised. */
  #unpromised: number;
  #freeCount = 0;
  /** Below it every frame is in use or on the stack; of those above, some were given out by their number. */
  #untouched: number;
  /** How many were ever used; the others are still zero. */
  #touchedCount = 0;
  /** With windows, by (frame − first): 1 when the frame was given out by its number. */
  #placed: Uint8Array | null;
  /** Of those, the ones at and above `#untouched` that are free. */
  #placedFree = 0;
  /** Where the last of them was found. */
  #sweep = 0;
  /** A kernel is being copied: until that ends no room is made, since what is half copied can give nothing back. */
  #isCopying = false;
  /** While it is: references that were taken for the copy, counts in notes, and who shares nodes. */
  readonly #taken = { retained: new FrameList(), shared: new FrameList(), sharers: [] as MemoryAccount[] };
  /** Frames that must stay free for those who share nodes (`shareNode`). */
  #reserved = 0;
  /** Note who takes each frame, for `leaks`; slow, so only while looking for a leak. */
  trackSites = false;
  #sites = new Map<Frame, string>();

  /** @param total  the first ones of the memory; default: all */
  constructor(physical: PhysicalMemory, total = (physical.framesEnd - physical.framesStart) / PAGE_SIZE) {
    this.physical = physical;
    this.first = physical.framesStart / PAGE_SIZE;
    this.total = total;
    const numbers = physical.hasWindows ? physical.size / PAGE_SIZE - this.first : total;
    this.#references = new Int32Array(numbers);
    this.#charged = new Uint16Array(numbers);
    this.#free = new Int32Array(this.total);
    this.notes = new Uint16Array(numbers);
    this.#placed = physical.hasWindows ? new Uint8Array(numbers) : null;
    this.#untouched = this.first;
    this.#unpromised = 0;
    this.#lender = this.open()!;
    this.#lender.limit = this.#unpromised = this.total;
  }

  get freeCount(): number {
    return this.#freeCount + this.#placedFree + (this.total - this.#touchedCount);
  }

  /** All frames that somebody holds, ascending. */
  used(): Uint32Array {
    const used = new Uint32Array(this.#touchedEnd);
    let count = 0;
    for (let at = 0; at < used.length; at++) if (this.#references[at]! > 0) used[count++] = this.first + at;
    return used.slice(0, count);
  }

  /** (frame − first) above all that were ever used. */
  get #touchedEnd(): number {
    return this.#placed === null ? this.#untouched - this.first : this.#placed.length;
  }

  get usedCount(): number {
    return this.total - this.freeCount;
  }

  /** Frames that a new account at the top may be given. */
  get unpromised(): number {
    return this.#unpromised;
  }

  /**
   * An account for frames: at the top one with a promise of `limit` of them, which nobody else gets; below a parent one
   * that shares the parent's.
   *
   * @param options.limit  frames; default: all that nobody was promised, or the parent's
   * @returns null when there are not so many, or too many accounts
   */
  open(options: { limit?: number; parent?: MemoryAccount; reaper?: Reaper } = {}): MemoryAccount | null {
    const { parent = null } = options;
    const limit = options.limit ?? parent?.limit ?? this.#unpromised;
    if (parent === null && limit > this.#unpromised) return null;
    const number = this.#freeNumber();
    if (number < 0) return null;
    if (parent === null) this.#unpromised -= limit;
    const reaper = options.reaper ?? parent?.reaper ?? new Reaper(CALL_WORK);
    return (this.#accounts[number] = new MemoryAccount(this, number, { limit, reaper, parent }));
  }

  /** An account at the top is promised all that nobody was: its limit stays, but what is made its family has it. */
  promiseRest(account: MemoryAccount): void {
    assert(account.parent === null, "who has a parent lives from its promise");
    account.promised += this.#unpromised;
    this.#unpromised = 0;
  }

  /** Of an account; −1: there are too many. */
  #freeNumber(): number {
    const free = this.#accounts.indexOf(null);
    const number = free < 0 ? this.#accounts.length : free;
    return number < ACCOUNTS_MAX ? number : -1;
  }

  /**
   * What a kernel was promised is its family's from now on, which its forks belong to, too: each has its own limit, and
   * all live from the same frames. @returns null when there are too many accounts
   */
  familyOf(account: MemoryAccount): MemoryAccount | null {
    if (account.parent !== null) return account.parent;
    const number = this.#freeNumber();
    if (number < 0) return null;
    const { limit, promised, charged } = account;
    const family = new MemoryAccount(this, number, { limit: promised, reaper: new Reaper(CALL_WORK), parent: null });
    family.isFamily = true;
    family.charged = charged;
    this.#accounts[number] = family;
    account.joinFamily(family);
    account.limit = limit;
    return family;
  }

  /** Accounts directly below another one. */
  *childrenOf(parent: MemoryAccount): Generator<MemoryAccount> {
    for (const each of this.#accounts) if (each?.parent === parent) yield each;
  }

  /** The account of a fork, a copy of another's, gets a number of its own. @returns −1: there are too many */
  enrol(account: MemoryAccount): number {
    const number = this.#freeNumber();
    if (number >= 0) this.#accounts[number] = account;
    return number;
  }

  /**
   * Ends an account. What is still charged to it is its parent's from then on; at the top the frames become free,
   * whoever holds references to them.
   */
  close(account: MemoryAccount): void {
    const { number, parent } = account;
    assert(this.#accounts[number] === account, "an account is closed once");
    // There may be a thousand forks, each of which closes one that it needs no more.
    for (let at = 0; at < this.#accounts.length; at++) {
      const below = this.#accounts[at]!;
      if (below?.parent === account) this.close(below);
    }
    const last = account.charged > 0 ? this.#touchedEnd : 0;
    for (let at = 0; at < last; at++) {
      const tag = this.#charged[at]!;
      if (this.#references[at] === 0 || (tag & ~HOLDS_CODE) !== number) continue;
      if (parent !== null) this.#charged[at] = parent.number | (tag & HOLDS_CODE);
      else {
        this.#references[at] = 0;
        this.#makeFree(this.first + at);
      }
    }
    this.#accounts[number] = null;
    if (parent === null) this.#unpromised += account.promised;
    account.limit = 0;
    if (parent?.isFamily === true && !this.#accounts.some((each) => each?.parent === parent)) this.close(parent);
  }

  /** Ends an account that may never have come to be, or is closed. */
  closeIfOpen(account: MemoryAccount): void {
    if (this.#accounts[account.number] === account) this.close(account);
  }

  get isCopying(): boolean {
    return this.#isCopying;
  }

  /** @throws what `copy` throws; all references that it took are then given back */
  whileCopying<T>(copy: () => T): T {
    assert(!this.#isCopying, "one kernel is copied at a time");
    this.#isCopying = true;
    const taken = this.#taken;
    try {
      return copy();
    } catch (error) {
      taken.shared.forEach((frame) => this.notes[frame - this.first]!--);
      for (const account of taken.sharers) this.#unreserve(account);
      taken.retained.forEach((frame) => this.release(frame));
      throw error;
    } finally {
      taken.shared.clear();
      taken.retained.clear();
      taken.sharers.length = 0;
      this.#isCopying = false;
    }
  }

  /** A frame with one reference and any content, or −ENOMEM. */
  allocate(account: MemoryAccount): Frame {
    const frame = this.#take(account);
    if (this.trackSites && frame > 0) this.#noteSite(frame);
    return frame;
  }

  /** A frame of zeroes with one reference, or −ENOMEM. */
  allocateZeroed(account: MemoryAccount): Frame {
    const touched = this.#touchedCount;
    const frame = this.#take(account);
    // A frame that was never used is zero already; one that was taken back from a cache is not.
    if (this.trackSites && frame > 0) this.#noteSite(frame);
    if (frame > 0 && this.#touchedCount === touched) {
      this.physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    }
    return frame;
  }

  /**
   * The frame of this number, with one reference and any content: only with windows, and where it is free. Nothing is
   * reclaimed for it.
   *
   * @param isZeroed  its content is to be zero
   * @returns 0 when it can't be had; `allocate` may give another
   */
  allocateAt(account: MemoryAccount, frame: Frame, isZeroed: boolean): Frame {
    const at = frame - this.first;
    const placed = this.#placed;
    if (placed === null || frame < this.#untouched || at >= placed.length || this.#references[at] !== 0) return 0;
    const isNew = placed[at] === 0;
    if ((isNew && this.#touchedCount >= this.total) || this.isCopying) return 0;
    if (this.freeCount <= this.#reserved || account.charge() !== null) return 0;
    if (isNew) {
      placed[at] = 1;
      this.#touchedCount++;
    } else {
      this.#placedFree--;
      if (isZeroed) this.physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    }
    this.#own(frame, account);
    if (this.trackSites) this.#noteSite(frame);
    return frame;
  }

  #take(account: MemoryAccount): Frame {
    if (this.isCopying) return account.chargeCopied() ? this.#pop(account) : -ENOMEM;
    for (;;) {
      if (!charge(account)) return -ENOMEM;
      const frame = this.#pop(account);
      if (frame > 0 || !account.ofKernel.makeRoomInFamily()) return frame;
    }
  }

  /**
   * A frame for what was charged; −ENOMEM, and nothing is charged: forks hold what their family does not count, so
   * frames may run short where no account is full, and room is made as if one were.
   */
  #pop(account: MemoryAccount): Frame {
    const frame = this.#mayPop() ? this.#popFree() : 0;
    if (frame === 0) {
      account.uncharge();
      return -ENOMEM;
    }
    this.#own(frame, account);
    if (this.#isCopying) this.#taken.retained.push(frame);
    return frame;
  }

  /** Is there more than is reserved? */
  #mayPop(): boolean {
    if (this.#reserved === 0 || this.freeCount > this.#reserved) return true;
    this.lent?.reclaim(64);
    return this.freeCount > this.#reserved;
  }

  #popFree(): Frame {
    return this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#popRare();
  }

  #own(frame: Frame, account: MemoryAccount): void {
    const at = frame - this.first;
    this.#references[at] = 1;
    this.#charged[at] = account.number;
    this.notes[at] = 0;
  }

  #popRare(): Frame {
    const fresh = this.#popUntouched();
    if (fresh !== 0) return fresh;
    this.lent?.reclaim(64);
    return this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#popPlaced();
  }

  #popUntouched(): Frame {
    if (this.#placed === null) {
      if (this.#touchedCount === this.total) return 0;
      this.#touchedCount++;
      return this.#untouched++;
    }
    while (this.#touchedCount < this.total && this.#untouched < this.first + this.#placed.length) {
      const frame = this.#untouched++;
      if (this.#placed[frame - this.first] === 0) {
        this.#touchedCount++;
        return frame;
      }
      if (this.#references[frame - this.first] !== 0) continue;
      this.#placedFree--;
      return frame;
    }
    return this.#popPlaced();
  }

  /** A frame that was given out by its number and is free again. */
  #popPlaced(): Frame {
    const placed = this.#placed;
    if (placed === null || this.#placedFree === 0) return 0;
    const first = this.#untouched - this.first;
    for (let at = Math.max(this.#sweep, first); ; at = at + 1 < placed.length ? at + 1 : first) {
      if (placed[at] === 0 || this.#references[at] !== 0) continue;
      this.#placedFree--;
      this.#sweep = at + 1 < placed.length ? at + 1 : 0;
      return this.first + at;
    }
  }

  /**
   * What this would be with the frames of one kernel alone, on a board that has no more than it was promised, or than
   * its highest frame asks for: each keeps its number.
   *
   * @param held  its references and notes by (frame − first), and how often it borrows each that it does
   * Between the pieces other kernels may run.
   *
   * @returns that, and what the kernel's account would be, and each below it
   */
  *onlyOf(
    account: MemoryAccount,
    held: { readonly references: Int32Array; readonly notes: Uint16Array; readonly borrowed: Uint16Array },
  ): Generator<
    void,
    { frames: FrameAllocator; memory: MemoryAccount; below: ReadonlyMap<MemoryAccount, MemoryAccount> }
  > {
    let used = held.references.length;
    while (used > 0 && held.references[used - 1] === 0) used--;
    const only = new FrameAllocator(this.physical, Math.max(account.limit, used));
    const memory = only.open({ limit: account.limit, reaper: account.reaper });
    assert(memory !== null, "an account is the first one of its board");
    const below = only.#standForBelow(account, memory, this.#accounts);
    const byNumber = new Map([...below].map(([from, to]) => [from.number, to]));
    yield;
    let charged = 0;
    for (let at = used - 1; at >= 0; at--) {
      if (at % FRAMES_AT_ONCE === 0) yield;
      const borrowed = held.borrowed[at]!;
      if (held.references[at] === 0) only.#free[only.#freeCount++] = this.first + at;
      else if (borrowed === 0) charged++;
      else {
        charged += borrowed;
        only.#lender.charged++;
      }
      only.#references[at] = held.references[at]!;
      only.notes[at] = held.notes[at]!;
      const own = borrowed > 0 ? undefined : byNumber.get(this.#charged[at]! & ~HOLDS_CODE);
      only.#charged[at] = borrowed > 0 ? only.#lender.number : (own ?? memory).number;
      if (own !== undefined && held.references[at]! > 0) own.standForFrame(memory);
    }
    only.#untouched = this.first + used;
    only.#touchedCount = used;
    memory.standFor(account, charged);
    return { frames: only, memory, below };
  }

  /** Opens an account for each of those below another; `memory` is what that is here. */
  #standForBelow(
    account: MemoryAccount,
    memory: MemoryAccount,
    accounts: readonly (MemoryAccount | null)[],
  ): Map<MemoryAccount, MemoryAccount> {
    const standing = new Map<MemoryAccount, MemoryAccount>();
    const visit = (parent: MemoryAccount, here: MemoryAccount): void => {
      for (const each of accounts) {
        if (each?.parent !== parent) continue;
        const own = this.open({ parent: here, limit: each.limit });
        assert(own !== null, "there are no more of them than there were");
        own.peak = each.peak;
        own.shortage = each.shortage;
        standing.set(each, own);
        visit(each, own);
      }
    };
    visit(account, memory);
    return standing;
  }

  // ---- Frames that are lent

  /** A new frame of the board's, lent to `account`, with a reference of each; any content. −ENOMEM. */
  allocateLent(account: MemoryAccount): Frame {
    for (;;) {
      if (!charge(account)) return -ENOMEM;
      this.#lender.charge();
      const frame = this.#pop(this.#lender);
      if (frame > 0) return this.#lendNew(frame);
      account.uncharge();
      if (this.isCopying || !account.ofKernel.makeRoomInFamily()) return frame;
    }
  }

  #lendNew(frame: Frame): Frame {
    this.#references[frame - this.first] = 2;
    this.notes[frame - this.first] = 1;
    return frame;
  }

  /** Lends a frame to one more account, which gets a reference. 0, −ENOMEM. */
  lend(frame: Frame, account: MemoryAccount): number {
    // Held, because making room may have it reclaimed.
    this.retain(frame);
    if (!charge(account)) {
      this.release(frame);
      return -ENOMEM;
    }
    this.notes[frame - this.first]!++;
    return 0;
  }

  /**
   * One more cache has a frame of a cache: that of a fork, whose account is a copy and counts it already. What is lent
   * to the whole family is charged to that once.
   */
  share(frame: Frame, account: MemoryAccount): void {
    account.retain(frame);
    this.notes[frame - this.first]!++;
    if (this.#isCopying) this.#taken.shared.push(frame);
    if (!this.isLent(frame)) return;
    account.ofKernel.inherited++;
    for (let at: MemoryAccount | null = account; at !== null && !at.isFamily; at = at.parent) at.foreign--;
  }

  /** Takes back the reference of a cache: of a frame that was lent to its account, or that caches of forks share. */
  giveBack(frame: Frame, account: MemoryAccount): void {
    if (this.isLent(frame)) account.unchargeLent();
    if (this.isShared(frame)) this.notes[frame - this.first]!--;
    account.release(frame);
  }

  /** Is it in other page caches, too, or an image's? Then nobody writes it. Of frames of page caches. */
  isShared(frame: Frame): boolean {
    return this.notes[frame - this.first]! > 0 || this.isLent(frame);
  }

  /** Was it taken for another kernel? */
  isForeign(frame: Frame, kernel: MemoryAccount): boolean {
    return !this.isLent(frame) && this.#accounts[this.#charged[frame - this.first]! & ~HOLDS_CODE]!.ofKernel !== kernel;
  }

  isLent(frame: Frame): boolean {
    return (this.#charged[frame - this.first]! & ~HOLDS_CODE) === this.#lender.number;
  }

  /** Does a page table (or who moves bytes just now) hold the frame of a cache, beside caches? */
  isMapped(frame: Frame): boolean {
    const at = frame - this.first;
    return this.#references[at]! > 1 + this.notes[at]!;
  }

  /** References as a program may know of them: it learns nothing of other kernels. */
  sharers(frame: Frame): number {
    return this.isLent(frame) ? 2 : this.references(frame);
  }

  // ---- Nodes of page tables that forks of a kernel share

  /**
   * The table of a fork has a node of its original's, too. From then on that is their family's, and each who has it is
   * charged for a node all the same, for which a frame stays free: to need one of one's own never fails.
   *
   * @param account  the original's
   * @returns 0, −ENOMEM
   */
  shareNode(node: Frame, account: MemoryAccount, fork: MemoryAccount): number {
    if (!this.isSharedNode(node)) {
      const family = account.ofKernel.parent!;
      if (this.freeCount <= this.#reserved || family.charge() !== null) return -ENOMEM;
      this.#charged[node - this.first] = family.number;
      this.#reserved++;
    }
    if (this.freeCount <= this.#reserved || !fork.chargeCopied()) return -ENOMEM;
    this.#reserved++;
    if (this.#isCopying) this.#taken.sharers.push(fork);
    this.retain(node);
    return 0;
  }

  isSharedNode(node: Frame): boolean {
    return this.#accounts[this.#charged[node - this.first]!]!.isFamily;
  }

  /**
   * A node that is shared gets other content for one of those who have it. @returns the node itself, for the last of
   * them; else a frame with the same bytes, and the note is the same
   */
  ownNode(node: Frame, account: MemoryAccount): Frame {
    const at = node - this.first;
    this.#reserved--;
    if (this.#references[at] === 1) {
      this.#accounts[this.#charged[at]!]!.uncharge();
      this.#charged[at] = account.number;
      return node;
    }
    const own = this.#popFree();
    assert(own !== 0, "a frame is free for each who shares a node");
    this.#own(own, account);
    this.notes[own - this.first] = this.notes[at]!;
    this.physical.u8.copyWithin(own * PAGE_SIZE, node * PAGE_SIZE, (node + 1) * PAGE_SIZE);
    this.release(node);
    return own;
  }

  /** One of several who share a node has no use for it any more. */
  leaveNode(node: Frame, account: MemoryAccount): void {
    this.#unreserve(account);
    this.release(node);
  }

  #unreserve(account: MemoryAccount): void {
    this.#reserved--;
    account.uncharge();
  }

  // ---- References

  /** Code was decoded from the frame: it is told when that becomes free. */
  noteCode(frame: Frame): void {
    this.#charged[frame - this.first]! |= HOLDS_CODE;
  }

  references(frame: Frame): number {
    return this.#references[frame - this.first]!;
  }

  retain(frame: Frame): void {
    const at = frame - this.first;
    assert(this.#references[at]! > 0, "a retained frame is in use");
    this.#references[at]!++;
    if (this.#isCopying) this.#taken.retained.push(frame);
  }

  release(frame: Frame): void {
    const at = frame - this.first;
    assert(this.#references[at]! > 0, "a released frame is in use");
    if (--this.#references[at]! > 0) return;
    this.#accounts[this.#charged[at]! & ~HOLDS_CODE]!.uncharge();
    this.#makeFree(frame);
  }

  /** The frame has its content afterwards. */
  settle(frame: Frame): void {
    this.pending?.settle(frame);
  }

  /** Content that waits comes to so many frames. @returns whether more wait */
  settleNext(most: number): boolean {
    this.pending?.settleNext(most);
    if (this.pending?.count === 0) this.pending = null;
    return this.pending !== null;
  }

  #makeFree(frame: Frame): void {
    this.pending?.forget(frame);
    if ((this.#charged[frame - this.first]! & HOLDS_CODE) !== 0) this.onCodeGone(frame);
    if (frame >= this.#untouched) this.#placedFree++;
    else this.#free[this.#freeCount++] = frame;
    if (this.trackSites) this.#sites.delete(frame);
  }

  /** Frames that were taken while `trackSites` was set and are still in use, by the line of code that took them. */
  leaks(): { count: number; sites: Map<string, number> } {
    const sites = new Map<string, number>();
    for (const site of this.#sites.values()) sites.set(site, (sites.get(site) ?? 0) + 1);
    return { count: this.#sites.size, sites };
  }

  #noteSite(frame: Frame): void {
    // The caller of allocate or allocateZeroed.
    const lines = (new Error().stack ?? "").split("\n").slice(1);
    this.#sites.set(
      frame,
      lines.find((line) => !line.includes("#noteSite") && !line.includes("FrameAllocator."))?.trim() ?? "unknown",
    );
  }

  static {
    stateClass(
      "FrameAllocator",
      this,
      {
        save: (it) => ({
          references: it.#references,
          charged: it.#charged,
          free: it.#free,
          accounts: it.#accounts,
          lender: it.#lender,
          unpromised: it.#unpromised,
          freeCount: it.#freeCount,
          untouched: it.#untouched,
          touchedCount: it.#touchedCount,
          placed: it.#placed,
          placedFree: it.#placedFree,
          sweep: it.#sweep,
        }),
        load: (it, from) =>
          ({
            references: it.#references,
            charged: it.#charged,
            free: it.#free,
            accounts: it.#accounts,
            lender: it.#lender,
            unpromised: it.#unpromised,
            freeCount: it.#freeCount,
            untouched: it.#untouched,
            touchedCount: it.#touchedCount,
            placed: it.#placed,
            placedFree: it.#placedFree,
            sweep: it.#sweep,
          } = from),
      },
      { keeps: ["trackSites", "#isCopying", "#taken", "#reserved", "#sites", "onCodeGone", "pending"] },
    );
  }
}

/**
 * Charges a frame, with room made where an account is full; where that is a family, by who asks. False: there is none.
 */
function charge(account: MemoryAccount): boolean {
  for (let full = account.charge(); full !== null; full = account.charge())
    if (account.frames.isCopying || !(full.isFamily ? account.ofKernel.makeRoomInFamily() : full.makeRoom()))
      return false;
  return true;
}
