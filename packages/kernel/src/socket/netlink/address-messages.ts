/** RTM_NEWADDR and RTM_DELADDR: the addresses of interfaces. */
import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENODEV,
  IFADDRMSG_SIZE,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_FLAGS,
  IFA_F_PERMANENT,
  IFA_LABEL,
  IFA_LOCAL,
  RTM_DELADDR,
  RTM_NEWADDR,
} from "@stratos/abi";
import { type IpAddress, ipBytes, ipOfBytes, isV4, isWildcard } from "../inet/ip-address.ts";
import { addAddress, removeAddress } from "../interface-changes.ts";
import type { Network } from "../network.ts";
import { type InterfaceAddress, type NetworkInterface, scopeOf } from "../network-interface.ts";
import { attributeOf, type NetlinkRequest } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter, NLM_F_REPLACE } from "./netlink-writer.ts";

export function addressMessage(
  one: NetworkInterface,
  address: InterfaceAddress,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const v4 = isV4(address.ip);
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELADDR : RTM_NEWADDR, heading)
    .u8(v4 ? AF_INET : AF_INET6)
    .u8(address.prefixLength)
    .u8(IFA_F_PERMANENT)
    .u8(scopeOf(address.ip))
    .u32(one.index)
    .attribute(IFA_ADDRESS, ipBytes(address.ip));
  if (v4) {
    writer.attribute(IFA_LOCAL, ipBytes(address.ip));
    if (address.broadcast !== null) writer.attribute(IFA_BROADCAST, ipBytes(address.broadcast));
    writer.attributeText(IFA_LABEL, one.name);
  }
  writer.attributeU32(IFA_FLAGS, IFA_F_PERMANENT);
  // struct ifa_cacheinfo: preferred and valid for ever, never changed.
  const cache = new Uint8Array(16);
  cache.fill(255, 0, 8);
  return writer.attribute(IFA_CACHEINFO, cache).finish();
}

/**
 * @returns 0; −EINVAL malformed; −ENODEV; −EEXIST; −EADDRNOTAVAIL it isn't there; −EAFNOSUPPORT; what `addAddress` says
 */
export function changeAddress(network: Network, request: NetlinkRequest): number {
  const { payload } = request;
  if (payload.length < IFADDRMSG_SIZE) return -EINVAL;
  const family = payload[0];
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const prefixLength = payload[1]!;
  const local = attributeOf(payload, IFADDRMSG_SIZE, IFA_LOCAL) ?? attributeOf(payload, IFADDRMSG_SIZE, IFA_ADDRESS);
  const one = network.interfaceByIndex(new DataView(payload.buffer, payload.byteOffset).getInt32(4, true));
  const ip = local === null ? null : ipOfBytes(local);
  if (ip === null || isV4(ip) !== (family === AF_INET) || prefixLength > (family === AF_INET ? 32 : 128))
    return -EINVAL;
  if (one === undefined) return -ENODEV;
  const present = one.addressOf(ip);
  if (request.type === RTM_DELADDR)
    return present === undefined ? -EADDRNOTAVAIL : removeAddress(network, one, { ...present, prefixLength });
  if (present !== undefined) return (request.flags & NLM_F_REPLACE) !== 0 ? 0 : -EEXIST;
  const broadcast = attributeOf(payload, IFADDRMSG_SIZE, IFA_BROADCAST);
  return addAddress(network, one, { ip, prefixLength, broadcast: broadcast === null ? null : givenIp(broadcast) });
}

function givenIp(bytes: Uint8Array): IpAddress | null {
  const ip = ipOfBytes(bytes);
  return ip === null || isWildcard(ip) ? null : ip;
}
