/** RTM_NEWROUTE, RTM_DELROUTE and `ip route get`. */
import {
  AF_INET,
  AF_INET6,
  EEXIST,
  EHOSTUNREACH,
  ENOENT,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  EOPNOTSUPP,
  RTA_CACHEINFO,
  RTA_DST,
  RTA_FLOW,
  RTA_MARK,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_DPORT,
  RTA_IP_PROTO,
  RTA_SPORT,
  RTA_UID,
  RTCF_LOCAL,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_F_LOOKUP_TABLE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
  RTN_LOCAL,
  RTN_MAX,
  RTN_UNICAST,
  RTN_UNSPEC,
  RTPROT_UNSPEC,
  RT_SCOPE_HOST,
  RT_SCOPE_NOWHERE,
  RT_TABLE_COMPAT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RtaCacheinfo,
  Rtmsg,
  isErrno,
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
} from "@stratos/netstack";
import { addRoute, NEW_ROUTE, removeRoute } from "../interface-changes.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { hasDoubles, withWays } from "../route-ways.ts";
import { isRefusal, makeRoute, type Route, TOS_MASK } from "../routes.ts";
import type { Flow } from "../routing-rules.ts";
import { putFields, viewOf } from "../../ground/words.ts";
import { gatewayIn, type NamedWay, namedWays, wayFlags, writeGateway, writeWays } from "./multipath-messages.ts";
import { CONGESTION_CONTROLS } from "../inet/tcp-options.ts";
import { TICK_NS } from "./neighbour-messages.ts";
import { metricsIn, writeMetrics } from "./route-metrics.ts";
import { attributeOf, type NetlinkRequest, numberOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

export function routeMessage(route: Route, heading: NetlinkHeading, isGone = false): Uint8Array {
  const v4 = isV4(route.destination);
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELROUTE : RTM_NEWROUTE, heading)
    .fields(Rtmsg, {
      rtm_family: v4 ? AF_INET : AF_INET6,
      rtm_dst_len: route.prefixLength,
      rtm_tos: route.tos ?? 0,
      rtm_table: shortTable(route.table),
      rtm_protocol: route.protocol,
      rtm_scope: route.scope,
      rtm_type: route.type,
      rtm_flags: route.ways === undefined ? wayFlags(route) : 0,
    })
    .attributeU32(RTA_TABLE, route.table);
  if (route.prefixLength > 0) writer.attribute(RTA_DST, ipBytes(route.destination));
  if (route.ways === undefined) writeGateway(writer, route);
  if (route.metric !== 0 || !v4) writer.attributeU32(RTA_PRIORITY, route.metric);
  const { metrics } = route;
  if (metrics !== undefined) writer.nest(RTA_METRICS, () => writeMetrics(writer, metrics));
  if (route.source !== null) writer.attribute(RTA_PREFSRC, ipBytes(route.source));
  if (route.ways !== undefined) writeWays(writer, route.ways);
  else if (!v4 || !isRefusal(route.type)) writer.attributeU32(RTA_OIF, route.out.index);
  if (route.realm !== undefined) writer.attributeU32(RTA_FLOW, route.realm);
  if (!v4) writer.attributeU8(RTA_PREF, route.preference ?? 0);
  if (route.expiresNs !== undefined) {
    const cache = new Uint8Array(RtaCacheinfo.size);
    const rta_expires = Math.round((route.expiresNs - route.out.network.kernel.now()) / TICK_NS);
    putFields(viewOf(cache), RtaCacheinfo, { rta_expires });
    writer.attribute(RTA_CACHEINFO, cache);
  }
  return writer.finish();
}

/** Of a number that has no room in a byte (include/net/ip_fib.h). */
function shortTable(table: number): number {
  return table < 256 ? table : RT_TABLE_COMPAT;
}

/** The table that a message means; RT_TABLE_UNSPEC: it says none. */
export function tableIn(payload: Uint8Array): number {
  const table = payload[Rtmsg.offset.rtm_table] ?? RT_TABLE_UNSPEC;
  return numberOf(attributeOf(payload, Rtmsg.size, RTA_TABLE)) ?? table;
}

