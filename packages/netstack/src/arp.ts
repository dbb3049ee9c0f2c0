/**
 * ARP for IPv4 over Ethernet (RFC 826):
 *
 *     0          2          4   5   6        8              14          18              24          28
 *     | hardware | protocol | 6 | 4 | opcode | sender's MAC | sender IP | target's MAC | target IP |
 */
import { ETHERTYPE_IPV4, HARDWARE_SIZE, longAt, shortAt, writeLong, writeShort } from "./ethernet.ts";

export const ARP_SIZE = 28;
export const ARP_REQUEST = 1,
  ARP_REPLY = 2;
const ETHERNET = 1,
  SENDER_HARDWARE = 8,
  SENDER_IP = 14,
  TARGET_HARDWARE = 18,
  TARGET_IP = 24;

/** What a packet says; of one call. */
export class ArpPacket {
  opcode = 0;
  readonly senderHardware = new Uint8Array(HARDWARE_SIZE);
  sender = 0;
  target = 0;
}

/** @returns is it one that IPv4 over Ethernet may heed? */
export function readArp(bytes: Uint8Array, at: number, length: number, into: ArpPacket): boolean {
  if (length < ARP_SIZE || shortAt(bytes, at) !== ETHERNET || shortAt(bytes, at + 2) !== ETHERTYPE_IPV4) return false;
  if (bytes[at + 4] !== HARDWARE_SIZE || bytes[at + 5] !== 4) return false;
  into.opcode = shortAt(bytes, at + 6);
  for (let index = 0; index < HARDWARE_SIZE; index++) into.senderHardware[index] = bytes[at + SENDER_HARDWARE + index]!;
  into.sender = longAt(bytes, at + SENDER_IP);
  into.target = longAt(bytes, at + TARGET_IP);
  // That of a group is taken as well, which RFC 1812 §3.3.2 forbids routers: clusters answer so, and Linux believes it.
  return into.opcode === ARP_REQUEST || into.opcode === ARP_REPLY;
}

export function writeArp(
  bytes: Uint8Array,
  at: number,
  opcode: number,
  sender: { readonly hardware: Uint8Array; readonly word: number },
  target: { readonly hardware: Uint8Array | null; readonly word: number },
): void {
  writeShort(bytes, at, ETHERNET);
  writeShort(bytes, at + 2, ETHERTYPE_IPV4);
  bytes[at + 4] = HARDWARE_SIZE;
  bytes[at + 5] = 4;
  writeShort(bytes, at + 6, opcode);
  for (let index = 0; index < HARDWARE_SIZE; index++) {
    bytes[at + SENDER_HARDWARE + index] = sender.hardware[index]!;
    bytes[at + TARGET_HARDWARE + index] = target.hardware === null ? 0 : target.hardware[index]!;
  }
  writeLong(bytes, at + SENDER_IP, sender.word);
  writeLong(bytes, at + TARGET_IP, target.word);
}
