/**
 * Ends programs' TLS and begins it anew to the hosts that they meant, by Node's own TLS on both sides:
 *
 *   program ── ProgramEnd ── TLS, by our authority ── HTTP/1.1 ── TLS, proved by the host ── host
 *
 * One connection of a program is one to the host. Between them requests and responses are read and written anew
 * (http-relay.ts).
 */
import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, getCACertificates, type SecureContext, TLSSocket } from "node:tls";
import type { HostAddress } from "@stratos/host";
import { assert } from "@stratos/base";
import { NodeStreamSocket } from "@stratos/host-node";
import { type Authority, createAuthority, ServerCertificates } from "@stratos/host-node/certificates";
import type { TlsConnection, TlsEnd, TlsGateway, TlsHost } from "@stratos/sdk";
import { StratosError } from "@stratos/sdk/api";
import { HostWay, HttpRelay } from "./http-relay.ts";
import { ProgramEnd } from "./program-end.ts";

/** A system with a seed has a time of its own, years ago. */
const FROM_MS = Date.UTC(2000, 0, 1);
const LIFE_MS = 10 * 365 * 86_400_000;
/** Certificates that are kept for the next connection. */
const CONTEXTS_MAX = 256;
/** What both sides speak: two versions of HTTP would have to be told in each other's words. */
const PROTOCOLS = ["http/1.1"];

export const nodeTls: TlsHost = {
  createAuthority: (name) => createAuthority(name, { fromMs: FROM_MS, untilMs: Date.now() + LIFE_MS }),
  trusted: () => hostRoots().join("\n"),
  openGateway: (authority, trusted) => new NodeTlsGateway(authority, trusted),
};

/** Of Node, of NODE_EXTRA_CA_CERTS, and of the computer. */
function hostRoots(): string[] {
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
}

class NodeTlsGateway implements TlsGateway {
  readonly #authority: Authority;
  readonly #trusted: readonly string[];
  readonly #relay = new HttpRelay();
  readonly #contexts = new Map<string, Promise<SecureContext>>();
  #certificates: Promise<ServerCertificates> | null = null;
  /** For connections to hosts: reading so many certificates takes a while. */
  #outgoing: SecureContext | null = null;

  constructor(authority: Authority, trusted: readonly string[]) {
    this.#authority = authority;
    this.#trusted = trusted.flatMap((text) => {
      const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      if (certificates.length === 0 || !certificates.every(isCertificate))
        throw new StratosError("option", "net.ca: certificates in PEM are expected", { option: "net.ca" });
      return certificates;
    });
  }

  terminate(connection: TlsConnection): TlsEnd {
    const { peer, serverName, secrets, events } = connection;
    const end = new ProgramEnd(events);
    const { socket } = connection;
    assert(socket instanceof NodeStreamSocket, "a socket of this host");
    const way = new HostWay({
      host: this.#begin(socket.release(), peer, serverName),
      secrets,
      whenRoom: (act) => end.whenRoom(act),
    });
    way.host.on("close", () => socket.close());
    end.stream.on("close", () => way.host.destroy());
    const drop = (): void => void end.stream.destroy();
    this.#contextOf(serverName ?? peer.address)
      .then((secureContext) => {
        const program = new TLSSocket(end.stream, { isServer: true, secureContext, ALPNProtocols: PROTOCOLS });
        // A program that does not trust it says so, and goes.
        program.on("error", drop);
        program.on("close", drop);
        this.#relay.serve(program, way);
      })
      .catch(drop);
    return end;
  }

  #begin(socket: Socket, { address }: HostAddress, serverName: string | null): TLSSocket {
    this.#outgoing ??= createSecureContext({ ca: [...hostRoots(), ...this.#trusted] });
    const name = serverName ?? address;
    return connect({
      socket,
      secureContext: this.#outgoing,
      // RFC 6066 §3: addresses are no names to ask for. Node checks the certificate for `host` then.
      ...(isIP(name) === 0 ? { servername: name } : { host: name }),
      ALPNProtocols: PROTOCOLS,
      rejectUnauthorized: true,
    });
  }

  #contextOf(name: string): Promise<SecureContext> {
    const known = this.#contexts.get(name);
    if (known !== undefined) return known;
    if (this.#contexts.size >= CONTEXTS_MAX) this.#contexts.delete(this.#contexts.keys().next().value!);
    const made = this.#makeContext(name);
    this.#contexts.set(name, made);
    made.catch(() => this.#contexts.delete(name));
    return made;
  }

  async #makeContext(name: string): Promise<SecureContext> {
    this.#certificates ??= ServerCertificates.of(this.#authority);
    const certificates = await this.#certificates;
    const cert = await certificates.sign(name, { fromMs: FROM_MS, untilMs: Date.now() + LIFE_MS });
    return createSecureContext({ key: certificates.key, cert });
  }
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}
