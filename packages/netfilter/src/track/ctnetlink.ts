/** NFNL_SUBSYS_CTNETLINK: connections in messages, as conntrack(8) asks for them (nf_conntrack_netlink.c). */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_IP_V6_SRC,
  CTA_MARK,
  CTA_PROTOINFO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_STATE,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_ICMPV6_CODE,
  CTA_PROTO_ICMPV6_ID,
  CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE,
  CTA_PROTO_ICMP_ID,
  CTA_PROTO_ICMP_TYPE,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_STATS_FOUND,
  CTA_STATS_GLOBAL_ENTRIES,
  CTA_STATS_INVALID,
  CTA_STATUS,
  CTA_TIMEOUT,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_REPLY,
  CTA_USE,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  ERANGE,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
  IPCTNL_MSG_CT_GET_CTRZERO,
  IPCTNL_MSG_CT_GET_DYING,
  IPCTNL_MSG_CT_GET_STATS,
  IPCTNL_MSG_CT_GET_STATS_CPU,
  IPCTNL_MSG_CT_GET_UNCONFIRMED,
  IPCTNL_MSG_CT_NEW,
  IPCTNL_MSG_EXP_DELETE,
  IPCTNL_MSG_EXP_GET,
  IPPROTO_TCP,
  NFNL_SUBSYS_CTNETLINK,
  NLA_F_NESTED,
  NLM_F_DUMP,
  NLM_F_MULTI,
} from "@stratos/abi";
import type { NetfilterRequest, Subsystem } from "../requests/batch.ts";
import { Attributes } from "../wire/attributes.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { refuse } from "../wire/refusal.ts";
import type { Connection } from "./connection.ts";
import type { Conntrack } from "./conntrack.ts";
import { shortAt, wordAt } from "./ip-bytes.ts";
import {
  DESTINATION,
  DESTINATION_PORT,
  isIcmp,
  isTupleV6,
  SOURCE,
  SOURCE_PORT,
  type Tuple,
  TUPLE_WORDS,
} from "./tuple.ts";

const HEADER_SIZE = 4;
const WRITER = new MessageWriter();

export function conntrackSubsystem(conntrack: Conntrack, nowNs: number): Subsystem {
  return (request, port) => {
    const { type, flags, payload } = request;
    const family = payload[0]!;
    const attributes = Attributes.read(payload, HEADER_SIZE);
    const isDump = (flags & NLM_F_DUMP) !== 0;
    const reply = { request, port, nowNs };
    switch (type & 0xff) {
      case IPCTNL_MSG_CT_GET:
      case IPCTNL_MSG_CT_GET_CTRZERO: {
        const found = isDump ? ofFamily(conntrack, family, nowNs) : [find(conntrack, family, attributes, nowNs)];
        const messages = found.map((one) => describe(one, reply));
        if ((type & 0xff) === IPCTNL_MSG_CT_GET_CTRZERO) for (const { counts } of found) counts.fill(0);
        return messages;
      }
      case IPCTNL_MSG_CT_DELETE:
        if (attributes.has(CTA_TUPLE_ORIG) || attributes.has(CTA_TUPLE_REPLY)) {
          const one = find(conntrack, family, attributes, nowNs);
          const id = attributes.u32(CTA_ID);
          if (id !== null && id !== one.id) return -ENOENT;
          conntrack.forget(one);
        } else for (const one of ofFamily(conntrack, family, nowNs)) conntrack.forget(one);
        return [];
      case IPCTNL_MSG_CT_GET_STATS:
        return [begin(IPCTNL_MSG_CT_GET_STATS, 0, reply).u32(CTA_STATS_GLOBAL_ENTRIES, conntrack.count).finish()];
      case IPCTNL_MSG_CT_GET_STATS_CPU:
        return [
          begin(IPCTNL_MSG_CT_GET_STATS_CPU, 0, reply).u32(CTA_STATS_FOUND, 0).u32(CTA_STATS_INVALID, 0).finish(),
        ];
      // What hasn't passed all rules yet is nowhere between two packets, and what is over is gone at once.
      case IPCTNL_MSG_CT_GET_DYING:
      case IPCTNL_MSG_CT_GET_UNCONFIRMED:
        return isDump ? [] : -EINVAL;
      default:
        return -EOPNOTSUPP;
    }
  };
}

/** Connections that others are expected to begin (FTP's): there are none. */
export const answerExpectations: Subsystem = ({ type, flags }) => {
  const message = type & 0xff;
  if (message === IPCTNL_MSG_EXP_GET) return (flags & NLM_F_DUMP) !== 0 ? [] : -ENOENT;
  return message === IPCTNL_MSG_EXP_DELETE ? -ENOENT : -EOPNOTSUPP;
};

function ofFamily(conntrack: Conntrack, family: number, nowNs: number): Connection[] {
  return [...conntrack.connections(nowNs)].filter(
    ({ original }) => family === AF_UNSPEC || original.tuple[0]! >>> 8 === family,
  );
}

/** @throws Refusal ENOENT */
function find(conntrack: Conntrack, family: number, attributes: Attributes, nowNs: number): Connection {
  const nested = attributes.nested(CTA_TUPLE_ORIG) ?? attributes.needNested(CTA_TUPLE_REPLY);
  const node = conntrack.find(readTupleAttribute(nested, family), nowNs);
  return node === null ? refuse(ENOENT) : node.connection;
}

