/** What a host does that ends programs' TLS: between them and the hosts that they mean it speaks HTTP/1.1. */
import type { HostAddress, HostSocket, HostSocketEvents } from "@stratos/host";
import type { HttpSecrets } from "./http-secrets.ts";

/** Signs the certificates that programs of one system are shown. No program has the key; saved systems do. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly key: string;
}

export interface TlsHost {
  /** @param name  its common name */
  createAuthority(name: string): Promise<Authority>;
  /** Certificates that this host trusts, PEM: for a system that has none. */
  trusted(): string;
  /** @param trusted  more certificates than the host's, PEM. @throws StratosError of kind option */
  openGateway(authority: Authority, trusted: readonly string[]): TlsGateway;
}

export interface TlsGateway {
  terminate(connection: TlsConnection): TlsEnd;
}

export interface TlsConnection {
  /** Of this host, connected. It is the gateway's from then on, but for its addresses. */
  readonly socket: HostSocket;
  readonly peer: HostAddress;
  /** null: the program named none. */
  readonly serverName: string | null;
  readonly secrets: HttpSecrets;
  /** Of the program's end. */
  readonly events: HostSocketEvents;
}

/** The program's end of it, as HostSocket has it. */
export type TlsEnd = Pick<
  HostSocket,
  | "read"
  | "write"
  | "shutdown"
  | "readable"
  | "writable"
  | "available"
  | "unsent"
  | "ended"
  | "takeError"
  | "close"
  | "abort"
>;
