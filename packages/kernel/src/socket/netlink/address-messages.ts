/** RTM_NEWADDR and RTM_DELADDR: the addresses of interfaces. */
import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENODEV,
  ERANGE,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_FLAGS,
  IFA_F_DADFAILED,
  IFA_F_HOMEADDRESS,
  IFA_F_MANAGETEMPADDR,
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_OPTIMISTIC,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_PROTO,
  IFNAMSIZ,
  RTM_DELADDR,
  RTM_NEWADDR,
  IfaCacheinfo,
  Ifaddrmsg,
  NLM_F_REPLACE,
  isErrno,
} from "@stratos/abi";
import { type IpAddress, ipBytes, ipOfBytes, isInPrefix, isSameIp, isV4, isWildcard } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { addAddress, addressChanged, removeAddress } from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import {
  type AddressLife,
  flagsOf,
  type InterfaceAddress,
  type NetworkInterface,
  networkOf,
  scopeOf,
} from "../network-interface.ts";
import { attributeOf, type NetlinkRequest, numberOf, textOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** Of IFA_CACHEINFO: no end. */
const FOR_EVER = 0xffffffff;
/** What programs may say of an address of IPv6, and of IPv4. */
const GIVEN_FLAGS_V6 =
    IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN,
  GIVEN_FLAGS_V4 = IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;

export function addressMessage(
  one: NetworkInterface,
  address: InterfaceAddress,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const v4 = isV4(address.ip);
  const flags = flagsOf(address);
  const writer = new NetlinkWriter().begin(isGone ? RTM_DELADDR : RTM_NEWADDR, heading).fields(Ifaddrmsg, {
    ifa_family: v4 ? AF_INET : AF_INET6,
    ifa_prefixlen: address.prefixLength,
    ifa_flags: flags & 0xff,
    ifa_scope: scopeOf(address.ip),
    ifa_index: one.index,
  });
  if (!v4 && address.peer !== undefined) writer.attribute(IFA_LOCAL, ipBytes(address.ip));
  writer.attribute(IFA_ADDRESS, ipBytes(networkOf(address)));
  if (v4) {
    writer.attribute(IFA_LOCAL, ipBytes(address.ip));
    if (address.broadcast !== null) writer.attribute(IFA_BROADCAST, ipBytes(address.broadcast));
    if (one.labelOf(address) !== "") writer.attributeText(IFA_LABEL, one.labelOf(address));
  }
  writer.attributeU32(IFA_FLAGS, flags);
  if (address.protocol !== undefined) writer.attributeU8(IFA_PROTO, address.protocol);
  const { life } = address;
  const age = life === undefined ? 0 : Math.floor((one.network.kernel.now() - life.sinceNs) / 1e9);
  const left = (seconds = Infinity): number => (seconds === Infinity ? FOR_EVER : Math.max(seconds - age, 0));
  const cache = new Uint8Array(IfaCacheinfo.size);
  putFields(viewOf(cache), IfaCacheinfo, { ifa_prefered: left(life?.preferred), ifa_valid: left(life?.valid) });
  return writer.attribute(IFA_CACHEINFO, cache).finish();
}

/**
 * @returns 0; −EINVAL malformed; −ERANGE a label is too long; −ENODEV; −EEXIST; −EADDRNOTAVAIL it isn't there;
 *   −EAFNOSUPPORT; what `addAddress` says
 */
export function changeAddress(network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload } = request;
  if (payload.length < Ifaddrmsg.size) return -EINVAL;
  const family = payload[Ifaddrmsg.offset.ifa_family];
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const prefixLength = payload[Ifaddrmsg.offset.ifa_prefixlen]!;
  const labelled = attributeOf(payload, Ifaddrmsg.size, IFA_LABEL);
  const label = labelled === null ? null : textOf(labelled);
  if (family === AF_INET && label !== null && label.length >= IFNAMSIZ) return -ERANGE;
  const local = ipIn(payload, IFA_LOCAL);
  const other = ipIn(payload, IFA_ADDRESS);
  const one = network.interfaceByIndex(viewOf(payload).getInt32(Ifaddrmsg.offset.ifa_index, true));
  const ip = local ?? other;
  if (ip === null || isV4(ip) !== (family === AF_INET) || prefixLength > (family === AF_INET ? 32 : 128))
    return -EINVAL;
  if (other !== null && isV4(other) !== isV4(ip)) return -EINVAL;
  if (one === undefined) return -ENODEV;
  if (request.type === RTM_DELADDR) {
    const gone = one.addresses.find(
      (each) =>
        isMeant(each, local, other, prefixLength) && (label === null || !isV4(each.ip) || one.labelOf(each) === label),
    );
    if (gone === undefined) return -EADDRNOTAVAIL;
    removeAddress(network, one, gone);
    return 0;
  }
  const broadcast = attributeOf(payload, Ifaddrmsg.size, IFA_BROADCAST);
  const given = numberOf(attributeOf(payload, Ifaddrmsg.size, IFA_FLAGS)) ?? payload[Ifaddrmsg.offset.ifa_flags]!;
  const flags = given & (family === AF_INET ? GIVEN_FLAGS_V4 : GIVEN_FLAGS_V6);
  const life = lifeIn(payload, network.kernel.now());
  if (isErrno(life)) return life;
  const protocol = attributeOf(payload, Ifaddrmsg.size, IFA_PROTO)?.[0];
  const address: InterfaceAddress = {
    ip,
    prefixLength,
    broadcast: broadcast === null ? null : givenIp(broadcast),
    ...(other !== null && !isSameIp(other, ip) && { peer: other }),
    ...(flags !== 0 && { flags }),
    ...(protocol !== undefined && { protocol }),
    ...(label !== null && isV4(ip) && label !== one.name && { label }),
    ...((flags & IFA_F_NOPREFIXROUTE) !== 0 && { isRouted: true }),
    ...(life !== null && { life, isDeprecated: life.preferred === 0 }),
  };
  const present = one.addressLike(address);
  if (present === undefined) return addAddress(network, one, address);
  return (request.flags & NLM_F_REPLACE) === 0 ? -EEXIST : changePresent(network, one, present, address);
}

