/** RTA_MULTIPATH: the ways of a route that has several, and gateways of either family (net/ipv4/fib_semantics.c). */
import {
  AF_INET,
  AF_INET6,
  EINVAL,
  ERANGE,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_VIA,
  RTN_LOCAL,
  RTNH_F_DEAD,
  RTNH_F_LINKDOWN,
  RTNH_F_ONLINK,
  Rtnexthop,
} from "@stratos/abi";
import { concatBytes } from "@stratos/base";
import { type IpAddress, ipBytes, ipOfBytes, isV4 } from "@stratos/netstack";
import { viewOf } from "../../ground/words.ts";
import { isAlive, WAYS_MAX } from "../route-ways.ts";
import { isRefusal, type Route } from "../routes.ts";
import { attributeOf } from "./netlink-request.ts";
import { alignNetlink, type NetlinkWriter } from "./netlink-writer.ts";

/** One that a request names. */
export interface NamedWay {
  /** Of its interface; 0: none is named. */
  readonly index: number;
  readonly gateway: IpAddress | null;
  readonly isOnLink: boolean;
  readonly weight: number;
}

/** −ERANGE none at all; −EINVAL malformed, or more than WAYS_MAX. */
export function namedWays(value: Uint8Array, v4: boolean): NamedWay[] | number {
  if (value.length < Rtnexthop.size) return -ERANGE;
  const ways: NamedWay[] = [];
  const { rtnh_len, rtnh_flags, rtnh_hops, rtnh_ifindex } = Rtnexthop.offset;
  let at = 0;
  while (at < value.length) {
    const length = at + Rtnexthop.size > value.length ? 0 : viewOf(value).getUint16(at + rtnh_len, true);
    if (length < Rtnexthop.size || at + length > value.length || ways.length >= WAYS_MAX) return -EINVAL;
    const way = value.subarray(at, at + length);
    const flags = way[rtnh_flags]!;
    const gateway = gatewayIn(way, Rtnexthop.size, v4);
    if (gateway === "malformed" || (flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0) return -EINVAL;
    ways.push({
      index: viewOf(way).getInt32(rtnh_ifindex, true),
      gateway,
      isOnLink: (flags & RTNH_F_ONLINK) !== 0,
      weight: way[rtnh_hops]! + 1,
    });
    at += alignNetlink(length);
  }
  return ways;
}

export function writeWays(writer: NetlinkWriter, ways: readonly Route[]): void {
  writer.nest(RTA_MULTIPATH, () => {
    for (const way of ways) {
      const gateway = gatewayOf(way);
      const rtnh_len = Rtnexthop.size + (gateway === null ? 0 : alignNetlink(4 + gateway.value.length));
      const fields = { rtnh_len, rtnh_flags: wayFlags(way), rtnh_hops: way.weight! - 1, rtnh_ifindex: way.out.index };
      writer.fields(Rtnexthop, fields);
      if (gateway !== null) writer.attribute(gateway.type, gateway.value);
    }
  });
}

/** RTNH_F_*, which stand in `rtm_flags` where there is one way. */
export function wayFlags(way: Route): number {
  const { out, type, isOnLink } = way;
  if (type === RTN_LOCAL || isRefusal(type)) return 0;
  const dead = isAlive(way) ? 0 : RTNH_F_DEAD;
  return dead | (isOnLink === true ? RTNH_F_ONLINK : 0) | (out.isRunning ? 0 : RTNH_F_LINKDOWN);
}

export function writeGateway(writer: NetlinkWriter, route: Route): void {
  const gateway = gatewayOf(route);
  if (gateway !== null) writer.attribute(gateway.type, gateway.value);
}

/** One of the other family has an attribute of its own, `struct rtvia` (net/ipv4/fib_semantics.c, fib_nexthop_info). */
function gatewayOf({ destination, gateway }: Route): { type: number; value: Uint8Array } | null {
  if (gateway === null) return null;
  if (isV4(gateway) === isV4(destination)) return { type: RTA_GATEWAY, value: ipBytes(gateway) };
  const family = isV4(gateway) ? AF_INET : AF_INET6;
  return { type: RTA_VIA, value: concatBytes([Uint8Array.of(family, 0), ipBytes(gateway)]) };
}

/** By RTA_GATEWAY or, for IPv4 and of either family, RTA_VIA: one of them. */
export function gatewayIn(payload: Uint8Array, start: number, v4: boolean): IpAddress | null | "malformed" {
  const given = attributeOf(payload, start, RTA_GATEWAY);
  const gateway = given === null ? null : ipOfBytes(given);
  if (given !== null && (gateway === null || isV4(gateway) !== v4)) return "malformed";
  const via = attributeOf(payload, start, RTA_VIA);
  if (via === null) return gateway;
  if (!v4 || gateway !== null || via.length < 2) return "malformed";
  const family = viewOf(via).getUint16(0, true);
  const ip = ipOfBytes(via.subarray(2));
  return ip === null || family !== (isV4(ip) ? AF_INET : AF_INET6) ? "malformed" : ip;
}
