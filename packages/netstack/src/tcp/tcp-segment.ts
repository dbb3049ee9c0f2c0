/**
 * A TCP segment as it is on the wire (RFC 9293 §3.1), and its options: MSS, window scale and timestamps (RFC 7323),
 * SACK (RFC 2018).
 *
 *      0                16               31
 *      | source port    | destination port |
 *      | sequence number                   |
 *      | acknowledgment number             |
 *      | offset | flags | window           |
 *      | checksum       | urgent pointer   |
 *      | options …                         |
 */
import { IPPROTO_TCP } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { addToChecksum, foldChecksum, pseudoHeaderSum } from "../checksum.ts";
import type { IpAddress } from "../ip-address.ts";

export const HEADER_SIZE = 20;
/** Header with all options that there is room for. */
export const HEADER_SIZE_MAX = 60;

export const FIN = 1,
  SYN = 2,
  RST = 4,
  PSH = 8,
  ACK = 16,
  URG = 32;

const OPTION_END = 0,
  OPTION_NOP = 1,
  OPTION_MSS = 2,
  OPTION_WINDOW_SCALE = 3,
  OPTION_SACK_PERMITTED = 4,
  OPTION_SACK = 5,
  OPTION_TIMESTAMPS = 8;

/** RFC 7323 §2.3. */
export const WINDOW_SCALE_MAX = 14;
/** What an option field of 40 bytes has room for. */
export const SACK_BLOCKS_MAX = 4;
export const TIMESTAMPS_SIZE = 12;

/** What came in: one for a stack, read into anew for each segment. */
export class TcpSegment {
  sourcePort = 0;
  destinationPort = 0;
  seq = 0;
  ack = 0;
  flags = 0;
  window = 0;
  urgentPointer = 0;
  /** The bytes that it carries are `bytes[dataAt … dataAt + dataLength)`. */
  bytes: Uint8Array = new Uint8Array(0);
  dataAt = 0;
  dataLength = 0;
  /** 0: not told. */
  mss = 0;
  /** −1: not told. */
  windowScale = -1;
  isSackPermitted = false;
  hasTimestamps = false;
  tsValue = 0;
  tsEcho = 0;
  sackCount = 0;
  /** Left and right edges. */
  readonly sacks = new Int32Array(2 * SACK_BLOCKS_MAX);

  has(flags: number): boolean {
    return (this.flags & flags) !== 0;
  }

  /** Sequence numbers that it takes. */
  get size(): number {
    return this.dataLength + (this.flags & SYN ? 1 : 0) + (this.flags & FIN ? 1 : 0);
  }

  /** @returns false: it is none (too short, a false checksum) */
  read(source: IpAddress, destination: IpAddress, bytes: Uint8Array, at: number, length: number): boolean {
    if (!this.readHeader(bytes, at, length)) return false;
    if (length < HEADER_SIZE || tcpChecksum(source, destination, bytes, at, length) !== 0) return false;
    const headerSize = (bytes[at + 12]! >>> 4) * 4;
    if (headerSize < HEADER_SIZE || headerSize > length) return false;
    this.ack = int32At(bytes, at + 8);
    this.flags = bytes[at + 13]!;
    this.window = (bytes[at + 14]! << 8) | bytes[at + 15]!;
    this.urgentPointer = (bytes[at + 18]! << 8) | bytes[at + 19]!;
    this.bytes = bytes;
    this.dataAt = at + headerSize;
    this.dataLength = length - headerSize;
    this.#readOptions(bytes, at + HEADER_SIZE, at + headerSize);
    return true;
  }

  /** Ports and the sequence number alone: what an ICMP error brings back at least (RFC 792). */
  readHeader(bytes: Uint8Array, at: number, length: number): boolean {
    if (length < 8 || at + length > bytes.length) return false;
    this.sourcePort = (bytes[at]! << 8) | bytes[at + 1]!;
    this.destinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    this.seq = int32At(bytes, at + 4);
    return true;
  }

