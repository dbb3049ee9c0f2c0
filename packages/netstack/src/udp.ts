/** UDP's header (RFC 768): source port, destination port, length, checksum. */
import { IPPROTO_UDP } from "@stratos/abi";
import { addToChecksum, foldChecksum, pseudoHeaderSum } from "./checksum.ts";
import { shortAt, writeShort } from "./ethernet.ts";
import { type IpAddress, isV4 } from "./ip-address.ts";

export const UDP_HEADER_SIZE = 8;

/**
 * Of a datagram that came in as `bytes[at … at + length)`.
 *
 * @returns its bytes with the header; −1: it is none, or its checksum is false
 */
export function udpSize(
  source: IpAddress,
  destination: IpAddress,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  if (length < UDP_HEADER_SIZE) return -1;
  const size = shortAt(bytes, at + 4);
  if (size < UDP_HEADER_SIZE || size > length) return -1;
  // Without a checksum is right in IPv4 alone (RFC 8200 §8.1).
  if (shortAt(bytes, at + 6) === 0) return isV4(source) ? size : -1;
  const sum = pseudoHeaderSum(source, destination, IPPROTO_UDP, size);
  return foldChecksum(addToChecksum(sum, bytes, at, size)) === 0 ? size : -1;
}

/** Before the datagram's bytes, which end at `bytes[at + size)`. */
export function writeUdpHeader(
  bytes: Uint8Array,
  at: number,
  size: number,
  from: { readonly ip: IpAddress; readonly port: number },
  to: { readonly ip: IpAddress; readonly port: number },
): void {
  writeShort(bytes, at, from.port);
  writeShort(bytes, at + 2, to.port);
  writeShort(bytes, at + 4, size);
  writeShort(bytes, at + 6, 0);
  const sum = pseudoHeaderSum(from.ip, to.ip, IPPROTO_UDP, size);
  // One of zero would say that there is none.
  writeShort(bytes, at + 6, foldChecksum(addToChecksum(sum, bytes, at, size)) || 0xffff);
}
