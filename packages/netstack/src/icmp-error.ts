/** Errors about packets that are not taken, as ICMP messages. */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@stratos/abi";
import { writeLong } from "./ethernet.ts";
import { ICMP_ECHO, ICMP_ECHO_REPLY, ICMP_HEADER_SIZE } from "./icmp.ts";
import type { IncomingPacket } from "./ip-packet.ts";

/** An error is no longer than a packet that every network takes (RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c)). */
const ERROR_MAX_V4 = 576 - 20,
  ERROR_MAX_V6 = 1280 - 40;

/**
 * With the beginning of the packet; the checksum is left to whoever knows where it goes.
 *
 * @param value  the second word: an MTU, a place
 * @param into  1280 bytes at least
 * @returns bytes of the message
 */
export function writeIcmpError(
  { isV6, bytes, at, length }: Pick<IncomingPacket, "isV6" | "bytes" | "at" | "length">,
  type: number,
  code: number,
  value: number,
  into: Uint8Array,
): number {
  const quoted = Math.min(length, (isV6 ? ERROR_MAX_V6 : ERROR_MAX_V4) - ICMP_HEADER_SIZE);
  into[0] = type;
  into[1] = code;
  writeLong(into, 4, value);
  into.set(bytes.subarray(at, at + quoted), ICMP_HEADER_SIZE);
  return ICMP_HEADER_SIZE + quoted;
}

/** Is it an ICMP message that is no question (RFC 1122 §3.2.2: "an ICMP error message")? */
export function isIcmpError({ isV6, protocol, bytes, payloadAt, payloadLength }: IncomingPacket): boolean {
  if (protocol !== (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) return false;
  if (payloadLength === 0) return true;
  const type = bytes[payloadAt]!;
  return isV6 ? type < 128 : type !== ICMP_ECHO && type !== ICMP_ECHO_REPLY && type !== 13;
}
