/** What programs set of an interface that is there (ip-link(8), netdevice(7)): pages load it when the first does. */
import {
  EADDRNOTAVAIL,
  EEXIST,
  EINVAL,
  ELOOP,
  ENOBUFS,
  EOPNOTSUPP,
  ERANGE,
  IFALIASZ,
  IFLA_GRO_IPV4_MAX_SIZE,
  IFLA_GRO_MAX_SIZE,
  IFLA_GSO_IPV4_MAX_SIZE,
  IFLA_GSO_MAX_SEGS,
  IFLA_GSO_MAX_SIZE,
  IFA_F_SECONDARY,
  IFNAMSIZ,
  isErrno,
} from "@stratos/abi";
import { FRAME_HEADER_SIZE } from "@stratos/host";
import { isV4, isWildcard } from "@stratos/netstack";
import {
  addAddress,
  announce,
  followPorts,
  freeName,
  isStationAddress,
  leaveBridge,
  MTU_MAX,
  MTU_MIN,
  removeAddress,
  tellAddress,
  tellInterface,
  tellPort,
} from "./interface-changes.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import {
  ETHERNET_ADDRESS_SIZE,
  type InterfaceAddress,
  LEGACY_PACKET_MAX,
  type NetworkInterface,
  SEGMENTS_MAX,
} from "./network-interface.ts";

/** `lo` and dummies have no bound but that. */
const MTU_MAX_UNBOUND = 0x7fffffff;
/** include/linux/netdevice.h, GSO_MAX_SIZE and MAX_TCP_HEADER. */
const JUMBO_PACKET_MAX = 8 * 65535,
  TCP_HEADER_MAX = 320;

/**
 * IFLA_MASTER: an interface becomes a port of a bridge.
 *
 * @param index  of the bridge; 0: it is nobody's port any more
 * @returns 0; −EINVAL there is none, or it can't be a port; −EOPNOTSUPP it is no bridge, or the way out; −ELOOP it is a
 *   bridge itself
 */
export function setMaster(network: InterfaceNetwork, one: NetworkInterface, index: number): number {
  if ((one.master?.index ?? 0) === index) return 0;
  const master = index === 0 ? null : network.interfaceByIndex(index);
  if (master === undefined) return -EINVAL;
  if (master !== null) {
    if (master.bridge === null || one.kind === "provider") return -EOPNOTSUPP;
    if (one.isLoopback || !one.hasFrames) return -EINVAL;
    if (one.bridge !== null) return -ELOOP;
  }
  leaveBridge(one);
  if (master !== null) {
    one.master = master;
    master.bridge!.ports.push(one);
    followPorts(master);
  }
  tellInterface(network, one, false);
  if (master !== null) tellPort(one, false);
  return 0;
}

/**
 * @returns −EINVAL it can't be a name; −EEXIST it is taken
 */
export function renameInterface(network: InterfaceNetwork, one: NetworkInterface, name: string): number {
  if (name === one.name) return 0;
  const free = freeName(network, name);
  if (isErrno(free)) return free === -ENOBUFS ? -EEXIST : free;
  const before = one.name;
  one.name = free;
  tellInterface(network, one, false);
  relabel(network, one, before);
  return 0;
}

/** The first address is called as its interface; of others what came behind a colon stays (inetdev_changename). */
function relabel(network: InterfaceNetwork, one: NetworkInterface, before: string): void {
  let count = 0;
  for (const address of one.addresses) {
    if (!isV4(address.ip)) continue;
    const { label = before } = address;
    const colon = label.indexOf(":");
    const rest = colon < 0 ? `:${count + 1}` : label.slice(colon);
    if (count++ === 0) delete address.label;
    else address.label = one.name.slice(0, Math.max(0, IFNAMSIZ - 1 - rest.length)) + rest;
    tellAddress(network, one, address, false);
  }
}

/** What its MTU may be; a most of 0: there is no bound. */
export function mtuBounds({ kind }: NetworkInterface): { readonly least: number; readonly most: number } {
  if (kind === "loopback" || kind === "dummy") return { least: 0, most: 0 };
  // drivers/net/tun.c, tun_net_initialize
  return { least: MTU_MIN, most: kind === "tap" ? MTU_MAX - FRAME_HEADER_SIZE : MTU_MAX };
}

