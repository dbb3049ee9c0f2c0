/**
 * A packet on its way through the hooks: its bytes, where its headers are, and what is known of it beside them. One
 * object for all packets: each is done before the next comes.
 */
import {
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  NFPROTO_INET,
} from "@stratos/abi";
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
  /** NFPROTO_* of the hook: NFPROTO_INET where packets are those of IP. */
  family: number = NFPROTO_INET;
  /** Where its frame begins; −1: it has none, or it is gone. */
  frameAt = -1;
  /** What the frame has in it, or the version of IP: ETH_P_*. */
  etherType = 0;
  /** Is it a whole packet of IP? */
  isIp = true;
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
  /** Of a frame, for whom it is: PACKET_*. */
  frameType = 0;
  mark = 0;
  priority = 0;
  /** Whose it is, of this machine's own; −1: nobody's. */
  uid = -1;
  gid = -1;
  connection: Connection | null = null;
  /** Its connection is a flow table's: no rule sees it. */
  isOffloaded = false;
  /** ESTABLISHED, … UNTRACKED. */
  relation = INVALID;

  get isFrame(): boolean {
    return this.family !== NFPROTO_INET;
  }

  get end(): number {
    return this.at + this.length;
  }

  /** Type of service, or traffic class. */
  get trafficClass(): number {
    const { bytes, at } = this;
    return this.isV6 ? ((bytes[at]! & 15) << 4) | (bytes[at + 1]! >> 4) : bytes[at + 1]!;
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
    this.uid = this.gid = -1;
    this.inDevice = this.outDevice = 0;
    this.isForMany = false;
    this.connection = null;
    this.relation = INVALID;
    this.isOffloaded = false;
    this.family = NFPROTO_INET;
    this.frameAt = -1;
    this.isIp = true;
    this.#findTransport();
  }

  /**
   * Begins with a frame, of which nothing was checked.
   *
   * @param headerSize  of its link's header; 0: it has none
   * @param etherType  ETH_P_*: what it has in it
   */
  beginFrame(frame: Uint8Array, headerSize: number, etherType: number, family: number): void {
    this.bytes = frame;
    this.at = headerSize;
    this.length = frame.length - headerSize;
    this.mark = this.priority = 0;
    this.uid = this.gid = -1;
    this.connection = null;
    this.relation = INVALID;
    this.family = family;
    this.frameAt = headerSize === 0 ? -1 : 0;
    this.etherType = etherType;
    this.isIp = this.#isWholeIp();
    if (this.isIp) this.#findTransport();
    else {
      this.isV6 = false;
      this.protocol = 0;
      this.transportAt = -1;
    }
  }

  /** As nft_set_pktinfo_ipv4_validate and its like see it. */
  #isWholeIp(): boolean {
    const { bytes, at, length, etherType } = this;
    if (etherType === ETH_P_IPV6)
      return length >= 40 && bytes[at]! >> 4 === 6 && 40 + ((bytes[at + 4]! << 8) | bytes[at + 5]!) <= length;
    if (etherType !== ETH_P_IP || length < 20) return false;
    const header = (bytes[at]! & 15) * 4;
    const total = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return bytes[at]! >> 4 === 4 && header >= 20 && total >= header && total <= length;
  }

  #findTransport(): void {
    const { bytes, at, length } = this;
    this.isV6 = bytes[at]! >> 4 === 6;
    this.etherType = this.isV6 ? ETH_P_IPV6 : ETH_P_IP;
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
