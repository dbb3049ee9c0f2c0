/**
 * Requests that have to see what the kernel has gathered and not written yet (FUSE_WRITEBACK_CACHE): SEEK_HOLE and
 * SEEK_DATA of a file, a snapshot or a rollback of everything. FUSE has no message that asks for it, but ways around:
 *
 *     one file      FUSE_NOTIFY_INVAL_INODE makes the kernel write the file's pages first; FUSE_NOTIFY_RETRIEVE behind
 *     it comes back to us as the mark
 *     everything    a process beside us calls syncfs(2), which Linux does not pass on, but begins to write for; then it
 *     looks for a name that is ours, the mark
 *
 * Meanwhile the request is kept here as it came, and others are served, the writes among them; behind its mark it is
 * done as if it came then. The kernel hands requests out in their order, but keeps some back when there are very many:
 * after many writes a second round makes sure.
 */
import { EINTR } from "@stratos/abi";
import type { Clock } from "@stratos/host";
import type { Agreement } from "./agreement.ts";
import type { Exchange } from "./exchange.ts";
import { B, HEADER_SIZE, Q_LENGTH, Q_NODE, Q_NODE_TREE, Q_UNIQUE, REQUEST_AT } from "./wire/layout.ts";
import { INVAL_INODE_WORDS, putInvalidation, putRetrieval, RETRIEVE_WORDS } from "./wire/notify-words.ts";

/** Requests that are kept; more are done at once, with what is there. */
const PARKED_MAX = 256;
/** Writes in one round after which the kernel may have kept some back; it hands out twice as many at once. */
const WRITES_MAX = 512;
/** A mark that has not come by then is not waited for by who is to be interrupted. */
const LOST_AFTER_NS = 10_000_000_000;
/** Others may write without end. */
const ROUNDS_MAX = 8;
const NO_MESSAGE = new Uint8Array(0);

interface Parked {
  /** Of what is no request: to be called. */
  readonly then: (() => void) | null;
  readonly message: Uint8Array;
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly isOfAll: boolean;
  token: number;
  rounds: number;
  /** When it came, by the monotonic clock. */
  readonly sinceNs: number;
  isInterrupted: boolean;
}

export class ParkedRequests {
  readonly #exchange: Exchange;
  readonly #agreement: Agreement;
  readonly #clock: Clock;
  readonly #parked: Parked[] = [];
  readonly #ready: Parked[] = [];
  #token = 0;
  /** Gathered writes since all were asked for. */
  #writes = 0;
  /** The request at hand has waited: what it needs is here. */
  #isResumed = false;

  constructor(exchange: Exchange, agreement: Agreement, clock: Clock) {
    this.#exchange = exchange;
    this.#agreement = agreement;
    this.#clock = clock;
  }

  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** A write of gathered pages came. */
  sawWrite(): void {
    this.#writes++;
  }

  /**
   * Keeps the request at hand until what the kernel has gathered is here: of its file, or of the mount.
   *
   * @returns false when it is to be served now: it has waited, nothing is gathered, or nobody can be asked
   */
  park(isOfAll: boolean): boolean {
    if (this.#isResumed) {
      this.#isResumed = false;
      return false;
    }
    if (!this.#agreement.gathersWrites || this.#parked.length >= PARKED_MAX) return false;
    const { words, bytes } = this.#exchange;
    const message = bytes.slice(REQUEST_AT, REQUEST_AT + words[Q_LENGTH]!);
    const parked: Parked = {
      then: null,
      message,
      uniqueLow: words[Q_UNIQUE]!,
      uniqueHigh: words[Q_UNIQUE + 1]!,
      isOfAll,
      token: this.#nextToken(),
      rounds: 1,
      sinceNs: this.#clock.monotonicNs(),
      isInterrupted: false,
    };
    if (isOfAll ? !this.#askForAll(parked) : !this.#askForFile(parked, words[Q_NODE]!, words[Q_NODE_TREE]!))
      return false;
    this.#parked.push(parked);
    return true;
  }

  /**
   * Waits for everything that the kernel has gathered without a request.
   *
   * @returns false when nothing is gathered, or nobody can be asked
   */
  gatherAll(then: () => void): boolean {
    if (!this.#agreement.gathersWrites || this.#parked.length >= PARKED_MAX) return false;
    const parked: Parked = {
      then,
      message: NO_MESSAGE,
      uniqueLow: 0,
      uniqueHigh: 0,
      isOfAll: true,
      token: this.#nextToken(),
      rounds: 1,
      sinceNs: 0,
      isInterrupted: false,
    };
    if (!this.#askForAll(parked)) return false;
    this.#parked.push(parked);
    return true;
  }

  #nextToken(): number {
    // Not to be taken for a mark in the queue of callers of fsync, which count from 1.
    this.#token = (this.#token + 1) % 0x7fffffff;
    return 0x80000000 + this.#token;
  }

  #askForAll(parked: Parked): boolean {
    this.#writes = 0;
    return this.#exchange.device.askForAll(String(parked.token));
  }

  #askForFile(parked: Parked, node: number, tree: number): boolean {
    const words = new Uint32Array(INVAL_INODE_WORDS + RETRIEVE_WORDS);
    putInvalidation(words, 0, node, tree);
    putRetrieval(words, INVAL_INODE_WORDS, parked.token, node, tree);
    this.#exchange.device.notifyLater(new Uint8Array(words.buffer));
    return true;
  }

  /** A mark came: who waited for it can go on. */
  mark(token: number): void {
    const index = this.#parked.findIndex((one) => one.token === token);
    if (index < 0) return;
    const parked = this.#parked[index]!;
    if (parked.isOfAll && this.#writes >= WRITES_MAX && parked.rounds < ROUNDS_MAX) {
      parked.rounds++;
      parked.token = this.#nextToken();
      if (this.#askForAll(parked)) return;
    }
    this.#parked.splice(index, 1);
    this.#ready.push(parked);
  }

  /**
   * A signal came for the caller of a request: fuse_interrupt_in, the request's number. Its mark comes in a moment, and
   * many signals are none that should end a call; only when it does not come the caller is let go (`giveUp`).
   */
  interrupt(): void {
    const { words } = this.#exchange;
    const parked = this.#parked.find((one) => one.uniqueLow === words[B]! && one.uniqueHigh === words[B + 1]!);
    if (parked !== undefined) parked.isInterrupted = true;
  }

  /** Now and then: ends requests that a signal wants to end, and whose marks seem lost. */
  giveUp(): void {
    if (this.#parked.length === 0) return;
    const exchange = this.#exchange;
    const latest = this.#clock.monotonicNs() - LOST_AFTER_NS;
    for (let index = this.#parked.length - 1; index >= 0; index--) {
      const { isInterrupted, sinceNs, uniqueLow, uniqueHigh } = this.#parked[index]!;
      if (!isInterrupted || sinceNs > latest) continue;
      this.#parked.splice(index, 1);
      exchange.words[Q_UNIQUE] = uniqueLow;
      exchange.words[Q_UNIQUE + 1] = uniqueHigh;
      exchange.reply(-EINTR);
    }
  }

  /** Those whose marks have come are handled as if they came now, by `handle` with their length. */
  resume(handle: (length: number) => void): void {
    for (let parked = this.#ready.shift(); parked !== undefined; parked = this.#ready.shift()) {
      if (parked.then !== null) {
        parked.then();
        continue;
      }
      this.#exchange.bytes.set(parked.message, REQUEST_AT);
      this.#isResumed = true;
      handle(Math.max(HEADER_SIZE, parked.message.length));
      this.#isResumed = false;
    }
  }
}
