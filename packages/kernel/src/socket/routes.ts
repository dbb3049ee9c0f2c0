/**
 * Routes of a network (ip-route(8)): where packets go that are not for this machine. What an interface's addresses
 * imply, the prefix of each and the address itself, comes and goes with them; programs add and remove others.
 */
import {
  EACCES,
  EEXIST,
  EHOSTUNREACH,
  EINVAL,
  ENETUNREACH,
  ENOBUFS,
  ENODEV,
  ESRCH,
  RTAX_MTU,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type IpAddress, broadcastOf, isInPrefix, isSameIp, isV4, prefixOf } from "@stratos/netstack";
import { isTentative, type NetworkInterface, networkOf } from "./network-interface.ts";
import {
  hasDoubles,
  hasWays,
  isPassable,
  isSameWay,
  isWay,
  leadsBy,
  type WantedWay,
  wayFor,
  waysOf,
  WAYS_MAX,
  withWays,
} from "./route-ways.ts";
import { ANY_FLOW, type Flow, RoutingRules } from "./routing-rules.ts";

/** What an IPv6 route has when none is given (include/net/ip6_route.h). */
const METRIC_V6_KERNEL = 256,
  METRIC_V6_USER = 1024;
const TABLE_HASH = 255;
/** Tables that are known to be there though they have no route. */
const TABLES_MAX = 1024;
/** Routes that a network has at most beside those of its addresses. */
const ROUTES_MAX = 4096;

/** What of a type of service tells routes apart (include/net/inet_dscp.h). */
export const TOS_MASK = 0xfc;

/** What routes that lead nowhere say, by type (net/ipv4/fib_semantics.c, fib_props); 0: other tables are asked. */
const REFUSALS: ReadonlyMap<number, number> = new Map([
  [RTN_BLACKHOLE, EINVAL],
  [RTN_UNREACHABLE, EHOSTUNREACH],
  [RTN_PROHIBIT, EACCES],
  [RTN_THROW, 0],
]);

/** Interfaces, which rules and programs may ask for, and how flows share ways. */
interface InterfaceNames {
  readonly settings: { readonly sharesBy: { readonly v4: number; readonly v6: number } };
  interfaceByName(name: string): NetworkInterface | undefined;
  interfaceByIndex(index: number): NetworkInterface | undefined;
}
const NO_INTERFACES: InterfaceNames = {
  settings: { sharesBy: { v4: 0, v6: 0 } },
  interfaceByName: () => undefined,
  interfaceByIndex: () => undefined,
};

/** One of RTA_METRICS by its number RTAX_…. */
export interface RouteMetric {
  readonly type: number;
  readonly value: number;
  /** In place of it, of RTAX_CC_ALGO. */
  readonly name?: string;
}

export interface Route {
  /** All zero with a prefix of 0: the default route; the kind of address tells the family. */
  readonly destination: IpAddress;
  readonly prefixLength: number;
  /** The loopback of one that leads nowhere: of IPv4 it is not told. */
  readonly out: NetworkInterface;
  readonly gateway: IpAddress | null;
  readonly source: IpAddress | null;
  /** The smaller goes first. */
  readonly metric: number;
  readonly table: number;
  readonly type: number;
  readonly protocol: number;
  readonly scope: number;
  /** Several: each a route by itself, with a weight; `out` and `gateway` are the first one's. Bound: WAYS_MAX. */
  readonly ways?: readonly Route[];
  /** Of one of several: its share, 1 … 256. */
  readonly weight?: number;
  /** RTNH_F_ONLINK: the gateway is beside the interface, whatever its addresses say. */
  readonly isOnLink?: boolean;
  /** Of packets of IPv4 with this type of service alone; left away: of any. */
  readonly tos?: number;
  /** RTA_METRICS, without doubles; left away: none. */
  readonly metrics?: readonly RouteMetric[];
  /** RTA_FLOW, of one of IPv4: told, no more. */
  readonly realm?: number;
  /** RTA_PREF, of one that a router told. */
  readonly preference?: number;
  /** When it is over; left away: never. */
  expiresNs?: number;
}

/** RTAX_MTU; 0: as its link says. */
export function mtuOf({ metrics }: Route): number {
  if (metrics === undefined) return 0;
  for (const { type, value } of metrics) if (type === RTAX_MTU) return value;
  return 0;
}