/** What `ip route get` asks for. */
interface RouteQuestion {
  readonly to: IpAddress;
  readonly flow: Flow;
  /** As the caller knows his user, or the one that he asks for. */
  readonly uid: number;
  readonly asksForTable: boolean;
}

/**
 * RTM_GETROUTE for one address (`ip route get`), as who asked would take it. −ENETUNREACH, and what rules say.
 *
 * @param uid  of who asks
 */
export function foundRoute(
  network: InterfaceNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
  uid: number,
): Uint8Array | number {
  const v4 = familyIn(payload) === AF_INET;
  const to = addressAttribute(payload, RTA_DST, v4);
  const source = addressAttribute(payload, RTA_SRC, v4);
  if (to === null || to === "malformed" || source === "malformed") return -ENETUNREACH;
  const given = (name: number): number | null => numberOf(attributeOf(payload, Rtmsg.size, name));
  const user = given(RTA_UID) ?? uid;
  const ipProtocol = attributeOf(payload, Rtmsg.size, RTA_IP_PROTO)?.[0] ?? 0;
  const port = (name: number): number => portIn(attributeOf(payload, Rtmsg.size, name));
  const flow = {
    ...{ source, mark: given(RTA_MARK) ?? 0, out: given(RTA_OIF) ?? 0, from: 0, uid: user },
    ...{ ipProtocol, sourcePort: port(RTA_SPORT), port: port(RTA_DPORT), tos: payload[Rtmsg.offset.rtm_tos]! },
  };
  const flags = viewOf(payload).getUint32(Rtmsg.offset.rtm_flags, true);
  const question = { to, flow, uid: user, asksForTable: (flags & RTM_F_LOOKUP_TABLE) !== 0 };
  if (source !== null && !network.hasAddress(source)) return -ENETUNREACH;
  const route = routeTo(network, question);
  return isErrno(route) ? route : foundRouteMessage(route, question, heading);
}

/** A port in network order; 0: none is given. */
function portIn(bytes: Uint8Array | null): number {
  return bytes === null || bytes.length < 2 ? 0 : viewOf(bytes).getUint16(0);
}

/** @see net/ipv4/route.c, rt_fill_info */
function foundRouteMessage(
  route: Route,
  { flow, uid, asksForTable }: RouteQuestion,
  heading: NetlinkHeading,
): Uint8Array {
  if (!isV4(route.destination)) return routeMessage(route, heading);
  const table = asksForTable ? route.table : RT_TABLE_MAIN;
  const { source: given, mark } = flow;
  const writer = new NetlinkWriter()
    .begin(RTM_NEWROUTE, heading)
    .fields(Rtmsg, {
      rtm_family: AF_INET,
      rtm_dst_len: route.prefixLength,
      rtm_src_len: given === null ? 0 : widthOf(given),
      rtm_table: shortTable(table),
      rtm_type: route.type,
      rtm_flags: (RTM_F_CLONED | (route.type === RTN_LOCAL ? RTCF_LOCAL : 0)) >>> 0,
    })
    .attributeU32(RTA_TABLE, table)
    .attribute(RTA_DST, ipBytes(route.destination));
  if (given !== null) writer.attribute(RTA_SRC, ipBytes(given));
  writer.attributeU32(RTA_OIF, route.out.index);
  const { source } = route;
  if (source !== null && (given === null || !isSameIp(source, given))) writer.attribute(RTA_PREFSRC, ipBytes(source));
  writeGateway(writer, route);
  if (mark !== 0) writer.attributeU32(RTA_MARK, mark);
  return writer.attributeU32(RTA_UID, uid).attribute(RTA_CACHEINFO, new Uint8Array(RTA_CACHEINFO_SIZE)).finish();
}

/** `struct rta_cacheinfo`: all of it is 0 where nothing is kept of routes. */
const RTA_CACHEINFO_SIZE = 32;

/**
 * @returns 0; −EINVAL malformed, or of a kind that isn't there; −ENODEV; −EEXIST; −ESRCH; what
 *   `addRoute` says
 */
