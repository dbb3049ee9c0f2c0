/** Headers of packets that go out (RFC 791 §3.1, RFC 8200 §3, §4.5). */
import { IPPROTO_FRAGMENT } from "@stratos/abi";
import { addToChecksum, foldChecksum } from "./checksum.ts";
import { writeLong, writeShort } from "./ethernet.ts";
import { type IpAddress, isV4, writeV4, writeV6 } from "./ip-address.ts";
import { NO_OPTIONS, optionsOfParts } from "./ip-options.ts";
import { IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "./ip-packet.ts";

export const FRAGMENT_HEADER_SIZE = 8;

/** What the headers of a packet say; one object for all. */
export class IpHeader {
  protocol = 0;
  readonly source: IpAddress = new Uint32Array(4);
  readonly destination: IpAddress = new Uint32Array(4);
  hops = 64;
  trafficClass = 0;
  identification = 0;
  /** IPv4: routers may not divide it. */
  dontFragment = false;
  /** IPv4: whole words, 40 bytes at most. */
  options: Uint8Array = NO_OPTIONS;

  get isV6(): boolean {
    return !isV4(this.destination);
  }

  /** Bytes of a header: of IPv6 without extensions, of IPv4 with its options. */
  get size(): number {
    return this.isV6 ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE + this.options.length;
  }

  /** A packet in one piece, whose payload has `length` bytes. @returns bytes of its header */
  write(bytes: Uint8Array, at: number, length: number): number {
    if (this.isV6) this.#writeV6(bytes, at, length, this.protocol);
    else this.#writeV4(bytes, at, length, this.dontFragment ? 0x4000 : 0, this.options);
    return this.size;
  }

  /** One of several parts. @returns bytes of its headers */
  writePart(bytes: Uint8Array, at: number, length: number, offset: number, hasMore: boolean): number {
    if (!this.isV6) {
      const options = offset === 0 ? this.options : optionsOfParts(this.options);
      this.#writeV4(bytes, at, length, (offset >> 3) | (hasMore ? 0x2000 : 0), options);
      return this.size;
    }
    this.#writeV6(bytes, at, length + FRAGMENT_HEADER_SIZE, IPPROTO_FRAGMENT);
    const part = at + IPV6_HEADER_SIZE;
    bytes[part] = this.protocol;
    bytes[part + 1] = 0;
    writeShort(bytes, part + 2, offset | (hasMore ? 1 : 0));
    writeLong(bytes, part + 4, this.identification);
    return IPV6_HEADER_SIZE + FRAGMENT_HEADER_SIZE;
  }

  #writeV4(bytes: Uint8Array, at: number, length: number, flags: number, options: Uint8Array): void {
    const header = IPV4_HEADER_SIZE + options.length;
    bytes[at] = 0x40 | (header >> 2);
    bytes[at + 1] = this.trafficClass;
    writeShort(bytes, at + 2, header + length);
    writeShort(bytes, at + 4, this.identification);
    writeShort(bytes, at + 6, flags);
    bytes[at + 8] = this.hops;
    bytes[at + 9] = this.protocol;
    writeV4(this.source, bytes, at + 12);
    writeV4(this.destination, bytes, at + 16);
    if (options.length > 0) bytes.set(options, at + IPV4_HEADER_SIZE);
    setHeaderChecksum(bytes, at, header);
  }

  #writeV6(bytes: Uint8Array, at: number, length: number, next: number): void {
    bytes[at] = 0x60 | (this.trafficClass >> 4);
    bytes[at + 1] = (this.trafficClass & 15) << 4;
    bytes[at + 2] = bytes[at + 3] = 0;
    writeShort(bytes, at + 4, length);
    bytes[at + 6] = next;
    bytes[at + 7] = this.hops;
    writeV6(this.source, bytes, at + 8);
    writeV6(this.destination, bytes, at + 24);
  }
}

/** Of an IPv4 header of `size` bytes. */
export function setHeaderChecksum(bytes: Uint8Array, at: number, size: number): void {
  writeShort(bytes, at + 10, 0);
  writeShort(bytes, at + 10, foldChecksum(addToChecksum(0, bytes, at, size)));
}
