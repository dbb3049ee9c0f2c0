/**
 * SIOCGARP, SIOCSARP, SIOCDARP: the hardware addresses of neighbours of IPv4, as net-tools and servers of DHCP ask for
 * and set them (arp(7)). Source: Linux net/ipv4/arp.c, `arp_ioctl`.
 */
import {
  AF_INET,
  Arpreq,
  ATF_COM,
  ATF_DONTPUB,
  ATF_NETMASK,
  ATF_PERM,
  ATF_PUBL,
  CAP_NET_ADMIN,
  EFAULT,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  ENXIO,
  ENOENT,
  EPERM,
  EPFNOSUPPORT,
  isErrno,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_STALE,
  NUD_VALID,
  RT_TABLE_MAIN,
  SIOCDARP,
  SIOCGARP,
  SIOCSARP,
  Sockaddr,
  SockaddrIn,
} from "@stratos/abi";
import { type IpAddress, readV4 } from "@stratos/netstack";
import { viewOf } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { familyOf } from "./inet/inet-address.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import { nameIn, putName } from "./interface-request.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

export const NEIGHBOUR_REQUESTS: ReadonlySet<number> = new Set([SIOCDARP, SIOCGARP, SIOCSARP]);

const HARDWARE = Arpreq.offset.arp_ha;
const HARDWARE_ADDRESS = HARDWARE + Sockaddr.offset.sa_data;

/**
 * @returns 0; −EPERM; −EFAULT; −EPFNOSUPPORT no address of IPv4; −EINVAL; −ENODEV; −ENXIO it isn't known; −ENETUNREACH
 *   no interface is named, and no route leads there; −EOPNOTSUPP to answer for others (proxies)
 */
export function neighbourIoctl(
  task: SocketCaller,
  network: InterfaceNetwork,
  command: number,
  argument: number,
): number {
  if (command !== SIOCGARP && !isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  const request = new Uint8Array(Arpreq.size);
  if (task.space.copyIn(argument, request, 0, Arpreq.size) < 0) return -EFAULT;
  if (familyOf(request) !== AF_INET) return -EPFNOSUPPORT;
  const view = viewOf(request);
  const flags = view.getInt32(Arpreq.offset.arp_flags, true);
  const isPublic = (flags & ATF_PUBL) !== 0;
  if (!isPublic && (flags & (ATF_NETMASK | ATF_DONTPUB)) !== 0) return -EINVAL;
  const ip = readV4(request, Arpreq.offset.arp_pa + SockaddrIn.offset.sin_addr, new Uint32Array(4));
  if (isPublic && command !== SIOCGARP) return changeProxied(network, command, request, ip);
  const found = interfaceFor(network, command, request, ip);
  if (isErrno(found)) return found;
  if (command === SIOCSARP) return setNeighbour(network, found, ip, request, flags);
  const known = network.ip.neighbours.find(found.index, ip);
  if (known === null) return -ENXIO;
  if (command === SIOCDARP) {
    network.ip.neighbours.remove(known);
    return 0;
  }
  const state = network.ip.neighbours.stateOf(known, network.kernel.now());
  if ((state & NUD_NOARP) !== 0) return -ENXIO;
  const told = (state & NUD_PERMANENT) !== 0 ? ATF_PERM | ATF_COM : (state & NUD_VALID) !== 0 ? ATF_COM : 0;
  view.setUint16(HARDWARE + Sockaddr.offset.sa_family, found.hardwareType, true);
  request.set(known.address, HARDWARE_ADDRESS);
  view.setInt32(Arpreq.offset.arp_flags, told, true);
  putName(request, Arpreq.offset.arp_dev, found.name);
  return task.space.copyOut(argument, request, 0, Arpreq.size);
}

/** ATF_PUBL: stood in for, at an interface or at all; −ENODEV, −EINVAL of several, −ENOENT, −ENOBUFS. */
function changeProxied(network: InterfaceNetwork, command: number, request: Uint8Array, ip: IpAddress): number {
  const name = nameIn(request, Arpreq.offset.arp_dev);
  const flags = viewOf(request).getInt32(Arpreq.offset.arp_flags, true);
  // It is this machine's own hardware address, of the interface that is meant (arp_req_set_public).
  const isByAddress = name === "" && command === SIOCSARP && (flags & ATF_COM) !== 0;
  const type = viewOf(request).getUint16(HARDWARE + Sockaddr.offset.sa_family, true);
  const isMeant = ({ hardwareType, hardwareAddress }: NetworkInterface): boolean =>
    hardwareType === type && hardwareAddress.every((byte, at) => byte === request[HARDWARE_ADDRESS + at]);
  const found = isByAddress ? network.interfaces.find(isMeant) : network.interfaceByName(name);
  if (found === undefined && (isByAddress || name !== "")) return -ENODEV;
  const mask = readV4(request, Arpreq.offset.arp_netmask + SockaddrIn.offset.sin_addr, new Uint32Array(4));
  if ((flags & ATF_NETMASK) !== 0 && mask[3] !== 0xffffffff) return -EINVAL;
  const index = found?.index ?? 0;
  if (command === SIOCSARP) return network.ip.proxied.add({ index, ip, isRouter: false });
  const known = network.ip.proxied.at(index, ip);
  if (known === null) return -ENOENT;
  network.ip.proxied.remove(known);
  return 0;
}

/** The one that is named, else the one that the route leads to; −ENODEV, −EINVAL another kind, −ENETUNREACH */
function interfaceFor(
  network: InterfaceNetwork,
  command: number,
  request: Uint8Array,
  ip: IpAddress,
): NetworkInterface | number {
  const name = nameIn(request, Arpreq.offset.arp_dev);
  if (name === "") {
    if (command === SIOCGARP) return -ENODEV;
    const route = network.routes.findGateway(ip, RT_TABLE_MAIN);
    return route === null || route.gateway !== null ? -ENETUNREACH : route.out;
  }
  const found = network.interfaceByName(name);
  if (found === undefined) return -ENODEV;
  const view = viewOf(request);
  const type = HARDWARE + Sockaddr.offset.sa_family;
  if (view.getUint16(type, true) === 0) view.setUint16(type, found.hardwareType, true);
  const isComplete = (view.getInt32(Arpreq.offset.arp_flags, true) & ATF_COM) !== 0;
  return isComplete && view.getUint16(type, true) !== found.hardwareType ? -EINVAL : found;
}

function setNeighbour(
  network: InterfaceNetwork,
  one: NetworkInterface,
  ip: IpAddress,
  request: Uint8Array,
  flags: number,
): number {
  if (viewOf(request).getUint16(HARDWARE + Sockaddr.offset.sa_family, true) !== one.hardwareType) return -EINVAL;
  const { neighbours } = network.ip;
  const nowNs = network.kernel.now();
  const known = neighbours.obtain(one.index, ip, nowNs);
  const isGiven = (flags & (ATF_COM | ATF_PERM)) !== 0;
  // Who says no address keeps the one that is known (neigh_update).
  if (!isGiven && (known.state & NUD_VALID) === 0) return -EINVAL;
  const address = isGiven
    ? request.slice(HARDWARE_ADDRESS, HARDWARE_ADDRESS + ETHERNET_ADDRESS_SIZE)
    : known.address.slice();
  neighbours.set(known, address, (flags & ATF_PERM) !== 0 ? NUD_PERMANENT : NUD_STALE, nowNs);
  network.ip.settle();
  return 0;
}