/** What may become another (net/ipv6/addrconf.c, inet6_addr_modify; net/ipv4/devinet.c, inet_rtm_newaddr). */
function changePresent(
  network: InterfaceNetwork,
  one: NetworkInterface,
  present: InterfaceAddress,
  wanted: InterfaceAddress,
): number {
  const { flags = 0, life, isRouted = false, isDeprecated = false, protocol } = wanted;
  const own = isV4(present.ip) ? IFA_F_SECONDARY : IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_NODAD | IFA_F_OPTIMISTIC;
  const kept = (present.flags ?? 0) & own;
  const changed = { ...present, isRouted, isDeprecated, flags: kept | flags, life: life ?? FOR_ALL_TIME };
  Object.assign(present, protocol === undefined ? changed : { ...changed, protocol });
  addressChanged(network, one, present);
  network.ip.outlive(present);
  return 0;
}

const FOR_ALL_TIME: AddressLife = { preferred: Infinity, valid: Infinity, sinceNs: 0 };

/** IFA_CACHEINFO; null: it says none. −EINVAL it is over already, or preferred for longer than valid */
function lifeIn(payload: Uint8Array, nowNs: number): AddressLife | null | number {
  const cache = attributeOf(payload, Ifaddrmsg.size, IFA_CACHEINFO);
  if (cache === null || cache.length < IfaCacheinfo.size) return null;
  const valid = viewOf(cache).getUint32(IfaCacheinfo.offset.ifa_valid, true);
  const preferred = viewOf(cache).getUint32(IfaCacheinfo.offset.ifa_prefered, true);
  if (valid === 0 || preferred > valid) return -EINVAL;
  if (preferred === FOR_EVER) return null;
  return { preferred, valid: valid === FOR_EVER ? Infinity : valid, sinceNs: nowNs };
}

function ipIn(payload: Uint8Array, type: number): IpAddress | null {
  const bytes = attributeOf(payload, Ifaddrmsg.size, type);
  return bytes === null ? null : ipOfBytes(bytes);
}

/** Of IPv4 who names no network removes the first that has the address (net/ipv4/devinet.c, inet_rtm_deladdr). */
function isMeant(
  one: InterfaceAddress,
  local: IpAddress | null,
  other: IpAddress | null,
  prefixLength: number,
): boolean {
  if (!isV4(one.ip)) return one.prefixLength === prefixLength && isSameIp(one.ip, (local ?? other)!);
  if (local !== null && !isSameIp(one.ip, local)) return false;
  if (other === null) return true;
  return one.prefixLength === prefixLength && isV4(other) && isInPrefix(other, networkOf(one), prefixLength);
}

function givenIp(bytes: Uint8Array): IpAddress | null {
  const ip = ipOfBytes(bytes);
  return ip === null || isWildcard(ip) ? null : ip;
}
