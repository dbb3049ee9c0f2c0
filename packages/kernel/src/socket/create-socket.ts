import {
  AF_INET,
  AF_INET6,
  AF_MAX,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  AF_UNSPEC,
  CAP_NET_RAW,
  EACCES,
  EAFNOSUPPORT,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  O_NONBLOCK,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  isErrno,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { makeRawSocket } from "./inet/make-raw-socket.ts";
import { TcpSocket } from "./inet/tcp-socket.ts";
import { UdpSocket } from "./inet/udp-socket.ts";
import { createNetlinkSocket } from "./netlink/netlink-socket.ts";
import { makePacketSocket } from "./packet/make-packet-socket.ts";
import type { Socket } from "./socket.ts";
import { UnixConnectionSocket } from "./unix/unix-connection.ts";
import { UnixDatagramSocket } from "./unix/unix-datagram.ts";
import type { Network } from "./network.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** Who makes sockets, of all families. */
interface NetworkCaller extends SocketCaller {
  readonly network: Network;
}

/**
 * socket(2).
 *
 * @param flags  O_NONBLOCK or 0
 * @returns EAFNOSUPPORT (family), EINVAL (type), EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM (raw sockets without
 *   CAP_NET_RAW), EACCES (ICMP sockets: no group
 *   of the caller is in net.ipv4.ping_group_range)
 */
export function createSocket(
  task: NetworkCaller,
  family: number,
  type: number,
  protocol: number,
  flags: number,
): Socket | number {
  if (family < AF_UNSPEC || family >= AF_MAX) return -EAFNOSUPPORT;
  if (type < 0 || type > SOCK_PACKET) return -EINVAL;
  switch (family) {
    case AF_UNIX:
      return createUnixSocket(task, type, protocol, flags);
    case AF_INET:
    case AF_INET6:
      return createInetSocket(task, family, type, protocol, flags);
    case AF_NETLINK:
      return createNetlinkSocket(task, type, protocol, flags);
    case AF_PACKET:
      if (!isCapable(task.credentials, CAP_NET_RAW, task.network.owner)) return -EPERM;
      if (type !== SOCK_RAW && type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
      return makePacketSocket(task.network, type, protocol, flags, task.credentials);
    default:
      return -EAFNOSUPPORT;
  }
}

function createUnixSocket(task: NetworkCaller, type: number, protocol: number, flags: number): Socket | number {
  if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
  switch (type) {
    case SOCK_STREAM:
    case SOCK_SEQPACKET:
      return new UnixConnectionSocket(task.network, type, flags, task.credentials);
    case SOCK_RAW: // the same as datagram (net/unix/af_unix.c, unix_create)
    case SOCK_DGRAM:
      return new UnixDatagramSocket(task.network, flags, task.credentials);
    default:
      return -ESOCKTNOSUPPORT;
  }
}

function createInetSocket(
  task: NetworkCaller,
  family: number,
  type: number,
  protocol: number,
  flags: number,
): Socket | number {
  if (protocol < 0 || protocol > 262) return -EINVAL;
  switch (type) {
    case SOCK_STREAM:
      if (protocol !== IPPROTO_IP && protocol !== IPPROTO_TCP) return -EPROTONOSUPPORT;
      return new TcpSocket(task.network, family, flags, task.credentials);
    case SOCK_DGRAM:
      if (protocol === (family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
        return mayPing(task) ? makeRawSocket(task.network, family, type, protocol, flags, task.credentials) : -EACCES;
      }
      if (protocol !== IPPROTO_IP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_UDPLITE) return -EPROTONOSUPPORT;
      return new UdpSocket(
        task.network,
        family,
        protocol === IPPROTO_UDPLITE ? IPPROTO_UDPLITE : IPPROTO_UDP,
        flags,
        task.credentials,
      );
    case SOCK_RAW:
      if (protocol === IPPROTO_IP || protocol > 255) return -EPROTONOSUPPORT;
      return isCapable(task.credentials, CAP_NET_RAW, task.network.owner)
        ? makeRawSocket(task.network, family, type, protocol, flags, task.credentials)
        : -EPERM;
    default:
      return -ESOCKTNOSUPPORT;
  }
}

/** icmp(7), ping_group_range. */
function mayPing(task: NetworkCaller): boolean {
  const { first, last } = task.network.settings.pingGroups;
  const { egid, groups } = task.credentials;
  return [egid, ...groups].some((group) => group >= first && group <= last);
}

/** socketpair(2). EOPNOTSUPP for families other than AF_UNIX, else as `createSocket`. */
export function createSocketPair(
  task: NetworkCaller,
  family: number,
  type: number,
  protocol: number,
  flags: number,
): [Socket, Socket] | number {
  if (family === AF_UNIX) {
    if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
    if (type === SOCK_STREAM || type === SOCK_SEQPACKET)
      return UnixConnectionSocket.pair(task, type, flags & O_NONBLOCK);
    if (type === SOCK_DGRAM || type === SOCK_RAW) return UnixDatagramSocket.pair(task, flags & O_NONBLOCK);
    return type <= 0 || type > SOCK_PACKET ? -EINVAL : -ESOCKTNOSUPPORT;
  }
  const probe = createSocket(task, family, type, protocol, flags);
  if (isErrno(probe)) return probe;
  probe.release();
  return -EOPNOTSUPP;
}
