/** NETLINK_SOCK_DIAG of netlink(7) and packet(7) sockets: `ss -f netlink`, `ss -0`. Only lists are asked for. */
import {
  AF_NETLINK,
  AF_PACKET,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  NDIAG_PROTO_ALL,
  NDIAG_SHOW_GROUPS,
  NDIAG_SHOW_MEMINFO,
  NETLINK_DIAG_GROUPS,
  NETLINK_DIAG_MEMINFO,
  NLM_F_DUMP,
  NetlinkDiagMsg,
  NetlinkDiagReq,
  PACKET_DIAG_INFO,
  PACKET_DIAG_MEMINFO,
  PACKET_DIAG_UID,
  PACKET_SHOW_INFO,
  PACKET_SHOW_MEMINFO,
  PDI_RUNNING,
  PacketDiagInfo,
  PacketDiagMsg,
  PacketDiagReq,
  SOCK_DIAG_BY_FAMILY,
  TCP_CLOSE,
} from "@stratos/abi";
import { putFields, viewOf } from "../../ground/words.ts";
import type { IdMap } from "../../security/id-map.ts";
import type { Socket } from "../socket.ts";
import type { NetlinkAnswer, NetlinkRequest } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** Protocols of AF_NETLINK that Linux has room for (MAX_LINKS). */
const PROTOCOLS_MAX = 32;

/** As far as it is told of (netlink-socket.ts). */
export interface ToldNetlinkSocket extends Socket {
  readonly portId: number;
  /** Bytes of the groups that it can hear, as it knows them. */
  readonly groupBytes: Uint8Array;
  /** To whom what it sends goes; null: it has not been connected. */
  readonly connectedTo: { readonly port: number; readonly group: number } | null;
}

/** As far as it is told of (packet-socket.ts). */
export interface ToldPacketSocket extends Socket {
  readonly ethernetType: number;
  readonly interfaceIndex: number;
  readonly isRunning: boolean;
}

/** @param memoryOf  what a socket has in memory (SK_MEMINFO_…) @returns −EINVAL, −ENOENT, −EOPNOTSUPP */
export function answerNetlinkDiagnosis(
  sockets: ReadonlyMap<number, ToldNetlinkSocket>,
  { payload, flags }: NetlinkRequest,
  heading: NetlinkHeading,
  memoryOf: (socket: Socket) => Uint8Array,
): NetlinkAnswer {
  if (payload.length < NetlinkDiagReq.size) return -EINVAL;
  if ((flags & NLM_F_DUMP) === 0) return -EOPNOTSUPP;
  const protocol = payload[NetlinkDiagReq.offset.sdiag_protocol]!;
  if (protocol !== NDIAG_PROTO_ALL && protocol >= PROTOCOLS_MAX) return -ENOENT;
  const show = viewOf(payload).getUint32(NetlinkDiagReq.offset.ndiag_show, true);
  return { isDump: true, messages: netlinkSockets(sockets, protocol, show, heading, memoryOf) };
}

function* netlinkSockets(
  sockets: ReadonlyMap<number, ToldNetlinkSocket>,
  protocol: number,
  show: number,
  heading: NetlinkHeading,
  memoryOf: (socket: Socket) => Uint8Array,
): Generator<Uint8Array | null> {
  // Who hears groups is in a second list of Linux's, and told twice (net/netlink/diag.c, __netlink_diag_dump).
  for (const isMember of [false, true])
    for (const socket of sockets.values()) {
      const isAskedFor = protocol === NDIAG_PROTO_ALL || protocol === socket.protocol;
      const isTold = isAskedFor && (!isMember || socket.groupBytes.some((byte) => byte !== 0));
      yield isTold ? describeNetlink(socket, show, heading, memoryOf) : null;
    }
}

function describeNetlink(
  socket: ToldNetlinkSocket,
  show: number,
  heading: NetlinkHeading,
  memoryOf: (socket: Socket) => Uint8Array,
): Uint8Array {
  const { connectedTo, groupBytes } = socket;
  const ino = socket.inode?.ino ?? 0;
  const told = new Uint8Array(NetlinkDiagMsg.size);
  putFields(viewOf(told), NetlinkDiagMsg, {
    ndiag_family: AF_NETLINK,
    ndiag_type: socket.type,
    ndiag_protocol: socket.protocol,
    // Nobody sets it before it is connected (net/netlink/af_netlink.c, netlink_connect).
    ndiag_state: connectedTo === null ? TCP_CLOSE : 1,
    ndiag_portid: socket.portId,
    ndiag_dst_portid: connectedTo?.port ?? 0,
    ndiag_dst_group: connectedTo?.group ?? 0,
    ndiag_ino: ino,
  });
  viewOf(told).setUint32(NetlinkDiagMsg.offset.ndiag_cookie, ino, true);
  const writer = new NetlinkWriter().begin(SOCK_DIAG_BY_FAMILY, heading).bytes(told);
  if ((show & NDIAG_SHOW_GROUPS) !== 0 && groupBytes.length > 0) writer.attribute(NETLINK_DIAG_GROUPS, groupBytes);
  if ((show & NDIAG_SHOW_MEMINFO) !== 0) writer.attribute(NETLINK_DIAG_MEMINFO, memoryOf(socket));
  return writer.finish();
}

/** Rings, filters and groups that share packets are not told. @returns −EINVAL, −EOPNOTSUPP */
export function answerPacketDiagnosis(
  sockets: ReadonlySet<ToldPacketSocket>,
  { payload, flags }: NetlinkRequest,
  heading: NetlinkHeading,
  uids: IdMap,
  memoryOf: (socket: Socket) => Uint8Array,
): NetlinkAnswer {
  if (payload.length < PacketDiagReq.size || payload[PacketDiagReq.offset.sdiag_protocol] !== 0) return -EINVAL;
  if ((flags & NLM_F_DUMP) === 0) return -EOPNOTSUPP;
  const show = viewOf(payload).getUint32(PacketDiagReq.offset.pdiag_show, true);
  return { isDump: true, messages: packetSockets(sockets, show, heading, uids, memoryOf) };
}

function* packetSockets(
  sockets: ReadonlySet<ToldPacketSocket>,
  show: number,
  heading: NetlinkHeading,
  uids: IdMap,
  memoryOf: (socket: Socket) => Uint8Array,
): Generator<Uint8Array | null> {
  for (const socket of sockets) {
    const { ethernetType, interfaceIndex } = socket;
    const ino = socket.inode?.ino ?? 0;
    const told = new Uint8Array(PacketDiagMsg.size);
    const fields = { pdiag_family: AF_PACKET, pdiag_type: socket.type, pdiag_num: ethernetType, pdiag_ino: ino };
    putFields(viewOf(told), PacketDiagMsg, fields);
    viewOf(told).setUint32(PacketDiagMsg.offset.pdiag_cookie, ino, true);
    const writer = new NetlinkWriter().begin(SOCK_DIAG_BY_FAMILY, heading).bytes(told);
    if ((show & PACKET_SHOW_INFO) !== 0) {
      const info = new Uint8Array(PacketDiagInfo.size);
      const flags = socket.isRunning ? PDI_RUNNING : 0;
      putFields(viewOf(info), PacketDiagInfo, { pdi_index: interfaceIndex, pdi_flags: flags });
      writer.attribute(PACKET_DIAG_INFO, info);
      writer.attributeU32(PACKET_DIAG_UID, uids.shown(socket.inode?.uid ?? 0));
    }
    if ((show & PACKET_SHOW_MEMINFO) !== 0) writer.attribute(PACKET_DIAG_MEMINFO, memoryOf(socket));
    yield writer.finish();
  }
}