  /** An option that is cut short ends them; one of a wrong length is passed over. */
  #readOptions(bytes: Uint8Array, at: number, end: number): void {
    this.mss = 0;
    this.windowScale = -1;
    this.isSackPermitted = false;
    this.hasTimestamps = false;
    this.sackCount = 0;
    while (at < end) {
      const kind = bytes[at]!;
      if (kind === OPTION_END) return;
      if (kind === OPTION_NOP) {
        at++;
        continue;
      }
      if (at + 1 >= end) return;
      const size = bytes[at + 1]!;
      if (size < 2 || at + size > end) return;
      this.#readOption(kind, bytes, at, size);
      at += size;
    }
  }

  #readOption(kind: number, bytes: Uint8Array, at: number, size: number): void {
    const isSyn = (this.flags & SYN) !== 0;
    if (kind === OPTION_TIMESTAMPS && size === 10) {
      this.hasTimestamps = true;
      this.tsValue = int32At(bytes, at + 2);
      this.tsEcho = int32At(bytes, at + 6);
    } else if (kind === OPTION_SACK && !isSyn && (size - 2) % 8 === 0) {
      this.sackCount = Math.min(SACK_BLOCKS_MAX, (size - 2) / 8);
      for (let edge = 0; edge < 2 * this.sackCount; edge++) this.sacks[edge] = int32At(bytes, at + 2 + 4 * edge);
    } else if (!isSyn) return;
    else if (kind === OPTION_MSS && size === 4) this.mss = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    else if (kind === OPTION_WINDOW_SCALE && size === 3) this.windowScale = Math.min(WINDOW_SCALE_MAX, bytes[at + 2]!);
    else if (kind === OPTION_SACK_PERMITTED && size === 2) this.isSackPermitted = true;
  }

  static {
    stateClass("TcpSegment", this);
  }
}

/** The fixed part without its checksum; the options stand behind it already. */
export function writeHeader(
  bytes: Uint8Array,
  sourcePort: number,
  destinationPort: number,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  urgentPointer: number,
  headerSize: number,
): void {
  bytes[0] = sourcePort >>> 8;
  bytes[1] = sourcePort;
  bytes[2] = destinationPort >>> 8;
  bytes[3] = destinationPort;
  writeInt32(bytes, 4, seq);
  writeInt32(bytes, 8, ack);
  bytes[12] = (headerSize / 4) << 4;
  bytes[13] = flags;
  bytes[14] = window >>> 8;
  bytes[15] = window;
  bytes[16] = bytes[17] = 0;
  bytes[18] = urgentPointer >>> 8;
  bytes[19] = urgentPointer;
}

/** Each returns where the next option goes; what they write is whole words. */
export function writeMss(bytes: Uint8Array, at: number, mss: number): number {
  bytes[at] = OPTION_MSS;
  bytes[at + 1] = 4;
  bytes[at + 2] = mss >>> 8;
  bytes[at + 3] = mss;
  return at + 4;
}

export function writeWindowScale(bytes: Uint8Array, at: number, scale: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_WINDOW_SCALE;
  bytes[at + 2] = 3;
  bytes[at + 3] = scale;
  return at + 4;
}

export function writeSackPermitted(bytes: Uint8Array, at: number): number {
  bytes[at] = bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_SACK_PERMITTED;
  bytes[at + 3] = 2;
  return at + 4;
}

export function writeTimestamps(bytes: Uint8Array, at: number, value: number, echo: number): number {
  bytes[at] = bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_TIMESTAMPS;
  bytes[at + 3] = 10;
  writeInt32(bytes, at + 4, value);
  writeInt32(bytes, at + 8, echo);
  return at + TIMESTAMPS_SIZE;
}

export function writeSackHead(bytes: Uint8Array, at: number, count: number): number {
  bytes[at] = bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_SACK;
  bytes[at + 3] = 2 + 8 * count;
  return at + 4;
}

export function writeSackBlock(bytes: Uint8Array, at: number, left: number, right: number): number {
  writeInt32(bytes, at, left);
  writeInt32(bytes, at + 4, right);
  return at + 8;
}

export function writeChecksum(source: IpAddress, destination: IpAddress, bytes: Uint8Array, length: number): void {
  bytes[16] = bytes[17] = 0;
  const sum = tcpChecksum(source, destination, bytes, 0, length);
  bytes[16] = sum >>> 8;
  bytes[17] = sum;
}

/** Over the pseudo-header (RFC 9293 §3.1; RFC 8200 §8.1) and the segment; 0 where it holds the right one. */
export function tcpChecksum(
  source: IpAddress,
  destination: IpAddress,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const sum = pseudoHeaderSum(source, destination, IPPROTO_TCP, length);
  return foldChecksum(addToChecksum(sum, bytes, at, length));
}

function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
