/**
 * What goes through sockets beside plain bytes: control messages (cmsg(3)), and the messages of netlink(7) with their
 * attributes. Bound: eight of each.
 */
import {
  AF_UNIX,
  Cmsghdr,
  GENL_ID_CTRL,
  FRA_DPORT_RANGE,
  FRA_SPORT_RANGE,
  FRA_UID_RANGE,
  FibRuleHdr,
  FibRulePortRange,
  FibRuleUidRange,
  Genlmsghdr,
  IFA_CACHEINFO,
  IFLA_STATS,
  IFLA_STATS64,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_RECVERR,
  IP_PKTINFO,
  IP_RECVERR,
  IfaCacheinfo,
  Ifaddrmsg,
  Ifinfomsg,
  In6Pktinfo,
  InPktinfo,
  InetDiagMsg,
  InetDiagReqV2,
  NETLINK_GENERIC,
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
  NLA_TYPE_MASK,
  NLMSG_ALIGNTO,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLM_F_REQUEST,
  Nlattr,
  Nlmsgerr,
  NDA_CACHEINFO,
  NdaCacheinfo,
  Ndmsg,
  Nduseroptmsg,
  Nlmsghdr,
  PACKET_AUXDATA,
  RTM_NEWADDR,
  RTA_CACHEINFO,
  RTA_MULTIPATH,
  RTM_NEWLINK,
  RTM_NEWNDUSEROPT,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTM_DELRULE,
  RtaCacheinfo,
  Rtnexthop,
  RtnlLinkStats,
  RtnlLinkStats64,
  Rtmsg,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SOL_PACKET,
  SOL_SOCKET,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SockExtendedErr,
  Timespec,
  Timeval,
  TpacketAuxdata,
  UNIX_DIAG_RQLEN,
  Ucred,
  UnixDiagMsg,
  UnixDiagReq,
  UnixDiagRqlen,
  type Struct,
} from "@stratos/abi";
import { fieldsText, viewOf } from "./structure-text.ts";

const MESSAGES_MAX = 8;
const CONTROL_ALIGN = 8;

/** What control messages carry, by level and type. */
export const CONTROL_LAYOUTS: ReadonlyMap<number, ReadonlyMap<number, Struct>> = new Map([
  [
    SOL_SOCKET,
    new Map<number, Struct>([
      [SCM_CREDENTIALS, Ucred],
      [SO_TIMESTAMP, Timeval],
      [SO_TIMESTAMPNS, Timespec],
    ]),
  ],
  [
    IPPROTO_IP,
    new Map<number, Struct>([
      [IP_PKTINFO, InPktinfo],
      [IP_RECVERR, SockExtendedErr],
    ]),
  ],
  [
    IPPROTO_IPV6,
    new Map<number, Struct>([
      [IPV6_PKTINFO, In6Pktinfo],
      [IPV6_RECVERR, SockExtendedErr],
    ]),
  ],
  [SOL_PACKET, new Map<number, Struct>([[PACKET_AUXDATA, TpacketAuxdata]])],
]);

/** The control messages in a buffer of sendmsg(2) or recvmsg(2). */
export function controlText(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const { cmsg_len, cmsg_level, cmsg_type } = Cmsghdr.offset;
  const texts: string[] = [];
  for (let at = 0; at + Cmsghdr.size <= bytes.length && texts.length < MESSAGES_MAX;) {
    const length = view.getUint32(at + cmsg_len, true);
    if (length < Cmsghdr.size || at + length > bytes.length) break;
    const level = view.getInt32(at + cmsg_level, true);
    const type = view.getInt32(at + cmsg_type, true);
    const data = bytes.subarray(at + Cmsghdr.size, at + length);
    const head = fieldsText(bytes, Cmsghdr, at);
    texts.push(`{${[head, ...controlData(data, level, type)].join(", ")}}`);
    at += aligned(length, CONTROL_ALIGN);
  }
  return `[${texts.join(", ")}]`;
}

function controlData(data: Uint8Array, level: number, type: number): string[] {
  if (level === SOL_SOCKET && type === SCM_RIGHTS) {
    const view = viewOf(data);
    const count = Math.min(MESSAGES_MAX, data.length >> 2);
    return [`cmsg_data=[${Array.from({ length: count }, (_, index) => view.getInt32(index * 4, true)).join(", ")}]`];
  }
  const layout = CONTROL_LAYOUTS.get(level)?.get(type);
  return layout === undefined || data.length < layout.size ? [] : [`cmsg_data={${fieldsText(data, layout, 0)}}`];
}

/** What follows the header of a message, and the attributes that are structures. */
interface NetlinkBody {
  readonly layout: Struct;
  readonly attributes: ReadonlyMap<number, Struct>;
}

