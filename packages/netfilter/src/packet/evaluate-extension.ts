/** What iptables' matches and targets make of a packet (Linux net/netfilter/xt_*.c, net/ipv4/netfilter/ipt_*.c). */
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_ROUTING,
  IPPROTO_UDP,
  IP6T_RT_LEN,
  IP6T_RT_RES,
  IP6T_RT_SGS,
  IP6T_RT_TYP,
  Ip6tRt,
  IptIcmp,
  IptRejectInfo,
  IptTtlInfo,
  NFTA_MATCH_INFO,
  NFTA_MATCH_REV,
  NFTA_TARGET_INFO,
  NFTA_TARGET_REV,
  NfNatIpv4MultiRangeCompat,
  NfNatRange,
  XtAddrtypeInfo,
  XtAddrtypeInfoV1,
  XtConnmarkTginfo1,
  XtConnmarkTginfo2,
  XtIprangeMtinfo,
  XtLengthInfo,
  XtLogInfo,
  XtMarkMtinfo1,
  XtMarkTginfo2,
  XtMultiportV1,
  XT_OWNER_GID,
  XT_OWNER_SOCKET,
  XT_OWNER_UID,
  XtOwnerMatchInfo,
  XtPkttypeInfo,
  XtRateinfo,
  XtStateInfo,
  XtStatisticInfo,
  XtTcp,
  XtTcpmssInfo,
  XtTcpmssMatchInfo,
  XtUdp,
} from "@stratos/abi";
import { extensionName } from "../rules/extension.ts";
import type { Expression } from "../rules/ruleset.ts";
import { NatRange } from "../track/nat.ts";
import { shortAt } from "../track/ip-bytes.ts";
import { type PacketView, UNTRACKED } from "../track/packet-view.ts";
import { putShort, replaceBytes } from "../track/rewrite.ts";
import { chooseFor, masquerade, redirect } from "./evaluate-nat.ts";
import { matchesConntrack } from "./match-conntrack.ts";
import { matchesSet } from "./match-set.ts";
import { stateBit } from "./load.ts";
import { logPacket } from "./log-packet.ts";
import { matchesRecent } from "./recent.ts";
import { ACCEPTED, DROPPED, MATCHED, NOT_MATCHED } from "./outcome.ts";
import { refuseByIcmp, refuseByReset, type Surroundings } from "./surroundings.ts";
import { findTcpOption } from "./tcp-option.ts";

export function evaluateExtension(it: Expression, packet: PacketView, around: Surroundings): number {
  if (it.kind === "target") return act(it, packet, around);
  return matches(it, packet, around) ? MATCHED : NOT_MATCHED;
}

/** net/netfilter/xt_owner.c, owner_mt. */
function matchesOwner(info: Uint8Array, { uid, gid }: PacketView): boolean {
  const { uid_min, uid_max, gid_min, gid_max, match, invert } = XtOwnerMatchInfo.offset;
  const asked = info[match]!,
    inverted = info[invert]!;
  if (uid < 0) return asked === inverted;
  if ((asked & inverted & XT_OWNER_SOCKET) !== 0) return false;
  const isUser = uid >= littleWord(info, uid_min) && uid <= littleWord(info, uid_max);
  if ((asked & XT_OWNER_UID) !== 0 && isUser !== ((inverted & XT_OWNER_UID) === 0)) return false;
  const isGroup = gid >= littleWord(info, gid_min) && gid <= littleWord(info, gid_max);
  return (asked & XT_OWNER_GID) === 0 || isGroup === ((inverted & XT_OWNER_GID) === 0);
}

