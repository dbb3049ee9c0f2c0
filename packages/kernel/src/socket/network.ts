import { EADDRNOTAVAIL, EINVAL, ENETUNREACH, IPPROTO_TCP, isErrno } from "@stratos/abi";
import { stateClass, SteadyMap } from "@stratos/base";
import { makeLoopbackLink, type SocketProvider } from "@stratos/host";
import type { Netfilter } from "@stratos/netfilter";
import {
  ANY_V4,
  type IpAddress,
  ipOfText,
  isBroadcast,
  isLinkLocal,
  isLoopback,
  isSameIp,
  isInPrefix,
  isV4,
  LOOPBACK_V4,
} from "@stratos/netstack";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
import type { Inode } from "../vfs/inode.ts";
import { SocketInode } from "./socket-inode.ts";
import type { InetNetwork, InetSocket } from "./inet/inet-socket.ts";
import type { PingClaim, RawNetwork, RawSocket } from "./inet/raw-socket.ts";
import { DeviceWeight, PortTable } from "./inet/port-table.ts";
import { NetworkTcp } from "./inet/network-tcp.ts";
import type { TcpClaim, TcpNetwork } from "./inet/tcp-socket.ts";
import type { UdpClaim, UdpNetwork } from "./inet/udp-socket.ts";
import type { RoughNetwork } from "./inet/rough-network.ts";
import type { NetlinkNetwork, NetlinkSocket } from "./netlink/netlink-socket.ts";
import { NetworkIp } from "./ip/network-ip.ts";
import { NetworkUplink } from "./ip/network-uplink.ts";
import { makeNetfilter } from "./make-netfilter.ts";
import { removeInterface } from "./interface-changes.ts";
import type { ChangeAsker, NetworkObserver } from "./interface-network.ts";
import { NetworkCounters } from "./network-counters.ts";
import { NetworkSettings } from "./network-settings.ts";
import { InterfaceUevents } from "./netlink/interface-uevents.ts";
import { RouteEvents } from "./netlink/route-events.ts";
import {
  chosenHardwareAddress,
  ETHERNET_ADDRESS_SIZE,
  type InterfaceAddress,
  type InterfaceKind,
  type InterfaceOptions,
  isTentative,
  LOOPBACK_ADDRESSES,
  NetworkInterface,
  usualBroadcast,
} from "./network-interface.ts";
import type { FanoutGroup } from "./packet/fanout-group.ts";
import type { PacketNetwork, PacketSocket } from "./packet/packet-socket.ts";
import { makeRoute, type Route, RoutingTable } from "./routes.ts";
import type { Flow } from "./routing-rules.ts";
import type { SocketKernel } from "./socket-kernel.ts";
import type { SocketState } from "./socket-state.ts";
import type { SocketMemory } from "./socket-memory.ts";
import type { InFlightFiles } from "./unix/in-flight-files.ts";
import type { UnixNetwork, UnixSocket } from "./unix/unix-socket.ts";

/** The kernel, as it is seen by what paths and messages lead across. */
interface NetworkKernel extends SocketKernel {
  readonly socketState: SocketState;
}

interface NetworkOptions {
  /** Carries AF_INET and AF_INET6 to the outside; null: nothing does. */
  readonly provider: SocketProvider | null;
  /** A network begins with its loopback down, but for the machine's first (ip-netns(8)). */
  readonly isLoopbackUp: boolean;
  readonly origin: NamespaceOrigin;
}

/**
 * A network namespace (network_namespaces(7)): interfaces, ports and the sockets that were made in it. A machine begins
 * with one; further ones are made by `new` and end when nobody holds them.
 */
