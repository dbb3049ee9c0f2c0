/**
 * What tells one connection from all others, seen from one side:
 *
 *     family << 8 | protocol | source (4 words) | destination (4 words) | source's port | destination's port
 *
 * An IPv4 address is the last of its four words. Of ICMP the identifier stands for the source's port, and type and
 * code for the destination's, so that a question and its answer are the two sides of one connection.
 */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_DCCP,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from "@stratos/abi";
import { shortAt, wordAt } from "./ip-bytes.ts";

export type Tuple = Uint32Array;
export const TUPLE_WORDS = 11,
  SOURCE = 1,
  DESTINATION = 5,
  SOURCE_PORT = 9,
  DESTINATION_PORT = 10;

/** ICMP's questions and their answers; of others nothing is expected. */
const ANSWERS_V4 = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const ANSWERS_V6 = new Map([
  [128, 129],
  [129, 128],
  [139, 140],
  [140, 139],
]);
/** Those that begin a connection. */
const QUESTIONS_V4 = new Set([8, 13, 15, 17]),
  QUESTIONS_V6 = new Set([128, 139]);

/** Where a protocol has its two ports, and bytes that its header must have at least. */
function hasPorts(protocol: number): boolean {
  return (
    protocol === IPPROTO_TCP ||
    protocol === IPPROTO_UDP ||
    protocol === IPPROTO_SCTP ||
    protocol === IPPROTO_UDPLITE ||
    protocol === IPPROTO_DCCP
  );
}

/**
 * Of a packet whose IP header begins at `at`, and its protocol's at `transportAt`.
 *
 * @returns is all there that belongs to it?
 */
export function readTuple(
  into: Tuple,
  bytes: Uint8Array,
  at: number,
  transportAt: number,
  end: number,
  protocol: number,
): boolean {
  const isV6 = bytes[at]! >> 4 === 6;
  into[0] = ((isV6 ? AF_INET6 : AF_INET) << 8) | protocol;
  for (let word = 0; word < 4; word++) {
    into[SOURCE + word] = isV6 ? wordAt(bytes, at + 8 + 4 * word) : word === 3 ? wordAt(bytes, at + 12) : 0;
    into[DESTINATION + word] = isV6 ? wordAt(bytes, at + 24 + 4 * word) : word === 3 ? wordAt(bytes, at + 16) : 0;
  }
  into[SOURCE_PORT] = into[DESTINATION_PORT] = 0;
  if (hasPorts(protocol)) {
    if (transportAt < 0 || transportAt + 4 > end) return false;
    into[SOURCE_PORT] = shortAt(bytes, transportAt);
    into[DESTINATION_PORT] = shortAt(bytes, transportAt + 2);
  } else if (isIcmp(into)) {
    if (transportAt < 0 || transportAt + 8 > end) return false;
    into[SOURCE_PORT] = shortAt(bytes, transportAt + 4);
    into[DESTINATION_PORT] = shortAt(bytes, transportAt);
  }
  return true;
}

export function isIcmp(tuple: Tuple): boolean {
  const protocol = tuple[0]! & 0xff;
  return protocol === (isTupleV6(tuple) ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

export function isTupleV6(tuple: Tuple): boolean {
  return tuple[0]! >>> 8 === AF_INET6;
}

/** Does an ICMP message ask something? */
export function isQuestion(tuple: Tuple): boolean {
  return (isTupleV6(tuple) ? QUESTIONS_V6 : QUESTIONS_V4).has(tuple[DESTINATION_PORT]! >>> 8);
}

/** The same connection from its other side. @returns has it one? */
export function invertTuple(from: Tuple, into: Tuple): boolean {
  into[0] = from[0]!;
  for (let word = 0; word < 4; word++) {
    into[SOURCE + word] = from[DESTINATION + word]!;
    into[DESTINATION + word] = from[SOURCE + word]!;
  }
  if (!isIcmp(from)) {
    into[SOURCE_PORT] = from[DESTINATION_PORT]!;
    into[DESTINATION_PORT] = from[SOURCE_PORT]!;
    return true;
  }
  const answer = (isTupleV6(from) ? ANSWERS_V6 : ANSWERS_V4).get(from[DESTINATION_PORT]! >>> 8);
  into[SOURCE_PORT] = from[SOURCE_PORT]!;
  into[DESTINATION_PORT] =
    answer === undefined ? from[DESTINATION_PORT]! : (answer << 8) | (from[DESTINATION_PORT]! & 255);
  return answer !== undefined;
}

export function isSameTuple(one: Tuple, other: Tuple): boolean {
  for (let word = TUPLE_WORDS - 1; word >= 0; word--) if (one[word] !== other[word]) return false;
  return true;
}

export function hashTuple(tuple: Tuple, seed: number): number {
  let hash = seed;
  for (let word = 0; word < TUPLE_WORDS; word++)
    hash = Math.imul((hash << 5) ^ (hash >>> 27) ^ tuple[word]!, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}