/** Does a route of this type lead nowhere? */
export function isRefusal(type: number): boolean {
  return REFUSALS.has(type);
}

/** A route that a program or the start of the machine adds. */
export function makeRoute(
  route: Pick<Route, "destination" | "prefixLength" | "out"> & Partial<Omit<Route, "destination" | "out">>,
): Route {
  const v4 = isV4(route.destination);
  return {
    gateway: null,
    source: null,
    metric: v4 ? 0 : METRIC_V6_USER,
    table: RT_TABLE_MAIN,
    type: RTN_UNICAST,
    protocol: RTPROT_BOOT,
    scope: v4 && !route.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    ...route,
  };
}

/** What the addresses of an interface imply; while it is down, which of them are this machine's. */
function routesOfAddresses(out: NetworkInterface): Route[] {
  const routes: Route[] = [];
  for (const address of out.addresses) {
    const { ip, prefixLength } = address;
    const v4 = isV4(ip);
    // The network is there before the address is (net/ipv6/addrconf.c, inet6_addr_add).
    if (isTentative(address) && !out.isUp) continue;
    const common = { out, protocol: RTPROT_KERNEL, source: v4 ? ip : null };
    const local = { table: RT_TABLE_LOCAL, type: RTN_LOCAL, scope: v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE, metric: 0 };
    const isWhole = prefixLength === (v4 ? 32 : 128);
    const prefix = prefixOf(v4 ? networkOf(address) : ip, prefixLength);
    const hasPrefix = (!v4 || !isWhole || !isSameIp(prefix, ip)) && address.isRouted !== true;
    if (!out.isUp) {
      routes.push(makeRoute({ ...common, ...local, destination: ip, prefixLength: v4 ? 32 : 128 }));
      continue;
    }
    if (out.isLoopback && v4 && !isWhole)
      routes.push(makeRoute({ ...common, ...local, destination: prefix, prefixLength }));
    else if (!out.isLoopback && hasPrefix)
      routes.push(makeRoute({ ...common, destination: prefix, prefixLength, metric: v4 ? 0 : METRIC_V6_KERNEL }));
    // Of IPv6 the other end is beside the prefix, not in its place (net/ipv6/addrconf.c, __ipv6_ifa_notify).
    if (!v4 && address.peer !== undefined)
      routes.push(makeRoute({ ...common, destination: address.peer, prefixLength: 128, metric: METRIC_V6_KERNEL }));
    if (!isTentative(address))
      routes.push(makeRoute({ ...common, ...local, destination: ip, prefixLength: v4 ? 32 : 128 }));
    if (v4 && prefixLength < 31)
      routes.push(
        makeRoute({
          ...common,
          ...local,
          destination: broadcastOf(networkOf(address), prefixLength),
          prefixLength: 32,
          type: RTN_BROADCAST,
          scope: RT_SCOPE_LINK,
        }),
      );
  }
  return routes;
}

/** Those of all tables, and the rules which of them is asked. Bound: ROUTES_MAX, three for each address, and rules. */
export class RoutingTable {
  /** Those that programs added, and the ones of the machine's start. */
  #added: Route[] = [];
  /** Numbers of tables that were made, those of IPv6 negative. Bound: TABLES_MAX. */
  #made = new Set<number>();
  readonly rules = { v4: new RoutingRules(true), v6: new RoutingRules(false) };
  /** By interface, by `keyOf`. */
  #implied = new Map<NetworkInterface, Map<string, Route>>();

