import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  CAP_NET_ADMIN,
  EEXIST,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  IFF_LOOPBACK,
  IFF_UP,
} from "@stratos/abi";
import { isCapable } from "../../security/credentials.ts";
import { formatV4, formatV6, isLinkLocal, isLoopback, isV4, parseV4, parseV6 } from "../inet/ip-address.ts";
import {
  broadcastOf,
  type InterfaceAddress,
  type NetworkInterface,
  netmaskOf,
  sourceAddress,
} from "../network-interface.ts";
import type { Network } from "../network.ts";
import { NetlinkWriter, NLM_F_DUMP, NLM_F_MULTI, NLMSG_HDRLEN, alignNetlink } from "./netlink-writer.ts";
import type { SocketCaller } from "../socket-kernel.ts";

/** Source: include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h; rtnetlink(7). */
const RTM_NEWLINK = 16,
  RTM_GETLINK = 18,
  RTM_NEWADDR = 20,
  RTM_GETADDR = 22,
  RTM_NEWROUTE = 24,
  RTM_GETROUTE = 26,
  RTM_GETNEIGH = 30,
  RTM_GETRULE = 34,
  RTM_MAX = 123;
const IFLA_ADDRESS = 1,
  IFLA_BROADCAST = 2,
  IFLA_IFNAME = 3,
  IFLA_MTU = 4,
  IFLA_QDISC = 6,
  IFLA_STATS = 7,
  IFLA_TXQLEN = 13,
  IFLA_OPERSTATE = 16,
  IFLA_LINKMODE = 17;
/** `struct ifinfomsg`. */
const LINK_HEADER_SIZE = 16;
const IFLA_MASTER = 10,
  IFLA_LINKINFO = 18;
/** What `ip link set` may turn on and off. */
const CHANGEABLE_FLAGS = IFF_UP | 0x80 | 0x100 | 0x200 | 0x1000;
const NLM_F_EXCL = 0x200,
  NLM_F_CREATE = 0x400;
const IFLA_STATS64 = 23,
  IFLA_GROUP = 27,
  IFLA_PROMISCUITY = 30,
  IFLA_NUM_TX_QUEUES = 31,
  IFLA_NUM_RX_QUEUES = 32,
  IFLA_CARRIER = 33;
const IFA_ADDRESS = 1,
  IFA_LOCAL = 2,
  IFA_LABEL = 3,
  IFA_BROADCAST = 4,
  IFA_CACHEINFO = 6,
  IFA_FLAGS = 8,
  IFA_F_PERMANENT = 0x80;
const RTA_DST = 1,
  RTA_OIF = 4,
  RTA_PRIORITY = 6,
  RTA_PREFSRC = 7,
  RTA_TABLE = 15;
const RT_TABLE_MAIN = 254,
  RT_TABLE_LOCAL = 255,
  RTPROT_KERNEL = 2,
  RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0,
  RT_SCOPE_LINK = 253,
  RT_SCOPE_HOST = 254,
  RTN_UNICAST = 1,
  RTN_LOCAL = 2;
const IF_OPER_UNKNOWN = 0,
  IF_OPER_UP = 6;

export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Answers to a request: messages, or a negated errno for NLMSG_ERROR. `isDump`: they are followed by NLMSG_DONE. */
export type NetlinkAnswer = { readonly isDump: boolean; readonly messages: Uint8Array[] } | number;

/**
 * NETLINK_ROUTE (rtnetlink(7)): tells links, addresses and routes; nothing can be changed (changeLink).
 *
 * @returns EPERM or EOPNOTSUPP for changes, ENODEV, ENETUNREACH, EOPNOTSUPP for what is not known
 */
