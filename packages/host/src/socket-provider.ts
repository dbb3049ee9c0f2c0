/**
 * Carries the guest's AF_INET and AF_INET6 sockets. `host-node` does it with the host's sockets; our own TCP/IP stack is
 * to implement the same interface. Calls return at once (0, a count, or a negated errno); what takes time is told later through
 * the events, from the host's event loop, after which the kernel asks again. A provider buffers at most `bufferBytes` each way.
 */
export interface HostAddress { family: 4 | 6; address: string; port: number } // numeric address; IPv6 without scope

export interface HostSocketEvents {
  /** Readiness may have changed: look at `readable()`, `writable()`, `error()` again. */
  changed(): void;
}

export interface HostSocket {
  /** Stream: -EINPROGRESS, then `changed`. Datagram: sets the peer, 0. */
  connect(to: HostAddress): number;
  bind(to: HostAddress, options: { reuseAddress: boolean; v6Only: boolean }): number;
  listen(backlog: number): number;
  /** A connection that waits, or -EAGAIN. */
  accept(events: HostSocketEvents): HostSocket | number;
  /** Bytes taken (0: end of stream), or -EAGAIN. Datagrams: one each call, cut to `length`; its sender in `lastSender`. */
  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number;
  readonly lastSender: HostAddress | null;
  /** Full length of the datagram that `read` returned last (for MSG_TRUNC). */
  readonly lastLength: number;
  /** Bytes queued, or -EAGAIN, -EPIPE, -ENOTCONN. `to` is for datagrams that are not connected. */
  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number;
  shutdown(how: 0 | 1 | 2): number;
  setOption(option: "noDelay" | "keepAlive" | "broadcast" | "multicastTtl" | "ttl", value: number): number;
  localAddress(): HostAddress | null;
  peerAddress(): HostAddress | null;
  readable(): boolean;
  writable(): boolean;
  /** Bytes that `read` would return without waiting. */
  available(): number;
  /** Peer closed its side. */
  ended(): boolean;
  connected(): boolean;
  /** A pending error (positive errno), cleared by asking; 0 when none. */
  takeError(): number;
  close(): void;
}

export interface SocketProvider {
  create(family: 4 | 6, type: "stream" | "datagram", events: HostSocketEvents): HostSocket | number;
  /** What /etc/resolv.conf is to hold: numeric addresses of name servers that the guest can reach through this provider. */
  nameServers(): string[];
}
