/**
 * IP_PKTOPTIONS and IPV6_2292PKTOPTIONS of getsockopt(2): what a connection's first packet would have told by control
 * messages, which a stream has no other place for (net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c).
 */
import {
  Cmsghdr,
  ENOPROTOOPT,
  In6Pktinfo,
  InPktinfo,
  IP_PKTINFO,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_2292HOPLIMIT,
  IPV6_2292PKTINFO,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  SOCK_STREAM,
} from "@stratos/abi";
import { concatBytes } from "@stratos/base";
import { type InetEndpoint, type IpAddress, writeV4, writeV6 } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { intOption } from "../socket-options.ts";

/** How far a packet goes that says nothing else, and one to a group (ip(7), IP_MULTICAST_TTL). */
const TTL = 64,
  GROUP_TTL = 1;

interface Connection {
  readonly type: number;
  readonly local: InetEndpoint | null;
  readonly peer: InetEndpoint | null;
  /** accept(2) gave it, so it had a first packet. */
  readonly isAccepted: boolean;
  readonly ip: { readonly v4: ReadonlyMap<number, number>; readonly v6: ReadonlyMap<number, number> };
  readonly network: { interfaceOf(ip: IpAddress): { readonly index: number } };
}

/**
 * The control messages one after the other, as many as there is room for; the last may be cut (net/core/scm.c,
 * put_cmsg). −ENOPROTOOPT for what is no stream.
 */
export function packetOptions(socket: Connection, isV4: boolean, room: number): Uint8Array | number {
  if (socket.type !== SOCK_STREAM) return -ENOPROTOOPT;
  const { isAccepted, local, peer } = socket;
  const { v4, v6 } = socket.ip;
  const index = isAccepted ? socket.network.interfaceOf(local!.ip).index : 0;
  const hops = intOption(isAccepted ? TTL : GROUP_TTL);
  const messages: Uint8Array[] = [];
  const add = (type: number, data: Uint8Array): void => {
    if (room < Cmsghdr.size) return;
    const length = Math.min(room, Cmsghdr.size + data.length);
    const bytes = new Uint8Array(Math.min(room, (length + 7) & ~7));
    const level = isV4 ? IPPROTO_IP : IPPROTO_IPV6;
    putFields(viewOf(bytes), Cmsghdr, { cmsg_len: length, cmsg_level: level, cmsg_type: type });
    bytes.set(data.subarray(0, length - Cmsghdr.size), Cmsghdr.size);
    messages.push(bytes);
    room -= bytes.length;
  };
  if (isV4) {
    if (v4.get(IP_PKTINFO) === 1) {
      const data = new Uint8Array(InPktinfo.size);
      data.set(intOption(index), InPktinfo.offset.ipi_ifindex);
      if (local !== null) {
        writeV4(local.ip, data, InPktinfo.offset.ipi_spec_dst);
        writeV4(local.ip, data, InPktinfo.offset.ipi_addr);
      }
      add(IP_PKTINFO, data);
    }
    if (v4.get(IP_RECVTTL) === 1) add(IP_TTL, hops);
    if (v4.get(IP_RECVTOS) === 1) add(IP_TOS, intOption(0));
    return concatBytes(messages);
  }
  const info = new Uint8Array(In6Pktinfo.size);
  if (isAccepted) writeV6(peer!.ip, info, In6Pktinfo.offset.ipi6_addr);
  info.set(intOption(index), In6Pktinfo.offset.ipi6_ifindex);
  if (v6.get(IPV6_RECVPKTINFO) === 1) add(IPV6_PKTINFO, info);
  if (v6.get(IPV6_RECVHOPLIMIT) === 1) add(IPV6_HOPLIMIT, hops);
  if (v6.get(IPV6_RECVTCLASS) === 1) add(IPV6_TCLASS, intOption(0));
  if (v6.get(IPV6_2292PKTINFO) === 1) add(IPV6_2292PKTINFO, info);
  if (v6.get(IPV6_2292HOPLIMIT) === 1) add(IPV6_2292HOPLIMIT, hops);
  return concatBytes(messages);
}
