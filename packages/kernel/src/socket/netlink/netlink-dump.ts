/** A dump whose messages have not all been asked for: of many things they are made as the reader takes them. */
import { concatBytes, stateClass } from "@stratos/base";
import type { CallWork } from "../../ground/call-work.ts";

/** Largest datagram of a dump (net/netlink/af_netlink.c gives at least this much). */
const DATAGRAM_MAX = 8192;
/** Units of one (ground/call-work.ts). */
const MESSAGE_WORK = 3;

export class NetlinkDump {
  #messages: Iterator<Uint8Array | null>;
  /** Of the datagram that is put together. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #datagram: Uint8Array | null = null;
  /** NLMSG_DONE, a datagram of its own; null: it is the one above, or taken. */
  #end: Uint8Array | null;

  /** @param messages  null: something was looked at that isn't told of */
  constructor(messages: Iterable<Uint8Array | null>, end: Uint8Array) {
    this.#messages = messages[Symbol.iterator]();
    this.#end = end;
  }

  get isOver(): boolean {
    return this.#end === null && this.#datagram === null;
  }

  /** The next datagram, until it is taken; null: it is over, or the call has no work left to make it. */
  next(work: CallWork): Uint8Array | null {
    while (this.#datagram === null && this.#end !== null && !work.isUsed) {
      const next = this.#messages.next();
      work.charge(next.done === true || next.value === null ? 1 : MESSAGE_WORK);
      this.#gather(next);
    }
    return this.#datagram;
  }

  take(): void {
    this.#datagram = null;
  }

  #gather({ done, value }: IteratorResult<Uint8Array | null>): void {
    if (done !== true && value === null) return;
    if (this.#parts.length > 0 && (done === true || this.#partBytes + value!.length > DATAGRAM_MAX)) {
      this.#datagram = concatBytes(this.#parts);
      this.#parts = [];
      this.#partBytes = 0;
    } else if (done === true) {
      this.#datagram = this.#end;
      this.#end = null;
    }
    if (done === true) return;
    this.#parts.push(value!);
    this.#partBytes += value!.length;
  }

  static {
    stateClass(
      "NetlinkDump",
      this,
      {
        // What is yet to be looked at is nothing that could be kept: it is told of as it is now.
        save(it) {
          const left = [...{ [Symbol.iterator]: () => it.#messages }];
          it.#messages = left.values();
          return { left, parts: it.#parts, partBytes: it.#partBytes, datagram: it.#datagram, end: it.#end };
        },
        load(it, { left, ...from }) {
          it.#messages = left.values();
          ({ parts: it.#parts, partBytes: it.#partBytes, datagram: it.#datagram, end: it.#end } = from);
        },
      },
      { keeps: ["#messages"] },
    );
  }
}
