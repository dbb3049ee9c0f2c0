import type { PacketOrigin } from "./ip-output.ts";

/**
 * Looks at packets on their way, and may change them in place, as long as they are; they were checked before. The
 * hooks of one packet are called one after the other, and no other packet's come between.
 */
export interface PacketFilter {
  /**
   * A packet came in, before it is known where it goes.
   *
   * @param known  of one that came back by the loopback: what `known` was when it left
   * @returns PASSED, REFUSED or another, as all of them
   */
  incoming(
    bytes: Uint8Array,
    at: number,
    length: number,
    device: number,
    isForMany: boolean,
    known: object | null,
  ): number;
  /** The same is for this machine. */
  local(): number;
  /** The same is to be passed on by an interface. */
  passing(device: number): number;
  /**
   * A packet of this machine's own, before it is known for certain where it leaves.
   *
   * @param origin  of its socket
   */
  outgoing(bytes: Uint8Array, at: number, length: number, device: number, origin: PacketOrigin): number;
  /** That, or one that is passed on, leaves by an interface. */
  leaving(device: number): number;
  /**
   * An address is asked for, or told (ARP, of IPv4 over Ethernet): the message stands in `bytes` from `at` on.
   *
   * @returns does it go on?
   */
  arp(bytes: Uint8Array, at: number, device: number, isOut: boolean): boolean;
  /** Of the packet that is under way. */
  readonly mark: number;
  /** Has that become one, in `outgoing`, whose way is to be looked up anew, whatever its destination is? */
  readonly isRerouted: boolean;
  /** What is known of the packet that has just left. */
  readonly known: object;
  /** Of REFUSED: an ICMP error of the packet's version, or REFUSED_BY_RESET. */
  readonly refusalType: number;
  readonly refusalCode: number;
}
