/**
 * Packets that came in parts are put together (RFC 791 §3.2, RFC 8200 §4.5). Parts that overlap make all of their
 * packet invalid (RFC 5722; Linux holds it so for IPv4 as well). Bound: PACKETS_MAX, BYTES_MAX, PARTS_MAX of one;
 * the oldest packet goes for a new one.
 *
 * A packet under way is kept as it will be: its header ends at HEADER_ROOM, where the payload begins.
 */
import { stateClass } from "@stratos/base";
import { writeShort } from "./ethernet.ts";
import { type IpAddress, isSameIp } from "./ip-address.ts";
import { type IncomingPacket, IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "./ip-packet.ts";
import { setHeaderChecksum } from "./ip-writer.ts";

const PACKETS_MAX = 64,
  BYTES_MAX = 1 << 20,
  PARTS_MAX = 1024;
/** How long the first part waits for the last (net.ipv4.ipfrag_time, RFC 8200 §4.5). */
const LIFE_NS = 30e9,
  LIFE_V6_NS = 60e9;
const HEADER_ROOM = IPV6_HEADER_SIZE;

/** A packet of which parts came. */
export class PartialPacket {
  readonly isV6: boolean;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly identification: number;
  readonly protocol: number;
  /** By which the first of them came. */
  readonly device: number;
  readonly deadlineNs: number;
  /** Grows with its parts, up to 64 KiB. */
  bytes = new Uint8Array(2048);
  /** Bytes of the payload; 0: the last part hasn't come. */
  length = 0;
  /** Pairs: from, to, in order and apart. */
  ranges: number[] = [];
  hasFirst = false;

  constructor(packet: IncomingPacket, nowNs: number) {
    this.isV6 = packet.isV6;
    this.source = packet.source.slice();
    this.destination = packet.destination.slice();
    this.identification = packet.identification;
    this.protocol = packet.protocol;
    this.device = packet.device;
    this.deadlineNs = nowNs + (packet.isV6 ? LIFE_V6_NS : LIFE_NS);
  }

  /** Where the packet begins in `bytes`. */
  get at(): number {
    return this.isV6 ? 0 : HEADER_ROOM - IPV4_HEADER_SIZE;
  }

  /** Bytes that are there from `at` on without a gap: of what has its first part. */
  get knownLength(): number {
    return HEADER_ROOM - this.at + (this.ranges[1] ?? 0);
  }

  get isComplete(): boolean {
    return this.hasFirst && this.length > 0 && this.ranges.length === 2 && this.ranges[1] === this.length;
  }

  static {
    stateClass("PartialPacket", this);
  }
}

export class Reassembly {
  #packets: PartialPacket[] = [];
  #bytes = 0;

  /** When the first gives up; Infinity: nothing waits. */
  get nextNs(): number {
    let next = Infinity;
    for (const { deadlineNs } of this.#packets) next = Math.min(next, deadlineNs);
    return next;
  }

  /** @returns all of the packet, when this was the part that it lacked: it is taken out */
  add(packet: IncomingPacket, nowNs: number): PartialPacket | null {
    const partial = this.#find(packet) ?? this.#begin(packet, nowNs);
    if (!this.#put(partial, packet)) {
      this.#remove(partial);
      return null;
    }
    if (partial.isComplete) {
      this.#remove(partial);
      finish(partial);
      return partial;
    }
    while (this.#bytes > BYTES_MAX) this.#remove(this.#packets[0]!);
    return null;
  }

  /** The first that waits no longer, taken out; null: all wait. */
  takeExpired(nowNs: number): PartialPacket | null {
    const expired = this.#packets.find(({ deadlineNs }) => deadlineNs <= nowNs);
    if (expired === undefined) return null;
    this.#remove(expired);
    if (expired.hasFirst) finish(expired);
    return expired;
  }

  #find(packet: IncomingPacket): PartialPacket | undefined {
    return this.#packets.find(
      (one) =>
        one.identification === packet.identification &&
        one.isV6 === packet.isV6 &&
        // IPv6 has the protocol in the first part alone.
        (packet.isV6 || one.protocol === packet.protocol) &&
        isSameIp(one.source, packet.source) &&
        isSameIp(one.destination, packet.destination),
    );
  }

  #begin(packet: IncomingPacket, nowNs: number): PartialPacket {
    if (this.#packets.length >= PACKETS_MAX) this.#remove(this.#packets[0]!);
    const partial = new PartialPacket(packet, nowNs);
    this.#packets.push(partial);
    this.#bytes += partial.bytes.length;
    return partial;
  }

  /** @returns does it fit to what is there? */
  #put(partial: PartialPacket, packet: IncomingPacket): boolean {
    const { fragmentAt: from, payloadLength, hasMore } = packet;
    const to = from + payloadLength;
    if (partial.ranges.length >= 2 * PARTS_MAX) return false;
    const end = partial.ranges.at(-1) ?? 0;
    if (!hasMore) {
      if ((partial.length !== 0 && partial.length !== to) || end > to || to === 0) return false;
      partial.length = to;
    } else if (partial.length !== 0 && to > partial.length) return false;
    if (!addRange(partial.ranges, from, to)) return false;
    this.#grow(partial, HEADER_ROOM + to);
    const { bytes, payloadAt } = packet;
    partial.bytes.set(bytes.subarray(payloadAt, payloadAt + payloadLength), HEADER_ROOM + from);
    if (from === 0) {
      // Options of IPv4 and extensions of IPv6 stay behind.
      const size = HEADER_ROOM - partial.at;
      partial.bytes.set(bytes.subarray(packet.at, packet.at + size), partial.at);
      if (packet.isV6) partial.bytes[6] = packet.protocol;
      partial.hasFirst = true;
    }
    return true;
  }

  #grow(partial: PartialPacket, size: number): void {
    let capacity = partial.bytes.length;
    if (size <= capacity) return;
    while (capacity < size) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(partial.bytes);
    this.#bytes += capacity - partial.bytes.length;
    partial.bytes = grown;
  }

  #remove(partial: PartialPacket): void {
    this.#packets.splice(this.#packets.indexOf(partial), 1);
    this.#bytes -= partial.bytes.length;
  }

  static {
    stateClass("Reassembly", this, {
      save: (it) => ({ packets: it.#packets, bytes: it.#bytes }),
      load: (it, from) => ({ packets: it.#packets, bytes: it.#bytes } = from),
    });
  }
}

/** The header of what is there, as of a packet that was never divided. */
function finish(partial: PartialPacket): void {
  const { bytes, at, isV6, knownLength } = partial;
  if (isV6) {
    writeShort(bytes, 4, knownLength - IPV6_HEADER_SIZE);
    return;
  }
  bytes[at] = 0x45;
  writeShort(bytes, at + 2, knownLength);
  writeShort(bytes, at + 6, 0);
  setHeaderChecksum(bytes, at, IPV4_HEADER_SIZE);
}

/** @returns false: a part of it is there already */
function addRange(ranges: number[], from: number, to: number): boolean {
  let index = 0;
  while (index < ranges.length && ranges[index + 1]! <= from) index += 2;
  if (index < ranges.length && ranges[index]! < to) return false;
  const joinsBefore = index > 0 && ranges[index - 1] === from;
  const joinsAfter = index < ranges.length && ranges[index] === to;
  if (joinsBefore && joinsAfter) ranges.splice(index - 1, 2);
  else if (joinsBefore) ranges[index - 1] = to;
  else if (joinsAfter) ranges[index] = from;
  else ranges.splice(index, 0, from, to);
  return true;
}
