/**
 * Which packets belong together (net/netfilter/nf_conntrack_core.c): each that comes in or is made here is told its
 * connection; one that belongs to none begins one, which is remembered when the packet has passed all rules. Bounds:
 * CONNECTIONS_MAX; when the table is full, one that nobody answered gives way, else the packet is dropped.
 */
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DYING,
  IPS_OFFLOAD,
  IPS_SEEN_REPLY,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Flowtable } from "../rules/ruleset.ts";
import { Connection, type TupleNode } from "./connection.ts";
import { ESTABLISHED, INVALID, NEW, PacketView, RELATED, REPLY, UNTRACKED } from "./packet-view.ts";
import {
  becomesAssured,
  beginsAnew,
  NEW_STATE,
  nextState,
  STATE_IGNORED,
  STATE_INVALID,
  timeoutNs,
} from "./tcp-states.ts";
import {
  hashTuple,
  invertTuple,
  isIcmp,
  isQuestion,
  isSameTuple,
  readTuple,
  type Tuple,
  TUPLE_WORDS,
} from "./tuple.ts";

/** net.netfilter.nf_conntrack_max. */
const CONNECTIONS_MAX = 65536;
const BUCKETS = 16384;
/** Buckets that are looked through for one that may go. */
const EVICTION_BUCKETS = 8;
/** net.netfilter.nf_conntrack_{udp_timeout,udp_timeout_stream,icmp_timeout,generic_timeout}. */
const UDP_NS = 30e9,
  UDP_STREAM_NS = 120e9,
  ICMP_NS = 30e9,
  GENERIC_NS = 600e9;
/** Until datagrams in both directions are a stream. */
const STREAM_AFTER_NS = 2e9;
/** Neighbours and groups speak by ICMPv6 without being asked (nf_conntrack_proto_icmpv6.c). */
const UNTRACKED_V6_FIRST = 130,
  UNTRACKED_V6_LAST = 143;

const TUPLE: Tuple = new Uint32Array(TUPLE_WORDS);
const INNER: Tuple = new Uint32Array(TUPLE_WORDS);
const INVERTED: Tuple = new Uint32Array(TUPLE_WORDS);
/** The packet that an error is about. */
const ABOUT = new PacketView();

/** Flags of TCP. */
const TCP_FIN = 1,
  TCP_RST = 4;

export class Conntrack {
  #buckets: (TupleNode | null)[] = [];
  #count = 0;
  #lastId = 0;
  /** 32 bits that nobody outside knows; drawn with the buckets: a network without connections takes no chance. */
  #seed = 0;
  #evictAt = 0;
  #chance: { random(): number };

  /** @param chance  gives 32 bits */
  constructor(chance: { random(): number }) {
    this.#chance = chance;
  }

  get count(): number {
    return this.#count;
  }