export function changeRoute(network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload, flags } = request;
  const v4 = familyIn(payload) === AF_INET;
  if (payload.length < Rtmsg.size || (!v4 && familyIn(payload) !== AF_INET6)) return -EINVAL;
  const { offset } = Rtmsg;
  const prefixLength = payload[offset.rtm_dst_len]!,
    protocol = payload[offset.rtm_protocol]!,
    scope = payload[offset.rtm_scope]!,
    type = payload[offset.rtm_type]!;
  const table = tableIn(payload) || RT_TABLE_MAIN;
  if (type > RTN_MAX) return -EINVAL;
  const leadsNowhere = isRefusal(type);
  if (type !== RTN_UNICAST && type !== RTN_UNSPEC && !leadsNowhere) return -EOPNOTSUPP;
  const destination = addressAttribute(payload, RTA_DST, v4) ?? (v4 ? ANY_V4 : ANY_V6);
  const gateway = gatewayIn(payload, Rtmsg.size, v4);
  const source = addressAttribute(payload, RTA_PREFSRC, v4);
  if (destination === "malformed" || gateway === "malformed" || source === "malformed") return -EINVAL;
  if (prefixLength > widthOf(destination) || !isSameIp(prefixOf(destination, prefixLength), destination))
    return -EINVAL;
  // There are no ways by number.
  if (attributeOf(payload, Rtmsg.size, RTA_NH_ID) !== null) return -EINVAL;
  const several = attributeOf(payload, Rtmsg.size, RTA_MULTIPATH);
  const named = several === null ? null : namedWays(several, v4);
  if (isErrno(named)) return named;
  const index = numberOf(attributeOf(payload, Rtmsg.size, RTA_OIF)) ?? 0;
  const out = index === 0 ? null : network.interfaceByIndex(index);
  if (out === undefined) return -ENODEV;
  const metric = numberOf(attributeOf(payload, Rtmsg.size, RTA_PRIORITY));
  // Of IPv6 none is told apart by it; the bits of congestion are no part of it.
  const tos = payload[offset.rtm_tos]!;
  if (v4 ? (tos & ~TOS_MASK) !== 0 : tos !== 0) return -EINVAL;
  const metrics = metricsIn(attributeOf(payload, Rtmsg.size, RTA_METRICS), CONGESTION_CONTROLS);
  if (isErrno(metrics)) return metrics;
  const realm = v4 ? (numberOf(attributeOf(payload, Rtmsg.size, RTA_FLOW)) ?? 0) : 0;
  const known = type === RTN_UNSPEC ? null : type;
  const wanted = { destination, prefixLength, out, gateway, source, metric, table, tos, type: known };
  if (request.type === RTM_DELROUTE)
    return named === null ? removeRoute(network, wanted) : removeWays(network, wanted, named);
  if (leadsNowhere && v4 && (out !== null || gateway !== null || named !== null)) return -EINVAL;
  network.routes.makeTable(table, v4);
  const isOnLink = (viewOf(payload).getUint32(offset.rtm_flags, true) & RTNH_F_ONLINK) !== 0;
  const single = { index, gateway: leadsNowhere ? null : gateway, isOnLink, weight: 1 };
  const asked = named ?? [single];
  if (named !== null && !leadsBoth(named[0]!, single)) return -EINVAL;
  const outs = leadsNowhere ? [network.interfaces[0]!] : asked.map((way) => interfaceTo(network, way, table));
  const failed = outs.find(isErrno);
  if (failed !== undefined) return failed;
  if (source !== null && !network.hasAddress(source)) return -EINVAL;
  const common = {
    destination,
    prefixLength,
    source,
    table,
    type: type === RTN_UNSPEC ? RTN_UNICAST : type,
    ...(metric === null ? {} : { metric }),
    ...(tos === 0 ? {} : { tos }),
    ...(metrics.length === 0 ? {} : { metrics }),
    ...(realm === 0 ? {} : { realm }),
    ...(protocol === RTPROT_UNSPEC ? {} : { protocol }),
    ...(scope === RT_SCOPE_NOWHERE || !v4 ? {} : { scope }),
  };
  const ways = asked.map((way, at) => {
    const one = makeRoute({ ...common, out: outs[at] as NetworkInterface, gateway: way.gateway });
    return { ...one, ...(way.isOnLink ? { isOnLink: true } : {}), ...(asked.length > 1 ? { weight: way.weight } : {}) };
  });
  const [first] = ways;
  if ((flags & NLM_F_EXCL) !== 0 && network.routes.hasEqual(first!)) return -EEXIST;
  if (ways.length > 1 && !v4 && ways.some((way) => way.gateway === null)) return -EINVAL;
  if (!v4 && hasDoubles(ways)) return -EEXIST;
  return replaceOrAdd(network, withWays(first!, ways), flags);
}

