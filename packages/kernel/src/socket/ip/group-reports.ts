/**
 * Tells routers and switches of a link which multicast groups are heard here, and from whom (IGMPv3, RFC 3376; MLDv2,
 * RFC 3810): an interface hears what its sockets together want (§3.2), each change is said `qrv` times within a second
 * or so (§5.1), and who asks is answered (§5.2). Routers of earlier versions hear their own words (§7).
 *
 *     sockets, addresses ──changed──► wanted ──differs from──► told ──► reports, now and once more
 *                                                   ▲ queries: at a time by chance, of all or some
 *
 * Bounds: memberships of sockets and addresses; of queries, one wait for each group and one for all.
 */
import { IPPROTO_HOPOPTS, IPPROTO_IGMP } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import {
  ALL_HOSTS,
  ANY_V4,
  ANY_V6,
  IPV6_HEADER_SIZE,
  type IncomingPacket,
  type IpAddress,
  type IpDevice,
  type IpReceiver,
  isLinkLocal,
  isSameIp,
  isV4,
  isWildcard,
} from "@stratos/netstack";
import {
  ALLOWS,
  BLOCKS,
  type GroupRecord,
  IS_EXCLUDE,
  IS_INCLUDE,
  readQuery,
  sendOldReport,
  sendReports,
  TO_EXCLUDE,
  TO_INCLUDE,
} from "@stratos/netstack/configuration";
import type { Membership } from "../inet/group-membership.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import { isTentative, type NetworkInterface, tellsGroups } from "../network-interface.ts";

/** Changes are repeated within that time (RFC 3376 §8.11, RFC 3810 §9.11); an old router is remembered (§8.12). */
const REPEAT_MS = 1000,
  OLD_ROUTER_NS = 260e9;
const SCOPE_INTERFACE = 1;

/** Networks whose members are told. */
interface GroupNetwork extends InterfaceNetwork {
  readonly groupMembers: Iterable<{ readonly ip: { readonly groups: readonly Membership[] } }>;
}

interface ReportingIp {
  now(): number;
  random(): number;
  device(index: number): IpDevice | null;
  register(protocol: number, receiver: IpReceiver): void;
  rearm(): void;
}

/** What an interface hears of a group: of these sources alone, or of all but these. */
interface Filter {
  excludes: boolean;
  sources: IpAddress[];
}

interface GroupState extends Filter {
  readonly group: IpAddress;
  /** How often it is still to be said that it hears otherwise than before; of single sources. */
  left: number;
  changed: { readonly source: IpAddress; left: number }[];
  /** A query of the group waits for its answer; of these sources, null: of all. */
  askedNs: number;
  asked: IpAddress[] | null;
}

/** One version of IP of an interface. */
interface Reporting {
  readonly one: NetworkInterface;
  readonly v4: boolean;
  /** By the group's words. */
  readonly groups: Map<string, GroupState>;
  /** Changes are said; all is said that was asked for. */
  dueNs: number;
  askedNs: number;
  /** A router speaks that version alone, until then. */
  oldVersion: number;
  oldUntilNs: number;
  /** Nothing that is said has a source yet. */
  isNameless: boolean;
}

export class GroupReports implements IpReceiver {
  #network: GroupNetwork;
  #ip: ReportingIp;
  #reportings: Reporting[] = [];
  #isDirty = false;

  constructor(network: GroupNetwork, ip: ReportingIp) {
    this.#network = network;
    this.#ip = ip;
    ip.register(IPPROTO_IGMP, this);
  }

