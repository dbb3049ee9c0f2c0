/** RTM_NEWROUTE, RTM_DELROUTE and `ip route get`. */
import {
  AF_INET,
  AF_INET6,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  EOPNOTSUPP,
  RTA_CACHEINFO,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_UID,
  RTA_VIA,
  RTCF_LOCAL,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_NEWROUTE,
  RTN_LOCAL,
  RTN_UNICAST,
  RTN_UNSPEC,
  RTPROT_UNSPEC,
  RT_SCOPE_HOST,
  RT_SCOPE_NOWHERE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  Rtmsg,
} from "@stratos/abi";
import {
  ANY_V4,
  ANY_V6,
  type IpAddress,
  ipBytes,
  ipOfBytes,
  isLoopback,
  isSameIp,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  prefixOf,
  widthOf,
} from "../inet/ip-address.ts";
import { addRoute, removeRoute } from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { makeRoute, type Route } from "../routes.ts";
import { attributeOf, type NetlinkRequest, numberOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

export function routeMessage(route: Route, heading: NetlinkHeading, isGone = false): Uint8Array {
  const v4 = isV4(route.destination);
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELROUTE : RTM_NEWROUTE, heading)
    .fields(Rtmsg, {
      rtm_family: v4 ? AF_INET : AF_INET6,
      rtm_dst_len: route.prefixLength,
      rtm_table: route.table,
      rtm_protocol: route.protocol,
      rtm_scope: route.scope,
      rtm_type: route.type,
    })
    .attributeU32(RTA_TABLE, route.table);
  if (route.prefixLength > 0) writer.attribute(RTA_DST, ipBytes(route.destination));
  if (route.gateway !== null) writer.attribute(RTA_GATEWAY, ipBytes(route.gateway));
  if (route.source !== null) writer.attribute(RTA_PREFSRC, ipBytes(route.source));
  if (route.metric !== 0 || !v4) writer.attributeU32(RTA_PRIORITY, route.metric);
  writer.attributeU32(RTA_OIF, route.out.index);
  if (!v4) writer.attributeU8(RTA_PREF, 0);
  return writer.finish();
}

/** What a look-up found, as who asked would take it: IPv4's says nothing of tables (net/ipv4/route.c, rt_fill_info). */
export function foundRouteMessage(route: Route, heading: NetlinkHeading, uid: number): Uint8Array {
  if (!isV4(route.destination)) return routeMessage(route, heading);
  const writer = new NetlinkWriter()
    .begin(RTM_NEWROUTE, heading)
    .fields(Rtmsg, {
      rtm_family: AF_INET,
      rtm_dst_len: route.prefixLength,
      rtm_table: RT_TABLE_MAIN,
      rtm_type: route.type,
      rtm_flags: (RTM_F_CLONED | (route.type === RTN_LOCAL ? RTCF_LOCAL : 0)) >>> 0,
    })
    .attributeU32(RTA_TABLE, RT_TABLE_MAIN)
    .attribute(RTA_DST, ipBytes(route.destination));
  if (route.gateway !== null) writer.attribute(RTA_GATEWAY, ipBytes(route.gateway));
  if (route.source !== null) writer.attribute(RTA_PREFSRC, ipBytes(route.source));
  return writer
    .attributeU32(RTA_OIF, route.out.index)
    .attributeU32(RTA_UID, uid)
    .attribute(RTA_CACHEINFO, new Uint8Array(RTA_CACHEINFO_SIZE))
    .finish();
}

/** `struct rta_cacheinfo`: all of it is 0 where nothing is kept of routes. */
const RTA_CACHEINFO_SIZE = 32;

/**
 * @returns 0; −EINVAL malformed, or of a kind that isn't there; −ENODEV; −EOPNOTSUPP another table; −ESRCH; what
 *   `addRoute` says
 */