/** Does the first of several lead by what the message names beside them? */
function leadsBoth(first: NamedWay, { index, gateway }: NamedWay): boolean {
  if (index !== 0 && first.index !== index) return false;
  return gateway === null || (first.gateway !== null && isSameIp(first.gateway, gateway));
}

/** −ENODEV; −ENETUNREACH, −EHOSTUNREACH nothing leads to the gateway. */
function interfaceTo(network: InterfaceNetwork, way: NamedWay, table: number): NetworkInterface | number {
  const { index, gateway, isOnLink } = way;
  if (index !== 0) return network.interfaceByIndex(index) ?? -ENODEV;
  if (gateway === null || isOnLink) return -ENODEV;
  return network.routes.findGateway(gateway, table)?.out ?? (isV4(gateway) ? -ENETUNREACH : -EHOSTUNREACH);
}

/** Of IPv4 the route that has just these; of IPv6 one after the other (ip6_route_multipath_del). */
function removeWays(
  network: InterfaceNetwork,
  wanted: Parameters<typeof removeRoute>[1],
  named: readonly NamedWay[],
): number {
  const ways = named.map(({ index, gateway }) => ({ out: network.interfaceByIndex(index) ?? null, gateway }));
  if (isV4(wanted.destination)) return removeRoute(network, { ...wanted, ways });
  let failed = 0;
  for (const way of ways) failed = Math.min(removeRoute(network, { ...wanted, ...way }), failed);
  return failed;
}

/** What is told of it are flags: whether others to the same destination were there, and what became of them. */
function replaceOrAdd(network: InterfaceNetwork, route: Route, flags: number): number {
  const isThere = network.routes.hasEqual(route);
  if ((flags & NLM_F_REPLACE) !== 0 && isThere) {
    const { destination, prefixLength, metric, table, tos = 0 } = route;
    const former = { destination, prefixLength, out: null, gateway: null, metric, table, tos, type: null };
    const removed = network.routes.remove(former);
    return isErrno(removed) ? removed : addRoute(network, route, NLM_F_REPLACE);
  }
  const isOnlyToReplace = (flags & (NLM_F_REPLACE | NLM_F_CREATE)) === NLM_F_REPLACE;
  if (isOnlyToReplace || (isV4(route.destination) && (flags & NLM_F_CREATE) === 0)) return -ENOENT;
  const isAppended = (flags & NLM_F_APPEND) !== 0;
  return addRoute(network, route, isThere ? NLM_F_CREATE | (isAppended ? NLM_F_APPEND : 0) : NEW_ROUTE);
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

function routeTo(network: InterfaceNetwork, { to, flow }: RouteQuestion): Route | number {
  const exact = { destination: to, prefixLength: widthOf(to), metric: 0 };
  if (network.isLocal(to)) {
    const source = isV4(to) && isLoopback(to) ? LOOPBACK_V4 : to;
    const local = { table: RT_TABLE_LOCAL, type: RTN_LOCAL, scope: RT_SCOPE_HOST };
    return makeRoute({ ...exact, ...local, out: network.interfaces[0]!, source });
  }
  const route = network.routes.lookUp(to, flow, network);
  if (isErrno(route)) return route;
  return { ...route, ...exact, source: flow.source ?? route.source ?? sourceOf(route.out, to) };
}

function sourceOf(out: NetworkInterface, ip: IpAddress): IpAddress | null {
  const source = out.sourceFor(ip);
  return source === null || isWildcard(source) ? null : source;
}