  /** Those that are remembered. */
  *connections(nowNs: number): Generator<Connection> {
    for (const first of this.#buckets)
      for (let node = first; node !== null; node = node.next)
        if (!node.isReply && node.connection.expiresNs > nowNs) yield node.connection;
  }

  /** Of a packet that comes to the first hook. */
  track(packet: PacketView, nowNs: number): void {
    if (packet.relation === UNTRACKED) return;
    const { bytes, at, transportAt, end, protocol } = packet;
    if (protocol === (packet.isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && this.#trackMessage(packet, nowNs)) return;
    if (!readTuple(TUPLE, bytes, at, transportAt, end, protocol)) return;
    let node = this.find(TUPLE, nowNs);
    if (node !== null && protocol === IPPROTO_TCP && packet.hasTransport(14) && !node.isReply)
      if (beginsAnew(node.connection.state, bytes[transportAt + 13]!)) {
        this.forget(node.connection);
        node = null;
      }
    if (node === null) this.#begin(packet, nowNs);
    else this.#follow(packet, node, nowNs);
  }

  /**
   * Which table the packet's connection was given to (IPS_OFFLOAD); null: none, or no longer, as it ends.
   * Nothing is kept of the packet.
   */
  flowtableOf({ bytes, at, transportAt, end, protocol }: PacketView, nowNs: number): Flowtable | null {
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return null;
    if (!readTuple(TUPLE, bytes, at, transportAt, end, protocol)) return null;
    const connection = this.find(TUPLE, nowNs)?.connection;
    if (connection === undefined || connection.flowtable === null) return null;
    const { flowtable } = connection;
    const isEnding = protocol === IPPROTO_TCP && (bytes[transportAt + 13]! & (TCP_FIN | TCP_RST)) !== 0;
    if (!isEnding && flowtable.table.flowtables.get(flowtable.name) === flowtable) return flowtable;
    connection.flowtable = null;
    connection.status &= ~IPS_OFFLOAD;
    return null;
  }

  /** @returns is all said of it: an error, or what neighbours say */
  #trackMessage(packet: PacketView, nowNs: number): boolean {
    if (!packet.hasTransport(8)) return true;
    const { bytes, transportAt, isV6, end } = packet;
    const type = bytes[transportAt]!;
    if (isV6 && type >= UNTRACKED_V6_FIRST && type <= UNTRACKED_V6_LAST && type !== 139 && type !== 140) {
      packet.relation = UNTRACKED;
      return true;
    }
    const isError = isV6 ? type < 128 : type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
    if (!isError) return false;
    const inner = transportAt + 8;
    if (inner + (isV6 ? 40 : 20) > end || bytes[inner]! >> 4 !== (isV6 ? 6 : 4)) return true;
    ABOUT.begin(bytes, inner, end - inner);
    // It is about what went the other way.
    if (!readTuple(INNER, bytes, inner, ABOUT.transportAt, end, ABOUT.protocol)) return true;
    if (!invertTuple(INNER, INVERTED)) return true;
    const node = this.find(INVERTED, nowNs);
    if (node === null) return true;
    packet.connection = node.connection;
    packet.relation = node.isReply ? RELATED + REPLY : RELATED;
    return true;
  }

  #begin(packet: PacketView, nowNs: number): void {
    const { bytes, transportAt, protocol } = packet;
    if (isIcmp(TUPLE) && !isQuestion(TUPLE)) return;
    if (!invertTuple(TUPLE, INVERTED)) return;
    let state = NEW_STATE;
    if (protocol === IPPROTO_TCP) {
      if (!packet.hasTransport(20)) return;
      state = nextState(NEW_STATE, bytes[transportAt + 13]!, false);
      if (state === STATE_INVALID) return;
    }
    this.#lastId = (this.#lastId + 1) >>> 0;
    const connection = new Connection(this.#lastId, nowNs);
    connection.original.tuple.set(TUPLE);
    connection.reply.tuple.set(INVERTED);
    connection.state = state;
    packet.connection = connection;
    packet.relation = NEW;
    this.#keep(connection, packet, nowNs);
  }

  #follow(packet: PacketView, { connection, isReply }: TupleNode, nowNs: number): void {
    const before = connection.state;
    if (packet.protocol === IPPROTO_TCP) {
      if (!packet.hasTransport(20)) return;
      const state = nextState(before, packet.bytes[packet.transportAt + 13]!, isReply);
      if (state === STATE_INVALID) return;
      if (state !== STATE_IGNORED) connection.state = state;
    }
    packet.connection = connection;
    if (isReply) {
      packet.relation = ESTABLISHED + REPLY;
      connection.status |= IPS_SEEN_REPLY;
    } else packet.relation = connection.has(IPS_SEEN_REPLY) ? ESTABLISHED : NEW;
    if (packet.protocol === IPPROTO_TCP && connection.has(IPS_SEEN_REPLY) && becomesAssured(before, connection.state))
      connection.status |= IPS_ASSURED;
    this.#keep(connection, packet, nowNs);
  }

  /** It is remembered from now on for as long as its protocol says. */
  #keep(connection: Connection, { protocol, isV6, length, relation }: PacketView, nowNs: number): void {
    const at = relation >= REPLY ? 2 : 0;
    connection.counts[at]!++;
    connection.counts[at + 1]! += length;
    let forNs = GENERIC_NS;
    if (protocol === IPPROTO_TCP) forNs = timeoutNs(connection.state);
    else if (protocol === IPPROTO_UDP) {
      forNs = UDP_NS;
      if (connection.has(IPS_SEEN_REPLY) && nowNs - connection.beganNs > STREAM_AFTER_NS) {
        connection.status |= IPS_ASSURED;
        forNs = UDP_STREAM_NS;
      }
    } else if (protocol === (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) forNs = ICMP_NS;
    connection.expiresNs = nowNs + forNs;
  }

  /** The packet has passed all rules: what it began is remembered. @returns may it go on? */
  confirm({ connection }: PacketView, nowNs: number): boolean {
    if (connection === null || connection.has(IPS_CONFIRMED)) return true;
    // Another has taken its place meanwhile, or the one that it answers.
    if (this.find(connection.original.tuple, nowNs) !== null || this.find(connection.reply.tuple, nowNs) !== null)
      return false;
    if (this.#count >= CONNECTIONS_MAX && !this.#evict(nowNs)) return false;
    connection.status |= IPS_CONFIRMED;
    this.#link(connection.original);
    this.#link(connection.reply);
    this.#count++;
    return true;
  }

  find(tuple: Tuple, nowNs: number): TupleNode | null {
    if (this.#count === 0) return null;
    let node = this.#buckets[hashTuple(tuple, this.#seed) % BUCKETS]!;
    while (node !== null) {
      const { next } = node;
      if (node.connection.expiresNs <= nowNs) this.forget(node.connection);
      else if (isSameTuple(node.tuple, tuple)) return node;
      node = next!;
    }
    return null;
  }

  /** Does another connection answer there already? */
  isTaken(tuple: Tuple, by: Connection, nowNs: number): boolean {
    const node = this.find(tuple, nowNs);
    return node !== null && node.connection !== by;
  }

  forget(connection: Connection): void {
    if (!connection.has(IPS_CONFIRMED) || connection.has(IPS_DYING)) return;
    connection.status |= IPS_DYING;
    this.#unlink(connection.original);
    this.#unlink(connection.reply);
    this.#count--;
  }

  #link(node: TupleNode): void {
    if (this.#buckets.length === 0) {
      this.#buckets = new Array<TupleNode | null>(BUCKETS).fill(null);
      this.#seed = this.#chance.random();
    }
    const bucket = hashTuple(node.tuple, this.#seed) % BUCKETS;
    node.next = this.#buckets[bucket]!;
    this.#buckets[bucket] = node;
  }

  #unlink(node: TupleNode): void {
    const bucket = hashTuple(node.tuple, this.#seed) % BUCKETS;
    if (this.#buckets[bucket] === node) this.#buckets[bucket] = node.next;
    else
      for (let one = this.#buckets[bucket]!; one !== null; one = one.next!) if (one.next === node) one.next = node.next;
    node.next = null;
  }

  /** One whose time is over, or that nobody answered. */
  #evict(nowNs: number): boolean {
    for (let left = EVICTION_BUCKETS; left > 0; left--) {
      this.#evictAt = (this.#evictAt + 1) % BUCKETS;
      for (let node = this.#buckets[this.#evictAt]!; node !== null; node = node.next!) {
        const { connection } = node;
        if (connection.expiresNs > nowNs && connection.has(IPS_ASSURED)) continue;
        this.forget(connection);
        return true;
      }
    }
    return false;
  }

  static {
    stateClass("Conntrack", this, {
      save: (it) => ({
        buckets: it.#buckets,
        count: it.#count,
        lastId: it.#lastId,
        evictAt: it.#evictAt,
        seed: it.#seed,
        chance: it.#chance,
      }),
      load: (it, from) =>
        ({
          buckets: it.#buckets,
          count: it.#count,
          lastId: it.#lastId,
          evictAt: it.#evictAt,
          seed: it.#seed,
          chance: it.#chance,
        } = from),
    });
  }
}

export function isTracked(packet: PacketView): boolean {
  return packet.relation !== INVALID && packet.relation !== UNTRACKED;
}
