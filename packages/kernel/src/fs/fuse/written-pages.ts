import { PAGE_SIZE } from "@stratos/abi";
import { stateClass, SteadySet } from "@stratos/base";
import type { PageIndex } from "../../frames/frame.ts";
import { WaitQueue } from "../../ground/wait-queue.ts";

/** Pages `first` and those behind it, under way to the server. */
export class TakenPages {
  readonly written: WrittenPages;
  readonly first: PageIndex;
  readonly count: number;
  /** How many the call that stores them means to store after them. */
  left = 0;

  constructor(written: WrittenPages, first: PageIndex, count: number) {
    this.written = written;
    this.first = first;
    this.count = count;
  }

  arrived(): void {
    this.written.end(this);
  }

  /** The server has not taken them: they wait again. @param from  bytes that it took */
  putBack(from: number): void {
    this.written.end(this);
    for (let index = Math.floor(from / PAGE_SIZE); index < this.count; index++)
      this.written.putBack(this.first + index);
  }

  static {
    stateClass("TakenPages", this);
  }
}

/**
 * Pages of a served file that shared mappings have written. The server gets them with msync(2), fsync(2), close(2) and
 * munmap(2), and with the end of a process (store-written.ts): a fault can't wait for it, these do.
 */
export class WrittenPages {
  /** That it has not got yet, those first that wait for the longest. */
  #waiting = new SteadySet<PageIndex>();
  #underWay = new Set<TakenPages>();
  /** Woken when pages that were under way have arrived, or wait again. */
  readonly arrivals = new WaitQueue();
  /** When a page was written last, in numbers of requests: what was read before that is older. */
  #writtenAt = new Map<PageIndex, number>();

  get count(): number {
    return this.#waiting.size;
  }

  get isAnyUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  #isUnderWay(index: PageIndex): boolean {
    for (const { first, count } of this.#underWay) if (index >= first && index < first + count) return true;
    return false;
  }

  /** It waits, or is under way: what the server has may be older. */
  isOnItsWay(index: PageIndex): boolean {
    return this.#waiting.has(index) || this.#isUnderWay(index);
  }

  /** @param now  the number of the request that comes next */
  add(index: PageIndex, now: number): void {
    this.#waiting.add(index);
    this.#writtenAt.set(index, now);
  }

  /** It was written by write(2), which the server knows of: what it was asked for before is older. */
  note(index: PageIndex, now: number): void {
    this.#writtenAt.set(index, now);
  }

  /** Is the page newer than what the request of that number was answered? */
  isNewer(index: PageIndex, request: number): boolean {
    return this.isOnItsWay(index) || (this.#writtenAt.get(index) ?? 0) > request;
  }

  /**
   * Takes the page that waits for the longest and those behind it, `most` in all, but for those under way: a server may
   * do first what it was asked last.
   *
   * @returns null: there is none
   */
  take(most: number): TakenPages | null {
    for (const first of this.#waiting) {
      if (this.#isUnderWay(first)) continue;
      let count = 0;
      while (count < most && !this.#isUnderWay(first + count) && this.#waiting.delete(first + count)) count++;
      const taken = new TakenPages(this, first, count);
      this.#underWay.add(taken);
      return taken;
    }
    return null;
  }

  end(taken: TakenPages): void {
    if (this.#underWay.delete(taken)) this.arrivals.wakeAll();
  }

  putBack(index: PageIndex): void {
    this.#waiting.add(index);
  }

  /** Pages from there on are gone. */
  drop(from: PageIndex): void {
    for (const index of [...this.#waiting]) if (index >= from) this.#waiting.delete(index);
    for (const index of this.#writtenAt.keys()) if (index >= from) this.#writtenAt.delete(index);
  }

  static {
    stateClass("WrittenPages", this, {
      save: (it) => ({ waiting: it.#waiting, underWay: it.#underWay, writtenAt: it.#writtenAt }),
      load: (it, from) => ({ waiting: it.#waiting, underWay: it.#underWay, writtenAt: it.#writtenAt } = from),
    });
  }
}