/** Numbers of the machine: the lowest byte first. */
function littleShort(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function littleWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function isBetween(value: number, info: Uint8Array, at: number): boolean {
  return value >= littleShort(info, at) && value <= littleShort(info, at + 2);
}

function matches(it: Expression, packet: PacketView, around: Surroundings): boolean {
  const info = it.bytes(NFTA_MATCH_INFO);
  const { bytes, transportAt: at, protocol, isV6 } = packet;
  const udp = XtUdp.offset;
  switch (extensionName(it)) {
    case "comment":
      return true;
    case "mark":
      return matchesMark(info, packet.mark);
    case "connmark":
      return packet.connection !== null && matchesMark(info, packet.connection.mark);
    case "owner":
      return matchesOwner(info, packet);
    case "recent":
      return matchesRecent(info, it.number(NFTA_MATCH_REV), packet, around.recent, around.nowNs);
    case "set":
      return matchesSet(info, it.number(NFTA_MATCH_REV), packet, around);
    case "state":
      return (stateBit(packet) & littleWord(info, XtStateInfo.offset.statemask)) !== 0;
    case "conntrack":
      return matchesConntrack(info, it.number(NFTA_MATCH_REV), packet, around.nowNs);
    case "addrtype":
      return matchesAddressType(info, it.number(NFTA_MATCH_REV), packet, around);
    case "tcp":
      return protocol === IPPROTO_TCP && packet.hasTransport(20) && matchesTcp(info, packet);
    case "udp":
      if (protocol !== IPPROTO_UDP || !packet.hasTransport(8)) return false;
      return (
        isBetween(shortAt(bytes, at), info, udp.spts) !== ((info[udp.invflags]! & 1) !== 0) &&
        isBetween(shortAt(bytes, at + 2), info, udp.dpts) !== ((info[udp.invflags]! & 2) !== 0)
      );
    case "icmp":
    case "icmp6": {
      if (protocol !== (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || !packet.hasTransport(2)) return false;
      const { type, code, invflags } = IptIcmp.offset;
      const isAny = !isV6 && info[type] === 0xff;
      const isType = bytes[at] === info[type] && bytes[at + 1]! >= info[code]! && bytes[at + 1]! <= info[code + 1]!;
      return (isAny || isType) !== ((info[invflags]! & 1) !== 0);
    }
    case "multiport":
      return matchesPorts(info, packet);
    case "length":
      return isBetween(packet.length, info, XtLengthInfo.offset.min) !== (info[XtLengthInfo.offset.invert] !== 0);
    case "limit":
      return isWithinLimit(it, info, around.nowNs);
    case "statistic":
      return matchesChance(it, info, around);
    case "iprange":
      return matchesRange(info, packet);
    case "ttl":
      return matchesHops(info, bytes[packet.at + 8]!);
    case "hl":
      return matchesHops(info, bytes[packet.at + 7]!);
    case "rt":
      return matchesRoutingHeader(info, packet);
    case "pkttype": {
      const isMany = isV6 ? bytes[packet.at + 24] === 0xff : bytes[packet.at + 16]! >> 4 === 14;
      const type = isMany ? 2 : packet.isForMany ? 1 : 0;
      const { pkttype, invert } = XtPkttypeInfo.offset;
      return (type === littleWord(info, pkttype)) !== (littleWord(info, invert) !== 0);
    }
    case "tcpmss": {
      const option = protocol === IPPROTO_TCP ? findTcpOption(packet, 2) : -1;
      const size = option < 0 ? 0 : shortAt(bytes, option + 2);
      const { mss_min, invert } = XtTcpmssMatchInfo.offset;
      return isBetween(size, info, mss_min) !== (info[invert] !== 0);
    }
    default:
      return false;
  }
}

/** Both structures are alike. */
function matchesHops(info: Uint8Array, hops: number): boolean {
  const given = info[IptTtlInfo.offset.ttl]!;
  const mode = info[IptTtlInfo.offset.mode]!;
  return mode === 0 ? hops === given : mode === 1 ? hops !== given : mode === 2 ? hops < given : hops > given;
}

/** net/ipv6/netfilter/ip6t_rt.c, rt_mt6 */
function matchesRoutingHeader(info: Uint8Array, packet: PacketView): boolean {
  const { bytes } = packet;
  const at = packet.findExtension(IPPROTO_ROUTING);
  if (at < 0) return false;
  const { rt_type, segsleft, hdrlen } = Ip6tRt.offset;
  const [flags, inverted] = [info[Ip6tRt.offset.flags]!, info[Ip6tRt.offset.invflags]!];
  const [type, left] = [bytes[at + 2]!, bytes[at + 3]!];
  const isInRange = left >= littleWord(info, segsleft) && left <= littleWord(info, segsleft + 4);
  if (isInRange === ((inverted & IP6T_RT_SGS) !== 0)) return false;
  const fits = (flag: number, isSame: boolean): boolean => (flags & flag) === 0 || isSame !== ((inverted & flag) !== 0);
  if (!fits(IP6T_RT_LEN, littleWord(info, hdrlen) === 8 * (bytes[at + 1]! + 1))) return false;
  if (!fits(IP6T_RT_TYP, littleWord(info, rt_type) === type)) return false;
  return (flags & IP6T_RT_RES) === 0 || littleWord(bytes, at + 4) === 0;
}

function matchesMark(info: Uint8Array, value: number): boolean {
  // connmark's structure is the same.
  const { mark, mask, invert } = XtMarkMtinfo1.offset;
  return ((value & littleWord(info, mask)) >>> 0 === littleWord(info, mark)) !== (info[invert] !== 0);
}

function matchesTcp(info: Uint8Array, packet: PacketView): boolean {
  const { bytes, transportAt: at } = packet;
  const { spts, dpts, option, flg_mask, flg_cmp, invflags } = XtTcp.offset;
  const inverted = info[invflags]!;
  if (isBetween(shortAt(bytes, at), info, spts) === ((inverted & 1) !== 0)) return false;
  if (isBetween(shortAt(bytes, at + 2), info, dpts) === ((inverted & 2) !== 0)) return false;
  if (((bytes[at + 13]! & info[flg_mask]!) === info[flg_cmp]) === ((inverted & 4) !== 0)) return false;
  return info[option] === 0 || findTcpOption(packet, info[option]!) >= 0 !== ((inverted & 8) !== 0);
}

/** `struct xt_multiport_v1`: ports, of which two may be the bounds of a range. */
function matchesPorts(info: Uint8Array, packet: PacketView): boolean {
  const { bytes, transportAt: at } = packet;
  if (!packet.hasTransport(4)) return false;
  const source = shortAt(bytes, at);
  const destination = shortAt(bytes, at + 2);
  const { flags, count: countAt, ports, pflags, invert } = XtMultiportV1.offset;
  const [which, count, isInverted] = [info[flags]!, Math.min(15, info[countAt]!), info[invert] !== 0];
  for (let index = 0; index < count; index++) {
    const first = littleShort(info, ports + 2 * index);
    const last = info[pflags + index] !== 0 && index + 1 < 15 ? littleShort(info, ports + 2 * ++index) : first;
    const fits = (port: number): boolean => port >= first && port <= last;
    if ((which !== 1 && fits(source)) || (which !== 0 && fits(destination))) return !isInverted;
  }
  return isInverted;
}

function matchesAddressType(info: Uint8Array, revision: number, packet: PacketView, { host }: Surroundings): boolean {
  const { bytes, at, isV6, inDevice, outDevice } = packet;
  const { invert_source, invert_dest } = XtAddrtypeInfo.offset;
  const flags =
    revision === 0
      ? littleWord(info, invert_source) | (littleWord(info, invert_dest) << 1)
      : littleWord(info, XtAddrtypeInfoV1.offset.flags);
  const device = (flags & 4) !== 0 ? inDevice : (flags & 8) !== 0 ? outDevice : 0;
  const fits = (mask: number, place: number): boolean =>
    (mask & (1 << host.addressType(bytes, place, isV6, device))) !== 0;
  const source = littleShort(info, XtAddrtypeInfoV1.offset.source);
  const destination = littleShort(info, XtAddrtypeInfoV1.offset.dest);
  if (source !== 0 && fits(source, at + (isV6 ? 8 : 12)) === ((flags & 1) !== 0)) return false;
  return destination === 0 || fits(destination, at + (isV6 ? 24 : 16)) !== ((flags & 2) !== 0);
}

/** `struct xt_rateinfo`: ten thousandths of a second between two packets, and how many at once. */
function isWithinLimit(it: Expression, info: Uint8Array, nowNs: number): boolean {
  const costNs = littleWord(info, XtRateinfo.offset.avg) * 1e5;
  const most = costNs * littleWord(info, XtRateinfo.offset.burst);
  const { state } = it;
  // The first packet finds it full.
  const tokens = state[1] === 0 ? most : Math.min(most, state[0]! + (nowNs - state[1]!));
  state[1] = nowNs;
  state[0] = tokens >= costNs ? tokens - costNs : tokens;
  return tokens >= costNs;
}

/** `struct xt_statistic_info`: by chance in 31 bits, or each so many. */
function matchesChance(it: Expression, info: Uint8Array, { host }: Surroundings): boolean {
  const { mode, flags, every: everyAt, packet } = XtStatisticInfo.offset;
  const isInverted = (littleShort(info, flags) & 1) !== 0;
  const every = littleWord(info, everyAt);
  if (littleShort(info, mode) === 0) return host.random() >>> 1 < every !== isInverted;
  const count = it.state[0]!;
  it.state[0] = count >= every ? 0 : count + 1;
  return (count === littleWord(info, packet)) !== isInverted;
}

function matchesRange(info: Uint8Array, { bytes, at, isV6 }: PacketView): boolean {
  const { src_min, src_max, dst_min, dst_max } = XtIprangeMtinfo.offset;
  const flags = info[XtIprangeMtinfo.offset.flags]!;
  const size = isV6 ? 16 : 4;
  const isWithin = (place: number, first: number, last: number): boolean =>
    order(bytes, place, info, first, size) >= 0 && order(bytes, place, info, last, size) <= 0;
  if ((flags & 1) !== 0 && isWithin(at + (isV6 ? 8 : 12), src_min, src_max) === ((flags & 16) !== 0)) return false;
  return (flags & 2) === 0 || isWithin(at + (isV6 ? 24 : 16), dst_min, dst_max) !== ((flags & 32) !== 0);
}

function order(one: Uint8Array, at: number, other: Uint8Array, place: number, size: number): number {
  for (let index = 0; index < size; index++) {
    const difference = one[at + index]! - other[place + index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

const RANGE = new NatRange();
/** Of the oldest of the forms that ranges come in, filled up to whole words. */
const COMPAT_SIZE = (NfNatIpv4MultiRangeCompat.size + 7) & ~7;

/** Of the three forms that ranges come in. */
function readRange(info: Uint8Array, isCompat: boolean): void {
  RANGE.first.fill(0);
  RANGE.last.fill(0);
  if (isCompat) {
    const compat = NfNatIpv4MultiRangeCompat.offset;
    RANGE.flags = littleWord(info, compat.flags);
    RANGE.first[3] = networkWord(info, compat.min_ip);
    RANGE.last[3] = networkWord(info, compat.max_ip);
    RANGE.firstPort = shortAt(info, compat.min);
    RANGE.lastPort = shortAt(info, compat.max);
    return;
  }
  RANGE.flags = littleWord(info, NfNatRange.offset.flags);
  RANGE.firstPort = shortAt(info, NfNatRange.offset.min_proto);
  RANGE.lastPort = shortAt(info, NfNatRange.offset.max_proto);
}

function readAddresses(info: Uint8Array, isV6: boolean): void {
  for (let word = 0; word < (isV6 ? 4 : 1); word++) {
    RANGE.first[isV6 ? word : 3] = networkWord(info, NfNatRange.offset.min_addr + 4 * word);
    RANGE.last[isV6 ? word : 3] = networkWord(info, NfNatRange.offset.max_addr + 4 * word);
  }
}

function networkWord(bytes: Uint8Array, at: number): number {
  return shortAt(bytes, at) * 65536 + shortAt(bytes, at + 2);
}

/** `enum ipt_reject_with`, `enum ip6t_reject_with`: codes of "destination unreachable"; −1: a reset. */
const REJECT_V4 = [0, 1, 2, 3, 3, 9, 10, -1, 13],
  REJECT_V6 = [0, 1, 2, 3, 4, 4, -1, 5, 6];

function act(it: Expression, packet: PacketView, around: Surroundings): number {
  const info = it.bytes(NFTA_TARGET_INFO);
  switch (extensionName(it)) {
    case "MARK": {
      const { mark, mask } = XtMarkTginfo2.offset;
      packet.mark = ((packet.mark & ~littleWord(info, mask)) ^ littleWord(info, mark)) >>> 0;
      return MATCHED;
    }
    case "CONNMARK":
      return markConnection(info, it.number(NFTA_TARGET_REV), packet);
    case "LOG":
      logPacket(packet, around.host, { level: info[XtLogInfo.offset.level]!, prefix: prefixOf(info) });
      return MATCHED;
    case "REJECT": {
      const code = (packet.isV6 ? REJECT_V6 : REJECT_V4)[littleWord(info, IptRejectInfo.offset.with)] ?? 3;
      if (code < 0) refuseByReset(around);
      else refuseByIcmp(around, packet, code);
      return DROPPED;
    }
    case "CT":
      if (packet.connection === null) packet.relation = UNTRACKED;
      return MATCHED;
    case "TCPMSS":
      clampSegments(info, packet, around);
      return MATCHED;
    case "MASQUERADE":
      readRange(info, info.length <= COMPAT_SIZE);
      return masquerade(packet, around, RANGE);
    case "REDIRECT":
      readRange(info, info.length <= COMPAT_SIZE);
      return redirect(packet, around, RANGE);
    case "SNAT":
    case "DNAT":
      readRange(info, info.length <= COMPAT_SIZE);
      if (info.length > COMPAT_SIZE) readAddresses(info, packet.isV6);
      return chooseFor(packet, around, RANGE, extensionName(it) === "SNAT");
    default:
      return it.kind === "target" ? MATCHED : ACCEPTED;
  }
}

function prefixOf(info: Uint8Array): string {
  let text = "";
  const { offset, size } = XtLogInfo;
  for (let at = offset.prefix; at < size && info[at] !== 0; at++) text += String.fromCharCode(info[at]!);
  return text;
}

/**
 * Set, saved from the packet's mark, or restored to it; of the second revision what is given is shifted
 * (net/netfilter/xt_connmark.c, connmark_tg_shift).
 */
function markConnection(info: Uint8Array, revision: number, packet: PacketView): number {
  const { connection } = packet;
  if (connection === null) return MATCHED;
  const { ctmark, ctmask, nfmask, shift_dir, shift_bits } = XtConnmarkTginfo2.offset;
  const mode = info[revision === 1 ? XtConnmarkTginfo1.offset.mode : XtConnmarkTginfo2.offset.mode];
  const [mark, mask, ownMask] = [littleWord(info, ctmark), littleWord(info, ctmask), littleWord(info, nfmask)];
  const bits = revision === 1 ? 0 : info[shift_bits]!;
  const shifted = (value: number): number =>
    bits > 31 ? 0 : info[shift_dir] === 1 && revision !== 1 ? value >>> bits : (value << bits) >>> 0;
  if (mode === 0) connection.mark = shifted(((connection.mark & ~mask) ^ mark) >>> 0);
  else if (mode === 1) connection.mark = ((connection.mark & ~mask) ^ shifted((packet.mark & ownMask) >>> 0)) >>> 0;
  else packet.mark = ((packet.mark & ~ownMask) ^ shifted((connection.mark & mask) >>> 0)) >>> 0;
  return MATCHED;
}

const SEGMENT_SIZE = new Uint8Array(2);

/** Segments are no longer than so many bytes, or than the way takes; 0xffff: the latter. */
function clampSegments(info: Uint8Array, packet: PacketView, { host }: Surroundings): void {
  const option = packet.protocol === IPPROTO_TCP ? findTcpOption(packet, 2) : -1;
  if (option < 0) return;
  const given = littleShort(info, XtTcpmssInfo.offset.mss);
  const { outDevice, isV6, bytes } = packet;
  const size = given !== 0xffff ? given : outDevice === 0 ? 0xffff : host.mtu(outDevice) - (isV6 ? 60 : 40);
  if (shortAt(bytes, option + 2) <= size) return;
  putShort(SEGMENT_SIZE, 0, size);
  replaceBytes(packet, option + 2, SEGMENT_SIZE, 0, 2, { ip: false, transport: true });
}
