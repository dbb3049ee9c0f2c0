/**
 * Options of an IPv4 header (RFC 791 §3.1): what a program gives is checked, who sends, passes on or takes in a packet
 * writes himself into those that ask for it, and who answers one gives back what it has recorded.
 *
 *     end 0 | nothing 1 | type, length, …       record route 7, timestamp 0x44: a pointer, from 1 on, to the next slot
 */
import { EINVAL } from "@stratos/abi";
import { longAt, writeLong } from "./ethernet.ts";

const END = 0,
  NOTHING = 1,
  RECORD_ROUTE = 7,
  TIMESTAMP = 0x44,
  LOOSE_ROUTE = 0x83,
  STRICT_ROUTE = 0x89,
  ROUTER_ALERT = 0x94;
/** Timestamps: times alone; each with its address; of the addresses that stand there. The other half counts. */
const TIMES = 0,
  TIMES_WITH_ADDRESSES = 1,
  TIMES_OF_ADDRESSES = 3;
const SLOT = 4;
/** Bytes: a header has fifteen words at most. */
export const IP_OPTIONS_MAX = 40;
/** Of a type: it stands in each part of a packet that is divided. */
const COPIED = 0x80;
export const NO_OPTIONS = new Uint8Array(0);

/** Whoever has the packet. */
export interface OptionWriter {
  /** His address. */
  readonly own: number;
  /** Is this one of his, too? */
  isOwn(address: number): boolean;
  /** Milliseconds since midnight; with the highest bit, since whenever. */
  readonly timeMs: number;
  /** The first of all: who finds no room for his time after him is counted. */
  readonly isSender: boolean;
}

/**
 * What a program gives a packet (net/ipv4/ip_options.c, ip_options_compile).
 *
 * @param isPrivileged  may it give options that are not known here?
 * @returns whole words, with nothing in the slots that come next; −EINVAL
 */
export function checkOptions(value: Uint8Array, isPrivileged: boolean): Uint8Array | number {
  if (value.length > IP_OPTIONS_MAX) return -EINVAL;
  const options = new Uint8Array((value.length + 3) & ~3);
  options.set(value);
  const isRight = eachOption(options, (option) => {
    const [type, , pointer] = option;
    if (type === LOOSE_ROUTE || type === STRICT_ROUTE)
      return pointer === SLOT && option.length >= 7 && (option.length & 3) === 3;
    if (type === TIMESTAMP) return writeTime(option, null, isPrivileged);
    return type === RECORD_ROUTE || type === ROUTER_ALERT ? writeAddress(option, null) : isPrivileged;
  });
  return isRight ? options : -EINVAL;
}

/** In place. @returns false: they are malformed */
export function recordHop(options: Uint8Array, writer: OptionWriter): boolean {
  return eachOption(options, (option) => {
    if (option[0] === TIMESTAMP) return writeTime(option, writer, true);
    return option[0] !== RECORD_ROUTE || writeAddress(option, writer);
  });
}

/** What an answer has of the options of a packet: what was recorded (RFC 1122 §3.2.2.6, §3.2.2.8). */
export function answerOptions(options: Uint8Array): Uint8Array {
  if (options.length === 0) return options;
  const answered: Uint8Array[] = [];
  eachOption(options, (option) => {
    if (option[0] !== RECORD_ROUTE && option[0] !== TIMESTAMP) return true;
    const copy = option.slice();
    const isRight = copy[0] === TIMESTAMP ? writeTime(copy, null, true) : writeAddress(copy, null);
    if (isRight) answered.push(copy);
    return true;
  });
  const answer = new Uint8Array((answered.reduce((sum, each) => sum + each.length, 0) + 3) & ~3);
  let at = 0;
  for (const each of answered.sort((a, b) => a[0]! - b[0]!)) {
    answer.set(each, at);
    at += each.length;
  }
  return answer;
}

/** Does the packet say which way it goes? Nobody here follows that (net.ipv4.conf.all.accept_source_route is 0). */
export function hasSourceRoute(options: Uint8Array): boolean {
  let found = false;
  eachOption(options, ([type]) => {
    found ||= type === LOOSE_ROUTE || type === STRICT_ROUTE;
    return true;
  });
  return found;
}

/** Options for the parts of a packet behind its first: nothing in the others' places. */
export function optionsOfParts(options: Uint8Array): Uint8Array {
  const copied = options.slice();
  eachOption(copied, (option) => {
    if ((option[0]! & COPIED) === 0) option.fill(NOTHING);
    return true;
  });
  return copied;
}

/** Calls for each option that is longer than its type, until one is wrong; nothing follows the end. */
function eachOption(options: Uint8Array, isRight: (option: Uint8Array) => boolean): boolean {
  const seen = new Set<number>();
  for (let at = 0; at < options.length;) {
    const type = options[at]!;
    if (type === END) {
      options.fill(END, at);
      return true;
    }
    if (type === NOTHING) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return false;
    // Of each that is followed there is one.
    const kind = type === STRICT_ROUTE ? LOOSE_ROUTE : type;
    if ((kind === LOOSE_ROUTE || kind === RECORD_ROUTE || kind === TIMESTAMP) && seen.has(kind)) return false;
    seen.add(kind);
    const option = options.subarray(at, at + length);
    if (!isRight(option)) return false;
    at += length;
  }
  return true;
}

/** @param writer  null: the slot is emptied, and stays the next */
function writeAddress(option: Uint8Array, writer: OptionWriter | null): boolean {
  if (option[0] === ROUTER_ALERT) return option.length >= 4;
  const pointer = option[2] ?? 0;
  if (option.length < 3 || pointer < 4) return false;
  if (pointer > option.length) return true;
  if (pointer + 3 > option.length) return false;
  writeLong(option, pointer - 1, writer === null ? 0 : writer.own);
  if (writer !== null) option[2] = pointer + SLOT;
  return true;
}

function writeTime(option: Uint8Array, writer: OptionWriter | null, takesUnknown: boolean): boolean {
  const pointer = option[2] ?? 0;
  if (option.length < 4 || pointer < 5) return false;
  const kind = option[3]! & 15;
  if (pointer > option.length) {
    if (kind === TIMES_OF_ADDRESSES) return true;
    if (option[3]! >> 4 === 15) return false;
    if (writer !== null && !writer.isSender) option[3] = option[3]! + 16;
    return true;
  }
  if (pointer + 3 > option.length) return false;
  if (kind !== TIMES && kind !== TIMES_WITH_ADDRESSES && kind !== TIMES_OF_ADDRESSES) return takesUnknown;
  if (kind !== TIMES && pointer + 7 > option.length) return false;
  const slot = pointer - 1;
  if (writer === null) {
    if (kind !== TIMES_OF_ADDRESSES) option.fill(0, slot, slot + (kind === TIMES ? SLOT : 2 * SLOT));
    return true;
  }
  if (kind === TIMES_OF_ADDRESSES && !writer.isOwn(longAt(option, slot))) return true;
  if (kind === TIMES_WITH_ADDRESSES) writeLong(option, slot, writer.own);
  writeLong(option, kind === TIMES ? slot : slot + SLOT, writer.timeMs);
  option[2] = pointer + (kind === TIMES ? SLOT : 2 * SLOT);
  return true;
}
