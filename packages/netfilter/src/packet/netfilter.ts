/**
 * Netfilter of one network: its rules, and what they make of packets that come by the hooks.
 *
 *     incoming ──► (route) ──► local                 outgoing ──► leaving
 *                     └──────► passing ──► leaving
 *
 * The hooks of one packet are called one after the other, and no other packet comes between; what is known of it
 * (its connection, its mark) is kept in one view until the next one begins.
 */
import {
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  NFNL_SUBSYS_CTNETLINK,
  NFNL_SUBSYS_CTNETLINK_EXP,
  NFNL_SUBSYS_IPSET,
  NFNL_SUBSYS_NFT_COMPAT,
  NFPROTO_ARP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV6,
  NFPROTO_NETDEV,
  NFT_TABLE_F_DORMANT,
  NFT_TABLE_F_OWNER,
  NFT_TABLE_F_PERSIST,
  NF_ACCEPT,
  NF_ARP_IN,
  NF_ARP_OUT,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_CONNTRACK,
  NF_IP_PRI_NAT_DST,
  NF_IP_PRI_NAT_SRC,
} from "@stratos/abi";
import { DROPPED, PASSED, REFUSED, stateClass } from "@stratos/base";
import {
  type AnswerSink,
  type Asker,
  type NetfilterRequest,
  RequestHandler,
  type Subsystem,
} from "../requests/batch.ts";
import { answerCompat } from "../requests/compat.ts";
import { PLACE_ARP, PLACE_BRIDGE, PLACE_EGRESS, PLACE_INGRESS, placeOf } from "../rules/chain-places.ts";
import { recentNames, setReferences } from "../rules/extension.ts";
import { isDeviceOf, Ruleset } from "../rules/ruleset.ts";
import { IpSets } from "../sets/ip-set.ts";
import { answerSetOption } from "../sets/set-option.ts";
import { setSubsystem } from "../sets/set-messages.ts";
import { Conntrack } from "../track/conntrack.ts";
import { answerExpectations, conntrackSubsystem } from "../track/ctnetlink.ts";
import { isChosen, isSourceHook, Nat, translate, translateError } from "../track/nat.ts";
import { type KnownPacket, NEW, PacketView, RELATED, REPLY } from "../track/packet-view.ts";
import { compile } from "./compile.ts";
import type { PacketHost } from "./packet-host.ts";
import type { Entry, Program } from "./program.ts";
import { RecentLists } from "./recent.ts";
import { ACCEPT, BY_POLICY, DROP, run } from "./run.ts";
import type { Surroundings } from "./surroundings.ts";

const ETHERNET_HEADER_SIZE = 14,
  ARP_SIZE = 28;

/** Of whom a packet is (ip-output.ts of netstack). */
interface PacketOrigin {
  readonly mark: number;
  readonly uid: number;
  readonly gid: number;
}
const NOBODYS: PacketOrigin = { mark: 0, uid: -1, gid: -1 };

/** An interface that packets come and go by. */
interface Device {
  readonly index: number;
  /** Are there headers of Ethernet before them? */
  readonly hasFrames: boolean;
}

export class Netfilter implements Surroundings {
  readonly host: PacketHost;
  readonly ruleset = new Ruleset();
  readonly conntrack: Conntrack;
  readonly nat: Nat;
  readonly recent = new RecentLists();
  readonly sets = new IpSets();
  /** The packet that is under way. */
  readonly packet = new PacketView();
  /** The frame that is under way: below IP, as its packet is, and while what IP knows of that is still wanted. */
  readonly frame = new PacketView();
  nowNs = 0;
  isRefused = false;
  refusalType = 0;
  refusalCode = 0;
  isRerouted = false;
  /** There are chains that packets come by. */
  isActive = false;
  /** Some of them are frames: of devices, bridges, ARP. */
  seesFrames = false;
  #program: Program | null = null;

  constructor(host: PacketHost) {
    this.host = host;
    this.conntrack = new Conntrack(host);
    this.nat = new Nat(this.conntrack, host);
  }

