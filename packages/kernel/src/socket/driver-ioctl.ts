/**
 * Requests of a socket to a driver, or to a kind of device that this kernel has none of: what Linux's loopback answers,
 * behind the questions whether there is such an interface and whether the caller may (net/core/dev_ioctl.c, dev_ioctl,
 * dev_ifsioc). That a tunnel's device is not there (`ip tunnel`, ENODEV) is learnt by these.
 */
import {
  AF_INET,
  AF_UNSPEC,
  ARPHRD_ETHER,
  CAP_NET_ADMIN,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOPKG,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  IfreqAddress,
  IfreqHardware,
  SIOCADDMULTI,
  SIOCBONDCHANGEACTIVE,
  SIOCBONDENSLAVE,
  SIOCBONDINFOQUERY,
  SIOCBONDRELEASE,
  SIOCBONDSETHWADDR,
  SIOCBONDSLAVEINFOQUERY,
  SIOCDELMULTI,
  SIOCDEVPRIVATE,
  SIOCGHWTSTAMP,
  SIOCGIFBR,
  SIOCGIFPFLAGS,
  SIOCGIFSLAVE,
  SIOCGIFVLAN,
  SIOCGMIIPHY,
  SIOCGMIIREG,
  SIOCSHWTSTAMP,
  SIOCSIFBR,
  SIOCSIFHWBROADCAST,
  SIOCSIFMAP,
  SIOCSIFMETRIC,
  SIOCSIFPFLAGS,
  SIOCSIFSLAVE,
  SIOCSIFVLAN,
  SIOCSMIIREG,
  SIOCWANDEV,
  Sockaddr,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { getU64, viewOf } from "../ground/words.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import { nameIn } from "./interface-request.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** Of SIOCDEVPRIVATE. */
const PRIVATE_REQUESTS = 16;
/** `struct hwtstamp_config`: its flags, and what is stamped of both ways. */
const STAMPING_SIZE = 12;
/** Three words of the arguments of brctl(8)'s first versions. */
const OLD_BRIDGE_SIZE = 24;

/** Those that change, and the two that only who may change asks. */
const PRIVILEGED: ReadonlySet<number> = new Set([
  ...[SIOCGMIIPHY, SIOCGMIIREG, SIOCSMIIREG, SIOCSHWTSTAMP, SIOCSIFMETRIC, SIOCSIFMAP, SIOCSIFSLAVE],
  ...[SIOCADDMULTI, SIOCDELMULTI, SIOCSIFHWBROADCAST],
  ...[SIOCBONDENSLAVE, SIOCBONDRELEASE, SIOCBONDSETHWADDR, SIOCBONDCHANGEACTIVE],
]);

const UNPRIVILEGED: ReadonlySet<number> = new Set([
  ...[SIOCWANDEV, SIOCGHWTSTAMP, SIOCGIFSLAVE, SIOCBONDSLAVEINFOQUERY, SIOCBONDINFOQUERY],
]);

/**
 * Whatever no other request of an interface is.
 *
 * @returns 0; −EFAULT; −EPERM; −ENODEV; −EOPNOTSUPP the driver takes no such request; −EINVAL; −ENOENT, −ENOMEM of
 *   groups; −ENOPKG of VLANs; −ENOTTY no such request
 */
export function driverIoctl(
  task: SocketCaller,
  { network, family }: { readonly network: InterfaceNetwork; readonly family: number },
  command: number,
  argument: number,
): number {
  if (command === SIOCGIFVLAN || command === SIOCSIFVLAN) return -ENOPKG;
  const isOldBridge = command === SIOCGIFBR || command === SIOCSIFBR;
  const request = new Uint8Array(IfreqAddress.size);
  if (task.space.copyIn(argument, request, 0, isOldBridge ? OLD_BRIDGE_SIZE : request.length) < 0) return -EFAULT;
  if (isOldBridge) return -EOPNOTSUPP;
  if (command === SIOCGIFPFLAGS || command === SIOCSIFPFLAGS) return family === AF_INET ? -EINVAL : -ENOTTY;
  const isPrivate = command >= SIOCDEVPRIVATE && command < SIOCDEVPRIVATE + PRIVATE_REQUESTS;
  if (PRIVILEGED.has(command)) {
    if (!isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  } else if (!isPrivate && !UNPRIVILEGED.has(command)) return -ENOTTY;
  const found = network.interfaceByName(nameIn(request, 0));
  if (found === undefined) return -ENODEV;
  const view = viewOf(request);
  switch (command) {
    case SIOCGIFSLAVE:
    case SIOCSIFSLAVE:
      return -EINVAL;
    case SIOCADDMULTI:
    case SIOCDELMULTI:
      return changeLinkGroups(found, command === SIOCADDMULTI, request);
    case SIOCSIFHWBROADCAST:
      return view.getUint16(IfreqHardware.offset.ifr_hwaddr, true) === found.hardwareType ? -EOPNOTSUPP : -EINVAL;
    case SIOCSHWTSTAMP: {
      const settings = getU64(view, IfreqAddress.offset.ifr_addr);
      return task.space.copyIn(settings, request, 0, STAMPING_SIZE) < 0 ? -EFAULT : -EOPNOTSUPP;
    }
    default:
      return -EOPNOTSUPP;
  }
}

/** `ip maddr add` and `del`: what is heard beside the groups that sockets join (net/core/dev_addr_lists.c). */
function changeLinkGroups(one: NetworkInterface, isAdded: boolean, request: Uint8Array): number {
  const family = viewOf(request).getUint16(IfreqHardware.offset.ifr_hwaddr, true);
  if (one.hardwareType !== ARPHRD_ETHER || family !== AF_UNSPEC) return -EINVAL;
  const at = IfreqHardware.offset.ifr_hwaddr + Sockaddr.offset.sa_data;
  const address = request.slice(at, at + ETHERNET_ADDRESS_SIZE);
  const index = one.linkGroups.findIndex((group) => group.every((byte, place) => byte === address[place]));
  if (!isAdded) {
    if (index < 0) return -ENOENT;
    one.linkGroups.splice(index, 1);
  } else if (index < 0) {
    if (one.linkGroups.length >= LINK_GROUPS_MAX) return -ENOMEM;
    one.linkGroups.push(address);
  }
  return 0;
}

/** Is it of the numbers that Linux takes for an interface's (SOCK_IOC_TYPE)? */
export function isInterfaceRequest(command: number): boolean {
  return command >>> 8 === SOCK_IOC_TYPE;
}

const SOCK_IOC_TYPE = 0x89;
const LINK_GROUPS_MAX = 1024;
