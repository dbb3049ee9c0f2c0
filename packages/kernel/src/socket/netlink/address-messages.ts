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
import { type IpAddress, ipBytes, ipOfBytes, isV4, isWildcard } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { addAddress, removeAddress } from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import { type InterfaceAddress, type NetworkInterface, scopeOf } from "../network-interface.ts";
import { attributeOf, type NetlinkRequest, numberOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

export function addressMessage(
  one: NetworkInterface,
  address: InterfaceAddress,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const v4 = isV4(address.ip);
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELADDR : RTM_NEWADDR, heading)
    .fields(Ifaddrmsg, {
      ifa_family: v4 ? AF_INET : AF_INET6,
      ifa_prefixlen: address.prefixLength,
      ifa_flags: IFA_F_PERMANENT,
      ifa_scope: scopeOf(address.ip),
      ifa_index: one.index,
    })
    .attribute(IFA_ADDRESS, ipBytes(address.ip));
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
  const local = attributeOf(payload, Ifaddrmsg.size, IFA_LOCAL) ?? attributeOf(payload, Ifaddrmsg.size, IFA_ADDRESS);
  const one = network.interfaceByIndex(viewOf(payload).getInt32(Ifaddrmsg.offset.ifa_index, true));
  const ip = local === null ? null : ipOfBytes(local);
  if (ip === null || isV4(ip) !== (family === AF_INET) || prefixLength > (family === AF_INET ? 32 : 128))
    return -EINVAL;
  if (one === undefined) return -ENODEV;
  const present = one.addressOf(ip);
  if (request.type === RTM_DELADDR)
    return present === undefined ? -EADDRNOTAVAIL : removeAddress(network, one, { ...present, prefixLength });
  if (present !== undefined) return (request.flags & NLM_F_REPLACE) !== 0 ? 0 : -EEXIST;
  const broadcast = attributeOf(payload, Ifaddrmsg.size, IFA_BROADCAST);
  const flags = numberOf(attributeOf(payload, Ifaddrmsg.size, IFA_FLAGS)) ?? payload[Ifaddrmsg.offset.ifa_flags]!;
  const address = { ip, prefixLength, broadcast: broadcast === null ? null : givenIp(broadcast) };
  return addAddress(network, one, address, (flags & IFA_F_NODAD) !== 0);
}

function givenIp(bytes: Uint8Array): IpAddress | null {
  const ip = ipOfBytes(bytes);
  return ip === null || isWildcard(ip) ? null : ip;
}
