import type { HostAddress } from "@stratos/host";
import type { IncomingDatagrams, InetEndpoint } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { ReceivedDatagram } from "./datagram-queue.ts";

/** A datagram that leaves; valid during one call. */
export interface OutgoingDatagram {
  readonly from: InetEndpoint;
  readonly to: InetEndpoint;
  /** No address was given with it: it goes to the peer that connect(2) chose. */
  readonly toPeer: boolean;
  /** TTL or hop limit, and TOS or traffic class. */
  readonly hopLimit: number;
  readonly trafficClass: number;
  /** IPv6 extension headers (extension-headers.ts), or options of IPv4 as they are at its end. */
  readonly extensions: Uint8Array;
  /** Options of IPv4 as it was given them. */
  readonly options?: Uint8Array;
}

/** What `send` says when nobody is there to hear it, and nothing was taken. */
export const NOBODY = -65536;

/**
 * Who carries the datagrams of a socket: the loopback, or the provider. All behave alike as far as they can, which
 * testing/inet-conformance.ts says.
 */
export interface DatagramTransport {
  /** Takes all that the cursor has: its length, NOBODY, −EAGAIN without room at this end, −EFAULT … */
  send(datagram: OutgoingDatagram, from: IoCursor): number;
  /** The first datagram that came, cut to the room: bytes moved, or −EAGAIN. `peek` leaves it. */
  receive(into: ReceivedDatagram, to: IoCursor, peek: boolean): number;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** Bytes of the first datagram. */
  readonly available: number;
  /** Positive errno, once; 0: none. */
  takeError(): number;
  close(): void;
}

/** Takes datagrams that came to a socket of the host in as packets (network-uplink.ts). */
export interface DatagramWayIn {
  datagramsComeIn(door: IncomingDatagrams): void;
  /** It is closed. */
  forgetDatagrams(door: IncomingDatagrams): void;
  /** Who has sent what came in from there; null: nothing did. @param port  that it came to */
  senderOutside(ip: InetEndpoint["ip"], ipPort: number, port: number): HostAddress | null;
}
