/** Connections from outside that are to come in as packets, so that rules see them. */
import type { HostSocket, HostSocketEvents } from "@stratos/host";
import { type IpAddress, isLinkLocal, isLoopback, isV4, isWildcard } from "../ip-address.ts";
import { ipOfText } from "../ip-text.ts";

/** Where they come from: a listener of the host. */
export interface IncomingConnections {
  /** That they have inside, at an address of the machine outside. */
  readonly port: number;
  /** @param events  of the connection; @returns one that waits, or −EAGAIN */
  take(events: HostSocketEvents): HostSocket | number;
}

/**
 * Who stands for peers whose address the machine has itself, or that no packet from outside may have (the host's own
 * programs): the IPv4 dummy address (RFC 7600 §4.8), and that of IPv6 (RFC 9780 §3).
 */
const STAND_IN_V4 = ipOfText("192.0.0.8")!,
  STAND_IN_V6 = ipOfText("100:0:0:1::1")!;

/** The address that a peer has for the machine. @param isOwn  is one the machine's? */
export function outsideAddress(text: string, isOwn: (ip: IpAddress) => boolean): IpAddress {
  const ip = ipOfText(text);
  if (ip === null) return STAND_IN_V4;
  const isUnusable = isLoopback(ip) || isWildcard(ip) || isOwn(ip) || (!isV4(ip) && isLinkLocal(ip));
  if (!isUnusable) return ip;
  return isV4(ip) ? STAND_IN_V4 : STAND_IN_V6;
}
