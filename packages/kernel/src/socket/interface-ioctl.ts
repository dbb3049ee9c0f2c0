import {
  AF_INET,
  AF_PACKET,
  CAP_NET_ADMIN,
  EADDRNOTAVAIL,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  IFF_BROADCAST,
  IFF_POINTOPOINT,
  IFF_UP,
  RT_TABLE_MAIN,
  SIOCADDRT,
  SIOCDELRT,
  SIOCETHTOOL,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFCONF,
  SIOCGIFDSTADDR,
  SIOCGIFFLAGS,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMAP,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCGIFNAME,
  SIOCGIFNETMASK,
  SIOCGIFTXQLEN,
  SIOCGIWNAME,
  SIOCSIFADDR,
  SIOCSIFBRDADDR,
  SIOCSIFDSTADDR,
  SIOCSIFFLAGS,
  SIOCSIFHWADDR,
  SIOCSIFMTU,
  SIOCSIFNAME,
  SIOCSIFNETMASK,
  SIOCSIFTXQLEN,
  isErrno,
  IFNAMSIZ,
  Ifconf,
  IfreqAddress,
  IfreqFlags,
  IfreqHardware,
  IfreqIndex,
  IfreqMtu,
  IfreqName,
  IfreqQueue,
  RTF_GATEWAY,
  RTF_HOST,
  Rtentry,
  Sockaddr,
  SockaddrIn,
  RTF_REJECT,
  RTN_UNREACHABLE,
  RT_SCOPE_HOST,
} from "@stratos/abi";
import {
  ANY_V4,
  type IpAddress,
  isMulticast,
  isSameIp,
  isV4,
  isWildcard,
  netmaskOf,
  prefixOf,
  readV4,
  widthOf,
} from "@stratos/netstack";
import { isCapable } from "../security/credentials.ts";
import { getU64, viewOf } from "../ground/words.ts";
import { tellEthtool } from "./ethtool.ts";
import { BRIDGE_REQUESTS, bridgeIoctl } from "./bridge-ioctl.ts";
import { driverIoctl, isInterfaceRequest } from "./driver-ioctl.ts";
import { familyOf, inetAddressBytes } from "./inet/inet-address.ts";
import { addRoute, removeAddress, removeRoute, setInterfaceFlags, tellInterface } from "./interface-changes.ts";
import { renameInterface, replaceV4, setHardwareAddress, setMtu } from "./interface-properties.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import {
  classPrefixOf,
  ETHERNET_ADDRESS_SIZE,
  type NetworkInterface,
  networkOf,
  usualBroadcast,
} from "./network-interface.ts";
import { labelIn, nameIn, putName } from "./interface-request.ts";
import { NEIGHBOUR_REQUESTS, neighbourIoctl } from "./neighbour-ioctl.ts";
import { makeRoute } from "./routes.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** Where each field of the union in `struct ifreq` stands. */
const VALUE = IfreqAddress.offset.ifr_addr;
const HARDWARE_ADDRESS = VALUE + Sockaddr.offset.sa_data;

/** Requests that sockets of IPv4 and of packets take (net/ipv4/af_inet.c, net/packet/af_packet.c). */
const INET_REQUESTS: ReadonlySet<number> = new Set([
  SIOCADDRT,
  SIOCDELRT,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFDSTADDR,
  SIOCGIFNETMASK,
  SIOCSIFBRDADDR,
  SIOCSIFNETMASK,
  ...NEIGHBOUR_REQUESTS,
]);

/** Requests that change an interface. */
const CHANGES = new Set([
  SIOCSIFADDR,
  SIOCSIFBRDADDR,
  SIOCSIFDSTADDR,
  SIOCSIFFLAGS,
  SIOCSIFHWADDR,
  SIOCSIFMTU,
  SIOCSIFNAME,
  SIOCSIFNETMASK,
  SIOCSIFTXQLEN,
]);

/**
 * The ioctls of interfaces, which any socket takes but for `INET_REQUESTS` (netdevice(7)); changes need CAP_NET_ADMIN.
 *
 * @returns 0 or EFAULT, ENODEV (no such interface), EADDRNOTAVAIL (it has no IPv4 address), EPERM, EOPNOTSUPP, ENOTTY
 *   (no such request), and what each change says
 */
