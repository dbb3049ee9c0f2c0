/**
 * Datagrams that wait in a socket: a ring of records, so that none takes an object of its own.
 *
 *      0     head                 tail         capacity (a power of two)
 *      |      [ record | record … )             |         a record never wraps: the rest before the end is left out
 *
 *      record:  words of HEADER | bytes, padded to 4 | IPv6 extension headers
 *
 * Bound: the caller's; it asks `cost` before it adds.
 */
import { EFAULT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { InetEndpoint, IpAddress } from "@stratos/netstack";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { NO_EXTENSIONS } from "./extension-headers.ts";

/** Words of a record's header. */
const LENGTH = 0,
  FROM = 1,
  TO = 5,
  PORT = 9,
  HOP_LIMIT = 10,
  TRAFFIC_CLASS = 11,
  INTERFACE = 12,
  EXTENSIONS = 13,
  /** An empty one that a peek has found: 1. */
  IS_PEEKED = 14,
  HEADER_WORDS = 15;
const HEADER_SIZE = HEADER_WORDS * 4;
/** LENGTH of what fills the end of the ring. */
const SKIP = 0xffffffff;
const SMALLEST = 4096;
/** A ring that runs empty and is larger gives its storage back. */
const KEPT_MOST = 1 << 17;
/** What a datagram costs of SO_RCVBUF beside its bytes. */
const OVERHEAD = 256;

/** What is known of a datagram beside its bytes and the interface that it came in by. */
interface DatagramHeader {
  readonly from: InetEndpoint;
  readonly to: { readonly ip: IpAddress };
  /** TTL or hop limit, and TOS or traffic class, that it was sent with. */
  readonly hopLimit: number;
  readonly trafficClass: number;
  /** IPv6 extension headers, a multiple of 4 bytes (extension-headers.ts). */
  readonly extensions: Uint8Array;
}

const EMPTY = new Uint8Array(0);

export class DatagramQueue {
  #bytes: Uint8Array = EMPTY;
  #words = new Uint32Array(0);
  #head = 0;
  #tail = 0;
  #count = 0;
  /** Bytes and overhead of all that waits. */
  cost = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the first one; 0 when none waits. */
  get length(): number {
    return this.#count === 0 ? 0 : this.#words[this.#first() + LENGTH]!;
  }

  /** Takes all that the cursor has as one datagram. @returns its length, or a negated errno: then nothing was added */
  push(header: DatagramHeader, interfaceIndex: number, from: IoCursor): number {
    const length = from.remaining;
    const { extensions } = header;
    const size = HEADER_SIZE + ((length + 3) & ~3) + extensions.length;
    const at = this.#reserve(size);
    const taken = length === 0 ? 0 : from.take(this.#bytes, at + HEADER_SIZE, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const words = this.#words;
    const word = at >> 2;
    words[word + LENGTH] = taken;
    for (let index = 0; index < 4; index++) {
      words[word + FROM + index] = header.from.ip[index]!;
      words[word + TO + index] = header.to.ip[index]!;
    }
    words[word + PORT] = header.from.port;
    words[word + HOP_LIMIT] = header.hopLimit;
    words[word + TRAFFIC_CLASS] = header.trafficClass;
    words[word + INTERFACE] = interfaceIndex;
    words[word + EXTENSIONS] = extensions.length;
    words[word + IS_PEEKED] = 0;
    if (extensions.length > 0) this.#bytes.set(extensions, at + size - extensions.length);
    this.#tail = at + size;
    this.#count++;
    this.cost += taken + extensions.length + OVERHEAD;
    return taken;
  }

  /**
   * Where so many bytes of what waits are over: an empty one is found once (net/core/datagram.c,
   * __skb_try_recv_from_queue). `into.passed`: those that belong to the datagram itself. Work: one step a datagram.
   *
   * @returns a place for `describe` and `copyTo`; −1: behind all of them
   */
  seek(offset: number, into: ReceivedDatagram): number {
    let at = this.#head;
    into.passed = offset;
    for (let left = this.#count; left > 0; left--) {
      if (at + HEADER_SIZE > this.#bytes.length || this.#words[at >> 2] === SKIP) at = 0;
      const word = at >> 2;
      const length = this.#words[word + LENGTH]!;
      if (into.passed < length || (into.passed === 0 && this.#words[word + IS_PEEKED] === 0)) return word;
      into.passed -= length;
      at += this.#sizeAt(word);
    }
    return -1;
  }

  /** A peek found it. */
  markPeeked(word = this.#first()): void {
    this.#words[word + IS_PEEKED] = this.#words[word + LENGTH] === 0 ? 1 : 0;
  }

  /** Reads the header of the first one, or of that at a place. */
  describe(into: ReceivedDatagram, word = this.#first()): void {
    const words = this.#words;
    for (let index = 0; index < 4; index++) {
      into.from[index] = words[word + FROM + index]!;
      into.to[index] = words[word + TO + index]!;
    }
    into.port = words[word + PORT]!;
    into.length = words[word + LENGTH]!;
    into.hopLimit = words[word + HOP_LIMIT]!;
    into.trafficClass = words[word + TRAFFIC_CLASS]!;
    into.interfaceIndex = words[word + INTERFACE]!;
    const extensions = words[word + EXTENSIONS]!;
    const end = word * 4 + this.#sizeAt(word);
    into.extensions = extensions === 0 ? NO_EXTENSIONS : this.#bytes.slice(end - extensions, end);
  }

  /** Copies the first one, or that at a place from a byte on, cut to the room. @returns bytes moved, or −EFAULT */
  copyTo(to: IoCursor, word = this.#first(), passed = 0): number {
    const count = Math.min(this.#words[word + LENGTH]! - passed, to.remaining);
    return putWhole(to, this.#bytes, word * 4 + HEADER_SIZE + passed, count);
  }

  shift(): void {
    const word = this.#first();
    this.cost -= this.#words[word + LENGTH]! + this.#words[word + EXTENSIONS]! + OVERHEAD;
    this.#head = word * 4 + this.#sizeAt(word);
    if (--this.#count > 0) return;
    this.#head = this.#tail = 0;
    if (this.#bytes.length > KEPT_MOST) this.clear();
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#words = new Uint32Array(0);
    this.#head = this.#tail = this.#count = this.cost = 0;
  }

  /** Bytes of the record that begins at a word. */
  #sizeAt(word: number): number {
    return HEADER_SIZE + ((this.#words[word + LENGTH]! + 3) & ~3) + this.#words[word + EXTENSIONS]!;
  }

  /** The word where the first record starts. */
  #first(): number {
    const { length } = this.#bytes;
    if (this.#head + HEADER_SIZE > length || this.#words[this.#head >> 2] === SKIP) this.#head = 0;
    return this.#head >> 2;
  }

  /** A place for `size` bytes in one piece. The ring grows where there is none. */
  #reserve(size: number): number {
    const capacity = this.#bytes.length;
    const isWrapped = this.#count > 0 && this.#tail <= this.#head;
    if (isWrapped) {
      if (this.#tail + size <= this.#head) return this.#tail;
    } else {
      if (this.#tail + size <= capacity) return this.#tail;
      if (size <= this.#head) {
        if (this.#tail + 4 <= capacity) this.#words[this.#tail >> 2] = SKIP;
        return 0;
      }
    }
    this.#grow(size);
    return this.#tail;
  }

  /** Moves all records to the start of a larger ring. */
  #grow(size: number): void {
    let capacity = Math.max(SMALLEST, this.#bytes.length);
    const used = this.#bytes.length;
    while (capacity < used + size) capacity *= 2;
    const grown = new Uint8Array(capacity);
    let tail = 0;
    for (let left = this.#count; left > 0; left--) {
      const at = this.#first() * 4;
      const end = at + this.#sizeAt(at >> 2);
      grown.set(this.#bytes.subarray(at, end), tail);
      tail += end - at;
      this.#head = end;
    }
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
    this.#head = 0;
    this.#tail = tail;
  }

  static {
    stateClass("DatagramQueue", this, {
      save: (it) => ({ bytes: it.#bytes, words: it.#words, head: it.#head, tail: it.#tail, count: it.#count }),
      load: (it, from) =>
        ({ bytes: it.#bytes, words: it.#words, head: it.#head, tail: it.#tail, count: it.#count } = from),
    });
  }
}

/** What is told of a datagram that came: one object, filled in at each call. */
export class ReceivedDatagram {
  readonly from: IpAddress = new Uint32Array(4);
  readonly to: IpAddress = new Uint32Array(4);
  port = 0;
  /** Bytes of it all, which may be more than were read. */
  length = 0;
  /** Of them, those that a peek passes over. */
  passed = 0;
  hopLimit = 0;
  trafficClass = 0;
  interfaceIndex = 0;
  extensions: Uint8Array = NO_EXTENSIONS;

  static {
    stateClass("ReceivedDatagram", this);
  }
}
