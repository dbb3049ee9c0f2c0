/** The end of a connection that somebody in between refuses (RFC 9293 §3.10.7.1, as of one that doesn't exist). */
import { IPPROTO_TCP } from "@stratos/abi";
import { foldChecksum, addToChecksum, pseudoHeaderSum } from "./checksum.ts";
import { longAt, writeLong, writeShort } from "./ethernet.ts";
import type { IncomingPacket } from "./ip-packet.ts";

export const RESET_SIZE = 20;
const FIN = 1,
  SYN = 2,
  RST = 4,
  ACK = 16;

/**
 * Of a segment, as its receiver would send it.
 *
 * @param into  RESET_SIZE bytes
 * @returns is one sent at all?
 */
export function writeReset(packet: IncomingPacket, into: Uint8Array): boolean {
  const { bytes, payloadAt: at, payloadLength: length, protocol, fragmentAt, source, destination } = packet;
  if (protocol !== IPPROTO_TCP || fragmentAt > 0 || length < RESET_SIZE) return false;
  const flags = bytes[at + 13]!;
  const header = (bytes[at + 12]! >> 4) * 4;
  if ((flags & RST) !== 0 || header < RESET_SIZE || header > length) return false;
  into.fill(0, 0, RESET_SIZE);
  into[0] = bytes[at + 2]!;
  into[1] = bytes[at + 3]!;
  into[2] = bytes[at]!;
  into[3] = bytes[at + 1]!;
  into[12] = (RESET_SIZE / 4) << 4;
  if ((flags & ACK) !== 0) {
    writeLong(into, 4, longAt(bytes, at + 8));
    into[13] = RST;
  } else {
    const size = length - header + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    writeLong(into, 8, (longAt(bytes, at + 4) + size) >>> 0);
    into[13] = RST | ACK;
  }
  const sum = pseudoHeaderSum(destination, source, IPPROTO_TCP, RESET_SIZE);
  writeShort(into, 16, foldChecksum(addToChecksum(sum, into, 0, RESET_SIZE)));
  return true;
}