export function interfaceIoctl(
  task: SocketCaller,
  { network, family }: { readonly network: InterfaceNetwork; readonly family: number },
  command: number,
  argument: number,
): number {
  if (INET_REQUESTS.has(command) && family !== AF_INET && family !== AF_PACKET) return -ENOTTY;
  if (command === SIOCGIFCONF) return listInterfaces(task, network, argument);
  if (BRIDGE_REQUESTS.has(command)) return bridgeIoctl(task, network, command, argument);
  if (NEIGHBOUR_REQUESTS.has(command)) return neighbourIoctl(task, network, command, argument);
  if (CHANGES.has(command)) return changeInterface(task, network, family, command, argument);
  switch (command) {
    case SIOCADDRT:
    case SIOCDELRT:
      return changeRoute(task, network, command, argument);
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFMETRIC:
    case SIOCGIFMTU:
    case SIOCGIFHWADDR:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
    case SIOCGIFMAP:
    case SIOCETHTOOL:
    case SIOCGIWNAME:
      break;
    default:
      return isInterfaceRequest(command) ? driverIoctl(task, { network, family }, command, argument) : -ENOTTY;
  }
  const request = new Uint8Array(IfreqAddress.size);
  if (task.space.copyIn(argument, request, 0, IfreqAddress.size) < 0) return -EFAULT;
  const view = new DataView(request.buffer);
  const like = familyOf(request.subarray(VALUE)) === AF_INET ? ipIn(request) : null;
  const found =
    command === SIOCGIFNAME
      ? network.interfaceByIndex(view.getInt32(IfreqIndex.offset.ifr_ifindex, true))
      : network.interfaceByName(nameIn(request, 0));
  if (found === undefined) return -ENODEV;
  if (command !== SIOCGIFNAME) request.fill(0, VALUE);
  switch (command) {
    case SIOCGIFNAME:
      putName(request, 0, found.name);
      break;
    case SIOCGIFFLAGS:
      view.setUint16(IfreqFlags.offset.ifr_flags, found.flags & 0xffff, true);
      break;
    case SIOCGIFMETRIC:
      break;
    case SIOCGIFMTU:
      view.setInt32(IfreqMtu.offset.ifr_mtu, found.mtu, true);
      break;
    case SIOCGIFINDEX:
      view.setInt32(IfreqIndex.offset.ifr_ifindex, found.index, true);
      break;
    case SIOCGIFTXQLEN:
      view.setInt32(IfreqQueue.offset.ifr_qlen, found.queueLength, true);
      break;
    case SIOCGIFMAP:
      break;
    case SIOCGIFHWADDR:
      view.setUint16(IfreqHardware.offset.ifr_hwaddr, found.hardwareType, true);
      request.set(found.hardwareAddress, HARDWARE_ADDRESS);
      break;
    case SIOCETHTOOL:
      return tellEthtool(task, found, task.space.loadU64(argument + VALUE));
    case SIOCGIWNAME:
      return -EOPNOTSUPP;
    default: {
      const address = found.labelled(labelIn(request, 0), like);
      if (address === undefined) return -EADDRNOTAVAIL;
      const ip =
        command === SIOCGIFNETMASK
          ? netmaskOf(address.prefixLength)
          : command === SIOCGIFBRDADDR
            ? (address.broadcast ?? ANY_V4)
            : command === SIOCGIFDSTADDR
              ? networkOf(address)
              : address.ip;
      request.set(inetAddressBytes({ ip, port: 0 }, AF_INET), VALUE);
    }
  }
  return task.space.copyOut(argument, request, 0, IfreqAddress.size);
}

/**
 * SIOCSIF….
 *
 * @returns EFAULT, EPERM, ENODEV, EINVAL (another family, a mask with holes), EADDRNOTAVAIL (a mask for no address),
 *   EOPNOTSUPP
 */
