/**
 * Packets as they come in, checked once (RFC 791 §3.1, RFC 8200 §3 and §4): what `IncomingPacket` says holds. It knows
 * a packet of either version; its payload lies behind all headers of IP that are understood.
 */
import { IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING } from "@stratos/abi";
import { addToChecksum, foldChecksum } from "./checksum.ts";
import { longAt, shortAt } from "./ethernet.ts";
import { type IpAddress, isMulticast, readV4, readV6 } from "./ip-address.ts";
import { NO_OPTIONS } from "./ip-options.ts";

export const IPV4_HEADER_SIZE = 20,
  IPV6_HEADER_SIZE = 40;
const DONT_FRAGMENT = 0x4000,
  MORE_FRAGMENTS = 0x2000,
  OFFSET_MASK = 0x1fff;

/** Headers behind one another that are looked at. */
const EXTENSIONS_MAX = 8;

/** Why a packet isn't taken: 0 it is; dropped without a word; or "parameter problem", its code and place. */
export const PARSED = 0,
  MALFORMED = -1,
  UNKNOWN_HEADER = 1,
  UNKNOWN_OPTION = 2;

export class IncomingPacket {
  isV6 = false;
  /** `bytes[at … at + length)` is all of it, from its IP header on. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  length = 0;
  readonly source: IpAddress = new Uint32Array(4);
  readonly destination: IpAddress = new Uint32Array(4);
  /** Of the payload, `bytes[payloadAt … payloadAt + payloadLength)`. */
  protocol = 0;
  payloadAt = 0;
  payloadLength = 0;
  hops = 0;
  trafficClass = 0;
  mayFragment = false;
  /** Is it a part; where it belongs, in bytes; does more follow; of which packet. */
  isFragment = false;
  fragmentAt = 0;
  hasMore = false;
  identification = 0;
  /** IPv4, of a packet for us: its options, with what this machine has recorded in them (ip-options.ts). */
  options: Uint8Array = NO_OPTIONS;
  /** IPv6: where the field is that names the first header behind those that each router looks at. */
  nextHeaderAt = 0;
  /** Index of the interface that it came in by; 0: this machine made it. */
  device = 0;
  /** Its frame went to all stations, or a group of them. */
  isForMany = false;
  /** Of UNKNOWN_*: its place in the packet, in bytes. */
  problemAt = 0;

  /** @returns PARSED, MALFORMED or UNKNOWN_* */
  read(bytes: Uint8Array, at: number, length: number): number {
    if (length < IPV4_HEADER_SIZE) return MALFORMED;
    this.bytes = bytes;
    this.at = at;
    const version = bytes[at]! >> 4;
    return version === 4 ? this.#readV4(length) : version === 6 ? this.#readV6(length) : MALFORMED;
  }

