import {
  AF_INET,
  CAP_NET_ADMIN,
  EADDRNOTAVAIL,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  IFF_UP,
  SIOCADDRT,
  SIOCDELRT,
  SIOCETHTOOL,
  SIOCGARP,
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
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SIOCSIFNETMASK,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { inetAddressBytes } from "./inet/inet-address.ts";
import { formatV4, isV4 } from "./inet/ip-address.ts";
import { broadcastOf, netmaskOf, type NetworkInterface } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** sizeof struct ifreq: a name of 16 bytes and a union of 24 (netdevice(7)). */
const IFREQ_SIZE = 40,
  NAME_SIZE = 16;

/**
 * The ioctls of interfaces, which any socket takes (netdevice(7)). Interfaces can't be changed from inside.
 *
 * @returns 0 or EFAULT, ENODEV (no such interface), EADDRNOTAVAIL (it has no IPv4 address), EPERM, EOPNOTSUPP, ENOTTY
 *   (no such request)
 */
export function interfaceIoctl(task: SocketCaller, command: number, argument: number): number {
  if (command === SIOCGIFCONF) return listInterfaces(task, argument);
  switch (command) {
    case SIOCADDRT:
    case SIOCDELRT:
      return isCapable(task.credentials, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
    case SIOCSIFFLAGS:
    case SIOCSIFADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFMTU:
      return changeInterface(task, command, argument);
    case SIOCGARP:
      return -ENODEV;
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
      return -ENOTTY;
  }
  const request = new Uint8Array(IFREQ_SIZE);
  if (task.space.copyIn(argument, request, 0, IFREQ_SIZE) < 0) return -EFAULT;
  const view = new DataView(request.buffer);
  const network = task.network;
  const found =
    command === SIOCGIFNAME
      ? network.interfaceByIndex(view.getInt32(NAME_SIZE, true))
      : network.interfaceByName(nameIn(request));
  if (found === undefined) return -ENODEV;
  const value = request.subarray(NAME_SIZE);
  const address = found.addresses.find((one) => isV4(one.ip));
  if (command !== SIOCGIFNAME) value.fill(0);
  switch (command) {
    case SIOCGIFNAME:
      writeName(request, found);
      break;
    case SIOCGIFFLAGS:
      view.setUint16(NAME_SIZE, found.flags & 0xffff, true);
      break;
    case SIOCGIFMETRIC:
      break;
    case SIOCGIFMTU:
      view.setInt32(NAME_SIZE, found.mtu, true);
      break;
    case SIOCGIFINDEX:
      view.setInt32(NAME_SIZE, found.index, true);
      break;
    case SIOCGIFTXQLEN:
      view.setInt32(NAME_SIZE, 1000, true);
      break;
    case SIOCGIFMAP:
      break;
    case SIOCGIFHWADDR:
      view.setUint16(NAME_SIZE, found.hardwareType, true);
      value.set(found.hardwareAddress, 2);
      break;
    case SIOCETHTOOL:
    case SIOCGIWNAME:
      return -EOPNOTSUPP;
    default: {
      if (address === undefined) return -EADDRNOTAVAIL;
      const ip =
        command === SIOCGIFNETMASK
          ? formatV4(netmaskOf(address.prefixLength), 0)
          : command === SIOCGIFBRDADDR
            ? broadcastOf(address)
            : address.ip;
      value.set(inetAddressBytes({ ip, port: 0 }, AF_INET));
    }
  }
  return task.space.copyOut(argument, request, 0, IFREQ_SIZE);
}

/** SIOCSIF…: asking for what is there succeeds (`ifconfig lo up`), anything else isn't supported. */
function changeInterface(task: SocketCaller, command: number, argument: number): number {
  const request = new Uint8Array(IFREQ_SIZE);
  if (task.space.copyIn(argument, request, 0, IFREQ_SIZE) < 0) return -EFAULT;
  if (!isCapable(task.credentials, CAP_NET_ADMIN)) return -EPERM;
  const found = task.network.interfaceByName(nameIn(request));
  if (found === undefined) return -ENODEV;
  const view = new DataView(request.buffer);
  const address = found.addresses.find((one) => isV4(one.ip));
  const isThere =
    command === SIOCSIFFLAGS
      ? ((view.getUint16(NAME_SIZE, true) ^ found.flags) & IFF_UP) === 0
      : command === SIOCSIFMTU
        ? view.getInt32(NAME_SIZE, true) === found.mtu
        : address !== undefined &&
          formatV4(request, NAME_SIZE + 4) ===
            (command === SIOCSIFADDR ? address.ip : formatV4(netmaskOf(address.prefixLength), 0));
  return isThere ? 0 : -EOPNOTSUPP;
}

function nameIn(request: Uint8Array): string {
  let name = "";
  for (let at = 0; at < NAME_SIZE - 1 && request[at] !== 0; at++) name += String.fromCharCode(request[at]!);
  // An alias such as "eth0:1" names its interface.
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}

function writeName(request: Uint8Array, one: NetworkInterface): void {
  request.fill(0, 0, NAME_SIZE);
  for (let at = 0; at < one.name.length; at++) request[at] = one.name.charCodeAt(at);
}

/**
 * `struct ifconf { int ifc_len; union { char *ifc_buf; struct ifreq *ifc_req; } }`: lists interfaces that have an IPv4
 * address.
 */
function listInterfaces(task: SocketCaller, argument: number): number {
  const room = task.space.loadU32(argument);
  const buffer = task.space.loadU64(argument + 8);
  if (room === -EFAULT || buffer === -EFAULT) return -EFAULT;
  if ((room | 0) < 0) return -EINVAL;
  const listed: Uint8Array[] = [];
  for (const one of task.network.interfaces) {
    for (const address of one.addresses) {
      if (!isV4(address.ip)) continue;
      const request = new Uint8Array(IFREQ_SIZE);
      writeName(request, one);
      request.set(inetAddressBytes({ ip: address.ip, port: 0 }, AF_INET), NAME_SIZE);
      listed.push(request);
    }
  }
  // Without a buffer the call tells how much room is needed.
  const count = buffer === 0 ? listed.length : Math.min(listed.length, Math.floor(room / IFREQ_SIZE));
  if (buffer !== 0) {
    for (let index = 0; index < count; index++)
      if (task.space.copyOut(buffer + index * IFREQ_SIZE, listed[index]!, 0, IFREQ_SIZE) < 0) return -EFAULT;
  }
  return task.space.storeU32(argument, count * IFREQ_SIZE);
}