/** @returns −EINVAL out of range */
export function setMtu(network: InterfaceNetwork, one: NetworkInterface, mtu: number): number {
  const { least, most } = mtuBounds(one);
  if (mtu < least || mtu > (most || MTU_MAX_UNBOUND)) return -EINVAL;
  one.mtuV6 = Infinity;
  if (mtu === one.mtu) return 0;
  one.mtu = mtu;
  tellInterface(network, one, false);
  return 0;
}

/** Bytes that links of a pair, and the loopback, take at once (TSO_MAX_SIZE); others take what is no jumbo packet. */
export function packetSizeMax({ kind }: NetworkInterface): number {
  return kind === "veth" || kind === "loopback" ? JUMBO_PACKET_MAX : LEGACY_PACKET_MAX;
}

/**
 * IFLA_GSO_MAX_SIZE and its like (net/core/rtnetlink.c, do_setlink).
 *
 * @returns −EINVAL more than the link takes; −ERANGE not even a header
 */
export function setPacketSize(one: NetworkInterface, attribute: number, value: number): number {
  const { sizes } = one;
  const isForIpv4 = value <= LEGACY_PACKET_MAX;
  switch (attribute) {
    case IFLA_GSO_MAX_SEGS:
      if (value > SEGMENTS_MAX) return -EINVAL;
      sizes.gsoSegments = value;
      return 0;
    case IFLA_GRO_MAX_SIZE:
    case IFLA_GRO_IPV4_MAX_SIZE:
      if (value > JUMBO_PACKET_MAX) return -EINVAL;
      if (attribute === IFLA_GRO_MAX_SIZE) sizes.gro = value;
      if (attribute === IFLA_GRO_IPV4_MAX_SIZE || isForIpv4) sizes.groV4 = value;
      return 0;
    case IFLA_GSO_MAX_SIZE:
    case IFLA_GSO_IPV4_MAX_SIZE:
      if (value <= TCP_HEADER_MAX) return -ERANGE;
      if (value > packetSizeMax(one)) return -EINVAL;
      if (attribute === IFLA_GSO_MAX_SIZE) sizes.gso = value;
      if (attribute === IFLA_GSO_IPV4_MAX_SIZE || isForIpv4) sizes.gsoV4 = value;
      return 0;
    // Nobody sets what a link takes.
    default:
      return -EINVAL;
  }
}

/** @returns −EINVAL wrong length; −EADDRNOTAVAIL of a group; −EOPNOTSUPP for `lo` */
export function setHardwareAddress(network: InterfaceNetwork, one: NetworkInterface, address: Uint8Array): number {
  if (one.isLoopback || !one.hasFrames) return -EOPNOTSUPP;
  if (address.length < ETHERNET_ADDRESS_SIZE) return -EINVAL;
  const own = address.slice(0, ETHERNET_ADDRESS_SIZE);
  if (!isStationAddress(own)) return -EADDRNOTAVAIL;
  one.hardwareAddress = own;
  if (one.bridge !== null) one.bridge.hasOwnAddress = true;
  tellInterface(network, one, false);
  if (one.isUp) announce(network, one);
  return 0;
}

/** @returns −ERANGE too long */
export function setAlias(network: InterfaceNetwork, one: NetworkInterface, alias: string): number {
  if (alias.length >= IFALIASZ) return -ERANGE;
  one.alias = alias;
  tellInterface(network, one, false);
  return 0;
}

/** SIOCSIFADDR, SIOCSIFNETMASK …: an address of IPv4 becomes another one, or is given; 0.0.0.0: none. */
export function replaceV4(
  network: InterfaceNetwork,
  one: NetworkInterface,
  present: InterfaceAddress | undefined,
  address: InterfaceAddress,
): number {
  if (present !== undefined) removeAddress(network, one, present);
  const { flags = 0 } = address;
  return isWildcard(address.ip) ? 0 : addAddress(network, one, { ...address, flags: flags & ~IFA_F_SECONDARY });
}