  get nextNs(): number {
    if (this.#isDirty) return 0;
    let next = Infinity;
    for (const { dueNs, askedNs, groups } of this.#reportings) {
      next = Math.min(next, dueNs, askedNs);
      for (const group of groups.values()) next = Math.min(next, group.askedNs);
    }
    return next;
  }

  /** Somebody joined or left, or an interface is another one: it is looked at when the present call is over. */
  changed(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#ip.rearm();
  }

  advance(nowNs: number): void {
    if (this.#isDirty) this.#update(nowNs);
    for (const reporting of this.#reportings) {
      if (reporting.dueNs <= nowNs) this.#sayChanges(reporting, nowNs);
      this.#answer(reporting, nowNs);
    }
  }

  #update(nowNs: number): void {
    this.#isDirty = false;
    const running = this.#network.interfaces.filter((one) => one.isRunning && tellsGroups(one));
    this.#reportings = this.#reportings.filter(({ one }) => running.includes(one));
    for (const one of running)
      for (const v4 of [true, false]) {
        let reporting = this.#reportings.find((each) => each.one === one && each.v4 === v4);
        if (reporting === undefined) {
          const nothing = { dueNs: Infinity, askedNs: Infinity, oldVersion: 0, oldUntilNs: 0, isNameless: false };
          reporting = { one, v4, groups: new Map<string, GroupState>(), ...nothing };
          this.#reportings.push(reporting);
        }
        this.#compare(reporting, nowNs);
      }
  }

  #compare(reporting: Reporting, nowNs: number): void {
    const wanted = this.#wantedBy(reporting.one, reporting.v4);
    const { groups } = reporting;
    for (const [key, group] of wanted.groups)
      if (!groups.has(key)) {
        const quiet = { left: 0, changed: [], askedNs: Infinity, asked: null };
        groups.set(key, { group, excludes: false, sources: [], ...quiet });
      }
    let isOther = false;
    const times = Math.max(1, this.#network.settings[reporting.v4 ? "robustnessV4" : "robustnessV6"]);
    for (const [key, state] of groups) if (change(state, wanted.filters.get(key) ?? NOTHING, times)) isOther = true;
    // Routers drop what has no source: it is said again when there is one (net/ipv6/mcast.c, ipv6_mc_dad_complete).
    const wasNameless = reporting.isNameless;
    reporting.isNameless = !reporting.v4 && isWildcard(this.#sourceOf(reporting));
    if (wasNameless && !reporting.isNameless) {
      for (const state of groups.values()) state.left = Math.max(state.left, times);
      isOther = true;
    }
    if (isOther) reporting.dueNs = Math.min(reporting.dueNs, nowNs);
  }

  /** RFC 3376 §3.2: of all that exclude, what none of them wants; else what some include. */
  #wantedBy(one: NetworkInterface, v4: boolean): { groups: Map<string, IpAddress>; filters: Map<string, Filter> } {
    const members = new Map<string, Filter[]>();
    const groups = new Map<string, IpAddress>();
    const add = (group: IpAddress, filter: Filter): void => {
      const key = group.join();
      groups.set(key, group);
      const present = members.get(key);
      if (present === undefined) members.set(key, [filter]);
      else present.push(filter);
    };
    for (const { ip } of this.#network.groupMembers)
      for (const { group, index, mode, sources } of ip.groups) {
        this.#network.kernel.work.charge(1);
        if (index === one.index && isV4(group) === v4 && isReported(group))
          add(group, { excludes: mode === "exclude", sources: sources ?? [] });
      }
    if (!v4)
      for (const { ip } of one.addresses)
        if (!isV4(ip))
          add(Uint32Array.of(0xff020000, 0, 1, (0xff000000 | ip[3]!) >>> 0), { excludes: true, sources: [] });
    const filters = new Map<string, Filter>();
    for (const [key, each] of members) filters.set(key, together(each));
    return { groups, filters };
  }

  #sourceOf({ one, v4 }: Reporting): IpAddress {
    if (v4) return one.firstV4?.ip ?? ANY_V4;
    return one.addresses.find((each) => !isV4(each.ip) && isLinkLocal(each.ip) && !isTentative(each))?.ip ?? ANY_V6;
  }

  #sayChanges(reporting: Reporting, nowNs: number): void {
    const { one, groups } = reporting;
    const device = this.#ip.device(one.index)!;
    const source = this.#sourceOf(reporting);
    const old = this.#oldVersion(reporting, nowNs);
    const records: GroupRecord[] = [];
    let isOver = true;
    for (const [key, state] of groups) {
      const { group, excludes, sources } = state;
      const isMember = excludes || sources.length > 0;
      if (state.left > 0) {
        state.left--;
        if (old > 0) sendOldReport(device, source, group, { version: old, isMember });
        else records.push({ kind: excludes ? TO_EXCLUDE : TO_INCLUDE, group, sources: [...sources] });
      } else if (state.changed.length > 0 && old === 0) records.push(...changesOf(state));
      state.changed = state.left > 0 ? state.changed : state.changed.filter((each) => --each.left > 0);
      if (state.left > 0 || state.changed.length > 0) isOver = false;
      else if (!isMember) groups.delete(key);
    }
    sendReports(device, source, records);
    reporting.dueNs = isOver ? Infinity : nowNs + (1 + (this.#ip.random() % REPEAT_MS)) * 1e6;
  }

  /** Questions whose time has come. */
  #answer(reporting: Reporting, nowNs: number): void {
    const records: GroupRecord[] = [];
    const isForAll = reporting.askedNs <= nowNs;
    if (isForAll) reporting.askedNs = Infinity;
    const old = this.#oldVersion(reporting, nowNs);
    for (const state of reporting.groups.values()) {
      if (!isForAll && state.askedNs > nowNs) continue;
      const { group, excludes, sources, asked } = state;
      const isOfSources = asked !== null && !isForAll;
      state.askedNs = Infinity;
      state.asked = null;
      if (!excludes && sources.length === 0) continue;
      if (old > 0) {
        const how = { version: old, isMember: true };
        sendOldReport(this.#ip.device(reporting.one.index)!, this.#sourceOf(reporting), group, how);
      } else if (isOfSources) {
        const heard = asked.filter((one) => has(sources, one) !== excludes);
        // Who hears all but some says so, as Linux does; RFC 3376 §5.2 would name those that are heard.
        if (heard.length > 0 && excludes) records.push({ kind: IS_EXCLUDE, group, sources: [...sources] });
        else if (heard.length > 0) records.push({ kind: IS_INCLUDE, group, sources: heard });
      } else records.push({ kind: excludes ? IS_EXCLUDE : IS_INCLUDE, group, sources: [...sources] });
    }
    if (records.length > 0) sendReports(this.#ip.device(reporting.one.index)!, this.#sourceOf(reporting), records);
  }

  #oldVersion({ one, v4, oldVersion, oldUntilNs }: Reporting, nowNs: number): number {
    const forced = Math.max(
      one.settings[v4 ? "groupVersionV4" : "groupVersionV6"],
      this.#network.settings.interfaces.all[v4 ? "groupVersionV4" : "groupVersionV6"],
    );
    const newest = v4 ? 3 : 2;
    if (forced > 0) return forced < newest ? forced : 0;
    return oldUntilNs > nowNs ? oldVersion : 0;
  }

  /** A message of MLD, whose checksum is right. */
  queried(one: NetworkInterface, packet: IncomingPacket): void {
    const { bytes, payloadAt, payloadLength, hops, source } = packet;
    if (hops === 1 && isLinkLocal(source) && alertsRouters(packet))
      this.#asked(one, bytes, payloadAt, payloadLength, false);
  }

  receive(
    _source: IpAddress,
    _destination: IpAddress,
    bytes: Uint8Array,
    at: number,
    length: number,
    _trafficClass: number,
    device: number,
  ): void {
    const one = this.#network.interfaceByIndex(device);
    if (one !== undefined) this.#asked(one, bytes, at, length, true);
  }

  /** Nothing that is sent is answered. */
  unreachable(): void {}

  #asked(one: NetworkInterface, bytes: Uint8Array, at: number, length: number, v4: boolean): void {
    const reporting = this.#reportings.find((each) => each.one === one && each.v4 === v4);
    const query = readQuery(bytes, at, length, v4);
    if (reporting === undefined || query === null) return;
    const nowNs = this.#ip.now();
    if (query.version < (v4 ? 3 : 2)) {
      reporting.oldVersion = query.version;
      reporting.oldUntilNs = nowNs + OLD_ROUTER_NS;
    }
    const dueNs = nowNs + (this.#ip.random() % Math.max(1, Math.floor(query.waitNs / 1e6))) * 1e6;
    if (query.group === null) reporting.askedNs = Math.min(reporting.askedNs, dueNs);
    else {
      const state = reporting.groups.get(query.group.join());
      if (state === undefined) return;
      // Of several the whole is asked for if one of them asks so.
      const isWaiting = state.askedNs !== Infinity;
      const isOfAll = query.sources.length === 0 || (isWaiting && state.asked === null);
      state.asked = isOfAll ? null : [...(state.asked ?? []), ...query.sources].slice(0, ASKED_MAX);
      state.askedNs = Math.min(state.askedNs, dueNs);
    }
    this.#ip.rearm();
  }

  static {
    stateClass("GroupReports", this, {
      save: (it) => ({ network: it.#network, ip: it.#ip, reportings: it.#reportings, isDirty: it.#isDirty }),
      load: (it, from) =>
        ({ network: it.#network, ip: it.#ip, reportings: it.#reportings, isDirty: it.#isDirty } = from),
    });
  }
}

/** RFC 3810 §6.2: only what routers look at is a query; the option stands alone in its header. */
function alertsRouters({ bytes, at, payloadAt }: IncomingPacket): boolean {
  const options = at + IPV6_HEADER_SIZE;
  for (let option = options + 2; option + 4 <= payloadAt; option += bytes[option] === 0 ? 1 : 2 + bytes[option + 1]!)
    if (bytes[option] === ROUTER_ALERT) return bytes[at + 6] === IPPROTO_HOPOPTS;
  return false;
}

const ROUTER_ALERT = 5;
/** Sources of a group that queries ask for, until they are answered. */
const ASKED_MAX = 256;
const NOTHING: Filter = { excludes: false, sources: [] };

/** RFC 3376 §6, RFC 3810 §6: of groups that each station hears nothing is said, nor of those of one machine. */
function isReported(group: IpAddress): boolean {
  if (isV4(group)) return !isSameIp(group, ALL_HOSTS);
  const isOfAll = group[0] === 0xff020000 && group[1] === 0 && group[2] === 0 && group[3] === 1;
  return ((group[0]! >>> 16) & 15) > SCOPE_INTERFACE && !isOfAll;
}

function together(filters: readonly Filter[]): Filter {
  const included: IpAddress[] = [];
  let excluded: IpAddress[] | null = null;
  for (const { excludes, sources } of filters)
    if (!excludes) {
      for (const each of sources) if (!has(included, each)) included.push(each);
    } else excluded = excluded === null ? [...sources] : excluded.filter((each) => has(sources, each));
  if (excluded === null) return { excludes: false, sources: included };
  return { excludes: true, sources: excluded.filter((each) => !has(included, each)) };
}

function has(sources: readonly IpAddress[], one: IpAddress): boolean {
  return sources.some((each) => isSameIp(each, one));
}

/** @returns does it differ? */
function change(state: GroupState, { excludes, sources }: Filter, times: number): boolean {
  const others = [
    ...sources.filter((each) => !has(state.sources, each)),
    ...state.sources.filter((each) => !has(sources, each)),
  ];
  const isOtherMode = excludes !== state.excludes;
  if (!isOtherMode && others.length === 0) return false;
  if (isOtherMode) {
    state.left = times;
    state.changed = [];
  } else {
    state.changed = state.changed.filter(({ source }) => !has(others, source));
    for (const source of others) state.changed.push({ source, left: times });
  }
  state.excludes = excludes;
  state.sources = [...sources];
  return true;
}

/** RFC 3376 §5.1: what is heard of now, and what no more. */
function changesOf({ group, excludes, sources, changed }: GroupState): GroupRecord[] {
  const isHeard = (one: IpAddress): boolean => has(sources, one) !== excludes;
  const allowed = changed.map(({ source }) => source).filter(isHeard);
  const blocked = changed.map(({ source }) => source).filter((one) => !isHeard(one));
  const records: GroupRecord[] = [];
  if (allowed.length > 0) records.push({ kind: ALLOWS, group, sources: allowed });
  if (blocked.length > 0) records.push({ kind: BLOCKS, group, sources: blocked });
  return records;
}
