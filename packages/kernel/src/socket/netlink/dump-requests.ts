/**
 * What a dump of rtnetlink(7) is asked to be about. With NETLINK_GET_STRICT_CHK its header and attributes are looked at
 * as those of a change are; without it what they say is passed over but for links and neighbours (Linux's
 * rtnl_valid_dump_ifinfo_req, inet_valid_dump_ifaddr_req, ip_valid_fib_dump_req, neigh_valid_dump_req,
 * fib_valid_dumprule_req).
 */
import {
  AF_INET,
  AF_UNSPEC,
  EINVAL,
  ENODEV,
  ENOENT,
  ERANGE,
  FibRuleHdr,
  IFLA_EXT_MASK,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  Ifaddrmsg,
  Ifinfomsg,
  NDA_IFINDEX,
  NDA_MASTER,
  Ndmsg,
  NLM_F_DUMP_FILTERED,
  NTF_PROXY,
  RTA_OIF,
  RTA_TABLE,
  RT_TABLE_UNSPEC,
  RTM_F_CLONED,
  RTM_F_PREFIX,
  Rtmsg,
} from "@stratos/abi";
import { isV4 } from "@stratos/netstack";
import { viewOf } from "../../ground/words.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { leadsBy } from "../route-ways.ts";
import { isRefusal, type Route } from "../routes.ts";
import { attributeOf, attributesIn, numberOf, ShortAttribute, textOf } from "./netlink-request.ts";
import { tableIn } from "./route-table-messages.ts";

/** Nothing is told, and why; flags of NLMSG_DONE. */
export interface RefusedDump {
  readonly errno: number;
  readonly text?: string;
  readonly doneFlags?: number;
}

/** What of it is told, and with which flags: of each message, and of NLMSG_DONE. */
export interface WantedDump<One> {
  readonly wants: (one: One) => boolean;
  readonly flags: number;
  readonly doneFlags: number;
}

const isAny = (): boolean => true;
const WHOLE: WantedDump<unknown> = { wants: isAny, flags: 0, doneFlags: 0 };

export function isRefusedDump(dump: RefusedDump | WantedDump<never>): dump is RefusedDump {
  return "errno" in dump;
}

/** Kinds that can be asked for; of another all are told, as of a module that isn't loaded. */
const KINDS = new Set(["dummy", "veth", "bridge", "tun"]);

/** RTM_GETLINK, but of AF_BRIDGE. */
export function wantedLinks(payload: Uint8Array, isStrict: boolean): RefusedDump | WantedDump<NetworkInterface> {
  if (isStrict) {
    const { ifi_type, ifi_index, ifi_flags, ifi_change, _pad } = Ifinfomsg.offset;
    if (payload.length < Ifinfomsg.size) return refusal("Invalid header for link dump");
    const view = viewOf(payload);
    const others = view.getUint32(ifi_flags, true) | view.getUint32(ifi_change, true);
    if (payload[_pad] !== 0 || view.getUint16(ifi_type, true) !== 0 || others !== 0)
      return refusal("Invalid values in header for link dump request");
    if (view.getInt32(ifi_index, true) !== 0) return refusal("Filter by device index not supported for link dumps");
    const allowed = [IFLA_MASTER, IFLA_EXT_MASK, IFLA_LINKINFO];
    const refused = refuseAttributes(payload, Ifinfomsg.size, allowed, "Unsupported attribute in link dump request");
    if (refused !== null) return refused;
  } else if (payload.length < Ifinfomsg.size) return WHOLE;
  const master = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_MASTER)) ?? 0;
  const info = attributeOf(payload, Ifinfomsg.size, IFLA_LINKINFO);
  const named = info === null ? null : attributeOf(info, 0, IFLA_INFO_KIND);
  const kind = named !== null && KINDS.has(textOf(named)) ? textOf(named) : null;
  if (master === 0 && kind === null) return WHOLE;
  return {
    wants: (one) => isOfMaster(one, master) && (kind === null || kind === (one.kind === "tap" ? "tun" : one.kind)),
    flags: NLM_F_DUMP_FILTERED,
    doneFlags: 0,
  };
}

