/**
 * Addresses are translated (RFC 3022; net/netfilter/nf_nat_core.c): the first packet of a connection chooses where it
 * seems to come from or goes to, and all further ones, in both directions, are rewritten the same way.
 */
import {
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPS_DST_NAT,
  IPS_DST_NAT_DONE,
  IPS_SRC_NAT,
  IPS_SRC_NAT_DONE,
  NF_INET_LOCAL_IN,
  NF_INET_POST_ROUTING,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_NETMAP,
  NF_NAT_RANGE_PERSISTENT,
  NF_NAT_RANGE_PROTO_RANDOM,
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Connection } from "./connection.ts";
import type { Conntrack } from "./conntrack.ts";
import { PacketView, REPLY } from "./packet-view.ts";
import { putShort, rewrite } from "./rewrite.ts";
import {
  DESTINATION,
  DESTINATION_PORT,
  hashTuple,
  invertTuple,
  isIcmp,
  isSameTuple,
  isTupleV6,
  SOURCE,
  SOURCE_PORT,
  type Tuple,
  TUPLE_WORDS,
} from "./tuple.ts";

/** Ports that are tried for one that is free. */
const ATTEMPTS = 128;
const NAT_STATUS = IPS_SRC_NAT | IPS_DST_NAT;

/** What a rule wants: addresses and ports, from … to. */
export class NatRange {
  /** NF_NAT_RANGE_*. */
  flags = 0;
  readonly first: Uint32Array = new Uint32Array(4);
  readonly last: Uint32Array = new Uint32Array(4);
  firstPort = 0;
  lastPort = 0;
}

const CURRENT: Tuple = new Uint32Array(TUPLE_WORDS);
const CHOSEN: Tuple = new Uint32Array(TUPLE_WORDS);
const ANSWER: Tuple = new Uint32Array(TUPLE_WORDS);
const TARGET: Tuple = new Uint32Array(TUPLE_WORDS);
const ABOUT = new PacketView();
/** Nothing is asked for: only two connections with one answer are kept apart. */
const NOTHING = new NatRange();

export function isSourceHook(hook: number): boolean {
  return hook === NF_INET_POST_ROUTING || hook === NF_INET_LOCAL_IN;
}

export function isChosen(connection: Connection, isSource: boolean): boolean {
  return connection.has(isSource ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE);
}

export class Nat {
  #conntrack: Conntrack;
  #chance: { random(): number };

  /** @param chance  gives 32 bits */
  constructor(conntrack: Conntrack, chance: { random(): number }) {
    this.#conntrack = conntrack;
    this.#chance = chance;
  }

  /** No rule chose: two connections may still not have one answer. */
  keep(connection: Connection, isSource: boolean, nowNs: number): void {
    this.choose(connection, NOTHING, isSource, nowNs);
  }

