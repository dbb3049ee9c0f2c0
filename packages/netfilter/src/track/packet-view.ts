/**
 * A packet on its way through the hooks: its bytes, where its headers are, and what is known of it beside them. One
 * object for all packets: each is done before the next comes.
 */
import { IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from "@stratos/abi";
import type { Connection } from "./connection.ts";

/** Of the packet to its connection (IP_CT_*); the first two are of the original direction. */
export const ESTABLISHED = 0,
  RELATED = 1,
  NEW = 2,
  /** From here on: replies. */
  REPLY = 3,
  INVALID = 7,
  UNTRACKED = 8;

const EXTENSIONS_MAX = 8;

/** What stays with a packet from where it leaves to where it comes in again. */
export interface KnownPacket {
  readonly connection: Connection | null;
  readonly relation: number;
  readonly mark: number;
}

export class PacketView {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where its IP header begins. */
  at = 0;
  /** From there on, in bytes. */
  length = 0;
  isV6 = false;
  protocol = 0;
  /** Where the header of its protocol begins; −1: it isn't whole, or a part behind the first. */
  transportAt = -1;
  /** NF_INET_*. */
  hook = 0;
  /** Interfaces by index; 0: none. */
  inDevice = 0;
  outDevice = 0;
  /** It went to all stations or a group. */
  isForMany = false;
  mark = 0;
  priority = 0;
  connection: Connection | null = null;
  /** ESTABLISHED, … UNTRACKED. */
  relation = INVALID;

  get end(): number {
    return this.at + this.length;
  }

  get isReply(): boolean {
    return this.relation >= REPLY && this.relation < INVALID;
  }

  /** Begins with another packet, which was checked before: nothing is known of it. */
  begin(bytes: Uint8Array, at: number, length: number): void {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    this.mark = this.priority = 0;
    this.inDevice = this.outDevice = 0;
    this.isForMany = false;
    this.connection = null;
    this.relation = INVALID;
    this.isV6 = bytes[at]! >> 4 === 6;
    if (this.isV6) this.#findTransportV6();
    else {
      const header = (bytes[at]! & 15) * 4;
      this.protocol = bytes[at + 9]!;
      const fragment = ((bytes[at + 6]! & 0x1f) << 8) | bytes[at + 7]!;
      this.transportAt = fragment === 0 && header < length ? at + header : -1;
    }
  }

  /** It came back by the loopback. */
  recall({ connection, relation, mark }: KnownPacket): void {
    this.connection = connection;
    this.relation = relation;
    this.mark = mark;
  }

  #findTransportV6(): void {
    const { bytes, end } = this;
    let next = bytes[this.at + 6]!;
    let at = this.at + 40;
    this.transportAt = -1;
    for (let count = 0; count < EXTENSIONS_MAX; count++) {
      if (
        next !== IPPROTO_HOPOPTS &&
        next !== IPPROTO_ROUTING &&
        next !== IPPROTO_DSTOPTS &&
        next !== IPPROTO_FRAGMENT
      ) {
        this.protocol = next;
        this.transportAt = at < end ? at : -1;
        return;
      }
      if (at + 8 > end) break;
      if (next === IPPROTO_FRAGMENT && (((bytes[at + 2]! << 8) | bytes[at + 3]!) & 0xfff8) !== 0) break;
      const size = next === IPPROTO_FRAGMENT ? 8 : 8 * (bytes[at + 1]! + 1);
      next = bytes[at]!;
      at += size;
    }
    this.protocol = next;
  }

  /** Where a header of IPv6 in front of its protocol's begins, of which 8 bytes are there; −1: nowhere. */
  findExtension(protocol: number): number {
    const { bytes, end } = this;
    if (!this.isV6) return -1;
    let next = bytes[this.at + 6]!;
    let at = this.at + 40;
    for (let count = 0; count < EXTENSIONS_MAX && at + 8 <= end; count++) {
      if (next === protocol) return at;
      if (next !== IPPROTO_HOPOPTS && next !== IPPROTO_ROUTING && next !== IPPROTO_DSTOPTS && next !== IPPROTO_FRAGMENT)
        return -1;
      const size = next === IPPROTO_FRAGMENT ? 8 : 8 * (bytes[at + 1]! + 1);
      next = bytes[at]!;
      at += size;
    }
    return -1;
  }

  /** Are so many bytes of its protocol's header there? */
  hasTransport(size: number): boolean {
    return this.transportAt >= 0 && this.transportAt + size <= this.end;
  }
}