export function answerRouteRequest(
  task: SocketCaller,
  request: NetlinkRequest,
  port: number,
  isStrict: boolean,
): NetlinkAnswer {
  const { network } = task;
  if (request.type < RTM_NEWLINK || request.type > RTM_MAX) return -EOPNOTSUPP;
  // Of each four numbers the third asks; the others change.
  if ((request.type & 3) !== 2) {
    if (!isCapable(task.credentials, CAP_NET_ADMIN)) return -EPERM;
    const refused = request.type === RTM_NEWLINK ? changeLink(network, request) : -EOPNOTSUPP;
    return refused < 0 ? refused : { isDump: false, messages: [] };
  }
  const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
  const writer = new NetlinkWriter();
  const flags = isDump ? NLM_F_MULTI : 0;
  const family = request.payload[0] ?? AF_UNSPEC;
  const messages: Uint8Array[] = [];
  switch (request.type) {
    case RTM_GETLINK: {
      const wanted = isDump ? network.interfaces : [requestedLink(network, request.payload)];
      for (const one of wanted) {
        if (one === undefined) return -ENODEV;
        messages.push(linkMessage(writer, one, { flags, sequence: request.sequence, port }));
      }
      return { isDump, messages };
    }
    case RTM_GETADDR: {
      if (!isDump) return -EOPNOTSUPP;
      const index =
        isStrict && request.payload.length >= 8
          ? new DataView(request.payload.buffer, request.payload.byteOffset).getUint32(4, true)
          : 0;
      for (const one of network.interfaces) {
        if (index !== 0 && one.index !== index) continue;
        for (const address of one.addresses) {
          if (family === AF_UNSPEC || family === (isV4(address.ip) ? AF_INET : AF_INET6)) {
            messages.push(addressMessage(writer, one, address, { flags, sequence: request.sequence, port }));
          }
        }
      }
      return { isDump, messages };
    }
    case RTM_GETROUTE: {
      if (!isDump) {
        const route = routeTo(network, request.payload);
        if (typeof route === "number") return route;
        return { isDump, messages: [routeMessage(writer, route, { flags, sequence: request.sequence, port })] };
      }
      for (const route of routes(network)) {
        if (family === AF_UNSPEC || family === (route.isV4 ? AF_INET : AF_INET6))
          messages.push(routeMessage(writer, route, { flags, sequence: request.sequence, port }));
      }
      return { isDump, messages };
    }
    case RTM_GETNEIGH:
    case RTM_GETRULE:
      return isDump ? { isDump, messages } : -EOPNOTSUPP;
    default:
      return isDump ? { isDump, messages } : -EOPNOTSUPP;
  }
}

/**
 * RTM_NEWLINK: what asks for the state that is there succeeds (`ip link set lo up`).
 *
 * @returns 0; −EINVAL; −ENODEV no such interface; −EEXIST it is to be made and is there; −EOPNOTSUPP for other
 *   changes, and for links of every kind
 */
function changeLink(network: Network, request: NetlinkRequest): number {
  const { payload, flags } = request;
  if (payload.length < LINK_HEADER_SIZE) return -EINVAL;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const name = attributeOf(payload, LINK_HEADER_SIZE, IFLA_IFNAME);
  const index = view.getInt32(4, true);
  const found =
    index > 0 ? network.interfaceByIndex(index) : name !== null ? network.interfaceByName(textOf(name)) : undefined;
  if (found === undefined) return (flags & NLM_F_CREATE) === 0 ? -ENODEV : -EOPNOTSUPP;
  if ((flags & (NLM_F_CREATE | NLM_F_EXCL)) === (NLM_F_CREATE | NLM_F_EXCL)) return -EEXIST;
  if (name !== null && textOf(name) !== found.name) return -EOPNOTSUPP;
  const mtu = attributeOf(payload, LINK_HEADER_SIZE, IFLA_MTU);
  if (mtu !== null && new DataView(mtu.buffer, mtu.byteOffset).getUint32(0, true) !== found.mtu) return -EOPNOTSUPP;
  for (const other of [IFLA_ADDRESS, IFLA_BROADCAST, IFLA_TXQLEN, IFLA_LINKINFO, IFLA_MASTER])
    if (attributeOf(payload, LINK_HEADER_SIZE, other) !== null) return -EOPNOTSUPP;
  const wanted = view.getUint32(8, true);
  const changed = view.getUint32(12, true) || (wanted === 0 ? 0 : 0xffffffff);
  return ((wanted ^ found.flags) & changed & CHANGEABLE_FLAGS) === 0 ? 0 : -EOPNOTSUPP;
}

/** A text attribute, up to its zero byte. */
export function textOf(value: Uint8Array): string {
  let text = "";
  for (let at = 0; at < value.length && value[at] !== 0; at++) text += String.fromCharCode(value[at]!);
  return text;
}

