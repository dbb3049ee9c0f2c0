/**
 * Addresses that were seen lately, by name of their list (`-m recent`; Linux net/netfilter/xt_recent.c): ufw's limit,
 * and knocks at ports. Bound: LISTS_MAX lists of ADDRESSES_MAX addresses, of which the least used goes for a new one,
 * each with the STAMPS_MAX last times.
 */
import {
  XT_RECENT_DEST,
  XT_RECENT_REAP,
  XT_RECENT_REMOVE,
  XT_RECENT_SET,
  XT_RECENT_TTL,
  XT_RECENT_UPDATE,
  XtRecentMtinfo,
  XtRecentMtinfoV1,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { CHANGES, CHECKS, recentName, STAMPS_MAX } from "../rules/recent-match.ts";
import type { PacketView } from "../track/packet-view.ts";

const LISTS_MAX = 256,
  ADDRESSES_MAX = 100;

class RecentAddress {
  readonly words = new Uint32Array(4);
  isV6 = false;
  ttl = 0;
  /** When it was seen: a ring, the next one's place, and how many there are. */
  readonly stampsNs: number[] = [];
  at = 0;

  stamp(nowNs: number): void {
    this.stampsNs[this.at] = nowNs;
    this.at = (this.at + 1) % STAMPS_MAX;
  }

  get lastNs(): number {
    return this.stampsNs[(this.at + STAMPS_MAX - 1) % STAMPS_MAX] ?? 0;
  }

  static {
    stateClass("RecentAddress", this);
  }
}

/** The lists of one network. */
export class RecentLists {
  /** The least used address first. */
  #lists = new Map<string, RecentAddress[]>();

  list(name: string): RecentAddress[] | null {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    if (this.#lists.size >= LISTS_MAX) return null;
    const made: RecentAddress[] = [];
    this.#lists.set(name, made);
    return made;
  }

  /** Rules have changed: a list that none names is gone. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#lists.keys()) if (!names.has(name)) this.#lists.delete(name);
  }

  static {
    stateClass("RecentLists", this, {
      save: (it) => ({ lists: it.#lists }),
      load: (it, from) => ({ lists: it.#lists } = from),
    });
  }
}

/** Words of the packet's address, under the rule's mask. */
const ADDRESS = new Uint32Array(4);

/** `-m recent` of either revision. Work: addresses of the list, and times of one. */
export function matchesRecent(
  info: Uint8Array,
  revision: number,
  packet: PacketView,
  lists: RecentLists,
  nowNs: number,
): boolean {
  const { seconds, hit_count, check_set, invert, side } = XtRecentMtinfo.offset;
  const flags = info[check_set]!;
  const isInverted = info[invert] !== 0;
  const list = lists.list(recentName(info));
  if (list === null) return false;
  readAddress(packet, info[side] === XT_RECENT_DEST, revision === 0 ? null : info);
  const { isV6, bytes, at } = packet;
  // As it was before it was passed on.
  const isPassedOn = packet.outDevice !== 0 && packet.inDevice !== 0;
  const ttl = bytes[at + (isV6 ? 7 : 8)]! + (isPassedOn ? 1 : 0);
  let place = find(list, isV6, (flags & XT_RECENT_TTL) !== 0 ? ttl : 0);
  if (place < 0) {
    if ((flags & XT_RECENT_SET) === 0) return isInverted;
    if (list.length >= ADDRESSES_MAX) list.shift();
    const made = new RecentAddress();
    made.words.set(ADDRESS);
    made.isV6 = isV6;
    made.ttl = ttl;
    made.stamp(nowNs);
    list.push(made);
    return !isInverted;
  }
  const one = list[place]!;
  let isMatched = (flags & CHANGES) !== 0;
  if ((flags & XT_RECENT_REMOVE) !== 0) list.splice(place, 1);
  else if ((flags & CHECKS) !== 0) {
    const span = word(info, seconds);
    const sinceNs = nowNs - span * 1e9;
    isMatched = hasHits(one, span === 0 ? -Infinity : sinceNs, word(info, hit_count));
    const keepsFirst = place === 0 && (flags & XT_RECENT_UPDATE) !== 0 && isMatched !== isInverted;
    if ((flags & XT_RECENT_REAP) !== 0 && !keepsFirst && list[0]!.lastNs < sinceNs) {
      list.shift();
      place--;
    }
  }
  const isUpdated = (flags & XT_RECENT_UPDATE) !== 0 && isMatched !== isInverted;
  if (place >= 0 && ((flags & XT_RECENT_SET) !== 0 || isUpdated)) {
    one.stamp(nowNs);
    one.ttl = ttl;
    list.splice(place, 1);
    list.push(one);
  }
  return isMatched !== isInverted;
}

/** @param least  0: one is enough */
function hasHits({ stampsNs }: RecentAddress, sinceNs: number, least: number): boolean {
  let hits = 0;
  for (const stampNs of stampsNs) if (stampNs >= sinceNs && ++hits >= least) return true;
  return false;
}

/** Its place; −1. @param ttl  0: any */
function find(list: readonly RecentAddress[], isV6: boolean, ttl: number): number {
  for (let place = 0; place < list.length; place++) {
    const { words, isV6: isOfV6, ttl: own } = list[place]!;
    if (isOfV6 !== isV6 || (ttl !== 0 && own !== ttl)) continue;
    if (words[0] === ADDRESS[0] && words[1] === ADDRESS[1] && words[2] === ADDRESS[2] && words[3] === ADDRESS[3])
      return place;
  }
  return -1;
}

/** @param masked  a rule whose mask counts; null: it has none */
function readAddress({ bytes, at, isV6 }: PacketView, isDestination: boolean, masked: Uint8Array | null): void {
  const size = isV6 ? 16 : 4;
  const start = at + (isV6 ? 8 : 12) + (isDestination ? size : 0);
  ADDRESS.fill(0);
  for (let index = 0; index < size; index++) {
    const mask = masked === null ? 0xff : masked[XtRecentMtinfoV1.offset.mask + index]!;
    ADDRESS[index >> 2] = (ADDRESS[index >> 2]! << 8) | (bytes[start + index]! & mask);
  }
}

function word(info: Uint8Array, at: number): number {
  return (info[at]! | (info[at + 1]! << 8) | (info[at + 2]! << 16) | (info[at + 3]! << 24)) >>> 0;
}