function changeInterface(
  task: SocketCaller,
  network: InterfaceNetwork,
  family: number,
  command: number,
  argument: number,
): number {
  const request = new Uint8Array(IfreqAddress.size);
  if (task.space.copyIn(argument, request, 0, IfreqAddress.size) < 0) return -EFAULT;
  if (!isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  const found = network.interfaceByName(nameIn(request, 0));
  if (found === undefined) return -ENODEV;
  const view = new DataView(request.buffer);
  switch (command) {
    case SIOCSIFFLAGS: {
      const label = labelIn(request, 0);
      const isOfAddress = label.includes(":") && (family === AF_INET || family === AF_PACKET);
      if (isOfAddress) return keepAlias(network, found, label, view);
      setInterfaceFlags(network, found, view.getUint16(IfreqFlags.offset.ifr_flags, true));
      return 0;
    }
    case SIOCSIFMTU:
      return setMtu(network, found, view.getInt32(IfreqMtu.offset.ifr_mtu, true));
    case SIOCSIFNAME:
      return renameInterface(network, found, nameIn(request, IfreqName.offset.ifr_newname));
    case SIOCSIFTXQLEN:
      if (view.getInt32(IfreqQueue.offset.ifr_qlen, true) < 0) return -EINVAL;
      found.queueLength = view.getInt32(IfreqQueue.offset.ifr_qlen, true);
      tellInterface(network, found, false);
      return 0;
    case SIOCSIFHWADDR:
      if (view.getUint16(IfreqHardware.offset.ifr_hwaddr, true) !== found.hardwareType) return -EINVAL;
      return setHardwareAddress(
        network,
        found,
        request.slice(HARDWARE_ADDRESS, HARDWARE_ADDRESS + ETHERNET_ADDRESS_SIZE),
      );
    default:
      return changeAddress(network, found, command, request);
  }
}

/** SIOCSIFFLAGS of an alias: without IFF_UP its address goes. −EADDRNOTAVAIL (net/ipv4/devinet.c, devinet_ioctl) */
function keepAlias(network: InterfaceNetwork, one: NetworkInterface, label: string, request: DataView): number {
  const present = one.labelled(label, null);
  if (present === undefined) return -EADDRNOTAVAIL;
  if ((request.getUint16(IfreqFlags.offset.ifr_flags, true) & IFF_UP) === 0) removeAddress(network, one, present);
  return 0;
}

/**
 * SIOCSIFADDR, SIOCSIFDSTADDR, SIOCSIFNETMASK, SIOCSIFBRDADDR, of the address that is called so; the first of these
 * makes it (net/ipv4/devinet.c, devinet_ioctl).
 */
function changeAddress(network: InterfaceNetwork, one: NetworkInterface, command: number, request: Uint8Array): number {
  if (familyOf(request.subarray(VALUE)) !== AF_INET) return -EINVAL;
  const ip = ipIn(request);
  const name = labelIn(request, 0);
  const present = one.labelled(name, null);
  if (command === SIOCSIFADDR) {
    if (isMulticast(ip)) return -EINVAL;
    if (present !== undefined && isSameIp(present.ip, ip)) return 0;
    const isPointToPoint = (one.flags & IFF_POINTOPOINT) !== 0;
    const prefixLength = isPointToPoint ? widthOf(ip) : classPrefixOf(ip);
    const broadcast = (one.flags & IFF_BROADCAST) === 0 ? null : usualBroadcast(ip, prefixLength);
    const label = present === undefined && name.includes(":") ? name : present?.label;
    const address = { ip, prefixLength, broadcast, ...(label !== undefined && { label }) };
    return replaceV4(network, one, present, address);
  }
  if (present === undefined) return -EADDRNOTAVAIL;
  if (command === SIOCSIFBRDADDR) {
    if (isSameIp(ip, present.broadcast ?? ANY_V4)) return 0;
    return replaceV4(network, one, present, { ...present, broadcast: isWildcard(ip) ? null : ip });
  }
  if (command === SIOCSIFDSTADDR) {
    if (isSameIp(ip, networkOf(present))) return 0;
    if (isMulticast(ip)) return -EINVAL;
    const { peer: _, ...alone } = present;
    return replaceV4(network, one, present, isSameIp(ip, present.ip) ? alone : { ...alone, peer: ip });
  }
  const prefixLength = prefixOfMask(ip);
  if (prefixLength === null) return -EINVAL;
  if (prefixLength === present.prefixLength) return 0;
  // One that was given by hand stays, and so does that of a network that has become too small for one.
  const before = usualBroadcast(present.ip, present.prefixLength);
  const isUsual = before !== null && present.broadcast !== null && isSameIp(before, present.broadcast);
  const broadcast = isUsual && prefixLength < 31 ? usualBroadcast(present.ip, prefixLength) : present.broadcast;
  return replaceV4(network, one, present, { ...present, prefixLength, broadcast });
}

function ipIn(request: Uint8Array): IpAddress {
  return readV4(request, VALUE + SockaddrIn.offset.sin_addr, new Uint32Array(4));
}

/** Null for a mask with holes. */
function prefixOfMask(mask: IpAddress): number | null {
  const prefixLength = Math.clz32(~mask[3]! >>> 0);
  return netmaskOf(prefixLength)[3] === mask[3] ? prefixLength : null;
}

/** SIOCADDRT, SIOCDELRT: −EFAULT, −EPERM, −EINVAL, −ENODEV, −ESRCH, and what changes of routes say. */
function changeRoute(task: SocketCaller, network: InterfaceNetwork, command: number, argument: number): number {
  const entry = new Uint8Array(Rtentry.size);
  if (task.space.copyIn(argument, entry, 0, Rtentry.size) < 0) return -EFAULT;
  if (!isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  const view = viewOf(entry);
  const { rt_dst, rt_gateway, rt_genmask, rt_flags, rt_metric, rt_dev } = Rtentry.offset;
  if (familyOf(entry.subarray(rt_dst)) !== AF_INET) return -EINVAL;
  const addressAt = (at: number): IpAddress => readV4(entry, at + SockaddrIn.offset.sin_addr, new Uint32Array(4));
  const flags = view.getUint16(rt_flags, true);
  const prefixLength = (flags & RTF_HOST) !== 0 ? 32 : prefixOfMask(addressAt(rt_genmask));
  const destination = addressAt(rt_dst);
  if (prefixLength === null || prefixOf(destination, prefixLength)[3] !== destination[3]) return -EINVAL;
  const gateway = (flags & RTF_GATEWAY) === 0 ? null : addressAt(rt_gateway);
  const out = deviceOf(task, network, getU64(view, rt_dev));
  if (isErrno(out)) return out;
  const metric = Math.max(0, view.getInt16(rt_metric, true) - 1);
  const isRejected = (flags & RTF_REJECT) !== 0;
  const type = isRejected ? RTN_UNREACHABLE : null;
  if (command === SIOCDELRT)
    return removeRoute(network, { destination, prefixLength, out, gateway, metric: null, table: RT_TABLE_MAIN, type });
  if (isRejected) {
    const nowhere = { out: network.interfaces[0]!, type: RTN_UNREACHABLE, scope: RT_SCOPE_HOST };
    return addRoute(network, makeRoute({ destination, prefixLength, metric, ...nowhere }));
  }
  const via = out ?? (gateway === null ? null : (network.routes.find(gateway)?.out ?? null));
  return via === null ? -ESRCH : addRoute(network, makeRoute({ destination, prefixLength, out: via, gateway, metric }));
}

/** The interface that `rt_dev` names; null when it names none. */
function deviceOf(task: SocketCaller, network: InterfaceNetwork, address: number): NetworkInterface | null | number {
  if (address === 0) return null;
  const name = task.space.loadString(address, IFNAMSIZ);
  if (isErrno(name)) return name;
  return network.interfaceByName(name) ?? -ENODEV;
}

/** SIOCGIFCONF: the interfaces that have an IPv4 address. −EFAULT, −EINVAL */
function listInterfaces(task: SocketCaller, network: InterfaceNetwork, argument: number): number {
  const room = task.space.loadU32(argument + Ifconf.offset.ifc_len);
  const buffer = task.space.loadU64(argument + Ifconf.offset.ifc_buf);
  if (room === -EFAULT || buffer === -EFAULT) return -EFAULT;
  if ((room | 0) < 0) return -EINVAL;
  const listed: Uint8Array[] = [];
  for (const one of network.interfaces) {
    for (const address of one.addresses) {
      if (!isV4(address.ip)) continue;
      const request = new Uint8Array(IfreqAddress.size);
      putName(request, 0, one.labelOf(address));
      request.set(inetAddressBytes({ ip: address.ip, port: 0 }, AF_INET), VALUE);
      listed.push(request);
    }
  }
  // Without a buffer the call tells how much room is needed.
  const count = buffer === 0 ? listed.length : Math.min(listed.length, Math.floor(room / IfreqAddress.size));
  if (buffer !== 0) {
    for (let index = 0; index < count; index++)
      if (task.space.copyOut(buffer + index * IfreqAddress.size, listed[index]!, 0, IfreqAddress.size) < 0)
        return -EFAULT;
  }
  return task.space.storeU32(argument + Ifconf.offset.ifc_len, count * IfreqAddress.size);
}
