/**
 * Carries the guest's AF_INET and AF_INET6 sockets. `host-node` does it with the host's sockets; our own TCP/IP stack
 * is to implement the same interface. Calls return at once (0, a count, or a negated errno); what takes time is told
 * later through the events, from the host's event loop, after which the kernel asks again. A provider buffers at most
 * `bufferBytes` each way.
 *
 * What the provider can't finish at once says -EINPROGRESS: `connect` is done when `connected()` or `takeError()` say
 * so; `bind` (datagram) and `listen` (stream) are done once `localAddress()` is not null, or `takeError()` isn't 0. No
 * event comes from inside a call.
 */
export interface HostAddress {
  family: 4 | 6;
  address: string;
  port: number;
} // numeric address; IPv6 without scope

export interface HostSocketEvents {
  /** Readiness may have changed: look at `readable()`, `writable()`, `error()` again. */
  changed(): void;
}

export type HostSocketOption =
  | "noDelay"
  | "keepAlive"
  | "keepAliveSeconds"
  | "broadcast"
  | "multicastTtl"
  | "multicastLoop"
  | "ttl";

/**
 * "echo" is like "datagram", but each is a whole IP packet: an ICMP echo request on its way out, `to` its destination
 * (port 0), and on its way in what came of one, a reply or an error about it.
 */
export type HostSocketType = "stream" | "datagram" | "echo";

export interface BindOptions {
  readonly reuseAddress: boolean;
  /** Others that ask for it may have the same address, where the host can do that; each gets its part of what comes. */
  readonly reusePort?: boolean;
  readonly v6Only: boolean;
}

export interface HostSocket {
  /** Stream: -EINPROGRESS, then `changed`. Datagram: sets the peer, 0. */
  connect(to: HostAddress): number;
  /**
   * Stream: 0 when the address is well-formed; it takes effect at `connect` or `listen`. Datagram: 0 or -EINPROGRESS,
   * then `changed`.
   */
  bind(to: HostAddress, options: BindOptions): number;
  /** 0 or -EINPROGRESS, then `changed`. */
  listen(backlog: number): number;
  /** A connection that waits, or -EAGAIN. */
  accept(events: HostSocketEvents): HostSocket | number;
  /**
   * Bytes taken (0: end of stream), or -EAGAIN. Datagrams: one each call, cut to `length`; its sender in `lastSender`.
   */
  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number;
  readonly lastSender: HostAddress | null;
  /** Full length of the datagram that `read` returned last (for MSG_TRUNC). */
  readonly lastLength: number;
  /** Bytes queued, or -EAGAIN, -EPIPE, -ENOTCONN. `to` is for datagrams that are not connected. */
  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number;
  shutdown(how: 0 | 1 | 2): number;
  setOption(option: HostSocketOption, value: number): number;
  localAddress(): HostAddress | null;
  peerAddress(): HostAddress | null;
  readable(): boolean;
  writable(): boolean;
  /** Bytes that `read` would return without waiting. */
  available(): number;
  /** Bytes that were queued by `write` and have not left yet. */
  unsent(): number;
  /** Peer closed its side, in order: a connection that broke has an error instead, and `read` never says 0 for it. */
  ended(): boolean;
  connected(): boolean;
  /** A pending error (positive errno), cleared by asking; 0 when none. */
  takeError(): number;
  /** What is queued is still sent. */
  close(): void;
  /** Drops what is queued and resets the connection (SO_LINGER with 0 seconds). */
  abort(): void;
}

/** An address of the machine outside, that guest sockets can have. */
export interface HostInterfaceAddress {
  family: 4 | 6;
  address: string;
  prefixLength: number;
}

export interface SocketProvider {
  /** Of a machine that never runs: what it had at the host is left as it is, for who goes on from it. */
  readonly isResting?: boolean;
  /** -EPROTONOSUPPORT: none of this type are here (a host without a program for echoes, a page). */
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number;
  /**
   * What /etc/resolv.conf is to hold: numeric addresses of name servers that the guest can reach through this provider.
   */
  nameServers(): string[];
  /** Addresses of the outside interface, but loopback ones; the guest sees them at its `eth0`. */
  localAddresses(): HostInterfaceAddress[];
}