  #readV4(length: number): number {
    const { bytes, at } = this;
    const header = (bytes[at]! & 15) * 4;
    const total = shortAt(bytes, at + 2);
    // What follows in the frame is its padding.
    if (header < IPV4_HEADER_SIZE || total < header || total > length) return MALFORMED;
    if (foldChecksum(addToChecksum(0, bytes, at, header)) !== 0) return MALFORMED;
    this.isV6 = false;
    this.length = total;
    this.trafficClass = bytes[at + 1]!;
    this.identification = shortAt(bytes, at + 4);
    const flags = shortAt(bytes, at + 6);
    this.mayFragment = (flags & DONT_FRAGMENT) === 0;
    this.hasMore = (flags & MORE_FRAGMENTS) !== 0;
    this.fragmentAt = (flags & OFFSET_MASK) * 8;
    this.isFragment = this.hasMore || this.fragmentAt > 0;
    this.hops = bytes[at + 8]!;
    this.protocol = bytes[at + 9]!;
    readV4(bytes, at + 12, this.source);
    readV4(bytes, at + 16, this.destination);
    this.payloadAt = at + header;
    this.payloadLength = total - header;
    return this.#checkFragment();
  }

  #readV6(length: number): number {
    const { bytes, at } = this;
    if (length < IPV6_HEADER_SIZE) return MALFORMED;
    const payload = shortAt(bytes, at + 4);
    if (payload > length - IPV6_HEADER_SIZE) return MALFORMED;
    this.isV6 = true;
    this.length = IPV6_HEADER_SIZE + payload;
    this.trafficClass = ((bytes[at]! & 15) << 4) | (bytes[at + 1]! >> 4);
    this.hops = bytes[at + 7]!;
    this.mayFragment = this.isFragment = this.hasMore = false;
    this.fragmentAt = this.identification = 0;
    readV6(bytes, at + 8, this.source);
    readV6(bytes, at + 24, this.destination);
    return this.#readExtensions();
  }

  #readExtensions(): number {
    const { bytes, at } = this;
    const end = at + this.length;
    let next = at + IPV6_HEADER_SIZE;
    let nameAt = at + 6;
    this.nextHeaderAt = nameAt;
    for (let count = 0; count < EXTENSIONS_MAX; count++) {
      const protocol = bytes[nameAt]!;
      const isExtension = protocol === IPPROTO_HOPOPTS || protocol === IPPROTO_ROUTING || protocol === IPPROTO_DSTOPTS;
      if (!isExtension && (protocol !== IPPROTO_FRAGMENT || this.isFragment)) {
        this.protocol = protocol;
        this.payloadAt = next;
        this.payloadLength = end - next;
        return protocol === IPPROTO_NONE ? MALFORMED : this.#checkFragment();
      }
      if (next + 8 > end) return MALFORMED;
      this.problemAt = nameAt - at;
      if (protocol === IPPROTO_FRAGMENT) {
        const flags = shortAt(bytes, next + 2);
        this.fragmentAt = flags & 0xfff8;
        this.hasMore = (flags & 1) !== 0;
        this.identification = longAt(bytes, next + 4);
        // One that is whole needs nobody to put it together (RFC 6946).
        this.isFragment = this.hasMore || this.fragmentAt > 0;
        this.nextHeaderAt = nameAt;
        nameAt = next;
        next += 8;
        // The rest of the chain is in the first part alone.
        if (this.isFragment) {
          this.protocol = bytes[nameAt]!;
          this.payloadAt = next;
          this.payloadLength = end - next;
          return this.#checkFragment();
        }
        continue;
      }
      const size = 8 * (bytes[next + 1]! + 1);
      if (next + size > end) return MALFORMED;
      // Each router heeds it, so it stands before all others.
      if (protocol === IPPROTO_HOPOPTS && count > 0) return UNKNOWN_HEADER;
      if (protocol === IPPROTO_ROUTING && bytes[next + 3] !== 0) {
        this.problemAt = next + 2 - at;
        return MALFORMED;
      }
      const refused = protocol === IPPROTO_ROUTING ? PARSED : this.#readOptions(next + 2, next + size);
      if (refused !== PARSED) return refused;
      nameAt = next;
      if (protocol === IPPROTO_HOPOPTS) this.nextHeaderAt = nameAt;
      next += size;
    }
    return MALFORMED;
  }

  /** RFC 8200 §4.2: the two highest bits of an option say what becomes of a packet where it isn't known. */
  #readOptions(from: number, end: number): number {
    const { bytes } = this;
    for (let at = from; at < end;) {
      const type = bytes[at]!;
      if (type === 0) {
        at++;
        continue;
      }
      if (at + 2 > end || at + 2 + bytes[at + 1]! > end) return MALFORMED;
      if (type >> 6 === 1) return MALFORMED;
      if (type >> 6 > 1) {
        this.problemAt = at - this.at;
        return type >> 6 === 3 && isMulticast(this.destination) ? MALFORMED : UNKNOWN_OPTION;
      }
      at += 2 + bytes[at + 1]!;
    }
    return PARSED;
  }

  /** All parts but the last are whole multiples of eight bytes, and none reaches behind the longest packet. */
  #checkFragment(): number {
    if (!this.isFragment) return PARSED;
    if (this.hasMore && ((this.payloadLength & 7) !== 0 || this.payloadLength === 0)) return MALFORMED;
    return this.fragmentAt + this.payloadLength + IPV4_HEADER_SIZE > 0xffff ? MALFORMED : PARSED;
  }
}