  /** All of one sendmsg(2) to NETLINK_NETFILTER, by somebody who may. Work: what is asked for, in one piece. */
  receive<R extends NetfilterRequest>(requests: readonly R[], asker: Asker, sink: AnswerSink<R>): void {
    const nowNs = this.host.now();
    const subsystems = new Map<number, Subsystem>([
      [NFNL_SUBSYS_CTNETLINK, conntrackSubsystem(this.conntrack, nowNs)],
      [NFNL_SUBSYS_CTNETLINK_EXP, answerExpectations],
      [NFNL_SUBSYS_IPSET, setSubsystem(this.sets, () => setReferences(this.ruleset), nowNs)],
      [NFNL_SUBSYS_NFT_COMPAT, answerCompat],
    ]);
    const handler = new RequestHandler(this.ruleset, subsystems);
    if (handler.receive(requests, asker, sink, nowNs)) this.#changed();
  }

  #changed(): void {
    this.#program = null;
    this.recent.keepOnly(recentNames(this.ruleset));
    this.isActive = this.seesFrames = false;
    for (const { chains, flags, family } of this.ruleset.tables)
      if ((flags & NFT_TABLE_F_DORMANT) === 0)
        for (const { hook } of chains.values())
          if (hook !== null) {
            this.isActive = true;
            if (placeOf(family, hook.hook) >= PLACE_INGRESS) this.seesFrames = true;
          }
  }

  /** getsockopt(SOL_IP, SO_IP_SET). */
  askSets(asked: Uint8Array): Uint8Array | number {
    return answerSetOption(this.sets, asked);
  }

  /** A socket that owned tables is gone: they go with it (NFT_TABLE_F_OWNER), or wait for another owner. */
  socketClosed(port: number): void {
    const { tables } = this.ruleset;
    if (!tables.some(({ owner }) => owner === port)) return;
    for (let at = tables.length - 1; at >= 0; at--) {
      const table = tables[at]!;
      if (table.owner !== port) continue;
      if ((table.flags & NFT_TABLE_F_PERSIST) === 0) tables.splice(at, 1);
      else {
        table.flags &= ~NFT_TABLE_F_OWNER;
        table.owner = 0;
      }
    }
    this.ruleset.generation++;
    this.#changed();
  }

  /**
   * A packet came in by an interface. It may be changed in place.
   *
   * @param known  of one that left and came back by the loopback
   * @returns PASSED, DROPPED or REFUSED
   */
  incoming(
    bytes: Uint8Array,
    at: number,
    length: number,
    device: number,
    isForMany: boolean,
    known: object | null = null,
  ): number {
    const { packet } = this;
    packet.begin(bytes, at, length);
    // Its frame is still before it.
    if (at === ETHERNET_HEADER_SIZE) packet.frameAt = 0;
    if (known !== null) packet.recall(known as KnownPacket);
    packet.inDevice = device;
    packet.isForMany = isForMany;
    return this.#hook(NF_INET_PRE_ROUTING);
  }

  /** The same packet is for this machine. */
  local(): number {
    return this.#hook(NF_INET_LOCAL_IN);
  }

  /** The same packet is passed on. */
  passing(device: number): number {
    this.packet.outDevice = device;
    return this.#hook(NF_INET_FORWARD);
  }

  /** A packet of this machine's own. */
  outgoing(bytes: Uint8Array, at: number, length: number, device: number, origin: PacketOrigin = NOBODYS): number {
    const { packet } = this;
    packet.begin(bytes, at, length);
    packet.mark = origin.mark;
    packet.uid = origin.uid;
    packet.gid = origin.gid;
    this.isRerouted = false;
    packet.outDevice = device;
    return this.#hook(NF_INET_LOCAL_OUT);
  }

  /** The same packet, or one that was passed on, leaves by an interface. */
  leaving(device: number): number {
    this.packet.outDevice = device;
    return this.#hook(NF_INET_POST_ROUTING);
  }

  /** An address is asked for or told; the frame's header may be none of ours. @returns does it go on? */
  arp(bytes: Uint8Array, at: number, device: number, isOut: boolean): boolean {
    if (!this.seesFrames) return true;
    const { frame } = this;
    frame.beginFrame(bytes.subarray(0, at + ARP_SIZE), at, ETH_P_ARP, NFPROTO_ARP);
    frame.frameType = 0;
    frame.inDevice = isOut ? 0 : device;
    frame.outDevice = isOut ? device : 0;
    return this.#framePasses(PLACE_ARP + (isOut ? NF_ARP_OUT : NF_ARP_IN));
  }

  /** A frame came in at a device. @returns does it go on? */
  comesIn({ index, hasFrames }: Device, frame: Uint8Array, etherType: number, frameType: number): boolean {
    if (!this.seesFrames) return true;
    const headerSize = hasFrames ? ETHERNET_HEADER_SIZE : 0;
    return this.framePasses(PLACE_INGRESS, frame, { headerSize, etherType, frameType, inDevice: index, outDevice: 0 });
  }

  /** A frame is to go out at a device. */
  goesOut({ index, hasFrames }: Device, frame: Uint8Array, etherType: number): boolean {
    if (!this.seesFrames) return true;
    const headerSize = hasFrames ? ETHERNET_HEADER_SIZE : 0;
    const how = { headerSize, etherType, frameType: PACKET_HOST, inDevice: 0, outDevice: index };
    return this.framePasses(PLACE_EGRESS, frame, how);
  }

  /** A packet goes out by the loopback, and comes in there. */
  goesRound(device: number, packet: Uint8Array): boolean {
    const etherType = packet[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
    const loopback = { index: device, hasFrames: false };
    return this.goesOut(loopback, packet, etherType) && this.comesIn(loopback, packet, etherType, PACKET_HOST);
  }

  /** A bridge has a frame. @param hook  of NF_BR_*, which have the numbers of IP's */
  bridgePasses(hook: number, frame: Uint8Array, from: Device | null, to: Device | null): boolean {
    if (!this.seesFrames) return true;
    const frameType = (frame[0]! & 1) === 0 ? PACKET_HOST : isBroadcast(frame) ? PACKET_BROADCAST : PACKET_MULTICAST;
    const etherType = (frame[12]! << 8) | frame[13]!;
    const devices = { inDevice: from?.index ?? 0, outDevice: to?.index ?? 0 };
    const how = { headerSize: ETHERNET_HEADER_SIZE, etherType, frameType, ...devices };
    return this.framePasses(PLACE_BRIDGE + hook, frame, how);
  }

  /**
   * A frame goes by a hook of a device or a bridge; it may be changed in place.
   *
   * @param place  PLACE_INGRESS, PLACE_EGRESS, or PLACE_BRIDGE and a hook of it
   * @param headerSize  of its link's header; 0: it is a bare packet
   * @param etherType  ETH_P_*
   * @param frameType  PACKET_*: for whom it is
   * @returns does it go on?
   */
  framePasses(
    place: number,
    bytes: Uint8Array,
    how: { headerSize: number; etherType: number; frameType: number; inDevice: number; outDevice: number },
  ): boolean {
    const { frame } = this;
    frame.beginFrame(bytes, how.headerSize, how.etherType, place >= PLACE_BRIDGE ? NFPROTO_BRIDGE : NFPROTO_NETDEV);
    frame.frameType = how.frameType;
    frame.inDevice = how.inDevice;
    frame.outDevice = how.outDevice;
    return this.#framePasses(place);
  }

  #framePasses(place: number): boolean {
    const program = (this.#program ??= compile(this.ruleset));
    const entries = program.entries[place]!;
    if (entries.length === 0) return true;
    this.nowNs = this.host.now();
    const { frame } = this;
    const isOfDevice = place === PLACE_INGRESS || place === PLACE_EGRESS;
    const name = isOfDevice ? this.host.interfaceName(place === PLACE_INGRESS ? frame.inDevice : frame.outDevice) : "";
    for (const entry of entries) {
      if (isOfDevice && !isDeviceOf(entry.devices, name)) continue;
      const { family } = frame;
      // Chains of inet see packets of IP alone, as such (nft_do_chain_inet_ingress).
      if (entry.family === NFPROTO_INET) {
        if (!frame.isIp) continue;
        frame.family = NFPROTO_INET;
      }
      const hasPassed = this.#verdict(program, entry, frame);
      frame.family = family;
      if (!hasPassed) return false;
    }
    return true;
  }

  get mark(): number {
    return this.packet.mark;
  }

  /** Of the packet that has just left. */
  get known(): KnownPacket {
    const { connection, relation, mark } = this.packet;
    return { connection, relation, mark };
  }

  #hook(hook: number): number {
    const program = (this.#program ??= compile(this.ruleset));
    const { packet } = this;
    packet.hook = hook;
    this.isRefused = false;
    this.nowNs = this.host.now();
    const entries = program.entries[hook]!;
    const isFirst = hook === NF_INET_PRE_ROUTING || hook === NF_INET_LOCAL_OUT;
    const isLast = hook === NF_INET_LOCAL_IN || hook === NF_INET_POST_ROUTING;
    if (hook === NF_INET_PRE_ROUTING && program.offloads) packet.isOffloaded = this.#isOffloaded();
    if (packet.isOffloaded) return this.#goBy(program, entries, hook);
    // What comes before connections are known (NF_IP_PRI_CONNTRACK), and what before addresses are translated.
    let at = 0;
    if (isFirst && program.tracks) {
      for (; at < entries.length && entries[at]!.priority < NF_IP_PRI_CONNTRACK; at++)
        if (!this.#passesAndRoutes(program, entries[at]!)) return this.#refusal();
      // One that came back by the loopback is known (nf_conntrack_core.c, nf_conntrack_in).
      if (packet.connection === null) this.conntrack.track(packet, this.nowNs);
    }
    const natPriority = isSourceHook(hook) ? NF_IP_PRI_NAT_SRC : NF_IP_PRI_NAT_DST;
    let isTranslated = !program.translates || hook === NF_INET_FORWARD;
    for (; at < entries.length; at++) {
      const entry = entries[at]!;
      if (entry.type === "nat") continue;
      if (!isTranslated && entry.priority > natPriority) {
        isTranslated = true;
        if (!this.#translate(program, entries)) return this.#refusal();
      }
      if (!this.#passesAndRoutes(program, entry)) return this.#refusal();
    }
    if (!isTranslated && !this.#translate(program, entries)) return this.#refusal();
    if (isLast && program.tracks && !this.conntrack.confirm(packet, this.nowNs)) return DROPPED;
    return PASSED;
  }

  /** Its connection goes by the rules, where it comes in by a device of its flow table. */
  #isOffloaded(): boolean {
    const flowtable = this.conntrack.flowtableOf(this.packet, this.nowNs);
    return flowtable !== null && isDeviceOf(flowtable.devices, this.host.interfaceName(this.packet.inDevice));
  }

  #goBy(program: Program, entries: readonly Entry[], hook: number): number {
    if (hook === NF_INET_PRE_ROUTING) this.conntrack.track(this.packet, this.nowNs);
    return hook === NF_INET_FORWARD || !program.translates || this.#translate(program, entries) ? PASSED : DROPPED;
  }

  #refusal(): number {
    return this.isRefused ? REFUSED : DROPPED;
  }

  /** By another mark or type of service it may go elsewhere, where a chain says so that is there for it. */
  #passesAndRoutes(program: Program, entry: Entry): boolean {
    const { packet } = this;
    const { mark, trafficClass } = packet;
    if (!this.#passes(program, entry)) return false;
    if (entry.type === "route" && (packet.mark !== mark || packet.trafficClass !== trafficClass))
      this.isRerouted = true;
    return true;
  }

  /** Chains of one family see its packets alone. */
  #passes(program: Program, entry: Entry): boolean {
    const { family } = entry;
    if (family !== NFPROTO_INET && (family === NFPROTO_IPV6) !== this.packet.isV6) return true;
    return this.#verdict(program, entry, this.packet);
  }

  #verdict(program: Program, entry: Entry, packet: PacketView): boolean {
    const verdict = run(program, entry.start, packet, this);
    if (verdict === ACCEPT) return true;
    if (verdict === DROP) return false;
    if (verdict === BY_POLICY && entry.counters !== null) {
      entry.counters[0]!++;
      entry.counters[1]! += packet.length;
    }
    return entry.policy() === NF_ACCEPT;
  }

  /** The first packet of a connection asks the rules; all of them are rewritten (nf_nat_core.c, nf_nat_inet_fn). */
  #translate(program: Program, entries: readonly Entry[]): boolean {
    const { packet } = this;
    const { connection, relation } = packet;
    if (connection === null) return true;
    if (relation % REPLY === RELATED && relation <= RELATED + REPLY) {
      translateError(packet);
      return true;
    }
    const isSource = isSourceHook(packet.hook);
    if (relation === NEW && !isChosen(connection, isSource)) {
      for (const entry of entries) {
        if (entry.type !== "nat" || isChosen(connection, isSource)) continue;
        if (!this.#passes(program, entry)) return false;
      }
      this.nat.keep(connection, isSource, this.nowNs);
    }
    translate(packet);
    return true;
  }

  static {
    stateClass("Netfilter", this, null, {
      keeps: ["packet", "frame", "#program", "isRefused", "refusalType", "refusalCode", "isRerouted"],
    });
  }
}

function isBroadcast(frame: Uint8Array): boolean {
  for (let at = 0; at < 6; at++) if (frame[at] !== 255) return false;
  return true;
}