interface Heading {
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
}

/** By `ifi_index`, or by the IFLA_IFNAME attribute. */
function requestedLink(network: Network, payload: Uint8Array): NetworkInterface | undefined {
  if (payload.length < 16) return undefined;
  const index = new DataView(payload.buffer, payload.byteOffset).getInt32(4, true);
  if (index > 0) return network.interfaceByIndex(index);
  const name = attributeOf(payload, 16, IFLA_IFNAME);
  if (name === null) return undefined;
  return network.interfaceByName(textOf(name));
}

/** Value of the first attribute `type` behind a fixed part of `start` bytes. */
export function attributeOf(payload: Uint8Array, start: number, type: number): Uint8Array | null {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = start; at + 4 <= payload.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > payload.length) return null;
    if ((view.getUint16(at + 2, true) & 0x3fff) === type) return payload.subarray(at + 4, at + length);
    at += alignNetlink(length);
  }
  return null;
}

function linkMessage(writer: NetlinkWriter, one: NetworkInterface, heading: Heading): Uint8Array {
  const isLoop = (one.flags & IFF_LOOPBACK) !== 0;
  return writer
    .begin(RTM_NEWLINK, heading.flags, heading.sequence, heading.port)
    .u8(AF_UNSPEC)
    .u8(0)
    .u16(one.hardwareType)
    .u32(one.index)
    .u32(one.flags)
    .u32(0)
    .attributeText(IFLA_IFNAME, one.name)
    .attributeU32(IFLA_TXQLEN, 1000)
    .attributeU8(IFLA_OPERSTATE, isLoop ? IF_OPER_UNKNOWN : IF_OPER_UP)
    .attributeU8(IFLA_LINKMODE, 0)
    .attributeU32(IFLA_MTU, one.mtu)
    .attributeU32(IFLA_GROUP, 0)
    .attributeU32(IFLA_PROMISCUITY, 0)
    .attributeU32(IFLA_NUM_TX_QUEUES, 1)
    .attributeU32(IFLA_NUM_RX_QUEUES, 1)
    .attributeU8(IFLA_CARRIER, 1)
    .attributeText(IFLA_QDISC, isLoop ? "noqueue" : "pfifo_fast")
    .attribute(IFLA_ADDRESS, one.hardwareAddress)
    .attribute(IFLA_BROADCAST, isLoop ? new Uint8Array(6) : new Uint8Array(6).fill(255))
    .attribute(IFLA_STATS64, new Uint8Array(200))
    .attribute(IFLA_STATS, new Uint8Array(96))
    .finish();
}

function ipBytes(ip: string): Uint8Array {
  return isV4(ip) ? parseV4(ip)! : parseV6(ip)!;
}

function addressMessage(
  writer: NetlinkWriter,
  one: NetworkInterface,
  address: InterfaceAddress,
  heading: Heading,
): Uint8Array {
  const v4 = isV4(address.ip);
  const scope = isLoopback(address.ip) ? RT_SCOPE_HOST : isLinkLocal(address.ip) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  writer
    .begin(RTM_NEWADDR, heading.flags, heading.sequence, heading.port)
    .u8(v4 ? AF_INET : AF_INET6)
    .u8(address.prefixLength)
    .u8(IFA_F_PERMANENT)
    .u8(scope)
    .u32(one.index)
    .attribute(IFA_ADDRESS, ipBytes(address.ip));
  if (v4) {
    writer.attribute(IFA_LOCAL, ipBytes(address.ip));
    if ((one.flags & IFF_LOOPBACK) === 0) writer.attribute(IFA_BROADCAST, ipBytes(broadcastOf(address)));
    writer.attributeText(IFA_LABEL, one.name);
  }
  writer.attributeU32(IFA_FLAGS, IFA_F_PERMANENT);
  // struct ifa_cacheinfo: preferred and valid for ever, never changed.
  const cache = new Uint8Array(16);
  cache.fill(255, 0, 8);
  return writer.attribute(IFA_CACHEINFO, cache).finish();
}

/** One line of `ip route`. */
interface Route {
  readonly isV4: boolean;
  /** Null: the default route. */
  readonly destination: string | null;
  readonly prefixLength: number;
  readonly interfaceIndex: number;
  readonly source: string | null;
  readonly isLocal: boolean;
}