  /** @returns may the packet go on? */
  choose(connection: Connection, range: NatRange, isSource: boolean, nowNs: number): boolean {
    if (isChosen(connection, isSource)) return true;
    // What it is by now: the other side of its answer.
    invertTuple(connection.reply.tuple, CURRENT);
    if (!this.#findFree(connection, range, isSource, nowNs)) return false;
    if (!isSameTuple(CURRENT, CHOSEN)) {
      invertTuple(CHOSEN, connection.reply.tuple);
      connection.status |= isSource ? IPS_SRC_NAT : IPS_DST_NAT;
    }
    connection.status |= isSource ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
    return true;
  }

  #findFree(connection: Connection, range: NatRange, isSource: boolean, nowNs: number): boolean {
    CHOSEN.set(CURRENT);
    chooseAddress(range, isSource);
    const { flags, firstPort, lastPort } = range;
    const isRandom = (flags & (NF_NAT_RANGE_PROTO_RANDOM | NF_NAT_RANGE_PROTO_RANDOM_FULLY)) !== 0;
    const protocol = CURRENT[0]! & 0xff;
    const isMessage = isIcmp(CURRENT);
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && !isMessage) return true;
    const place = isMessage || isSource ? SOURCE_PORT : DESTINATION_PORT;
    const before = CHOSEN[place]!;
    const isGiven = (flags & NF_NAT_RANGE_PROTO_SPECIFIED) !== 0 && !isMessage;
    if (isGiven) {
      const isWithin = before >= firstPort && before <= lastPort;
      if (!isRandom && isWithin && (firstPort === lastPort || !this.#isTaken(connection, nowNs))) return true;
      // Where packets go is for the rule alone to say, however many go there.
      if (firstPort === lastPort) {
        CHOSEN[place] = firstPort;
        return true;
      }
      return this.#tryPorts(connection, place, { first: firstPort, last: lastPort, isSource, nowNs });
    }
    if (!isRandom && !this.#isTaken(connection, nowNs)) return true;
    // Where a packet goes stays, and questions have numbers of all kinds.
    if (!isSource && !isMessage) return true;
    const [first, last] = isMessage
      ? [0, 65535]
      : before < 512
        ? [1, 511]
        : before < 1024
          ? [600, 1023]
          : [1024, 65535];
    return this.#tryPorts(connection, place, { first: first!, last: last!, isSource, nowNs });
  }

  #tryPorts(
    connection: Connection,
    place: number,
    { first, last, isSource, nowNs }: { first: number; last: number; isSource: boolean; nowNs: number },
  ): boolean {
    const count = last - first + 1;
    const start = this.#chance.random() % count;
    for (let step = 0; step < Math.min(count, ATTEMPTS); step++) {
      CHOSEN[place] = first + ((start + step) % count);
      if (!isSource || !this.#isTaken(connection, nowNs)) return true;
    }
    return false;
  }

  #isTaken(connection: Connection, nowNs: number): boolean {
    invertTuple(CHOSEN, ANSWER);
    return this.#conntrack.isTaken(ANSWER, connection, nowNs);
  }

  static {
    stateClass("Nat", this, {
      save: (it) => ({ conntrack: it.#conntrack, chance: it.#chance }),
      load: (it, from) => ({ conntrack: it.#conntrack, chance: it.#chance } = from),
    });
  }
}

/** One of the range: the same for all that comes from one place to another, or, if it is to be so, from one place. */
function chooseAddress(range: NatRange, isSource: boolean): void {
  if ((range.flags & NF_NAT_RANGE_MAP_IPS) === 0) return;
  const at = isSource ? SOURCE : DESTINATION;
  if ((range.flags & NF_NAT_RANGE_NETMAP) !== 0) {
    for (let word = isTupleV6(CHOSEN) ? 0 : 3; word < 4; word++) {
      const mask = ~(range.first[word]! ^ range.last[word]!);
      CHOSEN[at + word] = (range.first[word]! & mask) | (CHOSEN[at + word]! & ~mask);
    }
    return;
  }
  // Of larger ranges the last word alone differs.
  const span = range.last[3]! - range.first[3]! + 1;
  const wasWithin = isWithin(range, at);
  if (wasWithin) return;
  let offset = 0;
  if (span > 1) {
    TARGET.set(CHOSEN);
    TARGET[SOURCE_PORT] = TARGET[DESTINATION_PORT] = 0;
    const other = isSource ? DESTINATION : SOURCE;
    if ((range.flags & NF_NAT_RANGE_PERSISTENT) !== 0) for (let word = 0; word < 4; word++) TARGET[other + word] = 0;
    offset = hashTuple(TARGET, 0) % span;
  }
  for (let word = 0; word < 4; word++) CHOSEN[at + word] = range.first[word]!;
  CHOSEN[at + 3] = range.first[3]! + offset;
}

function isWithin({ first, last }: NatRange, at: number): boolean {
  for (let word = 0; word < 3; word++) if (CHOSEN[at + word] !== first[word]) return false;
  return CHOSEN[at + 3]! >= first[3]! && CHOSEN[at + 3]! <= last[3]!;
}

/** Of a packet whose connection has chosen: it seems to come from, or goes to, where that says. */
export function translate(packet: PacketView): void {
  const { connection, hook } = packet;
  if (connection === null || !connection.has(NAT_STATUS)) return;
  const isSource = isSourceHook(hook);
  const isReply = packet.isReply;
  if (!connection.has(isSource !== isReply ? IPS_SRC_NAT : IPS_DST_NAT)) return;
  // The other side of what comes back is how it looks out there.
  invertTuple(isReply ? connection.original.tuple : connection.reply.tuple, TARGET);
  rewrite(packet, TARGET, isSource);
}

/** Of an error: what it is about is told as its receiver had sent it, and it seems to come from where that went. */
export function translateError(packet: PacketView): void {
  const { connection, bytes, transportAt, end, hook, isV6, at } = packet;
  if (connection === null || !connection.has(NAT_STATUS)) return;
  const isSource = isSourceHook(hook);
  const isReply = packet.relation >= REPLY;
  if (!connection.has(isSource !== isReply ? IPS_SRC_NAT : IPS_DST_NAT)) return;
  const other = isReply ? connection.original.tuple : connection.reply.tuple;
  ABOUT.begin(bytes, transportAt + 8, end - transportAt - 8);
  rewrite(ABOUT, other, !isSource);
  // All of it is under the message's own checksum; what changed there isn't one word.
  setMessageChecksum(bytes, at, transportAt, end, isV6);
  invertTuple(other, TARGET);
  rewrite(packet, TARGET, isSource);
}

function setMessageChecksum(bytes: Uint8Array, at: number, transportAt: number, end: number, isV6: boolean): void {
  putShort(bytes, transportAt + 2, 0);
  let sum = 0;
  if (isV6) {
    for (let index = at + 8; index < at + 40; index += 2) sum += (bytes[index]! << 8) | bytes[index + 1]!;
    sum += IPPROTO_ICMPV6 + (end - transportAt);
  }
  for (let index = transportAt; index + 1 < end; index += 2) sum += (bytes[index]! << 8) | bytes[index + 1]!;
  if (((end - transportAt) & 1) !== 0) sum += bytes[end - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  putShort(bytes, transportAt + 2, ~sum & 0xffff);
}