export function changeRoute(network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload, flags } = request;
  const v4 = familyIn(payload) === AF_INET;
  if (payload.length < Rtmsg.size || (!v4 && familyIn(payload) !== AF_INET6)) return -EINVAL;
  const { offset } = Rtmsg;
  const prefixLength = payload[offset.rtm_dst_len]!,
    table = payload[offset.rtm_table]!,
    protocol = payload[offset.rtm_protocol]!,
    scope = payload[offset.rtm_scope]!,
    type = payload[offset.rtm_type]!;
  const wantedTable = numberOf(attributeOf(payload, Rtmsg.size, RTA_TABLE)) ?? table;
  if (wantedTable !== RT_TABLE_MAIN && wantedTable !== RT_TABLE_UNSPEC && wantedTable !== RT_TABLE_LOCAL)
    return -EOPNOTSUPP;
  if (type !== RTN_UNICAST && type !== RTN_UNSPEC) return -EOPNOTSUPP;
  // A gateway of the other family (RTA_VIA) belongs to no route of ours.
  if (attributeOf(payload, Rtmsg.size, RTA_VIA) !== null) return -EOPNOTSUPP;
  const destination = addressAttribute(payload, RTA_DST, v4) ?? (v4 ? ANY_V4 : ANY_V6);
  const gateway = addressAttribute(payload, RTA_GATEWAY, v4);
  const source = addressAttribute(payload, RTA_PREFSRC, v4);
  if (destination === "malformed" || gateway === "malformed" || source === "malformed") return -EINVAL;
  if (prefixLength > widthOf(destination) || !isSameIp(prefixOf(destination, prefixLength), destination))
    return -EINVAL;
  const index = numberOf(attributeOf(payload, Rtmsg.size, RTA_OIF));
  const out = index === null ? null : network.interfaceByIndex(index);
  if (out === undefined) return -ENODEV;
  const metric = numberOf(attributeOf(payload, Rtmsg.size, RTA_PRIORITY));
  const wanted = { destination, prefixLength, out, gateway, metric, table: RT_TABLE_MAIN };
  if (request.type === RTM_DELROUTE) return removeRoute(network, wanted);
  const via = out ?? (gateway === null ? null : (network.routes.find(gateway)?.out ?? null));
  if (via === null) return gateway === null ? -ENODEV : -ENETUNREACH;
  if (source !== null && !network.hasAddress(source)) return -EINVAL;
  const route = makeRoute({
    destination,
    prefixLength,
    out: via,
    gateway,
    source,
    ...(metric === null ? {} : { metric }),
    ...(protocol === RTPROT_UNSPEC ? {} : { protocol }),
    ...(scope === RT_SCOPE_NOWHERE || !v4 ? {} : { scope }),
  });
  return replaceOrAdd(network, route, flags);
}

function replaceOrAdd(network: InterfaceNetwork, route: Route, flags: number): number {
  if ((flags & NLM_F_REPLACE) !== 0) {
    const { destination, prefixLength, metric, table } = route;
    const removed = removeRoute(network, { destination, prefixLength, out: null, gateway: null, metric, table });
    if (removed < 0 && (flags & NLM_F_CREATE) === 0) return removed;
  }
  return addRoute(network, route);
}

/** Undefined when there is no message. */
function familyIn(payload: Uint8Array): number | undefined {
  return payload[Rtmsg.offset.rtm_family];
}

function addressAttribute(payload: Uint8Array, type: number, v4: boolean): IpAddress | null | "malformed" {
  const bytes = attributeOf(payload, Rtmsg.size, type);
  if (bytes === null) return null;
  const ip = ipOfBytes(bytes);
  return ip === null || isV4(ip) !== v4 ? "malformed" : ip;
}

/** RTM_GETROUTE for one address (`ip route get`). −ENETUNREACH */
export function routeTo(network: InterfaceNetwork, payload: Uint8Array): Route | number {
  const v4 = familyIn(payload) === AF_INET;
  const ip = addressAttribute(payload, RTA_DST, v4);
  if (ip === null || ip === "malformed") return -ENETUNREACH;
  const exact = { destination: ip, prefixLength: widthOf(ip), metric: 0 };
  if (network.isLocal(ip)) {
    const source = v4 && isLoopback(ip) ? LOOPBACK_V4 : ip;
    const local = { table: RT_TABLE_LOCAL, type: RTN_LOCAL, scope: RT_SCOPE_HOST };
    return makeRoute({ ...exact, ...local, out: network.interfaces[0]!, source });
  }
  const route = network.routes.find(ip);
  if (route === null) return -ENETUNREACH;
  return { ...route, ...exact, source: route.source ?? sourceOf(route.out, ip) };
}

function sourceOf(out: NetworkInterface, ip: IpAddress): IpAddress | null {
  const source = out.sourceFor(ip);
  return source === null || isWildcard(source) ? null : source;
}