/** Of a bridge by its index; 0: whatever it is, −1: of none. */
function isOfMaster({ master }: NetworkInterface, index: number): boolean {
  if (index === 0) return true;
  return index === 0xffffffff ? master === null : master?.index === index;
}

/** RTM_GETADDR: of which interfaces. */
export function wantedAddresses(
  network: InterfaceNetwork,
  payload: Uint8Array,
  isStrict: boolean,
): RefusedDump | WantedDump<NetworkInterface> {
  if (!isStrict) return WHOLE;
  const family = payload[0] ?? AF_UNSPEC;
  const name = family === AF_UNSPEC || family === AF_INET ? "ipv4" : "ipv6";
  const { ifa_prefixlen, ifa_flags, ifa_scope, ifa_index } = Ifaddrmsg.offset;
  if (payload.length < Ifaddrmsg.size) return refusal(`${name}: Invalid header for address dump request`);
  if ((payload[ifa_prefixlen]! | payload[ifa_flags]! | payload[ifa_scope]!) !== 0)
    return refusal(`${name}: Invalid values in header for address dump request`);
  const refused = refuseAttributes(payload, Ifaddrmsg.size, [], `${name}: Unsupported attribute in dump request`);
  if (refused !== null) return refused;
  const index = viewOf(payload).getUint32(ifa_index, true);
  if (index === 0) return WHOLE;
  const doneFlags = NLM_F_DUMP_FILTERED;
  const wanted = network.interfaceByIndex(index);
  if (wanted === undefined) return { errno: -ENODEV, doneFlags };
  return { wants: (one) => one === wanted, flags: NLM_F_DUMP_FILTERED, doneFlags };
}

/** RTM_GETROUTE. */
export function wantedRoutes(
  network: InterfaceNetwork,
  payload: Uint8Array,
  isStrict: boolean,
): RefusedDump | WantedDump<Route> {
  const family = payload[Rtmsg.offset.rtm_family] ?? AF_UNSPEC;
  const flags = payload.length < Rtmsg.size ? 0 : viewOf(payload).getUint32(Rtmsg.offset.rtm_flags, true);
  // Routes of IPv4 have no such mark (net/ipv4/fib_frontend.c, inet_dump_fib).
  const isOfFamily = (route: Route): boolean => (flags & RTM_F_PREFIX) === 0 || !isV4(route.destination);
  if (!isStrict) return { wants: isOfFamily, flags: 0, doneFlags: 0 };
  const { rtm_dst_len, rtm_src_len, rtm_tos, rtm_scope, rtm_protocol, rtm_type } = Rtmsg.offset;
  if (payload.length < Rtmsg.size) return refusal("Invalid header for FIB dump request");
  if ((payload[rtm_dst_len]! | payload[rtm_src_len]! | payload[rtm_tos]! | payload[rtm_scope]!) !== 0)
    return refusal("Invalid values in header for FIB dump request");
  if ((flags & ~(RTM_F_CLONED | RTM_F_PREFIX)) !== 0) return refusal("Invalid flags for FIB dump request");
  const refused = refuseAttributes(payload, Rtmsg.size, [RTA_TABLE, RTA_OIF], "Unsupported attribute in dump request");
  if (refused !== null) return refused;
  const table = tableIn(payload);
  const index = numberOf(attributeOf(payload, Rtmsg.size, RTA_OIF));
  const out = index === null ? null : network.interfaceByIndex(index);
  if (out === undefined) return { errno: -ENODEV };
  const protocol = payload[rtm_protocol]!;
  const type = payload[rtm_type]!;
  const isFiltered = (flags | table | protocol | type) !== 0 || out !== null;
  const doneFlags = isFiltered ? NLM_F_DUMP_FILTERED : 0;
  if (table !== RT_TABLE_UNSPEC && family !== AF_UNSPEC && !network.routes.hasTable(table, family === AF_INET)) {
    return { errno: -ENOENT, text: `${family === AF_INET ? "ipv4" : "ipv6"}: FIB table does not exist`, doneFlags };
  }
  return {
    // What was looked up is kept nowhere.
    wants: (route) =>
      (flags & RTM_F_CLONED) === 0 &&
      isOfFamily(route) &&
      (table === RT_TABLE_UNSPEC || table === route.table) &&
      (protocol === 0 || protocol === route.protocol) &&
      (type === 0 || type === route.type) &&
      (out === null || (leadsBy(route, out) && !(isV4(route.destination) && isRefusal(route.type)))),
    flags: NLM_F_DUMP_FILTERED,
    doneFlags,
  };
}