  /** All that hold now, in the order of Linux: by destination; the default is IPv4's first and IPv6's last. */
  list(): Route[] {
    const all = [...this.#added];
    for (const routes of this.#implied.values()) all.push(...routes.values());
    return all.filter((one) => isPassable(one) || one.type === RTN_LOCAL || isRefusal(one.type)).sort(inOrder);
  }

  /**
   * The one to a gateway: that of its route's table first (net/ipv4/fib_semantics.c, fib_check_nh_v4_gw).
   *
   * @param out  the interface that leads there; 0: any
   */
  findGateway(ip: IpAddress, table: number, out = 0): Route | null {
    const own = this.#bestOf(table, ip, out);
    if (own?.type === RTN_UNICAST || out === 0) return own?.type === RTN_UNICAST ? own : this.find(ip);
    const rules = isV4(ip) ? this.rules.v4 : this.rules.v6;
    const found = rules.lookUp(ip, { ...ANY_FLOW, out }, NO_INTERFACES, (each) => this.#bestOf(each, ip, out));
    return isErrno(found) ? null : found;
  }

  /** As `lookUp` for nobody in particular; null: there is none. */
  find(ip: IpAddress): Route | null {
    const route = this.lookUp(ip, ANY_FLOW, NO_INTERFACES);
    return isErrno(route) ? null : route;
  }

  /**
   * The route to an address that this machine hasn't got: of the first table that has one, the most exact; of equals,
   * the one with the smallest metric. Who names an interface finds all of IPv4 there (net/ipv4/route.c,
   * ip_route_output_key_hash_rcu). −ENETUNREACH, −EACCES, −EINVAL (RoutingRules.lookUp), −ENODEV; what one says that
   * leads nowhere: −EINVAL, −EHOSTUNREACH, −EACCES
   */
  lookUp(ip: IpAddress, flow: Flow, interfaces: InterfaceNames): Route | number {
    const found = this.lookUpAll(ip, flow, interfaces);
    if (isErrno(found) || found.ways === undefined) return found;
    const { v4, v6 } = interfaces.settings.sharesBy;
    return wayFor(found, ip, flow, isV4(ip) ? v4 : v6);
  }

  /** The same with all of its ways. */
  lookUpAll(ip: IpAddress, flow: Flow, interfaces: InterfaceNames): Route | number {
    const v4 = isV4(ip);
    const rules = v4 ? this.rules.v4 : this.rules.v6;
    const best = rules.lookUp(ip, flow, interfaces, (table) => this.#bestOf(table, ip, flow.out, flow.tos));
    const refusal = isErrno(best) ? undefined : REFUSALS.get(best.type);
    const found = refusal === undefined ? best : -refusal;
    if (!v4 || flow.out === 0 || !isErrno(found)) return found;
    const out = interfaces.interfaceByIndex(flow.out);
    if (out === undefined) return -ENODEV;
    return out.isUp ? makeRoute({ destination: ip, prefixLength: 32, out }) : -ENETUNREACH;
  }

  #bestOf(table: number, ip: IpAddress, out: number, tos = 0): Route | null {
    let best: Route | null = null;
    for (const route of this.#added)
      if (isOf(route, table, out) && (route.tos === undefined || route.tos === (tos & TOS_MASK)))
        best = better(best, route, ip);
    for (const routes of this.#implied.values())
      for (const route of routes.values()) if (isOf(route, table, out)) best = better(best, route, ip);
    return best?.type === RTN_THROW ? null : best;
  }

  /** A route of that family was to be added there: the table is there from now on, empty or not. */
  makeTable(table: number, v4: boolean): void {
    if (this.#made.size < TABLES_MAX) this.#made.add(v4 ? table : -table);
  }

  /** The two that each network begins with are there in any case. */
  hasTable(table: number, v4: boolean): boolean {
    if (table === RT_TABLE_MAIN || table === RT_TABLE_LOCAL || this.#made.has(v4 ? table : -table)) return true;
    return this.#added.some((route) => route.table === table && isV4(route.destination) === v4);
  }

  /** Is there another to the same destination that would be as good? */
  hasEqual(route: Route): boolean {
    const isEqual = (one: Route): boolean => isAsGood(one, route);
    if (this.#added.some(isEqual)) return true;
    for (const routes of this.#implied.values()) for (const one of routes.values()) if (isEqual(one)) return true;
    return false;
  }

  /**
   * One of IPv6 to a gateway joins those to the same destination that are as good (net/ipv6/ip6_fib.c,
   * fib6_add_rt2node). One of IPv4 is asked before those that are as good, or behind them (fib_table_insert).
   *
   * @returns it, or what it has become a part of; −EEXIST it is there; −ENOBUFS too many
   */
  add(route: Route, isAppended: boolean): Route | number {
    if (this.#added.some((one) => isSameRoute(one, route))) return -EEXIST;
    const at = joins(route) ? this.#added.findIndex((one) => joins(one) && isAsGood(one, route)) : -1;
    if (at >= 0) {
      const ways = [...waysOf(this.#added[at]!), ...waysOf(route)];
      if (hasDoubles(ways)) return -EEXIST;
      if (ways.length > WAYS_MAX) return -ENOBUFS;
      return (this.#added[at] = withWays(
        this.#added[at]!,
        ways.map((way) => ({ ...way, weight: way.weight ?? 1 })),
      ));
    }
    if (this.#added.length >= ROUTES_MAX) return -ENOBUFS;
    const before = isAppended || !isV4(route.destination) ? -1 : this.#added.findIndex((one) => isAsGood(one, route));
    this.#added.splice(before < 0 ? this.#added.length : before, 0, route);
    return route;
  }

  /** Those that programs and routers gave. */
  get given(): readonly Route[] {
    return this.#added;
  }

  /** Takes off the first route that fits what is given; the removed one, or −ESRCH, −EINVAL for one that stays. */
  remove(wanted: {
    destination: IpAddress;
    prefixLength: number;
    out: NetworkInterface | null;
    gateway: IpAddress | null;
    /** Of IPv4; null, or left away: any. */
    source?: IpAddress | null;
    metric: number | null;
    table: number;
    /** Of IPv4; left away: none. */
    tos?: number;
    /** null: any. */
    type: number | null;
    /** Just these, of one of IPv4 with several; left away: any. */
    ways?: readonly WantedWay[];
  }): Route | number {
    const fits = (route: Route): boolean =>
      route.prefixLength === wanted.prefixLength &&
      route.table === wanted.table &&
      isSameIp(route.destination, wanted.destination) &&
      (isV4(route.destination) ? isWay(route, wanted) : waysOf(route).some((way) => isWay(way, wanted))) &&
      (wanted.ways === undefined || hasWays(route, wanted.ways)) &&
      (wanted.metric === null || route.metric === wanted.metric) &&
      (route.tos ?? 0) === (wanted.tos ?? 0) &&
      hasSource(route, wanted.source ?? null) &&
      (wanted.type === null || route.type === wanted.type);
    const at = this.#added.findIndex(fits);
    if (at >= 0) return this.#removeAt(at, wanted);
    for (const routes of this.#implied.values()) {
      const found = [...routes.values()].find(fits);
      if (found === undefined) continue;
      if (found.type !== RTN_UNICAST) return -EINVAL;
      routes.delete(keyOf(found));
      return found;
    }
    return -ESRCH;
  }

  /** Of several ways of IPv6 the one that a gateway names alone (net/ipv6/route.c, ip6_route_del). */
  #removeAt(at: number, wanted: WantedWay): Route {
    const route = this.#added[at]!;
    if (route.ways === undefined || isV4(route.destination) || wanted.gateway === null)
      return this.#added.splice(at, 1)[0]!;
    const removed = route.ways.find((way) => isWay(way, wanted))!;
    this.#added[at] = withWays(
      route,
      route.ways.filter((way) => way !== removed),
    );
    return removed;
  }

  /**
   * The addresses of an interface changed, or it went up or down: those that are not implied any more are removed, and
   * those that were added over an interface that is down, or has no IPv6, as well.
   */
  update(out: NetworkInterface): { added: Route[]; removed: Route[] } {
    const before = this.#implied.get(out) ?? new Map<string, Route>();
    const wanted = new Map<string, Route>();
    for (const route of routesOfAddresses(out)) if (!wanted.has(keyOf(route))) wanted.set(keyOf(route), route);
    const isIn = (routes: Map<string, Route>, key: string, { source }: Route): boolean => {
      const other = routes.get(key);
      return other !== undefined && String(other.source) === String(source);
    };
    const kept = [...before].filter(([key, route]) => isIn(wanted, key, route));
    const removed = [...before].filter(([key, route]) => !isIn(wanted, key, route)).map(([, route]) => route);
    const added = [...wanted].filter(([key, route]) => !isIn(before, key, route));
    if (!out.isUp || !out.hasIpv6) {
      const isOver = (route: Route): boolean =>
        leadsBy(route, out) &&
        (!isV4(route.destination) || (!out.isUp && !isRefusal(route.type))) &&
        (route.ways === undefined || !isPassable(route));
      removed.push(...this.#added.filter(isOver));
      this.#added = this.#added.filter((route) => !isOver(route));
    }
    this.#implied.set(out, new Map([...kept, ...added]));
    return { added: added.map(([, route]) => route), removed };
  }

  /** An interface is gone, and routes with it of which it was a way. @returns those */
  forget(out: NetworkInterface): Route[] {
    this.#implied.delete(out);
    const gone = this.#added.filter((route) => leadsBy(route, out));
    if (gone.length > 0) this.#added = this.#added.filter((route) => !leadsBy(route, out));
    return gone;
  }

  static {
    stateClass("RoutingTable", this, {
      save: (it) => ({ added: it.#added, implied: it.#implied, made: it.#made }),
      load: (it, from) => ({ added: it.#added, implied: it.#implied, made: it.#made } = from),
    });
  }
}

function better(best: Route | null, route: Route, ip: IpAddress): Route | null {
  const isThere = route.type === RTN_UNICAST ? isPassable(route) : isRefusal(route.type);
  if (!isThere || !isInPrefix(ip, route.destination, route.prefixLength)) return best;
  if (best === null || route.prefixLength > best.prefixLength) return route;
  if (route.prefixLength < best.prefixLength) return best;
  const isNearer = (route.tos ?? 0) - (best.tos ?? 0) || best.metric - route.metric;
  return isNearer > 0 ? route : best;
}

function isOf(route: Route, table: number, out: number): boolean {
  if (route.table !== table) return false;
  if (out === 0 || isRefusal(route.type) || route.out.index === out) return true;
  return route.ways !== undefined && route.ways.some((way) => way.out.index === out);
}

function inOrder(one: Route, other: Route): number {
  const isFirst = Number(isV4(one.destination)) - Number(isV4(other.destination));
  if (isFirst !== 0) return -isFirst;
  // Tables stand in a hash (net/ipv4/fib_frontend.c, inet_dump_fib; net/ipv6/ip6_fib.c, inet6_dump_fib).
  const isEarlier = (one.table & TABLE_HASH) - (other.table & TABLE_HASH) || one.table - other.table;
  if (isEarlier !== 0) return isEarlier;
  const isDefault = Number(one.prefixLength === 0) - Number(other.prefixLength === 0);
  if (isDefault !== 0) return isV4(one.destination) ? -isDefault : isDefault;
  for (let index = 0; index < 4; index++)
    if (one.destination[index] !== other.destination[index]) return one.destination[index]! - other.destination[index]!;
  const isMoreExact = other.prefixLength - one.prefixLength || (other.tos ?? 0) - (one.tos ?? 0);
  return isMoreExact || one.metric - other.metric;
}

/** Tells the routes of one interface that its addresses imply apart: they have no gateway. */
function keyOf({ destination, prefixLength, table, metric }: Route): string {
  return `${destination.join(":")}/${prefixLength} ${table} ${metric}`;
}

/** To the same destination, of the same table, metric and type of service. */
function isAsGood(one: Route, other: Route): boolean {
  return (
    one.prefixLength === other.prefixLength &&
    one.table === other.table &&
    one.metric === other.metric &&
    (one.tos ?? 0) === (other.tos ?? 0) &&
    isSameIp(one.destination, other.destination)
  );
}

function hasSource({ source, destination }: Route, wanted: IpAddress | null): boolean {
  return wanted === null || !isV4(destination) || (source !== null && isSameIp(source, wanted));
}

/** Of IPv4 others that differ in what is said of them stand beside one (fib_find_info). */
function isSameRoute(one: Route, other: Route): boolean {
  if (isV4(one.destination) && !isSaidAlike(one, other)) return false;
  const ways = waysOf(one),
    others = waysOf(other);
  return isAsGood(one, other) && ways.length === others.length && ways.every((way, at) => isSameWay(way, others[at]!));
}

function isSaidAlike(one: Route, other: Route): boolean {
  const { source, metrics = [] } = one;
  const others = other.metrics ?? [];
  return (
    one.type === other.type &&
    one.scope === other.scope &&
    one.protocol === other.protocol &&
    one.realm === other.realm &&
    (source === null ? other.source === null : other.source !== null && isSameIp(source, other.source)) &&
    metrics.length === others.length &&
    metrics.every((metric, at) => isSameMetric(metric, others[at]!))
  );
}

function isSameMetric(one: RouteMetric, other: RouteMetric): boolean {
  return one.type === other.type && one.value === other.value && one.name === other.name;
}

/** May it be one way of several? Those that routers told are not (net/ipv6/ip6_fib.h, rt6_qualify_for_ecmp). */
function joins({ destination, gateway, type, preference, expiresNs }: Route): boolean {
  if (isV4(destination) || gateway === null || type !== RTN_UNICAST) return false;
  return preference === undefined && expiresNs === undefined;
}