function readTupleAttribute(nested: Attributes, family: number): Tuple {
  const tuple = new Uint32Array(TUPLE_WORDS);
  const ip = nested.needNested(CTA_TUPLE_IP);
  const protocol = nested.needNested(CTA_TUPLE_PROTO);
  const number = protocol.u8(CTA_PROTO_NUM) ?? refuse(EINVAL);
  const isV6 = family === AF_INET6;
  tuple[0] = ((isV6 ? AF_INET6 : AF_INET) << 8) | number;
  const places = [
    [isV6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, SOURCE],
    [isV6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, DESTINATION],
  ] as const;
  for (const [type, at] of places) {
    const bytes = ip.needBytes(type);
    if (bytes.length < (isV6 ? 16 : 4)) refuse(ERANGE);
    for (let word = 0; word < (isV6 ? 4 : 1); word++) tuple[at + (isV6 ? word : 3)] = wordAt(bytes, 4 * word);
  }
  if (isIcmp(tuple)) {
    const icmp = isV6
      ? [CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE]
      : [CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE];
    tuple[SOURCE_PORT] = protocol.u16(icmp[0]!) ?? refuse(EINVAL);
    tuple[DESTINATION_PORT] = ((protocol.u8(icmp[1]!) ?? 0) << 8) | (protocol.u8(icmp[2]!) ?? 0);
    return tuple;
  }
  const ports = [protocol.bytes(CTA_PROTO_SRC_PORT), protocol.bytes(CTA_PROTO_DST_PORT)];
  if (ports.some((one) => one !== null && one.length < 2)) refuse(ERANGE);
  tuple[SOURCE_PORT] = ports[0] == null ? 0 : shortAt(ports[0], 0);
  tuple[DESTINATION_PORT] = ports[1] == null ? 0 : shortAt(ports[1], 0);
  return tuple;
}

interface Reply {
  readonly request: NetfilterRequest;
  readonly port: number;
  readonly nowNs: number;
}

function begin(message: number, family: number, { request, port }: Reply): MessageWriter {
  const heading = { flags: NLM_F_MULTI, sequence: request.sequence, port, family, resource: 0 };
  return WRITER.begin((NFNL_SUBSYS_CTNETLINK << 8) | message, heading);
}

function describe(one: Connection, reply: Reply): Uint8Array {
  const { tuple } = one.original;
  const w = begin(IPCTNL_MSG_CT_NEW, tuple[0]! >>> 8, reply);
  w.nest(CTA_TUPLE_ORIG | NLA_F_NESTED, (nested) => writeTuple(nested, tuple));
  w.nest(CTA_TUPLE_REPLY | NLA_F_NESTED, (nested) => writeTuple(nested, one.reply.tuple));
  w.u32(CTA_STATUS, one.status).u32(CTA_MARK, one.mark).u32(CTA_ID, one.id).u32(CTA_USE, 1);
  w.u32(CTA_TIMEOUT, Math.max(0, Math.floor((one.expiresNs - reply.nowNs) / 1e9)));
  if ((tuple[0]! & 0xff) === IPPROTO_TCP)
    w.nest(CTA_PROTOINFO | NLA_F_NESTED, (all) =>
      all.nest(CTA_PROTOINFO_TCP | NLA_F_NESTED, (tcp) => tcp.u8(CTA_PROTOINFO_TCP_STATE, one.state)),
    );
  return w.finish();
}

function writeTuple(w: MessageWriter, tuple: Tuple): void {
  const isV6 = isTupleV6(tuple);
  w.nest(CTA_TUPLE_IP | NLA_F_NESTED, (ip) => {
    ip.bytes(isV6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, addressBytes(tuple, SOURCE, isV6));
    ip.bytes(isV6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, addressBytes(tuple, DESTINATION, isV6));
  });
  w.nest(CTA_TUPLE_PROTO | NLA_F_NESTED, (protocol) => {
    protocol.u8(CTA_PROTO_NUM, tuple[0]! & 0xff);
    const [first, second] = [tuple[SOURCE_PORT]!, tuple[DESTINATION_PORT]!];
    if (!isIcmp(tuple)) protocol.u16(CTA_PROTO_SRC_PORT, first).u16(CTA_PROTO_DST_PORT, second);
    else if (isV6)
      protocol
        .u16(CTA_PROTO_ICMPV6_ID, first)
        .u8(CTA_PROTO_ICMPV6_TYPE, second >> 8)
        .u8(CTA_PROTO_ICMPV6_CODE, second);
    else
      protocol
        .u16(CTA_PROTO_ICMP_ID, first)
        .u8(CTA_PROTO_ICMP_TYPE, second >> 8)
        .u8(CTA_PROTO_ICMP_CODE, second);
  });
}

function addressBytes(tuple: Tuple, at: number, isV6: boolean): Uint8Array {
  const bytes = new Uint8Array(isV6 ? 16 : 4);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < bytes.length / 4; word++) view.setUint32(4 * word, tuple[at + (isV6 ? word : 3)]!);
  return bytes;
}
