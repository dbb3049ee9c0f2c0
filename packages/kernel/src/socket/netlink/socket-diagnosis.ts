/** NETLINK_SOCK_DIAG (sock_diag(7)): the sockets of TCP, UDP and UNIX domains, as ss(8) asks for them. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import type { InetSocket } from "../inet/inet-socket.ts";
import { type IpAddress, isWildcard, writeV4, writeV6 } from "../inet/ip-address.ts";
import type { Network } from "../network.ts";
import type { UnixSocket } from "../unix/unix-socket.ts";
import { type NetlinkHeading, NetlinkWriter, NLM_F_DUMP, NLM_F_MULTI } from "./netlink-writer.ts";
import type { NetlinkAnswer, NetlinkRequest } from "./netlink-request.ts";

/**
 * TCPDIAG_GETSOCK and DCCPDIAG_GETSOCK, which sock_diag(7) took the place of: programs try them when a protocol is
 * unknown.
 */
const OLD_REQUESTS = [18, 19];
const SOCK_DIAG_BY_FAMILY = 20,
  SOCK_DESTROY = 21;
/** `struct inet_diag_req_v2`, `struct unix_diag_req`. */
const INET_REQUEST_SIZE = 56,
  UNIX_REQUEST_SIZE = 24;
const INET_DIAG_SHUTDOWN = 8;
const UNIX_DIAG_NAME = 0,
  UNIX_DIAG_PEER = 2,
  UNIX_DIAG_RQLEN = 4,
  UNIX_DIAG_SHUTDOWN = 6;
const UDIAG_SHOW_NAME = 1,
  UDIAG_SHOW_PEER = 4,
  UDIAG_SHOW_RQLEN = 16;
/** A path of AF_UNIX is 108 bytes at most. */
const NAME_MAX = 108;

/**
 * @returns −EINVAL, −ENOENT for a family or protocol that isn't told about, −EOPNOTSUPP for one socket alone and
 * for ending sockets
 */
export function answerDiagnosis(network: Network, request: NetlinkRequest, port: number): NetlinkAnswer {
  if (request.type === SOCK_DESTROY) return -EOPNOTSUPP;
  if (OLD_REQUESTS.includes(request.type)) return -ENOENT;
  if (request.type !== SOCK_DIAG_BY_FAMILY || request.payload.length < 2) return -EINVAL;
  const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
  const family = request.payload[0]!;
  const heading = { flags: NLM_F_MULTI, sequence: request.sequence, port };
  if (family === AF_UNIX) {
    if (request.payload.length < UNIX_REQUEST_SIZE) return -EINVAL;
    return isDump ? { isDump, messages: unixSockets(network, request.payload, heading) } : -EOPNOTSUPP;
  }
  const protocol = request.payload[1]!;
  if ((family !== AF_INET && family !== AF_INET6) || ![IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE].includes(protocol))
    return -ENOENT;
  if (request.payload.length < INET_REQUEST_SIZE) return -EINVAL;
  return isDump ? { isDump, messages: inetSockets(network, request.payload, heading) } : -EOPNOTSUPP;
}

/** `struct inet_diag_msg` for each socket of the family and protocol that is in one of the states asked for. */
function inetSockets(network: Network, payload: Uint8Array, heading: NetlinkHeading): Uint8Array[] {
  const states = viewOf(payload).getUint32(4, true);
  const messages: Uint8Array[] = [];
  const writer = new NetlinkWriter();
  for (const socket of network.inetSockets) {
    const state = socket.stateNumber;
    if (
      socket.family !== payload[0] ||
      socket.protocol !== payload[1] ||
      (states & (1 << state)) === 0 ||
      socket.local === null
    )
      continue;
    writer.begin(SOCK_DIAG_BY_FAMILY, heading).bytes(inetMessage(socket, state)).attributeU8(INET_DIAG_SHUTDOWN, 0);
    messages.push(writer.finish());
  }
  return messages;
}

function inetMessage(socket: InetSocket, state: number): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = viewOf(bytes);
  const { local, peer, inode } = socket;
  bytes[0] = socket.family;
  bytes[1] = state;
  view.setUint16(4, local!.port);
  view.setUint16(6, peer?.port ?? 0);
  putAddress(bytes, 8, socket, local!.ip);
  if (peer !== null) putAddress(bytes, 24, socket, peer.ip);
  // The cookie, which names the socket for good, is its inode's number.
  view.setUint32(44, inode?.ino ?? 0, true);
  view.setUint32(56, state === TCP_LISTEN ? socket.backlog : socket.available(), true);
  view.setUint32(60, state === TCP_LISTEN ? socket.backlogLimit : socket.unsent, true);
  view.setUint32(64, inode?.uid ?? 0, true);
  view.setUint32(68, inode?.ino ?? 0, true);
  return bytes;
}

/** As the socket's family has it: IPv4 is mapped for AF_INET6, but "any" stays "::". */
function putAddress(bytes: Uint8Array, at: number, socket: InetSocket, ip: IpAddress): void {
  if (socket.family === AF_INET) writeV4(ip, bytes, at);
  else if (!isWildcard(ip)) writeV6(ip, bytes, at);
}

/** `struct unix_diag_msg` with what was asked to be shown. */
function unixSockets(network: Network, payload: Uint8Array, heading: NetlinkHeading): Uint8Array[] {
  const states = viewOf(payload).getUint32(4, true);
  const show = viewOf(payload).getUint32(12, true);
  const messages: Uint8Array[] = [];
  const writer = new NetlinkWriter();
  for (const socket of network.unixSockets) {
    const { peerSocket, inode } = socket;
    const state = socket.isListening ? TCP_LISTEN : peerSocket !== null ? TCP_ESTABLISHED : TCP_CLOSE;
    if ((states & (1 << state)) === 0) continue;
    writer
      .begin(SOCK_DIAG_BY_FAMILY, heading)
      .u8(AF_UNIX)
      .u8(socket.type)
      .u8(state)
      .u8(0)
      .u32(inode?.ino ?? 0)
      .u32(inode?.ino ?? 0)
      .u32(0);
    if ((show & UDIAG_SHOW_NAME) !== 0 && socket.shownName !== "")
      writer.attribute(UNIX_DIAG_NAME, byteStringOf(socket.shownName.replace(/^@/, "\0").slice(0, NAME_MAX)));
    if ((show & UDIAG_SHOW_PEER) !== 0 && peerSocket !== null)
      writer.attributeU32(UNIX_DIAG_PEER, peerSocket.inode?.ino ?? 0);
    if ((show & UDIAG_SHOW_RQLEN) !== 0) writer.attribute(UNIX_DIAG_RQLEN, queueLengths(socket));
    messages.push(writer.attributeU8(UNIX_DIAG_SHUTDOWN, 0).finish());
  }
  return messages;
}

function queueLengths(socket: UnixSocket): Uint8Array {
  const bytes = new Uint8Array(8);
  if (socket.isListening) return bytes;
  viewOf(bytes).setUint32(0, socket.available(), true);
  viewOf(bytes).setUint32(4, socket.unsent, true);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
