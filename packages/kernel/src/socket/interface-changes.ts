/**
 * What CAP_NET_ADMIN does to the interfaces of a network (ip-link(8), ip-address(8), netdevice(7)). Each change is told
 * to the network's observers after it was made.
 */
import {
  EACCES,
  EEXIST,
  EHOSTUNREACH,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  EOPNOTSUPP,
  isErrno,
  IFA_F_NODAD,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  IFF_ALLMULTI,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_UP,
  IFNAMSIZ,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from "@stratos/abi";
import { assert, stateConstant } from "@stratos/base";
import { type IpAddress, isLinkLocal, isMulticast, isV4, isWildcard } from "@stratos/netstack";
import type { InterfaceNetwork } from "./interface-network.ts";
import {
  ETHERNET_ADDRESS_SIZE,
  type InterfaceAddress,
  LOOPBACK_ADDRESSES,
  type NetworkInterface,
} from "./network-interface.ts";
import { waysOf } from "./route-ways.ts";
import { isRefusal, type Route, type RoutingTable } from "./routes.ts";

/** Interfaces of one network. */
export const INTERFACES_MAX = 256;
/** Addresses of one network, of all its interfaces together: each datagram looks through them. */
const ADDRESSES_MAX = 256;
/** Least for IPv4 (RFC 791 §3.1), most of a veth (ETH_MAX_MTU). */
export const MTU_MIN = 68,
  MTU_MAX = 65535;
/** Least for IPv6 (RFC 8200 §5). */
export const MTU_MIN_V6 = 1280;

/** net/core/dev.c, dev_valid_name. */
function isInterfaceName(name: string): boolean {
  return name.length < IFNAMSIZ && name !== "." && name !== ".." && /^[^/:\s]+$/.test(name);
}

/**
 * A name that is free: the one that was wished, or `%d` in it replaced by the first number that is.
 *
 * @returns −EINVAL it can't be a name; −EEXIST it is taken; −ENOBUFS there are enough interfaces
 */
export function freeName(network: InterfaceNetwork, wished: string): string | number {
  if (network.interfaces.length >= INTERFACES_MAX) return -ENOBUFS;
  if (!isInterfaceName(wished)) return -EINVAL;
  if (!wished.includes("%")) return network.interfaceByName(wished) === undefined ? wished : -EEXIST;
  const parts = wished.split("%d");
  if (parts.length !== 2 || parts.some((part) => part.includes("%"))) return -EINVAL;
  for (let number = 0; ; number++) {
    const name = parts.join(String(number));
    if (!isInterfaceName(name)) return -EINVAL;
    if (network.interfaceByName(name) === undefined) return name;
  }
}

export function leaveBridge(one: NetworkInterface): void {
  const { master } = one;
  if (master === null) return;
  // It ends to forward first (net/bridge/br_if.c, del_nbp).
  tellPort(one, false);
  tellPort(one, true);
  const { ports } = master.bridge!;
  ports.splice(ports.indexOf(one), 1);
  one.master = null;
  master.bridge!.drop(one);
  followPorts(master);
}

/** A bridge has its address, MTU and carrier from its ports (net/bridge/br_if.c, br_add_if). */
export function followPorts(own: NetworkInterface): void {
  const bridge = own.bridge!;
  const { ports } = bridge;
  let isChanged = own.hasCarrier !== bridge.hadCarrier;
  if (!bridge.hasOwnAddress) {
    let lowest: Uint8Array | null = null;
    for (const { hardwareAddress } of ports)
      if (lowest === null || compareAddresses(hardwareAddress, lowest) < 0) lowest = hardwareAddress;
    const address = lowest?.slice() ?? new Uint8Array(ETHERNET_ADDRESS_SIZE);
    isChanged ||= compareAddresses(address, own.hardwareAddress) !== 0;
    own.hardwareAddress = address;
  }
  if (isChanged) {
    bridge.hadCarrier = own.hasCarrier;
    if (own.isRunning) own.network.ip.becomeReady(own);
    tellInterface(own.network, own, false);
  }
}

function compareAddresses(one: Uint8Array, other: Uint8Array): number {
  for (let at = 0; at < ETHERNET_ADDRESS_SIZE; at++) if (one[at] !== other[at]) return one[at]! - other[at]!;
  return 0;
}

/** Of one station and not all zero (include/linux/etherdevice.h, is_valid_ether_addr). */
export function isStationAddress(address: Uint8Array): boolean {
  return address.length === ETHERNET_ADDRESS_SIZE && (address[0]! & 1) === 0 && address.some((byte) => byte !== 0);
}

/**
 * RTM_DELLINK. A veth goes with its peer.
 *
 * @returns 0; −EOPNOTSUPP for what programs did not make
 */
export function removeInterface(network: InterfaceNetwork, one: NetworkInterface): number {
  if (one.kind === "loopback" || one.kind === "provider") return -EOPNOTSUPP;
  const { peer } = one;
  for (const port of [...(one.bridge?.ports ?? [])]) {
    leaveBridge(port);
    tellInterface(network, port, false);
  }
  one.link?.close();
  removeOne(network, one);
  if (peer !== null) removeOne(peer.network, peer);
  return 0;
}

function removeOne(network: InterfaceNetwork, one: NetworkInterface): void {
  setUp(network, one, false);
  one.link?.close();
  leave(network, one);
}

/**
 * IFLA_NET_NS_PID, IFLA_NET_NS_FD: it goes down, without addresses and routes, into another network.
 *
 * @param name  it has there when its own is taken; null: it must not be
 * @returns 0; −EINVAL it can't leave; −EEXIST its name is taken there; −ENOBUFS there are enough
 */
export function moveInterface(one: NetworkInterface, to: InterfaceNetwork, name: string | null): number {
  const from = one.network;
  if (from === to) return 0;
  // A bridge stays (netns_immutable).
  if (one.kind === "loopback" || one.kind === "provider" || one.bridge !== null) return -EINVAL;
  if (one.alternativeNames.some((each) => to.interfaceByName(each) !== undefined)) return -EEXIST;
  const isTaken = to.interfaceByName(one.name) !== undefined;
  if (isTaken && name === null) return -EEXIST;
  const there = freeName(to, isTaken ? name! : one.name);
  if (isErrno(there)) return there;
  setUp(from, one, false);
  leave(from, one);
  one.name = there;
  to.adopt(one);
  tellInterface(to, one, false);
  // How it calls the other end is different now.
  if (one.peer !== null) tellInterface(one.peer.network, one.peer, false);
  return 0;
}

/** The network has it no more. */
function leave(network: InterfaceNetwork, one: NetworkInterface): void {
  leaveBridge(one);
  for (const address of [...one.addresses]) if (one.addresses.includes(address)) removeAddress(network, one, address);
  for (const route of network.routes.forget(one))
    for (const observer of network.observers) observer.routeChanged(route, true, 0);
  const at = network.interfaces.indexOf(one);
  assert(at >= 0, "an interface is removed from its network");
  network.interfaces.splice(at, 1);
  tellInterface(network, one, true);
  for (const socket of network.packetSockets) socket.interfaceGone(one.index);
}

/** IFF_UP. IPv4 addresses stay where an interface is down; those of IPv6 go (net/ipv6/addrconf.c, addrconf_ifdown). */
export function setUp(network: InterfaceNetwork, one: NetworkInterface, isUp: boolean): void {
  if (one.isUp === isUp) return;
  one.isUp = isUp;
  one.link?.setUp(isUp);
  if (isUp) {
    if (one.isLoopback)
      for (const address of LOOPBACK_ADDRESSES)
        if (one.addressOf(address.ip) === undefined && (one.hasIpv6 || isV4(address.ip)))
          one.addresses.push({ ...address });
    tellInterface(network, one, false);
    updateRoutes(network, one);
    if (one.isLoopback) for (const address of one.addresses) tellAddress(network, one, address, false);
    else if (one.hasCarrier) network.ip.becomeReady(one);
    announce(network, one);
  } else {
    dropIpv6(network, one);
    tellInterface(network, one, false);
    network.ip.interfaceDown(one.index);
    for (const socket of network.packetSockets) socket.interfaceDown(one.index);
  }
}

/** net.ipv4.conf.*.arp_notify (net/ipv4/devinet.c, inetdev_event). */
export function announce(network: InterfaceNetwork, one: NetworkInterface): void {
  if (Math.max(network.settings.interfaces.all.announces, one.settings.announces) > 0) network.ip.announce(one);
}

function dropIpv6(network: InterfaceNetwork, one: NetworkInterface): void {
  const gone = one.addresses.filter(({ ip }) => !isV4(ip));
  one.addresses = one.addresses.filter(({ ip }) => isV4(ip));
  updateRoutes(network, one);
  for (const address of gone) tellAddress(network, one, address, true);
}

/**
 * net.ipv6.conf.NAME.disable_ipv6: IPv6 addresses and routes go, and none come; with 0 those come again that come by
 * themselves (net/ipv6/addrconf.c, dev_disable_change). The way out has those of the host again, as a router's
 * advertisement would bring them.
 */
export function disableIpv6(network: InterfaceNetwork, one: NetworkInterface, value: number): void {
  const hadIpv6 = one.hasIpv6;
  one.disablesIpv6 = value;
  if (one.hasIpv6 === hadIpv6) return;
  if (!one.hasIpv6) dropIpv6(network, one);
  else if (one.isLoopback && one.isUp) {
    for (const address of LOOPBACK_ADDRESSES) if (!isV4(address.ip)) addAddress(network, one, address);
  } else if (one.kind === "provider" && one.isUp) {
    const { addresses, route } = network.outsideIn(6);
    for (const address of addresses) addAddress(network, one, address);
    if (route !== null) addRoute(network, route);
  } else if (one.isRunning) network.ip.becomeReady(one);
}

/** net.ipv6.conf.all.disable_ipv6: of those that are there and those to come (addrconf_disable_change). */
export function disableAllIpv6(network: InterfaceNetwork, value: number): void {
  network.settings.disablesIpv6 = { all: value, default: value };
  for (const one of network.interfaces) disableIpv6(network, one, value);
}

export function carrierChanged(one: NetworkInterface): void {
  if (one.hasCarrier) one.network.ip.becomeReady(one);
  tellInterface(one.network, one, false);
}
stateConstant("carrierChanged", carrierChanged);

/** Is it used at once, without its link being asked (net/ipv6/addrconf.c, addrconf_dad_begin)? */
function isCertain(network: InterfaceNetwork, one: NetworkInterface, { ip, flags = 0 }: InterfaceAddress): boolean {
  if (isV4(ip) || one.isLoopback || one.isNoArp || one.kind === "provider" || (flags & IFA_F_NODAD) !== 0) return true;
  return Math.max(network.settings.interfaces.all.asksForAddresses, one.settings.asksForAddresses) < 1;
}

/** @param flags  of which programs set IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI and IFF_MULTICAST */
export function setInterfaceFlags(network: InterfaceNetwork, one: NetworkInterface, flags: number): void {
  const before = one.flags;
  const isUp = (flags & IFF_UP) !== 0;
  one.isNoArp = (flags & IFF_NOARP) !== 0;
  one.isPromiscuous = (flags & IFF_PROMISC) !== 0;
  one.isAllMulticast = (flags & IFF_ALLMULTI) !== 0;
  one.hasGroups = (flags & IFF_MULTICAST) !== 0;
  if (one.isUp !== isUp) setUp(network, one, isUp);
  else if (one.flags !== before) tellInterface(network, one, false);
}

/**
 * RTM_NEWADDR.
 *
 * @param address  becomes the interface's own
 * @returns 0; −EINVAL not an address of one station; −EACCES the interface has no IPv6; −EEXIST it is there; −ENOBUFS
 *   there are enough
 */
export function addAddress(network: InterfaceNetwork, one: NetworkInterface, address: InterfaceAddress): number {
  if (isMulticast(address.ip) || (isWildcard(address.ip) && !isV4(address.ip))) return -EINVAL;
  if (!one.hasIpv6 && !isV4(address.ip)) return -EACCES;
  if (one.addressLike(address) !== undefined) return -EEXIST;
  if (network.interfaces.reduce((count, { addresses }) => count + addresses.length, 0) >= ADDRESSES_MAX)
    return -ENOBUFS;
  const asks = !isCertain(network, one, address);
  if (asks) address.flags = (address.flags ?? 0) | IFA_F_TENTATIVE;
  if (one.firstOfNetwork(address) !== undefined) address.flags = (address.flags ?? 0) | IFA_F_SECONDARY;
  one.insertAddress(address);
  addressChanged(network, one, address);
  if (asks && one.isRunning) network.ip.ask(one, address);
  if (address.life !== undefined) network.ip.outlive(address);
  return 0;
}

/** An address came, or is another one by now. */
export function addressChanged(network: InterfaceNetwork, one: NetworkInterface, address: InterfaceAddress): void {
  tellAddress(network, one, address, false);
  updateRoutes(network, one);
}

/**
 * With the first address of a network of IPv4 its others go, or the next one takes its place (net/ipv4/devinet.c,
 * __inet_del_ifa).
 *
 * @param present  one of the interface's
 */
export function removeAddress(network: InterfaceNetwork, one: NetworkInterface, present: InterfaceAddress): void {
  const others = one.othersOfNetwork(present);
  const promotes = network.settings.interfaces.all.promotes !== 0 || one.settings.promotes !== 0;
  for (const other of promotes ? [] : others) {
    one.addresses.splice(one.addresses.indexOf(other), 1);
    tellAddress(network, one, other, true);
  }
  one.addresses.splice(one.addresses.indexOf(present), 1);
  const [next] = others;
  if (promotes && next !== undefined) {
    one.addresses.splice(one.addresses.indexOf(next), 1);
    next.flags = (next.flags ?? 0) & ~IFA_F_SECONDARY;
    one.insertAddress(next);
  }
  updateRoutes(network, one);
  tellAddress(network, one, present, true);
  if (promotes && next !== undefined) tellAddress(network, one, next, false);
}

/** None was there to that destination. */
export const NEW_ROUTE: number = NLM_F_CREATE | NLM_F_EXCL;

/**
 * RTM_NEWROUTE.
 *
 * @returns 0; −ENETDOWN the interface is down; −EACCES it has no IPv6; −ENETUNREACH, of IPv6 −EHOSTUNREACH, the gateway
 *   isn't beside an address of it; −EEXIST; −ENOBUFS
 * @param how  what is told of it; NLM_F_APPEND: behind those that are as good
 */
export function addRoute(network: InterfaceNetwork, route: Route, how = NEW_ROUTE): number {
  for (const { out, gateway, type, destination, isOnLink } of waysOf(route)) {
    if (!out.isUp && !isRefusal(type)) return -ENETDOWN;
    if (!out.hasIpv6 && !isV4(destination)) return -EACCES;
    if (gateway === null || isOnLink === true) continue;
    if (!reaches(network, gateway, route.table, out)) return isV4(gateway) ? -ENETUNREACH : -EHOSTUNREACH;
  }
  const added = network.routes.add(route, (how & NLM_F_APPEND) !== 0);
  if (isErrno(added)) return added;
  for (const observer of network.observers) observer.routeChanged(added, false, how);
  return 0;
}

/** Does a route without a gateway lead there? One of a link is there for who names the link. */
function reaches(network: InterfaceNetwork, gateway: IpAddress, table: number, out: NetworkInterface): boolean {
  if (!isV4(gateway) && isLinkLocal(gateway)) return true;
  const route = network.routes.findGateway(gateway, table, out.index);
  return route !== null && route.gateway === null;
}

/** RTM_DELROUTE: 0, or −ESRCH, −EINVAL. */
export function removeRoute(network: InterfaceNetwork, wanted: Parameters<RoutingTable["remove"]>[0]): number {
  const removed = network.routes.remove(wanted);
  if (isErrno(removed)) return removed;
  for (const observer of network.observers) observer.routeChanged(removed, true, 0);
  return 0;
}

function updateRoutes(network: InterfaceNetwork, one: NetworkInterface): void {
  network.kernel.work.charge(one.addresses.length);
  const { added, removed } = network.routes.update(one);
  for (const observer of network.observers) {
    for (const route of removed) observer.routeChanged(route, true, 0);
    for (const route of added) observer.routeChanged(route, false, NEW_ROUTE);
  }
}

export function tellInterface(network: InterfaceNetwork, one: NetworkInterface, isGone: boolean): void {
  for (const observer of network.observers) observer.interfaceChanged(one, isGone);
  network.ip.groupsChanged();
  if (one.master === null) return;
  if (!one.isUp) one.master.bridge!.forget(one);
  followPorts(one.master);
}

/** In messages of AF_BRIDGE (net/bridge/br_netlink.c, br_ifinfo_notify). */
export function tellPort(port: NetworkInterface, isGone: boolean): void {
  for (const observer of port.network.observers) observer.portChanged?.(port, isGone);
}

export function tellAddress(
  network: InterfaceNetwork,
  one: NetworkInterface,
  address: InterfaceAddress,
  isGone: boolean,
): void {
  for (const observer of network.observers) observer.addressChanged(one, address, isGone);
  network.ip.groupsChanged();
}
