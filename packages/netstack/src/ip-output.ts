import type { IpAddress } from "./ip-address.ts";

/** From whom a packet is: routes and rules may ask for it. */
export interface PacketOrigin {
  /** SO_MARK. */
  readonly mark: number;
  /** Of the socket; −1: nobody's. */
  readonly uid: number;
  readonly gid: number;
}

/** How a packet is to go, beside where. */
export interface IpSending extends PacketOrigin {
  /** Time to live (RFC 791), hop limit (RFC 8200): 1 to 255. */
  readonly hops: number;
  /** Type of service or traffic class, with the two bits of ECN (RFC 3168) at its end. */
  readonly trafficClass: number;
  /** Never in fragments: what is longer than the path allows is refused (-EMSGSIZE). */
  readonly dontFragment: boolean;
  /** The interface by its index (SO_BINDTODEVICE, IPV6_PKTINFO); 0: as routes say. */
  readonly device: number;
  /** Options of its header (ip-options.ts), as IPv4 has them; none where it is not there. */
  readonly options?: Uint8Array;
}

/** What the transports, TCP and UDP, see of the layer below. */
export interface IpOutput {
  /**
   * Sends one packet with `payload[at … at + length)` behind its IP header; the bytes are copied. An address that the
   * link has yet to find out keeps the packet in a bounded queue.
   *
   * @param protocol  of IANA's list: 6 for TCP
   * @returns 0; -ENETUNREACH, -EHOSTUNREACH, -ENETDOWN; -EMSGSIZE; -ENOBUFS
   */
  send(
    protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payload: Uint8Array,
    at: number,
    length: number,
    how: IpSending,
  ): number;
  /** Bytes that a packet there may have in all, its IP header among them (the path's MTU, as far as it is known). */
  mtuTo(destination: IpAddress, device: number): number;
}
