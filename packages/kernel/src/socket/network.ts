import type { SocketProvider } from "@stratos/host";
import { ENETUNREACH, S_IFSOCK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Namespace, type NamespaceOrigin } from "../security/namespace.ts";
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
import type { InFlightFiles } from "./unix/in-flight-files.ts";
import type { SocketMemory } from "./socket-memory.ts";
import type { UnixSocket } from "./unix/unix-socket.ts";
import type { SocketKernel } from "./socket-kernel.ts";

export interface NetworkOptions {
  /** Carries AF_INET and AF_INET6 to the outside; null: nothing does. */
  readonly provider: SocketProvider | null;
  /** A network begins with its loopback down, but for the machine's first (ip-netns(8)). */
  readonly isLoopbackUp: boolean;
  readonly origin: NamespaceOrigin;
}

/**
 * A network namespace (network_namespaces(7)): interfaces, ports and the sockets that were made in it. A machine begins
 * with one; further ones are made by `new` and end when nobody holds them.
 */
export class Network extends Namespace {
  readonly kind = "net";
  readonly kernel: SocketKernel;
  readonly provider: SocketProvider | null;
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

  constructor(kernel: SocketKernel, options: NetworkOptions) {
    super(options.origin);
    this.kernel = kernel;
    this.provider = options.provider;
    this.interfaces = makeInterfaces(options, kernel.random);
    this.tcpPorts = new PortTable<TcpClaim>(kernel.random);
    this.udpPorts = new PortTable<UdpClaim>(kernel.random);
    this.pingIdentifiers = new PortTable<PingClaim>(kernel.random);
    this.udplitePorts = new PortTable<UdpClaim>(kernel.random);
  }

  /** What its sockets share with those of the machine's other networks. */
  get tcpMemory(): SocketMemory {
    return this.kernel.socketState.tcpMemory;
  }

  get udpMemory(): SocketMemory {
    return this.kernel.socketState.udpMemory;
  }

  get inFlight(): InFlightFiles {
    return this.kernel.socketState.inFlight;
  }

  get boundInodes(): Map<Inode, UnixSocket> {
    return this.kernel.socketState.boundInodes;
  }

  get transfer(): Uint8Array {
    return this.kernel.socketState.transfer;
  }

  /** The inode of a socket: owner and number for fstat(2). */
  createInode(owner: { fsuid: number; fsgid: number }): Inode {
    return createAnonymousInode(this.kernel, S_IFSOCK, 0o777, owner);
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
    this.kernel.notices.set("network", "");
    return -ENETUNREACH;
  }

  /** Is it an address of this machine? */
  isLocal(ip: string): boolean {
    return isLoopback(ip) || this.interfaces.some((one) => one.addresses.some((address) => address.ip === ip));
  }

  static {
    stateClass("Network", this);
  }
}
