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
  IFA_F_SECONDARY,
  IFNAMSIZ,
  isErrno,
} from "@stratos/abi";
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
} from "./interface-changes.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import { ETHERNET_ADDRESS_SIZE, type InterfaceAddress, type NetworkInterface } from "./network-interface.ts";

/** `lo` and dummies have no bound but that. */
const MTU_MAX_UNBOUND = 0x7fffffff;

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

/** @returns −EINVAL out of range */
export function setMtu(network: InterfaceNetwork, one: NetworkInterface, mtu: number): number {
  const isBound = one.kind !== "loopback" && one.kind !== "dummy";
  if (mtu < (isBound ? MTU_MIN : 0) || mtu > (isBound ? MTU_MAX : MTU_MAX_UNBOUND)) return -EINVAL;
  one.mtuV6 = Infinity;
  if (mtu === one.mtu) return 0;
  one.mtu = mtu;
  tellInterface(network, one, false);
  return 0;
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
