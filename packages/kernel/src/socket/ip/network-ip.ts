/**
 * The IP layer of a network (`IpStack` of netstack) among its interfaces, routes and sockets. It carries what goes to
 * and comes from other stations of links; what stays in this machine goes by the loopback's own ways
 * (../inet/loopback-*), and what its own streams and datagrams send by the provider's interface by the host's; what
 * else goes there, or is only passed on, goes by packets as well (network-uplink.ts).
 */
import {
  ETH_P_ARP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  EHOSTUNREACH,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import {
  copyIp,
  type IncomingPacket,
  type IpAddress,
  type IpDevice,
  type IpHost,
  type IpOutput,
  type IpReceiver,
  isBroadcast,
  isForAllHosts,
  isInPrefix,
  isMulticast,
  isSameIp,
  isV4,
  IpStack,
  MLD_QUERY,
  type Neighbour,
  type NeighbourCache,
  type NextHop,
  type PacketFilter,
  type TokenLimit,
  type Traffic,
} from "@stratos/netstack";
import { randomWord } from "../../ground/random-word.ts";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import { wayToGroup } from "../inet/group-membership.ts";
import type { RawNetwork } from "../inet/raw-socket.ts";
import type { UdpNetwork } from "../inet/udp-socket.ts";
import type { FilteredNetwork } from "../filtered-network.ts";
import type { InterfaceIp } from "../interface-network.ts";
import {
  type InterfaceAddress,
  isTentative,
  type NetworkInterface,
  networkOf,
  tellsGroups,
} from "../network-interface.ts";
import { showLooped } from "../packet/interface-frames.ts";
import { leadsBy } from "../route-ways.ts";
import { mtuOf, type Route } from "../routes.ts";
import { ANY_FLOW } from "../routing-rules.ts";
import type { AddressConfiguration } from "./address-configuration.ts";
import { answersForOther, answersForOwn, askedFrom, standsFor } from "./arp-policy.ts";
import { InterfaceDevice } from "./interface-device.ts";
import { IcmpReceiver, offerToRaw } from "./icmp-receiver.ts";
import type { GroupReports } from "./group-reports.ts";
import { makeAddressConfiguration, makeGroupReports } from "./make-link-configuration.ts";
import { ProxiedAddresses } from "./proxied-addresses.ts";
import { UdpReceiver } from "./udp-receiver.ts";

/** The network of which this is the IP layer (network.ts). */
type IpNetwork = UdpNetwork & RawNetwork & FilteredNetwork;

const FLOW = { ...ANY_FLOW, source: null as IpAddress | null };
/** Of a source that is looked for. */
const BACK = { ...ANY_FLOW, source: null as IpAddress | null };

export class NetworkIp implements IpHost, InterfaceIp, TimerClient {
  readonly stack: IpStack;
  readonly proxied = new ProxiedAddresses();
  #network: IpNetwork;
  #timer = new Timer(this);
  /** By the protocol's number. Bound: those of this layer, and TCP. */
  #receivers = new Map<number, IpReceiver>();
  /** null: no address has been asked for, and nothing has an end. */
  #configuration: AddressConfiguration | null = null;
  /** null: no interface tells of groups. */
  #groups: GroupReports | null = null;

  constructor(network: IpNetwork) {
    this.#network = network;
    this.stack = new IpStack(this);
    this.#receivers.set(17, new UdpReceiver(network, this.stack));
    const icmp = new IcmpReceiver(network, this.stack);
    this.#receivers.set(1, icmp);
    this.#receivers.set(58, icmp);
  }

  /** One check where nobody has made rules. */
  get filter(): PacketFilter | null {
    const { netfilter } = this.#network;
    return netfilter?.isActive === true ? netfilter : null;
  }

  get neighbours(): NeighbourCache {
    return this.stack.neighbours;
  }

  /** For the transports. */
  get output(): IpOutput {
    return this.stack.sender;
  }

  /** A transport begins to take its protocol. */
  register(protocol: number, receiver: IpReceiver): void {
    this.#receivers.set(protocol, receiver);
  }

  /** A frame came in, for us, for all or for a group: it waits for its turn. */
  frameReceived(one: NetworkInterface, frame: Uint8Array, isForMany: boolean): void {
    const { kernel } = this.#network;
    // Who has no address answers nothing, and hears nothing.
    if (one.addresses.length === 0 && one.settings.forwardsV4 === 0 && !this.forwards(true, one.index)) return;
    // Nobody is asked for there (IFF_NOARP).
    if (one.isLoopback && ((frame[12]! << 8) | frame[13]!) === ETH_P_ARP) return;
    const { backlog } = kernel.socketState;
    if (!backlog.add(kernel, one, frame.slice(), isForMany, null, one.isLoopback)) one.counters.receivedDropped++;
  }

  take(one: NetworkInterface, bytes: Uint8Array, isForMany: boolean, known: object | null, isFramed: boolean): void {
    const device = deviceOf(one);
    if (device.isEthernet || isFramed) this.stack.frameReceived(device, bytes, bytes.length, isForMany);
    else this.stack.packetReceived(device, bytes, 0, bytes.length, false, known);
    this.rearm();
  }

  loop(one: NetworkInterface, bytes: Uint8Array, length: number): void {
    const { kernel } = this.#network;
    const { netfilter } = this.#network;
    if (netfilter?.seesFrames && !netfilter.goesRound(one.index, bytes.subarray(0, length))) return;
    const { counters } = one;
    counters.sentPackets++;
    counters.sentBytes += length;
    showLooped(one, bytes.subarray(0, length));
    const known = this.filter?.known ?? null;
    if (!kernel.socketState.backlog.add(kernel, one, bytes.slice(0, length), false, known)) counters.receivedDropped++;
    counters.receivedPackets++;
    counters.receivedBytes += length;
  }

  get isFiltered(): boolean {
    return this.filter !== null;
  }

  get isSeen(): boolean {
    if (this.filter !== null) return true;
    const { packetSockets, rawSockets, interfaces } = this.#network;
    if (packetSockets.size + rawSockets.size === 0) return false;
    const { index } = interfaces[0]!;
    for (const socket of packetSockets) if (socket.hearsFrames(index)) return true;
    for (const { protocol } of rawSockets) if (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) return true;
    return false;
  }

  /** Something was sent: what comes of it at once is done, and what is to come later will be. */
  settle(): void {
    this.rearm();
    this.#network.kernel.socketState.backlog.run();
  }

  rearm(): void {
    const { timers } = this.#network.kernel;
    const parts = Math.min(this.#configuration?.nextNs ?? Infinity, this.#groups?.nextNs ?? Infinity);
    const next = Math.min(this.stack.nextNs, parts);
    if (next === Infinity) timers.cancel(this.#timer);
    else if (!this.#timer.isArmed || this.#timer.deadlineNs !== next) timers.set(this.#timer, next);
  }

  timerExpired(nowNs: number): void {
    this.stack.advance(nowNs);
    this.#configuration?.advance(nowNs);
    this.#groups?.advance(nowNs);
    this.rearm();
  }

  #configured(): AddressConfiguration {
    return (this.#configuration ??= makeAddressConfiguration(this.#network, this));
  }

  becomeReady(one: NetworkInterface): void {
    if (one.carriesIp) this.#configured().becomeReady(one);
  }

  ask(one: NetworkInterface, address: InterfaceAddress): void {
    this.#configured().ask(one, address);
  }

  outlive(what: InterfaceAddress | Route): void {
    this.#configured().outlive(what);
  }

  claimed(device: number, ip: IpAddress, bytes: Uint8Array, nonceAt: number): void {
    this.#configuration?.claimed(device, ip, bytes, nonceAt);
  }

  linkMessage({ index }: IpDevice, packet: IncomingPacket): void {
    const one = this.#network.interfaceByIndex(index);
    if (one === undefined) return;
    if (packet.bytes[packet.payloadAt] === MLD_QUERY) this.#groups?.queried(one, packet);
    else this.#configured().advertised(one, packet);
  }

  groupsChanged(): void {
    const network = this.#network;
    if (this.#groups === null && network.interfaces.some(tellsGroups)) this.#groups = makeGroupReports(network, this);
    this.#groups?.changed();
  }

  announce(one: NetworkInterface): void {
    if (!one.carriesIp || !one.hasFrames || one.isNoArp) return;
    for (const { ip } of one.addresses) if (isV4(ip)) this.stack.announce(deviceOf(one), ip);
    this.settle();
  }

  interfaceDown(index: number): void {
    this.stack.neighbours.forgetDevice(index);
    this.proxied.forgetDevice(index);
  }

  now(): number {
    return this.#network.kernel.now();
  }

  device(index: number): IpDevice | null {
    const one = this.#network.interfaceByIndex(index);
    return one === undefined || !one.carriesIp ? null : deviceOf(one);
  }

  route(destination: IpAddress, source: IpAddress | null, traffic: Traffic, into: NextHop): number {
    const { out: device, from } = traffic;
    into.device = null;
    into.mtu = 0;
    copyIp(destination, into.ip);
    const network = this.#network;
    if (from === 0 && network.isLocal(destination)) {
      into.device = deviceOf(network.interfaces[0]!);
      return 0;
    }
    let one: NetworkInterface | undefined;
    if (isMulticast(destination) || (device !== 0 && isBroadcast(destination))) {
      one = device === 0 ? wayToGroup(network, destination) : network.interfaceByIndex(device);
      if (one === undefined) return device === 0 ? -ENETUNREACH : -ENODEV;
    } else {
      FLOW.source = source;
      FLOW.out = device;
      FLOW.from = from;
      FLOW.mark = traffic.mark;
      FLOW.uid = traffic.uid;
      FLOW.ipProtocol = traffic.protocol;
      FLOW.sourcePort = traffic.sourcePort;
      FLOW.port = traffic.port;
      FLOW.tos = traffic.trafficClass;
      const route = network.routes.lookUp(destination, FLOW, network);
      if (isErrno(route)) return route;
      one = route.out;
      into.mtu = mtuOf(route);
      if (route.gateway !== null) copyIp(route.gateway, into.ip);
    }
    if (!one.isUp) return -ENETDOWN;
    // The loopback has ways of its own; what goes to the outside as packets goes by its uplink.
    if (!one.carriesIp && one.kind !== "provider") return from === 0 ? -EHOSTUNREACH : -ENETUNREACH;
    into.device = deviceOf(one);
    return 0;
  }

  isOwn(ip: IpAddress): boolean {
    return this.#network.hasAddress(ip);
  }

  /** As net/ipv4/fib_frontend.c, __fib_validate_source, sees it. */
  isExpected(device: number, source: IpAddress, destination: IpAddress): boolean {
    const network = this.#network;
    const one = network.interfaceByIndex(device);
    if (one === undefined || one.isLoopback || !isV4(source)) return true;
    const strictness = Math.max(network.settings.interfaces.all.reversePath, one.settings.reversePath);
    if (strictness <= 0) return true;
    // One of this machine's own leads to where it is.
    if (network.hasAddress(source))
      return this.acceptsOwn(device) && (strictness > 1 || one.addressOf(source) !== undefined);
    BACK.source = destination;
    const route = network.routes.lookUpAll(source, BACK, network);
    if (isErrno(route)) return false;
    return leadsBy(route, one) || (strictness > 1 && one.addresses.some(({ ip }) => isV4(ip)));
  }

  routesLoopback(device: number): boolean {
    return this.#isSet(device, "routesLoopback");
  }

  isGiven(ip: IpAddress): boolean {
    for (const one of this.#network.interfaces) {
      const address = one.addressOf(ip);
      if (address !== undefined) return !isTentative(address);
    }
    return false;
  }

  acceptsOwn(device: number): boolean {
    return this.#isSet(device, "acceptsOwn");
  }

  #isSet(device: number, setting: "routesLoopback" | "acceptsOwn"): boolean {
    const { all } = this.#network.settings.interfaces;
    return (all[setting] | (this.#network.interfaceByIndex(device)?.settings[setting] ?? 0)) !== 0;
  }

  answersArp(device: number, sender: IpAddress | null, target: IpAddress): boolean {
    const network = this.#network;
    const one = network.interfaceByIndex(device);
    if (one === undefined) return false;
    if (network.hasAddress(target)) return answersForOwn(network, one, sender, target);
    return sender !== null && answersForOther(network, one, sender, target);
  }

  standsFor(device: number, ip: IpAddress): boolean {
    const one = this.#network.interfaceByIndex(device);
    return one !== undefined && standsFor(this.#network, one, ip);
  }

  asksFrom(device: number, target: IpAddress, waiting: IpAddress | null): IpAddress | null {
    const one = this.#network.interfaceByIndex(device);
    return (one && askedFrom(this.#network, one, target, waiting)) ?? this.sourceFor(device, target);
  }

  isAddressOf(device: number, ip: IpAddress): boolean {
    const address = this.#network.interfaceByIndex(device)?.addressOf(ip);
    return address !== undefined && !isTentative(address);
  }

  isBroadcast(device: number, ip: IpAddress): boolean {
    if (!isV4(ip)) return false;
    if (isBroadcast(ip)) return true;
    const one = this.#network.interfaceByIndex(device);
    return one !== undefined && one.isBroadcast(ip);
  }

  get errorLimit(): TokenLimit {
    return this.#network.settings.icmpErrors;
  }

  random(): number {
    return randomWord(this.#network.kernel.random);
  }

  answersEcho(isV6: boolean): boolean {
    return this.#network.settings.ignoresEcho[isV6 ? "v6" : "v4"] === 0;
  }

  get answersBroadcast(): boolean {
    return !this.#network.settings.ignoresBroadcastEcho;
  }

  hearsGroup(device: number, group: IpAddress): boolean {
    if (isForAllHosts(group)) return true;
    if (!isV4(group) && this.#isSolicited(device, group)) return true;
    // ff02::2.
    if (group[0] === 0xff020000 && group[3] === 2 && (group[1]! | group[2]!) === 0 && this.isRouter(device))
      return true;
    for (const { ip } of this.#network.groupMembers)
      if (ip.groups.some((each) => each.index === device && isSameIp(each.group, group))) return true;
    return false;
  }

  /** RFC 4291 §2.7.1: the group of an own address's last 24 bits. */
  #isSolicited(device: number, group: IpAddress): boolean {
    if (group[0] !== 0xff020000 || group[1] !== 0 || group[2] !== 1 || group[3]! >>> 24 !== 255) return false;
    if (this.proxied.hearsGroup(device, group)) return true;
    const addresses = this.#network.interfaceByIndex(device)?.addresses ?? [];
    return addresses.some(({ ip }) => !isV4(ip) && (ip[3]! & 0xffffff) === (group[3]! & 0xffffff));
  }

  sourceFor(device: number, destination: IpAddress): IpAddress | null {
    let one = this.#network.interfaceByIndex(device);
    if (device === 0) {
      const route = this.#network.routes.find(destination);
      if (route?.source) return route.source;
      one = route?.out;
    }
    if (one === undefined) return null;
    for (const address of one.addresses)
      if (isV4(address.ip) && isInPrefix(destination, networkOf(address), address.prefixLength)) return address.ip;
    const source = one.sourceFor(destination);
    // Any address of ours does for a router that has none on this link.
    if (source !== null) return source;
    const isUsed = (each: InterfaceAddress): boolean => isV4(each.ip) === isV4(destination) && !isTentative(each);
    return one.addresses.find(isUsed)?.ip ?? null;
  }

  forwards(isV6: boolean, device: number): boolean {
    if (isV6) return this.#network.settings.interfaces.all.forwardsV6 !== 0;
    return (this.#network.interfaceByIndex(device)?.settings.forwardsV4 ?? 0) !== 0;
  }

  isRouter(device: number): boolean {
    return (this.#network.interfaceByIndex(device)?.settings.forwardsV6 ?? 0) !== 0;
  }

  receiver(protocol: number): IpReceiver | null {
    return this.#receivers.get(protocol) ?? null;
  }

  offer(packet: IncomingPacket): boolean {
    return this.#network.rawSockets.size > 0 && offerToRaw(this.#network, packet);
  }

  neighbourChanged(one: Neighbour): void {
    for (const observer of this.#network.observers) observer.neighbourChanged(one);
  }

  static {
    stateClass("NetworkIp", this, {
      save: (it) => ({
        network: it.#network,
        timer: it.#timer,
        receivers: it.#receivers,
        configuration: it.#configuration,
        groups: it.#groups,
      }),
      load: (it, from) =>
        ({
          network: it.#network,
          timer: it.#timer,
          receivers: it.#receivers,
          configuration: it.#configuration,
          groups: it.#groups,
        } = from),
    });
  }
}

function deviceOf(one: NetworkInterface): IpDevice {
  return (one.device ??= new InterfaceDevice(one));
}
