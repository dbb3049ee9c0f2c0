import type { InetEndpoint, IpAddress } from "@stratos/netstack";

/** A socket's claim on an address and a port. */
export interface PortClaim {
  /** Of a socket that is connected it is the one that its packets come from (Linux' `inet_rcv_saddr`). */
  ip: IpAddress;
  readonly port: number;
  /** An IPv6 wildcard without IPV6_V6ONLY also takes IPv4. */
  readonly isDualStack: boolean;
  /** SO_REUSEADDR and SO_REUSEPORT as they are now, and the socket's owner. */
  reuseAddress: boolean;
  reusePort: boolean;
  readonly uid: number;
  /** A stream socket that listens: SO_REUSEADDR doesn't share with it. */
  isListening: boolean;
  /** SO_BINDTODEVICE: what comes in by that interface alone reaches it; 0: by any. */
  device: number;
  /** connect(2) chose the port of a stream socket (Linux' SOCK_CONNECT_BIND). */
  readonly isConnectBound: boolean;
  /** Whom a stream socket is connected to, or was. */
  peer: InetEndpoint | null;
}