function networkOf(address: InterfaceAddress): string {
  if (isV4(address.ip)) {
    const bytes = parseV4(address.ip)!;
    const mask = netmaskOf(address.prefixLength);
    return formatV4(
      bytes.map((byte, index) => byte & mask[index]!),
      0,
    );
  }
  const bytes = parseV6(address.ip)!;
  for (let bit = address.prefixLength; bit < 128; bit++) bytes[bit >> 3] = bytes[bit >> 3]! & ~(0x80 >> (bit & 7));
  return formatV6(bytes, 0);
}

function routes(network: Network): Route[] {
  const list: Route[] = [];
  const { outside } = network;
  for (const probe of ["192.0.2.1", "2001:db8::1"]) {
    const source = sourceAddress(outside, probe);
    if (outside !== undefined && source !== null) {
      list.push({
        isV4: isV4(probe),
        destination: null,
        prefixLength: 0,
        interfaceIndex: outside.index,
        source: null,
        isLocal: false,
      });
    }
  }
  for (const one of network.interfaces) {
    for (const address of one.addresses) {
      const v4 = isV4(address.ip);
      if (one.index !== 1) {
        list.push({
          isV4: v4,
          destination: networkOf(address),
          prefixLength: address.prefixLength,
          interfaceIndex: one.index,
          source: v4 ? address.ip : null,
          isLocal: false,
        });
      }
      list.push({
        isV4: v4,
        destination: address.ip,
        prefixLength: v4 ? 32 : 128,
        interfaceIndex: one.index,
        source: v4 ? address.ip : null,
        isLocal: true,
      });
    }
  }
  return list;
}

function routeMessage(writer: NetlinkWriter, route: Route, heading: Heading): Uint8Array {
  const table = route.isLocal ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
  const scope = route.isLocal ? RT_SCOPE_HOST : RT_SCOPE_LINK;
  writer
    .begin(RTM_NEWROUTE, heading.flags, heading.sequence, heading.port)
    .u8(route.isV4 ? AF_INET : AF_INET6)
    .u8(route.prefixLength)
    .u8(0)
    .u8(0)
    .u8(table)
    .u8(route.destination === null ? RTPROT_BOOT : RTPROT_KERNEL)
    .u8(route.isV4 ? scope : RT_SCOPE_UNIVERSE)
    .u8(route.isLocal ? RTN_LOCAL : RTN_UNICAST)
    .u32(0)
    .attributeU32(RTA_TABLE, table);
  if (route.destination !== null) writer.attribute(RTA_DST, ipBytes(route.destination));
  if (route.source !== null) writer.attribute(RTA_PREFSRC, ipBytes(route.source));
  if (!route.isV4) writer.attributeU32(RTA_PRIORITY, 256);
  return writer.attributeU32(RTA_OIF, route.interfaceIndex).finish();
}

/** RTM_GETROUTE for one address (`ip route get`). */
function routeTo(network: Network, payload: Uint8Array): Route | number {
  const destination = attributeOf(payload, 12, RTA_DST);
  const v4 = payload[0] === AF_INET;
  if (destination === null || destination.length !== (v4 ? 4 : 16)) return -ENETUNREACH;
  const ip = v4 ? formatV4(destination, 0) : formatV6(destination, 0);
  const prefixLength = v4 ? 32 : 128;
  if (network.isLocal(ip)) {
    return {
      isV4: v4,
      destination: ip,
      prefixLength,
      interfaceIndex: 1,
      source: v4 && isLoopback(ip) ? "127.0.0.1" : ip,
      isLocal: true,
    };
  }
  const { outside } = network;
  const source = sourceAddress(outside, ip);
  if (outside === undefined || source === null) return -ENETUNREACH;
  return { isV4: v4, destination: ip, prefixLength, interfaceIndex: outside.index, source, isLocal: false };
}

/** The requests in the bytes of one sendmsg; a malformed rest is ignored, as in Linux. */
export function parseRequests(bytes: Uint8Array): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + NLMSG_HDRLEN <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HDRLEN || at + length > bytes.length) break;
    requests.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.slice(at + NLMSG_HDRLEN, at + length),
    });
    at += alignNetlink(length);
  }
  return requests;
}
