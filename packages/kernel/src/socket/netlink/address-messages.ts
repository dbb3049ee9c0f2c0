/** RTM_NEWADDR and RTM_DELADDR: the addresses of interfaces. */
import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENODEV,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_FLAGS,
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  IFA_LABEL,
  IFA_LOCAL,
  RTM_DELADDR,
  RTM_NEWADDR,
  IfaCacheinfo,
  Ifaddrmsg,
  NLM_F_REPLACE,
} from "@stratos/abi";
import { type IpAddress, ipBytes, ipOfBytes, isInPrefix, isSameIp, isV4, isWildcard } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { addAddress, removeAddress } from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import { type InterfaceAddress, type NetworkInterface, networkOf, scopeOf } from "../network-interface.ts";
import { attributeOf, type NetlinkRequest, numberOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

export function addressMessage(
  one: NetworkInterface,
  address: InterfaceAddress,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const v4 = isV4(address.ip);
  const writer = new NetlinkWriter().begin(isGone ? RTM_DELADDR : RTM_NEWADDR, heading).fields(Ifaddrmsg, {
    ifa_family: v4 ? AF_INET : AF_INET6,
    ifa_prefixlen: address.prefixLength,
    ifa_flags: IFA_F_PERMANENT,
    ifa_scope: scopeOf(address.ip),
    ifa_index: one.index,
  });
  if (!v4 && address.peer !== undefined) writer.attribute(IFA_LOCAL, ipBytes(address.ip));
  writer.attribute(IFA_ADDRESS, ipBytes(networkOf(address)));
  if (v4) {
    writer.attribute(IFA_LOCAL, ipBytes(address.ip));
    if (address.broadcast !== null) writer.attribute(IFA_BROADCAST, ipBytes(address.broadcast));
    writer.attributeText(IFA_LABEL, one.name);
  }
  writer.attributeU32(IFA_FLAGS, IFA_F_PERMANENT);
  // For ever, and never changed.
  const cache = new Uint8Array(IfaCacheinfo.size);
  putFields(viewOf(cache), IfaCacheinfo, { ifa_prefered: 0xffffffff, ifa_valid: 0xffffffff });
  return writer.attribute(IFA_CACHEINFO, cache).finish();
}

/**
 * @returns 0; −EINVAL malformed; −ENODEV; −EEXIST; −EADDRNOTAVAIL it isn't there; −EAFNOSUPPORT; what `addAddress` says
 */
export function changeAddress(network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload } = request;
  if (payload.length < Ifaddrmsg.size) return -EINVAL;
  const family = payload[Ifaddrmsg.offset.ifa_family];
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const prefixLength = payload[Ifaddrmsg.offset.ifa_prefixlen]!;
  const local = ipIn(payload, IFA_LOCAL);
  const other = ipIn(payload, IFA_ADDRESS);
  const one = network.interfaceByIndex(viewOf(payload).getInt32(Ifaddrmsg.offset.ifa_index, true));
  const ip = local ?? other;
  if (ip === null || isV4(ip) !== (family === AF_INET) || prefixLength > (family === AF_INET ? 32 : 128))
    return -EINVAL;
  if (other !== null && isV4(other) !== isV4(ip)) return -EINVAL;
  if (one === undefined) return -ENODEV;
  if (request.type === RTM_DELADDR) {
    const gone = one.addresses.find((each) => isMeant(each, local, other, prefixLength));
    if (gone === undefined) return -EADDRNOTAVAIL;
    removeAddress(network, one, gone);
    return 0;
  }
  const broadcast = attributeOf(payload, Ifaddrmsg.size, IFA_BROADCAST);
  const flags = numberOf(attributeOf(payload, Ifaddrmsg.size, IFA_FLAGS)) ?? payload[Ifaddrmsg.offset.ifa_flags]!;
  const address: InterfaceAddress = {
    ip,
    prefixLength,
    broadcast: broadcast === null ? null : givenIp(broadcast),
    ...(other !== null && !isSameIp(other, ip) && { peer: other }),
  };
  if (one.addressLike(address) !== undefined) return (request.flags & NLM_F_REPLACE) !== 0 ? 0 : -EEXIST;
  return addAddress(network, one, address, (flags & IFA_F_NODAD) !== 0);
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