const body = (layout: Struct, attributes: readonly (readonly [number, Struct])[] = []): NetlinkBody => ({
  layout,
  attributes: new Map(attributes),
});
export const NETLINK_BODIES = {
  link: body(Ifinfomsg, [
    [IFLA_STATS, RtnlLinkStats],
    [IFLA_STATS64, RtnlLinkStats64],
  ]),
  address: body(Ifaddrmsg, [[IFA_CACHEINFO, IfaCacheinfo]]),
  // Of several ways the first.
  route: body(Rtmsg, [
    [RTA_CACHEINFO, RtaCacheinfo],
    [RTA_MULTIPATH, Rtnexthop],
  ]),
  userOption: body(Nduseroptmsg),
  neighbour: body(Ndmsg, [[NDA_CACHEINFO, NdaCacheinfo]]),
  rule: body(FibRuleHdr, [
    [FRA_UID_RANGE, FibRuleUidRange],
    [FRA_SPORT_RANGE, FibRulePortRange],
    [FRA_DPORT_RANGE, FibRulePortRange],
  ]),
  inetRequest: body(InetDiagReqV2),
  inetAnswer: body(InetDiagMsg),
  unixRequest: body(UnixDiagReq),
  unixAnswer: body(UnixDiagMsg, [[UNIX_DIAG_RQLEN, UnixDiagRqlen]]),
  generic: body(Genlmsghdr),
};
/** Of rtnetlink, each by the first of four numbers. */
const ROUTE_BODIES: ReadonlyMap<number, NetlinkBody> = new Map([
  [RTM_NEWLINK, NETLINK_BODIES.link],
  [RTM_NEWADDR, NETLINK_BODIES.address],
  [RTM_NEWROUTE, NETLINK_BODIES.route],
  [RTM_NEWNEIGH, NETLINK_BODIES.neighbour],
  [RTM_NEWNDUSEROPT, NETLINK_BODIES.userOption],
  [RTM_NEWRULE, NETLINK_BODIES.rule],
  [RTM_DELRULE, NETLINK_BODIES.rule],
]);

/** The messages in a datagram of a netlink socket of `protocol`. */
export function netlinkText(bytes: Uint8Array, protocol: number): string {
  const view = viewOf(bytes);
  const { nlmsg_len, nlmsg_type, nlmsg_flags } = Nlmsghdr.offset;
  const texts: string[] = [];
  for (let at = 0; at + Nlmsghdr.size <= bytes.length && texts.length < MESSAGES_MAX;) {
    const length = view.getUint32(at + nlmsg_len, true);
    if (length < Nlmsghdr.size) break;
    const payload = bytes.subarray(at + Nlmsghdr.size, at + length);
    const type = view.getUint16(at + nlmsg_type, true);
    const isRequest = (view.getUint16(at + nlmsg_flags, true) & NLM_F_REQUEST) !== 0;
    const head = `{${fieldsText(bytes, Nlmsghdr, at)}}`;
    texts.push([head, ...payloadText(payload, type, bodyOf(protocol, type, payload[0], isRequest))].join(", "));
    at += aligned(length, NLMSG_ALIGNTO);
  }
  return texts.length === 1 ? `[${texts[0]!}]` : `[${texts.map((text) => `[${text}]`).join(", ")}]`;
}

function bodyOf(
  protocol: number,
  type: number,
  family: number | undefined,
  isRequest: boolean,
): NetlinkBody | undefined {
  if (type < NLMSG_MIN_TYPE) return undefined;
  switch (protocol) {
    case NETLINK_ROUTE:
      return ROUTE_BODIES.get(type & ~3);
    case NETLINK_SOCK_DIAG:
      if (family === AF_UNIX) return isRequest ? NETLINK_BODIES.unixRequest : NETLINK_BODIES.unixAnswer;
      return isRequest ? NETLINK_BODIES.inetRequest : NETLINK_BODIES.inetAnswer;
    case NETLINK_GENERIC:
      return type === GENL_ID_CTRL ? NETLINK_BODIES.generic : undefined;
    default:
      return undefined;
  }
}

function payloadText(payload: Uint8Array, type: number, found: NetlinkBody | undefined): string[] {
  if (type === NLMSG_ERROR && payload.length >= Nlmsgerr.size) return [`{${fieldsText(payload, Nlmsgerr, 0)}}`];
  if (found === undefined || payload.length < found.layout.size) return [];
  const texts = [`{${fieldsText(payload, found.layout, 0)}}`];
  const view = viewOf(payload);
  for (let at = found.layout.size; at + Nlattr.size <= payload.length && texts.length <= MESSAGES_MAX;) {
    const length = view.getUint16(at + Nlattr.offset.nla_len, true);
    if (length < Nlattr.size || at + length > payload.length) break;
    const layout = found.attributes.get(view.getUint16(at + Nlattr.offset.nla_type, true) & NLA_TYPE_MASK);
    const value = payload.subarray(at + Nlattr.size, at + length);
    const head = `{${fieldsText(payload, Nlattr, at)}}`;
    const isKnown = layout !== undefined && value.length >= layout.size;
    texts.push(isKnown ? `[${head}, {${fieldsText(value, layout, 0)}}]` : `[${head}]`);
    at += aligned(length, NLMSG_ALIGNTO);
  }
  return texts;
}

function aligned(length: number, to: number): number {
  return Math.ceil(length / to) * to;
}
