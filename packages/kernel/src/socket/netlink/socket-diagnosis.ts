/**
 * NETLINK_SOCK_DIAG (sock_diag(7)): the sockets of TCP, UDP and UNIX domains, as ss(8) asks for them; those of
 * netlink(7) and packet(7): kernel-diagnosis.ts.
 */
import {
  CAP_NET_ADMIN,
  ECONNABORTED,
  EPERM,
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  EINVAL,
  ENOENT,
  ESTALE,
  EOPNOTSUPP,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_LISTEN,
  DCCPDIAG_GETSOCK,
  INET_DIAG_CONG,
  INET_DIAG_INFO,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQ_PROTOCOL,
  INET_DIAG_SHUTDOWN,
  INET_DIAG_SKMEMINFO,
  INET_DIAG_TOS,
  IP_TOS,
  InetDiagMsg,
  InetDiagReqV2,
  InetDiagSockid,
  NLM_F_DUMP,
  NLM_F_MULTI,
  SOCK_DESTROY,
  SOCK_DIAG_BY_FAMILY,
  SockaddrUn,
  TCP_CONGESTION,
  TCP_INFO,
  TcpInfo,
  TCPDIAG_GETSOCK,
  UDIAG_SHOW_MEMINFO,
  UDIAG_SHOW_NAME,
  UDIAG_SHOW_PEER,
  UDIAG_SHOW_RQLEN,
  UDIAG_SHOW_UID,
  UNIX_DIAG_MEMINFO,
  UNIX_DIAG_NAME,
  UNIX_DIAG_PEER,
  UNIX_DIAG_RQLEN,
  UNIX_DIAG_SHUTDOWN,
  UNIX_DIAG_UID,
  UnixDiagMsg,
  UnixDiagReq,
  UnixDiagRqlen,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import {
  type InetEndpoint,
  type IpAddress,
  isSameIp,
  isWildcard,
  readV4,
  readV6,
  writeV4,
  writeV6,
} from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { type HeldPort, waitingState } from "../inet/held-ports.ts";
import type { InetSocket } from "../inet/inet-socket.ts";
import { isCapable } from "../../security/credentials.ts";
import type { IdMap } from "../../security/id-map.ts";
import type { UserNamespace } from "../../security/user-namespace.ts";
import { memoryOf } from "../socket-options.ts";
import type { Socket } from "../socket.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import type { UnixSocket } from "../unix/unix-socket.ts";
import { acceptsDiagnosed, checkDiagnosisCode, type DiagnosedEnds } from "./diagnosis-code.ts";
import {
  answerNetlinkDiagnosis,
  answerPacketDiagnosis,
  type ToldNetlinkSocket,
  type ToldPacketSocket,
} from "./kernel-diagnosis.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";
import { attributeOf, type NetlinkAnswer, type NetlinkRequest, numberOf } from "./netlink-request.ts";

/** Programs try them when a protocol is unknown. */
const OLD_REQUESTS = [TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK];
/** Bytes of code that are looked at for a unit of work (ground/call-work.ts): 512. */
const CODE_WORK_SHIFT = 9;
/** Bytes of a path of AF_UNIX at most. */
const NAME_MAX = SockaddrUn.size - SockaddrUn.offset.sun_path;

/** A network whose sockets are told of (network.ts). */
export interface DiagnosedNetwork {
  readonly inetSockets: ReadonlySet<InetSocket>;
  readonly unixSockets: ReadonlySet<UnixSocket>;
  readonly netlinkSockets: ReadonlyMap<number, ToldNetlinkSocket>;
  readonly packetSockets: ReadonlySet<ToldPacketSocket>;
  readonly owner: UserNamespace;
  readonly tcpPorts: { readonly held: { waitingOnes(nowNs: number): HeldPort[]; release(one: HeldPort): void } };
}

/**
 * @returns −EINVAL, −ENOENT for a family or protocol that isn't told about, or one socket that isn't there, −ESTALE it
 * is another one; of who would end it −EPERM, −EOPNOTSUPP (AF_UNIX)
 */
export function answerDiagnosis(
  task: SocketCaller,
  network: DiagnosedNetwork,
  request: NetlinkRequest,
  port: number,
): NetlinkAnswer {
  if (OLD_REQUESTS.includes(request.type)) return -ENOENT;
  const isEnd = request.type === SOCK_DESTROY;
  if ((request.type !== SOCK_DIAG_BY_FAMILY && !isEnd) || request.payload.length < 2) return -EINVAL;
  // Either of its two bits is enough (net/ipv4/inet_diag.c, inet_diag_handler_cmd).
  const isDump = !isEnd && (request.flags & NLM_F_DUMP) !== 0;
  const family = request.payload[InetDiagReqV2.offset.sdiag_family]!;
  const heading = { flags: NLM_F_MULTI, sequence: request.sequence, port };
  if (family === AF_UNIX) {
    if (isEnd) return -EOPNOTSUPP;
    if (request.payload.length < UnixDiagReq.size) return -EINVAL;
    if (isDump) return { isDump, messages: unixSockets(task, network, request.payload, heading) };
    return answerOne(unixSocketNamed(network, request.payload), (socket) =>
      describeUnix(task, socket, request.payload, { ...heading, flags: 0 }),
    );
  }
  if (family === AF_NETLINK && !isEnd)
    return answerNetlinkDiagnosis(network.netlinkSockets, request, heading, memoryOf);
  if (family === AF_PACKET && !isEnd)
    return answerPacketDiagnosis(
      network.packetSockets,
      request,
      heading,
      task.credentials.userNamespace.uids,
      memoryOf,
    );
  const protocol =
    numberOf(attributeOf(request.payload, InetDiagReqV2.size, INET_DIAG_REQ_PROTOCOL)) ??
    request.payload[InetDiagReqV2.offset.sdiag_protocol]!;
  if ((family !== AF_INET && family !== AF_INET6) || ![IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE].includes(protocol))
    return -ENOENT;
  if (request.payload.length < InetDiagReqV2.size) return -EINVAL;
  if (isEnd) return destroySocket(task, network, request.payload, protocol);
  if (isDump) {
    const code = attributeOf(request.payload, InetDiagReqV2.size, INET_DIAG_REQ_BYTECODE);
    const mayAskForMarks = isCapable(task.credentials, CAP_NET_ADMIN, network.owner);
    const failed = code === null ? 0 : checkDiagnosisCode(code, mayAskForMarks);
    return failed < 0 ? failed : { isDump, messages: inetSockets(task, network, request.payload, heading, code) };
  }
  return answerOne(inetSocketNamed(network, request.payload, protocol, false), (socket) =>
    describeInet(task, socket, request.payload, { ...heading, flags: 0 }),
  );
}

function answerOne<One>(found: One | number, describe: (one: One) => Uint8Array): NetlinkAnswer {
  return isErrno(found) ? found : { isDump: false, messages: [describe(found)] };
}

/**
 * −ENOENT, −EPERM (net/core/sock_diag.c, sock_diag_destroy). Of UDP, too, the near end is the source here
 * (net/ipv4/udp_diag.c, __udp_diag_destroy).
 */
function destroySocket(
  task: SocketCaller,
  network: DiagnosedNetwork,
  payload: Uint8Array,
  protocol: number,
): NetlinkAnswer {
  const found = inetSocketNamed(network, payload, protocol, true);
  const waiting = isErrno(found) && protocol === IPPROTO_TCP ? waitingOne(task, network, payload) : undefined;
  if (isErrno(found) && waiting === undefined) return -ENOENT;
  if (!isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  if (!isErrno(found)) return found.destroy(ECONNABORTED);
  network.tcpPorts.held.release(waiting!);
  return 0;
}

/** A connection that has no socket any more, by both its ends. */
function waitingOne(task: SocketCaller, network: DiagnosedNetwork, payload: Uint8Array): HeldPort | undefined {
  const { sdiag_family, id } = InetDiagReqV2.offset;
  const { idiag_sport, idiag_dport, idiag_src, idiag_dst } = InetDiagSockid.offset;
  const view = viewOf(payload);
  const family = payload[sdiag_family]!;
  const source = addressAt(payload, id + idiag_src, family);
  const destination = addressAt(payload, id + idiag_dst, family);
  return network.tcpPorts.held
    .waitingOnes(task.kernel.now())
    .find(
      ({ ip, port, peer, isV6 }) =>
        isV6 === (family === AF_INET6) &&
        port === view.getUint16(id + idiag_sport) &&
        peer?.port === view.getUint16(id + idiag_dport) &&
        isSameIp(ip, source) &&
        isSameIp(peer.ip, destination),
    );
}

/** −EINVAL none is named; −ENOENT; −ESTALE (net/unix/diag.c, unix_diag_get_exact). */
function unixSocketNamed(network: DiagnosedNetwork, payload: Uint8Array): UnixSocket | number {
  const ino = viewOf(payload).getUint32(UnixDiagReq.offset.udiag_ino, true);
  if (ino === 0) return -EINVAL;
  for (const socket of network.unixSockets)
    if (socket.inode?.ino === ino) return checkCookie(socket, payload, UnixDiagReq.offset.udiag_cookie);
  return -ENOENT;
}

/**
 * The connection between two ends, else who listens at the near one: −ENOENT, −ESTALE (net/ipv4/inet_diag.c,
 * inet_diag_find_one_icsk). Of UDP the ends are named the other way round (net/ipv4/udp_diag.c, udp_dump_one).
 *
 * @param isSourceNear  of UDP as well
 */
function inetSocketNamed(
  network: DiagnosedNetwork,
  payload: Uint8Array,
  protocol: number,
  isSourceNear: boolean,
): InetSocket | number {
  const { sdiag_family, id } = InetDiagReqV2.offset;
  const { idiag_sport, idiag_dport, idiag_src, idiag_dst, idiag_cookie } = InetDiagSockid.offset;
  const view = viewOf(payload);
  const family = payload[sdiag_family]!;
  const source = { port: view.getUint16(id + idiag_sport), ip: addressAt(payload, id + idiag_src, family) };
  const destination = { port: view.getUint16(id + idiag_dport), ip: addressAt(payload, id + idiag_dst, family) };
  const [near, far] = protocol === IPPROTO_TCP || isSourceNear ? [source, destination] : [destination, source];
  let found: InetSocket | null = null;
  for (const socket of network.inetSockets) {
    const { local, peer } = socket;
    if (socket.protocol !== protocol || !socket.isListed || local === null || local.port !== near.port) continue;
    if (socket.family !== family || !(isWildcard(local.ip) || isSameIp(local.ip, near.ip))) continue;
    if (peer !== null && peer.port === far.port && isSameIp(peer.ip, far.ip)) {
      found = socket;
      break;
    }
    if (peer === null && (protocol !== IPPROTO_TCP || socket.isListening)) found ??= socket;
  }
  const checked = found === null ? -ENOENT : checkCookie(found, payload, id + idiag_cookie);
  return checked === -ESTALE && protocol === IPPROTO_TCP ? -ENOENT : checked;
}

/** −ESTALE: it is another one by now (net/core/sock_diag.c, sock_diag_check_cookie). */
function checkCookie<One extends Socket>(socket: One, payload: Uint8Array, at: number): One | number {
  const view = viewOf(payload);
  const low = view.getUint32(at, true),
    high = view.getUint32(at + 4, true);
  const isAny = low === 0xffffffff && high === 0xffffffff;
  return isAny || (low === (socket.inode?.ino ?? 0) && high === 0) ? socket : -ESTALE;
}

function addressAt(payload: Uint8Array, at: number, family: number): IpAddress {
  const ip: IpAddress = new Uint32Array(4);
  if (family === AF_INET) readV4(payload, at, ip);
  else readV6(payload, at, ip);
  return ip;
}

/**
 * `struct inet_diag_msg` for each socket of the family and protocol that is in one of the states, has the ports asked
 * for, and that the code accepts. What else stands in `id` is for one socket alone.
 */
function* inetSockets(
  task: SocketCaller,
  network: DiagnosedNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
  code: Uint8Array | null,
): Generator<Uint8Array | null> {
  const { sdiag_family, sdiag_protocol, idiag_states, id } = InetDiagReqV2.offset;
  const { idiag_sport, idiag_dport } = InetDiagSockid.offset;
  const view = viewOf(payload);
  const states = view.getUint32(idiag_states, true);
  const source = view.getUint16(id + idiag_sport);
  const destination = view.getUint16(id + idiag_dport);
  const family = payload[sdiag_family]!;
  const isWanted = (ends: DiagnosedEnds): boolean => {
    if (code !== null) task.kernel.work.charge(code.length >> CODE_WORK_SHIFT);
    return (
      (source === 0 || source === ends.sourcePort) &&
      (destination === 0 || destination === ends.destinationPort) &&
      (code === null || acceptsDiagnosed(code, ends))
    );
  };
  for (const socket of network.inetSockets) {
    const isTold =
      socket.family === family &&
      socket.protocol === payload[sdiag_protocol] &&
      (states & (1 << socket.stateNumber)) !== 0 &&
      socket.isListed &&
      isWanted(endsOf(family, socket.local!, socket.peer, socket.options.boundIndex, socket.mark, socket.isPortNamed));
    yield isTold ? describeInet(task, socket, payload, heading) : null;
  }
  if (payload[sdiag_protocol] !== IPPROTO_TCP) return;
  const now = task.kernel.now();
  const writer = new NetlinkWriter();
  for (const one of network.tcpPorts.held.waitingOnes(now)) {
    const state = waitingState(one);
    const isTold =
      one.isV6 === (family === AF_INET6) &&
      (states & (1 << state)) !== 0 &&
      isWanted(endsOf(family, one, one.peer, one.device, 0, false));
    yield isTold
      ? writer
          .begin(SOCK_DIAG_BY_FAMILY, heading)
          .bytes(waitingMessage(one, state, now))
          .finish()
      : null;
  }
}

function endsOf(
  family: number,
  local: InetEndpoint,
  peer: InetEndpoint | null,
  device: number,
  mark: number,
  isPortNamed: boolean,
): DiagnosedEnds {
  const source = new Uint8Array(family === AF_INET ? 4 : 16);
  const destination = new Uint8Array(source.length);
  putAddress(source, 0, family, local.ip);
  if (peer !== null) putAddress(destination, 0, family, peer.ip);
  const ports = { sourcePort: local.port, destinationPort: peer?.port ?? 0 };
  return { family, ...ports, source, destination, device, mark, isPortNamed };
}

function describeInet(
  task: SocketCaller,
  socket: InetSocket,
  payload: Uint8Array,
  heading: NetlinkHeading,
): Uint8Array {
  const { uids } = task.credentials.userNamespace;
  const writer = new NetlinkWriter()
    .begin(SOCK_DIAG_BY_FAMILY, heading)
    .bytes(inetMessage(socket, socket.stateNumber, uids))
    .attributeU8(INET_DIAG_SHUTDOWN, 0);
  addExtensions(writer, task, socket, payload[InetDiagReqV2.offset.idiag_ext]!);
  return writer.finish();
}

/** A connection that has no socket any more (net/ipv4/inet_diag.c, inet_twsk_diag_fill). */
function waitingMessage({ ip, port, peer, device, isV6, untilNs }: HeldPort, state: number, nowNs: number): Uint8Array {
  const bytes = new Uint8Array(InetDiagMsg.size);
  const view = viewOf(bytes);
  const family = isV6 ? AF_INET6 : AF_INET;
  putFields(view, InetDiagMsg, {
    idiag_family: family,
    idiag_state: state,
    idiag_timer: 3,
    idiag_expires: Math.ceil((untilNs - nowNs) / 1e6),
  });
  const { id } = InetDiagMsg.offset;
  const { idiag_src, idiag_dst } = InetDiagSockid.offset;
  putFields(view, InetDiagSockid, { idiag_sport: port, idiag_dport: peer?.port ?? 0, idiag_if: device }, id);
  putAddress(bytes, id + idiag_src, family, ip);
  if (peer !== null) putAddress(bytes, id + idiag_dst, family, peer.ip);
  return bytes;
}

/** @param wanted  `idiag_ext` */
function addExtensions(writer: NetlinkWriter, task: SocketCaller, socket: InetSocket, wanted: number): void {
  const has = (attribute: number): boolean => (wanted & (1 << (attribute - 1))) !== 0;
  if (has(INET_DIAG_SKMEMINFO)) writer.attribute(INET_DIAG_SKMEMINFO, memoryOf(socket));
  if (has(INET_DIAG_TOS) && !socket.isV6) {
    const tos = socket.getProtocolOption(task, IPPROTO_IP, IP_TOS, 4);
    if (!isErrno(tos)) writer.attributeU8(INET_DIAG_TOS, tos[0]!);
  }
  if (socket.protocol !== IPPROTO_TCP) return;
  for (const [attribute, option] of [
    [INET_DIAG_INFO, TCP_INFO],
    [INET_DIAG_CONG, TCP_CONGESTION],
  ] as const) {
    if (!has(attribute)) continue;
    const value = socket.getProtocolOption(task, IPPROTO_TCP, option, TcpInfo.size);
    if (!isErrno(value)) writer.attribute(attribute, value);
  }
}

function inetMessage(socket: InetSocket, state: number, uids: IdMap): Uint8Array {
  const bytes = new Uint8Array(InetDiagMsg.size);
  const view = viewOf(bytes);
  const { local, peer, inode } = socket;
  const ino = inode?.ino ?? 0;
  putFields(view, InetDiagMsg, {
    idiag_family: socket.family,
    idiag_state: state,
    idiag_rqueue: state === TCP_LISTEN ? socket.backlog : socket.available(),
    idiag_wqueue: state === TCP_LISTEN ? socket.backlogLimit : socket.unsent,
    idiag_uid: uids.shown(inode?.uid ?? 0),
    idiag_inode: ino,
  });
  const { id } = InetDiagMsg.offset;
  const { idiag_src, idiag_dst, idiag_cookie } = InetDiagSockid.offset;
  const ports = { idiag_sport: local!.port, idiag_dport: peer?.port ?? 0 };
  putFields(view, InetDiagSockid, { ...ports, idiag_if: socket.options.boundIndex }, id);
  putAddress(bytes, id + idiag_src, socket.family, local!.ip);
  if (peer !== null) putAddress(bytes, id + idiag_dst, socket.family, peer.ip);
  // The cookie, which names the socket for good, is its inode's number.
  view.setUint32(id + idiag_cookie, ino, true);
  return bytes;
}

/** As the socket's family has it: IPv4 is mapped for AF_INET6, but "any" stays "::". */
function putAddress(bytes: Uint8Array, at: number, family: number, ip: IpAddress): void {
  if (family === AF_INET) writeV4(ip, bytes, at);
  else if (!isWildcard(ip)) writeV6(ip, bytes, at);
}

/** `struct unix_diag_msg` with what was asked to be shown. */
function* unixSockets(
  task: SocketCaller,
  network: DiagnosedNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
): Generator<Uint8Array | null> {
  const states = viewOf(payload).getUint32(UnixDiagReq.offset.udiag_states, true);
  for (const socket of network.unixSockets)
    yield (states & (1 << unixState(socket))) !== 0 ? describeUnix(task, socket, payload, heading) : null;
}

function unixState({ isListening, peerSocket }: UnixSocket): number {
  return isListening ? TCP_LISTEN : peerSocket !== null ? TCP_ESTABLISHED : TCP_CLOSE;
}

function describeUnix(
  task: SocketCaller,
  socket: UnixSocket,
  payload: Uint8Array,
  heading: NetlinkHeading,
): Uint8Array {
  const { uids } = task.credentials.userNamespace;
  const { peerSocket } = socket;
  const show = viewOf(payload).getUint32(UnixDiagReq.offset.udiag_show, true);
  const writer = new NetlinkWriter().begin(SOCK_DIAG_BY_FAMILY, heading).bytes(unixMessage(socket, unixState(socket)));
  if ((show & UDIAG_SHOW_NAME) !== 0 && socket.shownName !== "")
    writer.attribute(UNIX_DIAG_NAME, byteStringOf(socket.shownName.replace(/^@/, "\0").slice(0, NAME_MAX)));
  if ((show & UDIAG_SHOW_PEER) !== 0 && peerSocket !== null)
    writer.attributeU32(UNIX_DIAG_PEER, peerSocket.inode?.ino ?? 0);
  if ((show & UDIAG_SHOW_RQLEN) !== 0) writer.attribute(UNIX_DIAG_RQLEN, queueLengths(socket));
  if ((show & UDIAG_SHOW_MEMINFO) !== 0) writer.attribute(UNIX_DIAG_MEMINFO, memoryOf(socket));
  if ((show & UDIAG_SHOW_UID) !== 0) writer.attributeU32(UNIX_DIAG_UID, uids.shown(socket.inode?.uid ?? 0));
  return writer.attributeU8(UNIX_DIAG_SHUTDOWN, socket.shut).finish();
}

function unixMessage({ type, inode }: UnixSocket, state: number): Uint8Array {
  const bytes = new Uint8Array(UnixDiagMsg.size);
  const view = viewOf(bytes);
  const ino = inode?.ino ?? 0;
  putFields(view, UnixDiagMsg, { udiag_family: AF_UNIX, udiag_type: type, udiag_state: state, udiag_ino: ino });
  view.setUint32(UnixDiagMsg.offset.udiag_cookie, ino, true);
  return bytes;
}

/** Bytes that wait both ways; of a listener, connections that wait, and how many may. */
function queueLengths(socket: UnixSocket): Uint8Array {
  const bytes = new Uint8Array(UnixDiagRqlen.size);
  const udiag_rqueue = socket.isListening ? socket.backlog : socket.available();
  const udiag_wqueue = socket.isListening ? socket.backlogLimit : socket.unsent;
  putFields(viewOf(bytes), UnixDiagRqlen, { udiag_rqueue, udiag_wqueue });
  return bytes;
}
