/** What the IP layer asks of the computer that it is part of: interfaces, addresses, routes, who listens. */
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from "@stratos/abi";
import { shortAt } from "./ethernet.ts";
import type { IpAddress } from "./ip-address.ts";
import type { IncomingPacket } from "./ip-packet.ts";
import type { Neighbour } from "./neighbour-cache.ts";
import type { IpReceiver } from "./ip-receiver.ts";
import type { PacketFilter } from "./packet-filter.ts";
import type { TokenLimit } from "./token-bucket.ts";

/** An interface that packets leave and come in by. */
export interface IpDevice {
  /** Above 0, one of a kind. */
  readonly index: number;
  /** Bytes that an IP packet may have. */
  readonly mtu: number;
  /** The same of IPv6, where a router says less. */
  readonly mtuV6: number;
  readonly hardwareAddress: Uint8Array;
  /** Are its packets in Ethernet frames? Else they go as they are. */
  readonly isEthernet: boolean;
  /** Are its neighbours asked for their addresses (no IFF_NOARP)? */
  readonly asksNeighbours: boolean;
  readonly isUp: boolean;
  /** Does what it sends come back? Then it comes from and goes to addresses of this machine. */
  readonly isLoopback: boolean;
  /** Sends a frame, or a bare packet: `bytes[0 … length)`, which are copied. Nothing is handed back meanwhile. */
  transmit(bytes: Uint8Array, length: number): void;
}

/** Where a packet goes next; filled in by `route`. */
export class NextHop {
  device: IpDevice | null = null;
  /** A neighbour there: a router, or the destination itself. */
  readonly ip: IpAddress = new Uint32Array(4);
  /** Bytes of a packet there at most, if the way has a limit of its own; 0: as the device says. */
  mtu = 0;
}

/** What a packet is beside its ends: rules of routes ask for it, and shares of several ways. One for each caller. */
export class Traffic {
  /** The interface that it must leave by; 0: any. */
  out = 0;
  /** The interface that it came in by, when it is only passed on; 0: it is our own. */
  from = 0;
  mark = 0;
  /** Whose it is; −1: nobody's. */
  uid = -1;
  protocol = 0;
  /** 0: it has none, or they are not known. */
  sourcePort = 0;
  port = 0;
  trafficClass = 0;

  /** @param at  where what `protocol` makes of the packet begins; `length` 0: it isn't known */
  read(protocol: number, bytes: Uint8Array, at: number, length: number): void {
    const hasPorts =
      protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_UDPLITE || protocol === IPPROTO_SCTP;
    this.protocol = protocol;
    this.sourcePort = hasPorts && length >= 4 ? shortAt(bytes, at) : 0;
    this.port = hasPorts && length >= 4 ? shortAt(bytes, at + 2) : 0;
  }
}

export interface IpHost {
  /** Who looks at packets; null: nobody, as long as no rule is there. */
  readonly filter: PacketFilter | null;
  /** Does anybody see packets that stay in the machine? */
  readonly isSeen: boolean;
  /** Nanoseconds of a clock that only goes forward. */
  now(): number;
  device(index: number): IpDevice | null;
  /**
   * The way to a destination that isn't this machine's.
   *
   * @param source  null: not chosen
   * @returns 0; -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL, -ENETDOWN, -ENODEV
   */
  route(destination: IpAddress, source: IpAddress | null, traffic: Traffic, into: NextHop): number;
  /** An address of this machine's. */
  isOwn(ip: IpAddress): boolean;
  /**
   * Is who asks at an interface for an address of IPv4 told that it is here? It is ours, or one that we stand in for.
   *
   * @param sender  null: has no address yet
   */
  answersArp(device: number, sender: IpAddress | null, target: IpAddress): boolean;
  /** Do we stand in for an address of IPv6 there? */
  standsFor(device: number, ip: IpAddress): boolean;
  /** The address to ask for a neighbour of IPv4 from; null: it has none. @param waiting  of what goes there */
  asksFrom(device: number, target: IpAddress, waiting: IpAddress | null): IpAddress | null;
  /** An address of this interface. */
  isAddressOf(device: number, ip: IpAddress): boolean;
  /**
   * Somebody else has an address, or asks whether it is free: it may be one that is asked for here.
   *
   * @param nonceAt  in `bytes`, of who asks; their end: without one
   */
  claimed(device: number, ip: IpAddress, bytes: Uint8Array, nonceAt: number): void;
  /** A message about the link itself: of routers, or of who asks for groups. */
  linkMessage(device: IpDevice, packet: IncomingPacket): void;
  /** May a packet of IPv4 from there have come in by this interface (RFC 3704 §2)? */
  isExpected(device: number, source: IpAddress, destination: IpAddress): boolean;
  /** May packets from and to 127.0.0.0/8 come in by this interface? */
  routesLoopback(device: number): boolean;
  /** Has an interface of ours this address? Of networks that are ours as a whole those of interfaces alone. */
  isGiven(ip: IpAddress): boolean;
  /** May packets of IPv4 that say they come from an address of ours come in by this interface? */
  acceptsOwn(device: number): boolean;
  /** Does each station of the interface's network hear it (IPv4)? */
  isBroadcast(device: number, ip: IpAddress): boolean;
  /** Errors that are told to others (net.ipv4.icmp_msgs_per_sec, icmp_msgs_burst). */
  readonly errorLimit: TokenLimit;
  /** 32 bits that nobody guesses. */
  random(): number;
  /** Are echoes answered? */
  answersEcho(isV6: boolean): boolean;
  /** Are echoes answered that went to all stations or to a group (IPv4)? */
  readonly answersBroadcast: boolean;
  /** Does somebody hear the group there? */
  hearsGroup(device: number, group: IpAddress): boolean;
  /** The address to speak to `destination` from, by an interface; null: it has none of that family. */
  sourceFor(device: number, destination: IpAddress): IpAddress | null;
  /** Are packets passed on that come in by this interface? */
  forwards(isV6: boolean, device: number): boolean;
  /** Do neighbours there hear that this is a router (RFC 4861 §4.4)? */
  isRouter(device: number): boolean;
  /** Who takes packets of a protocol; null: nobody. */
  receiver(protocol: number): IpReceiver | null;
  /** Offers a packet to whoever hears all (raw sockets). @returns did somebody take it? */
  offer(packet: IncomingPacket): boolean;
  /** A neighbour's state or address is another one. */
  neighbourChanged(one: Neighbour): void;
}
