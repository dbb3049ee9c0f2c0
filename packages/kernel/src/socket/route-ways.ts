/**
 * Routes with several ways (ip-route(8), nexthop; Linux net/ipv4/fib_semantics.c, net/ipv6/route.c): which of them a
 * packet takes. All of a flow take the same, as long as the ways are, so that nothing of it is overtaken; flows share
 * them by weight.
 */
import { type IpAddress, isSameIp, isV4 } from "@stratos/netstack";
import type { Flow } from "./routing-rules.ts";

/** Ways of one route at most. */
export const WAYS_MAX = 64;

/** net.ipv4.fib_multipath_hash_policy: what a flow is: by addresses, or by ports and protocol, too. */
export const BY_ADDRESSES = 0,
  BY_PORTS = 1;

/** An interface (network-interface.ts). */
interface Outlet {
  readonly index: number;
  readonly isUp: boolean;
  readonly hasIpv6: boolean;
  addressOf(ip: IpAddress): object | undefined;
}

/** One of several, as a message names it; null: any. */
export interface WantedWay {
  readonly out: Outlet | null;
  readonly gateway: IpAddress | null;
}

/** A route, or a way of one (routes.ts). */
interface Way<R> {
  readonly destination: IpAddress;
  readonly out: Outlet;
  readonly gateway: IpAddress | null;
  readonly ways?: readonly R[];
  readonly weight?: number;
}

/** The ways of a route; its own, if it has one. */
export function waysOf<R extends Way<R>>(route: R): readonly R[] {
  return route.ways ?? [route];
}

/** Does one of its ways lead by that interface? */
export function leadsBy<R extends Way<R>>(route: R, out: Outlet): boolean {
  if (route.ways === undefined) return route.out === out;
  for (const way of route.ways) if (way.out === out) return true;
  return false;
}

/** Can something go there by now? */
export function isPassable<R extends Way<R>>(route: R): boolean {
  if (route.ways === undefined) return route.out.isUp;
  for (const way of route.ways) if (isAlive(way)) return true;
  return false;
}

/** Of one of several: is it counted? */
export function isAlive({ out, destination }: Way<unknown>): boolean {
  return out.isUp && (out.hasIpv6 || isV4(destination));
}

/** Are these its ways, in this order? */
export function hasWays<R extends Way<R>>(route: R, wanted: readonly WantedWay[]): boolean {
  const ways = waysOf(route);
  return ways.length === wanted.length && wanted.every((each, at) => isWay(ways[at]!, each));
}

export function isWay(way: WantedWay, { out, gateway }: WantedWay): boolean {
  return (
    (out === null || way.out === out) && (gateway === null || (way.gateway !== null && isSameIp(way.gateway, gateway)))
  );
}

/** Do both lead by the same interface to the same gateway? */
export function isSameWay(one: WantedWay, other: WantedWay): boolean {
  return one.out === other.out && (one.gateway === null) === (other.gateway === null) && isWay(one, other);
}

/** Is one of them there twice? */
export function hasDoubles(ways: readonly WantedWay[]): boolean {
  return ways.some((way, at) => ways.findIndex((one) => isSameWay(one, way)) < at);
}

/** One route of several; of one way it is that. @param ways  not empty */
export function withWays<R extends Way<R>>(route: R, ways: readonly R[]): R {
  const [first] = ways;
  if (ways.length > 1) return { ...route, out: first!.out, gateway: first!.gateway, ways };
  const { weight: _, ...only } = first!;
  return only as R;
}

/**
 * The way that a flow takes: of those that are up, and if one of them is that of its source's interface, of these.
 * Work: its ways.
 */
export function wayFor<R extends Way<R>>(route: R, to: IpAddress, flow: Flow, policy: number): R {
  const { ways } = route;
  if (ways === undefined) return route;
  const { source } = flow;
  let total = 0,
    ofSource = 0;
  for (const way of ways) {
    if (!isOpen(way, flow.out)) continue;
    total += way.weight!;
    if (isOfSource(way, flow)) ofSource += way.weight!;
  }
  const bySource = ofSource > 0;
  let point = Math.floor((flowHash(to, source, flow, policy) / 2 ** 32) * (bySource ? ofSource : total));
  for (const way of ways) {
    if (!isOpen(way, flow.out) || (bySource && !isOfSource(way, flow))) continue;
    point -= way.weight!;
    if (point < 0) return way;
  }
  return route;
}

function isOpen(way: Way<unknown>, out: number): boolean {
  return isAlive(way) && (out === 0 || way.out.index === out);
}

/** Who has an address already goes where it is one (net/ipv4/fib_semantics.c, fib_select_multipath). */
function isOfSource(way: Way<unknown>, { source, from }: Flow): boolean {
  return source !== null && from === 0 && way.out.addressOf(source) !== undefined;
}

/** 32 bits. */
function flowHash(to: IpAddress, source: IpAddress | null, flow: Flow, policy: number): number {
  let hash = isV4(to) ? 0x811c9dc5 : 0x9747b28c;
  for (let at = 0; at < 4; at++) hash = mix(mix(hash, to[at]!), source === null ? 0 : source[at]!);
  if (policy === BY_PORTS) {
    hash = mix(hash, flow.ipProtocol);
    hash = mix(hash, (flow.sourcePort << 16) | flow.port);
  }
  return mix(hash, hash >>> 7) >>> 0;
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return Math.imul(product ^ (product >>> 15), 0x85ebca77);
}