export class Network
  extends Namespace
  implements InetNetwork, NetlinkNetwork, PacketNetwork, TcpNetwork, UdpNetwork, RawNetwork, UnixNetwork
{
  readonly kind = "net";
  readonly kernel: NetworkKernel;
  readonly provider: SocketProvider | null;
  /** By index. Bound: INTERFACES_MAX (interface-changes.ts). */
  readonly interfaces: NetworkInterface[] = [];
  readonly routes = new RoutingTable();
  readonly tcpPorts: PortTable<TcpClaim>;
  readonly udpPorts: PortTable<UdpClaim>;
  readonly udplitePorts: PortTable<UdpClaim>;
  rough: RoughNetwork | null = null;
  readonly pingIdentifiers: PortTable<PingClaim>;
  /** Raw and ICMP sockets: each packet is offered to all of them. Bound: open sockets. */
  readonly rawSockets = new Set<RawSocket>();
  /** Packet sockets: each frame is offered to all of them. Bound: open sockets. */
  readonly packetSockets = new Set<PacketSocket>();
  /** Groups of those, by number. Bound: packet sockets. */
  readonly fanoutGroups = new Map<number, FanoutGroup>();
  readonly settings = new NetworkSettings();
  readonly counters = new NetworkCounters();
  /** For /proc/net. Bound: open sockets. */
  readonly inetSockets = new Set<InetSocket>();
  /** Those that are members of multicast groups. Bound: open sockets. */
  readonly groupMembers = new Set<InetSocket>();
  readonly unixSockets = new Set<UnixSocket>();
  readonly netlinkSockets = new Map<number, NetlinkSocket>();
  /** Those that hear groups, with a port or without. Bound: open sockets. */
  readonly netlinkMembers = new Set<NetlinkSocket>();
  /** unix(7): the type of the socket, a space, its abstract name without the leading NUL. */
  readonly abstractNames = new SteadyMap<string, UnixSocket>();
  /** Who is told that interfaces, addresses and routes change. Bound: netlink, and mounts of sysfs. */
  readonly observers: Set<NetworkObserver> = new Set<NetworkObserver>([
    new RouteEvents(this),
    new InterfaceUevents(this),
  ]);
  asker: ChangeAsker | null = null;
  /** Sends and receives IP over links. */
  readonly ip: NetworkIp;
  /** Rules for what those carry; null: nobody has asked for any. */
  netfilter: Netfilter | null = null;
  /** Carries TCP over links. */
  readonly tcp: NetworkTcp;
  #lastIndex = 0;
  /** How messages call other networks. Bound: networks that are there and have had the other end of a pair. */
  #numbers = new Map<Network, number>();
  /** Who has a number for this one. */
  #numberedBy = new Set<Network>();

  constructor(kernel: NetworkKernel, options: NetworkOptions) {
    super(options.origin);
    this.kernel = kernel;
    this.provider = options.provider;
    this.tcpPorts = new PortTable<TcpClaim>(kernel.random, DeviceWeight.afterFamily);
    this.udpPorts = new PortTable<UdpClaim>(kernel.random, DeviceWeight.beforeFamily);
    this.pingIdentifiers = new PortTable<PingClaim>(kernel.random, DeviceWeight.beforeFamily);
    this.udplitePorts = new PortTable<UdpClaim>(kernel.random, DeviceWeight.beforeFamily);
    this.ip = new NetworkIp(this);
    this.tcp = new NetworkTcp(this, this.ip);
    this.ip.register(IPPROTO_TCP, this.tcp);
    const loopback = this.makeInterface("loopback", {
      name: "lo",
      hardwareAddress: new Uint8Array(ETHERNET_ADDRESS_SIZE),
      mtu: 65536,
      link: makeLoopbackLink({ address: new Uint8Array(ETHERNET_ADDRESS_SIZE), mtu: 65536 }),
    });
    if (options.isLoopbackUp) this.#start(loopback, LOOPBACK_ADDRESSES);
    if (options.provider !== null) this.#makeOutside(options.provider);
  }

  #makeOutside(provider: SocketProvider): void {
    const outside = this.makeInterface("provider", {
      name: "eth0",
      hardwareAddress: chosenHardwareAddress(this.kernel.random),
      mtu: 1500,
      link: null,
    });
    outside.device = new NetworkUplink(this, outside, provider);
    const families = [this.outsideIn(4), this.outsideIn(6)];
    this.#start(
      outside,
      families.flatMap(({ addresses }) => addresses),
    );
    for (const { route } of families) if (route !== null) this.routes.add(route, false);
  }

  outsideIn(family: 4 | 6): { addresses: InterfaceAddress[]; route: Route | null } {
    const addresses: InterfaceAddress[] = [];
    for (const { address, prefixLength } of this.provider?.localAddresses() ?? []) {
      const ip = ipOfText(address);
      if (ip !== null && isV4(ip) === (family === 4))
        addresses.push({ ip, prefixLength, broadcast: usualBroadcast(ip, prefixLength) });
    }
    // The host decides how it reaches IPv4; IPv6 it may not have at all.
    const isReached = family === 4 || addresses.some(({ ip }) => !isLinkLocal(ip));
    const destination = family === 4 ? ANY_V4 : new Uint32Array(4);
    const out = this.outside;
    return {
      addresses,
      route: isReached && out !== undefined ? makeRoute({ destination, prefixLength: 0, out }) : null,
    };
  }

  #start(one: NetworkInterface, addresses: readonly InterfaceAddress[]): void {
    one.isUp = true;
    one.link?.setUp(true);
    one.addresses.push(...addresses.map((address) => ({ ...address })));
    this.routes.update(one);
  }

  rules(): Netfilter {
    return (this.netfilter ??= makeNetfilter(this));
  }

  /** An interface more, which is down and has no address; nobody is told. */
  makeInterface(kind: InterfaceKind, options: InterfaceOptions): NetworkInterface {
    const index = (options.index ?? 0) > 0 ? options.index! : this.takeIndex();
    const one = new NetworkInterface({ ...options, network: this, index, kind });
    this.#add(one);
    return one;
  }

  /** Each is above those before; only adopted ones, and those whose index was wished for, may have it already. */
  takeIndex(): number {
    do this.#lastIndex++;
    while (this.interfaceByIndex(this.#lastIndex) !== undefined);
    return this.#lastIndex;
  }

  adopt(one: NetworkInterface): void {
    if (this.interfaceByIndex(one.index) !== undefined) one.index = this.takeIndex();
    one.network = this;
    this.#add(one);
  }

  #add(one: NetworkInterface): void {
    one.disablesIpv6 = this.settings.disablesIpv6.default;
    one.settings = this.settings.interfaces.default.copy();
    this.interfaces.push(one);
    this.interfaces.sort((left, right) => left.index - right.index);
  }

  get numbers(): ReadonlyMap<Network, number> {
    return this.#numbers;
  }

  /** @returns whether it has none yet, and nobody has this one */
  giveNumber(other: Network, number: number): boolean {
    if (this.#numbers.has(other) || [...this.#numbers.values()].includes(number)) return false;
    this.#numbers.set(other, number);
    other.#numberedBy.add(this);
    return true;
  }

  /** The lowest that is free: one that is gone needs its own no more (net/core/net_namespace.c, unhash_nsid). */
  numberOf(other: Network): number {
    const known = this.#numbers.get(other);
    if (known !== undefined) return known;
    const taken = new Set(this.#numbers.values());
    let number = 0;
    while (taken.has(number)) number++;
    this.#numbers.set(other, number);
    other.#numberedBy.add(this);
    return number;
  }

  /** What its sockets share with those of the machine's other networks. */
  get tcpMemory(): SocketMemory {
    return this.kernel.socketState.tcpMemory;
  }

  get udpMemory(): SocketMemory {
    return this.kernel.socketState.udpMemory;
  }

  get inFlight(): InFlightFiles {
    return this.kernel.socketState.inFlight;
  }

  get boundInodes(): Map<Inode, UnixSocket> {
    return this.kernel.socketState.boundInodes;
  }

  get transfer(): Uint8Array {
    return this.kernel.socketState.transfer;
  }

  /** The inode of a socket: owner and number for fstat(2). */
  createInode(owner: { fsuid: number; fsgid: number }, protocolName: string): Inode {
    return new SocketInode(this.kernel, owner, protocolName);
  }

  /** By its name, or one of its alternative ones. */
  interfaceByName(name: string): NetworkInterface | undefined {
    return this.interfaces.find((one) => one.name === name || one.alternativeNames.includes(name));
  }

  /** By its name alone: files that are called so. */
  interfaceNamed(name: string): NetworkInterface | undefined {
    return this.interfaces.find((one) => one.name === name);
  }

  interfaceByIndex(index: number): NetworkInterface | undefined {
    return this.interfaces.find((one) => one.index === index);
  }

  /** Nobody holds it any more: interfaces that programs made go, and the other ends of pairs with them. */
  protected override dispose(): void {
    for (;;) {
      const one = this.interfaces.find(({ kind }) => kind !== "loopback" && kind !== "provider");
      if (one === undefined) break;
      removeInterface(this, one);
    }
    for (const other of this.#numberedBy) other.#numbers.delete(this);
    for (const other of this.#numbers.keys()) other.#numberedBy.delete(this);
  }

  /** The way out; undefined without a provider. */
  get outside(): NetworkInterface | undefined {
    return this.provider === null ? undefined : this.interfaces.find((one) => one.kind === "provider");
  }

  /** Where connections from outside come in as packets, since there are rules to see them; null: they don't. */
  get filteredWayIn(): NetworkUplink | null {
    const { wayIn } = this;
    return this.ip.isFiltered && wayIn?.isUp === true ? wayIn : null;
  }

  /** The same, whether there are rules or not any more. */
  get wayIn(): NetworkUplink | null {
    const device = this.outside?.device;
    return device instanceof NetworkUplink ? device : null;
  }

  /** A destination beyond a machine that has no network. @returns −ENETUNREACH */
  unreachable(): number {
    if (this.provider === null) this.kernel.notices.set("network", "");
    return -ENETUNREACH;
  }

  /**
   * Is it an address of this machine? The networks of IPv4 that the loopback is in are its own as a whole
   * (net/ipv4/fib_frontend.c, fib_add_ifaddr).
   */
  hasAddress(ip: IpAddress): boolean {
    const v4 = isV4(ip);
    if (v4 && isLoopback(ip)) return this.interfaces[0]!.firstV4 !== undefined;
    for (const one of this.interfaces)
      for (const address of one.addresses) if (isSameIp(address.ip, ip)) return !isTentative(address);
    if (!v4) return false;
    return this.#loopbackOf(ip) !== null && !this.isBroadcast(ip);
  }

  /** The address of the loopback in whose network of IPv4 it is. */
  #loopbackOf(ip: IpAddress): IpAddress | null {
    for (const { ip: own, prefixLength } of this.interfaces[0]!.addresses)
      if (isV4(own) && prefixLength < 32 && isInPrefix(ip, own, prefixLength)) return own;
    return null;
  }

  /** From which address one of this machine's is reached: from itself, or from that of its network on the loopback. */
  sourceToOwn(ip: IpAddress): IpAddress {
    if (!isV4(ip)) return ip;
    if (isLoopback(ip)) return LOOPBACK_V4;
    for (const one of this.interfaces) if (one.addressOf(ip) !== undefined) return ip;
    return this.#loopbackOf(ip) ?? ip;
  }

  /**
   * Does each station hear it: 255.255.255.255, or the last address of a network that an interface is in (RFC 919 §7;
   * net/ipv4/fib_frontend.c, fib_add_ifaddr)?
   */
  isBroadcast(ip: IpAddress): boolean {
    // The last of four addresses at least.
    if ((ip[3]! & 3) !== 3 || !isV4(ip)) return false;
    if (isBroadcast(ip)) return true;
    return this.interfaces.some((one) => one.isBroadcast(ip));
  }

  /** The same, and packets to it arrive: the loopback carries them. */
  isLocal(ip: IpAddress): boolean {
    return this.interfaces[0]!.isUp && this.hasAddress(ip);
  }

  /** The interface that packets to an address of this machine come in by: its own address's, or the loopback. */
  interfaceOf(ip: IpAddress): NetworkInterface {
    if (!isLoopback(ip)) for (const one of this.interfaces) if (one.addressOf(ip) !== undefined) return one;
    return this.interfaces[0]!;
  }

  /**
   * The way to a destination outside.
   *
   * @returns −ENETUNREACH none leads there; −EACCES, −EINVAL a rule says so
   */
  routeOutside(to: IpAddress, flow: Flow): Route | number {
    const route = this.routes.lookUp(to, flow, this);
    // What comes from this machine alone leaves it nowhere (net/ipv4/route.c, __mkroute_output).
    const isInner = flow.source !== null && isV4(flow.source) && isLoopback(flow.source);
    if (isInner && !isErrno(route) && !route.out.isLoopback && !this.ip.routesLoopback(route.out.index)) return -EINVAL;
    if (route !== -ENETUNREACH) return route;
    // Who has no address of IPv6 at all lacks that first (net/ipv6/ip6_output.c, ip6_dst_lookup_tail).
    if (!isV4(to) && flow.source === null && !this.#hasV6) return -EADDRNOTAVAIL;
    return this.unreachable();
  }

  get #hasV6(): boolean {
    return this.interfaces.some(({ addresses }) => addresses.some(({ ip }) => !isV4(ip)));
  }

  /** The address that packets by a route come from; 0.0.0.0 where the host knows it alone; −ENETUNREACH. */
  sourceBy(route: Route, to: IpAddress): IpAddress | number {
    const source = route.source ?? route.out.sourceFor(to);
    return source ?? (isV4(to) ? ANY_V4 : -ENETUNREACH);
  }

  static {
    stateClass("Network", this, {
      save: (it) => ({ lastIndex: it.#lastIndex, numbers: it.#numbers, numberedBy: it.#numberedBy }),
      load: (it, from) => ({ lastIndex: it.#lastIndex, numbers: it.#numbers, numberedBy: it.#numberedBy } = from),
    });
  }
}
