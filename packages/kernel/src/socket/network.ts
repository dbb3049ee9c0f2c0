import { ENETUNREACH, S_IFSOCK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { createAnonymousInode } from "../vfs/anonymous-file.ts";
import type { Inode } from "../vfs/inode.ts";
import { isLoopback } from "./inet/ip-address.ts";
import { PortTable } from "./inet/port-table.ts";
import type { TcpClaim } from "./inet/tcp-socket.ts";
import type { UdpClaim } from "./inet/udp-socket.ts";
import type { PacketSocket, PingClaim } from "./inet/packet-socket.ts";
import type { InetSocket } from "./inet/inet-socket.ts";
import type { NetlinkSocket } from "./netlink/netlink-socket.ts";
import { makeInterfaces, type NetworkInterface } from "./network-interface.ts";
import { InFlightFiles } from "./unix/in-flight-files.ts";
import { SocketMemory } from "./socket-memory.ts";
import type { UnixSocket } from "./unix/unix-socket.ts";
import type { SocketKernel } from "./socket-kernel.ts";

/** What the sockets of one machine share: names, ports, interfaces (what a network namespace holds in Linux). */
export class Network {
  readonly interfaces: readonly NetworkInterface[];
  readonly tcpPorts: PortTable<TcpClaim>;
  readonly udpPorts: PortTable<UdpClaim>;
  readonly udplitePorts: PortTable<UdpClaim>;
  readonly pingIdentifiers: PortTable<PingClaim>;
  /** Raw and ICMP sockets: each packet is offered to all of them. Bound: open sockets. */
  readonly packetSockets = new Set<PacketSocket>();
  /** net.ipv4.ping_group_range: whose processes may have ICMP sockets. As systemd sets it, all. */
  pingGroups = { first: 0, last: 2147483647 };
  /** For /proc/net. Bound: open sockets. */
  readonly inetSockets = new Set<InetSocket>();
  readonly unixSockets = new Set<UnixSocket>();
  readonly netlinkSockets = new Map<number, NetlinkSocket>();
  /** unix(7): abstract names, without the leading NUL. */
  readonly abstractNames = new Map<string, UnixSocket>();
  /** Sockets bound to a path, by the inode there. */
  readonly boundInodes = new Map<Inode, UnixSocket>();
  readonly inFlight: InFlightFiles;
  /** What waits in sockets of a kind; ICMP, raw and netlink sockets count with UDP. */
  readonly tcpMemory: SocketMemory;
  readonly udpMemory: SocketMemory;
  /** Bytes between a provider and user memory; valid during one call. */
  readonly transfer = new Uint8Array(65536);
  #kernel: SocketKernel;

  constructor(kernel: SocketKernel) {
    this.#kernel = kernel;
    const pages = kernel.frames.total;
    this.tcpMemory = new SocketMemory(pages / 16);
    this.udpMemory = new SocketMemory(pages / 8);
    this.inFlight = new InFlightFiles(new SocketMemory(pages / 8));
    this.interfaces = makeInterfaces(kernel.sockets, kernel.random);
    this.tcpPorts = new PortTable<TcpClaim>(kernel.random);
    this.udpPorts = new PortTable<UdpClaim>(kernel.random);
    this.pingIdentifiers = new PortTable<PingClaim>(kernel.random);
    this.udplitePorts = new PortTable<UdpClaim>(kernel.random);
  }

  /** The inode of a socket: owner and number for fstat(2). */
  createInode(owner: { fsuid: number; fsgid: number }): Inode {
    return createAnonymousInode(this.#kernel, S_IFSOCK, 0o777, owner);
  }

  interfaceByName(name: string): NetworkInterface | undefined {
    return this.interfaces.find((one) => one.name === name);
  }

  interfaceByIndex(index: number): NetworkInterface | undefined {
    return this.interfaces.find((one) => one.index === index);
  }

  /** The way out; undefined without a provider. */
  get outside(): NetworkInterface | undefined {
    return this.interfaces[1];
  }

  /** A destination beyond a machine that has no network. @returns −ENETUNREACH */
  unreachable(): number {
    this.#kernel.notices.set("network", "");
    return -ENETUNREACH;
  }

  /** Is it an address of this machine? */
  isLocal(ip: string): boolean {
    return isLoopback(ip) || this.interfaces.some((one) => one.addresses.some((address) => address.ip === ip));
  }

  static {
    stateClass("Network", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
