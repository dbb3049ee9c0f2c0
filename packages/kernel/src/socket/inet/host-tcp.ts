/** TCP connections that the provider carries: those that come in, and those on their way out. */
import { EADDRINUSE, EAGAIN, EINPROGRESS, isErrno } from "@stratos/abi";
import { stateClass, stateName } from "@stratos/base";
import type { BindOptions, HostAddress, HostSocket, HostSocketEvents, SocketProvider } from "@stratos/host";
import { type IncomingConnections, type InetEndpoint, ipOfText, keepEndpoint } from "@stratos/netstack";
import { HostTransport } from "./host-transport.ts";
import { anyAddress } from "./inet-address.ts";
import { isSeveredSocket } from "./severed-socket.ts";
import type { Established, TcpAttempt, TcpListener } from "./tcp-transport.ts";
import type { TcpSocket } from "./tcp-socket.ts";

/**
 * Connections that come from outside; it listens where the socket is bound. Where the network has rules they come in as
 * packets at the way out's interface, which rules may lead elsewhere, and reach the socket over the stack if they do.
 */
export class HostListener implements TcpListener, HostSocketEvents, IncomingConnections {
  #socket: TcpSocket;
  #provider: SocketProvider;
  #host: HostSocket | null = null;
  #isListening = false;
  /** What the host has comes in as packets: rules came to hold before it did, not while it waited for `accept`. */
  #isLedIn = false;

  constructor(socket: TcpSocket, provider: SocketProvider) {
    this.#socket = socket;
    this.#provider = provider;
  }

  begin(): number {
    if (this.#host !== null) return this.#finish(this.#host);
    this.#isListening = true;
    const socket = this.#socket;
    const address = socket.hostLocal;
    const host = this.#provider.create(address.family, "stream", this);
    if (isErrno(host)) return host;
    this.#host = host;
    const bound = host.bind(address, { ...reuseOf(socket), v6Only: !socket.isDualStack });
    if (bound < 0) return bound;
    const begun = host.listen(Math.max(1, socket.backlogLimit));
    return begun < 0 && begun !== -EINPROGRESS ? begun : this.#finish(host);
  }

  /** The same; where the host has given the port to another, at the next one that `claimAgain` finds. */
  beginAnywhere(claimAgain: () => number): number {
    let result = this.begin();
    while (result === -EADDRINUSE && claimAgain() === 0) {
      this.close();
      result = this.begin();
    }
    return result;
  }

  #finish(host: HostSocket): number {
    if (host.localAddress() !== null) return 0;
    const error = host.takeError();
    return error !== 0 ? -error : -EINPROGRESS;
  }

  changed(): void {
    const socket = this.#socket;
    const wayIn = socket.network.filteredWayIn;
    if (wayIn !== null && socket.isListening && this.#host?.readable() === true) {
      this.#isLedIn = true;
      wayIn.comesIn(this);
    }
    socket.changed();
  }

  get port(): number {
    return this.#socket.local!.port;
  }

  take(events: HostSocketEvents): HostSocket | number {
    const taken = this.#host?.accept(events) ?? -EAGAIN;
    if (isErrno(taken)) this.#isLedIn = false;
    return taken;
  }

  resize(): void {}

  readonly length = 0;

  get isReadable(): boolean {
    return this.#host?.readable() === true && !this.#isLedIn;
  }

  accept(): TcpSocket | number {
    if (!this.isReadable) return -EAGAIN;
    const child = this.#socket.makeChild();
    const host = this.#host!.accept(child);
    if (isErrno(host)) {
      child.release();
      return host;
    }
    child.becomeEstablished(establishedOn(host, child));
    return child;
  }

  close(): void {
    this.#host?.close();
    this.#host = null;
    this.#socket.network.filteredWayIn?.forget(this);
    this.#isListening = false;
    this.#isLedIn = false;
  }

  static {
    // The host's socket stays with who was saved: where it goes on, it listens anew. One that is state goes along.
    stateClass(
      "HostListener",
      this,
      {
        save: (it) => ({
          socket: it.#socket,
          provider: it.#provider,
          isListening: it.#isListening,
          isLedIn: it.#isLedIn,
          host: it.#host !== null && stateName(it.#host) !== undefined ? it.#host : null,
        }),
        load: (it, from) =>
          ({
            socket: it.#socket,
            provider: it.#provider,
            isListening: it.#isListening,
            isLedIn: it.#isLedIn,
            host: it.#host,
          } = from),
      },
      {
        // Where it listens, the original of a fork goes on.
        copied: (it) => {
          if (it.#host === null && it.#provider.isResting !== true) it.#isListening = false;
        },
        loaded: (it) => {
          if (it.#isListening && it.#host === null && it.#provider.isResting !== true) it.begin();
        },
      },
    );
  }
}

/** A connection that the host makes. */
export class HostAttempt implements TcpAttempt {
  #socket: TcpSocket;
  #host: HostSocket;

  private constructor(socket: TcpSocket, host: HostSocket) {
    this.#socket = socket;
    this.#host = host;
  }

  /** @param bound  where the socket was bound by bind(2); null: where the host likes */
  static begin(
    socket: TcpSocket,
    provider: SocketProvider,
    to: HostAddress,
    bound: HostAddress | null,
  ): HostAttempt | number {
    const host = provider.create(to.family, "stream", socket);
    if (isErrno(host)) return host;
    if (bound !== null) host.bind(bound, { ...reuseOf(socket), v6Only: false });
    const begun = host.connect(to);
    if (begun < 0 && begun !== -EINPROGRESS) {
      host.close();
      return begun;
    }
    return new HostAttempt(socket, host);
  }

  outcome(): Established | number | null {
    if (this.#host.connected()) return establishedOn(this.#host, this.#socket);
    const error = this.#host.takeError();
    if (error === 0) return null;
    this.#host.close();
    return error;
  }

  abandon(): void {
    this.#host.close();
  }

  get isSevered(): boolean {
    return isSeveredSocket(this.#host);
  }

  static {
    stateClass("HostAttempt", this, {
      save: (it) => ({ socket: it.#socket, host: it.#host }),
      load: (it, from) => ({ socket: it.#socket, host: it.#host } = from),
    });
  }
}

function establishedOn(host: HostSocket, socket: TcpSocket): Established {
  return {
    transport: new HostTransport(host, socket.network.transfer),
    local: endpointOf(host.localAddress(), socket),
    peer: endpointOf(host.peerAddress(), socket),
  };
}

/** What the host reports; a text that is no address is the family's wildcard. */
function endpointOf(address: HostAddress | null, socket: TcpSocket): InetEndpoint | null {
  return address === null ? null : keepEndpoint(ipOfText(address.address) ?? anyAddress(socket.family), address.port);
}

function reuseOf({ options }: TcpSocket): Pick<BindOptions, "reuseAddress" | "reusePort"> {
  return { reuseAddress: options.reuseAddress, reusePort: options.reusePort };
}