/** RTM_GETNEIGH, but of AF_BRIDGE: by their interfaces. */
export function wantedNeighbours(
  network: InterfaceNetwork,
  payload: Uint8Array,
  isStrict: boolean,
): RefusedDump | WantedDump<number> {
  if (isStrict) {
    const { ndm_pad1, ndm_pad2, ndm_ifindex, ndm_state, ndm_flags, ndm_type } = Ndmsg.offset;
    if (payload.length < Ndmsg.size) return refusal("Invalid header for neighbor dump request");
    const view = viewOf(payload);
    const words = view.getUint16(ndm_pad2, true) | view.getInt32(ndm_ifindex, true) | view.getUint16(ndm_state, true);
    if ((words | payload[ndm_pad1]! | payload[ndm_type]!) !== 0)
      return refusal("Invalid values in header for neighbor dump request");
    if ((payload[ndm_flags]! & ~NTF_PROXY) !== 0) return refusal("Invalid flags in header for neighbor dump request");
    const allowed = [NDA_IFINDEX, NDA_MASTER];
    const refused = refuseAttributes(payload, Ndmsg.size, allowed, "Unsupported attribute in neighbor dump request");
    if (refused !== null) return refused;
  }
  // Else what can't be read says nothing.
  const index = askedIndex(payload, NDA_IFINDEX);
  const master = askedIndex(payload, NDA_MASTER);
  if (index === 0 && master === 0) return WHOLE;
  const isWanted = (device: number): boolean => {
    const one = network.interfaceByIndex(device);
    return one !== undefined && (index === 0 || index === device) && isOfMaster(one, master);
  };
  return { wants: isWanted, flags: NLM_F_DUMP_FILTERED, doneFlags: 0 };
}

function askedIndex(payload: Uint8Array, attribute: number): number {
  if (payload.length < Ndmsg.size) return 0;
  try {
    return numberOf(attributeOf(payload, Ndmsg.size, attribute)) ?? 0;
  } catch (error) {
    if (error instanceof ShortAttribute) return 0;
    throw error;
  }
}

/** RTM_GETRULE: all of the family, or none. */
export function refuseRules(payload: Uint8Array, isStrict: boolean): RefusedDump | null {
  if (!isStrict) return null;
  const { size } = FibRuleHdr;
  if (payload.length < size) return refusal("Invalid header for fib rule dump request");
  if (payload.subarray(1, size).some((byte) => byte !== 0))
    return refusal("Invalid values in header for fib rule dump request");
  return payload.length > size ? refusal("Invalid data after header in fib rule dump request") : null;
}

function refusal(text: string): RefusedDump {
  return { errno: -EINVAL, text };
}

/** Attributes, numbers of 32 bits and nests, behind a fixed part of `start` bytes; others are refused. */
function refuseAttributes(
  payload: Uint8Array,
  start: number,
  allowed: readonly number[],
  text: string,
): RefusedDump | null {
  let end = start;
  let isAllowed = true;
  for (const attribute of attributesIn(payload, start)) {
    if (attribute === null) return refusal("bytes leftover after parsing attributes");
    const { type, value } = attribute;
    isAllowed &&= allowed.includes(type);
    if (allowed.includes(type) && type !== IFLA_LINKINFO && value.length < 4)
      return { errno: -ERANGE, text: "Attribute failed policy validation" };
    end = value.byteOffset - payload.byteOffset + value.length;
  }
  // Less than an attribute's head may fill up a word (lib/nlattr.c, __nla_validate_parse).
  if (payload.length - end >= 4) return refusal("bytes leftover after parsing attributes");
  return isAllowed ? null : refusal(text);
}
