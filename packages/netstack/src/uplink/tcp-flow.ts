/**
 * A connection that goes on outside by a socket of the host. What opens it waits until that is connected, so that
 * whoever asks hears what the host heard:
 *
 *     SYN -> connecting -> (connected) SYN, ACK -> arriving -> open -> over
 *                       -> (refused) RST, unreachable
 *
 * One that somebody outside has opened is offered to the station inside, and open when that agrees.
 */
import { EAGAIN, EINPROGRESS, isErrno, TCP_CLOSE, TCP_SYN_RECV, TCP_SYN_SENT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostSocket, SocketProvider } from "@stratos/host";
import type { IncomingPacket } from "../ip-packet.ts";
import { type BacklogOwner, TcpBacklog } from "../tcp/tcp-backlog.ts";
import type { TcpConnection } from "../tcp/tcp-connection.ts";
import { Flow, type FlowUplink } from "./flow.ts";
import { Span } from "./span.ts";

/** Bytes on their way to the station inside. */
const CAPACITY = 256 * 1024;
/** A station that is silent for so long is asked whether it is there, as Linux's own are (tcp(7)). */
const KEEP_ALIVE_NS = 7200e9;
const NOTHING = new Uint8Array(0);
const SPAN = new Span(65536);

export class TcpFlow extends Flow implements BacklogOwner {
  readonly backlogLimit = 0;
  readonly backlog = new TcpBacklog(this);
  /** The packet that opens it. */
  readonly opening: Uint8Array;
  /** null: it is over. */
  #host: HostSocket | null = null;
  #connection: TcpConnection | null = null;
  #hasShutDown = false;
  #hasFinished = false;
  /** The host's socket broke: the station inside still gets what came before. */
  #hasFailed = false;
  stage: "connecting" | "arriving" | "offered" | "open" | "over" = "connecting";

  /** @param packet  null: somebody outside opens it (`offer`) */
  constructor(uplink: FlowUplink, packet: IncomingPacket | null, nowNs: number) {
    super(uplink, packet, nowNs);
    this.opening = packet === null ? NOTHING : packet.bytes.slice(packet.at, packet.at + packet.length);
  }

  /** @returns 0, or what the host says at once */
  connect(provider: SocketProvider): number {
    const { peer } = this;
    const host = provider.create(peer.family, "stream", this);
    if (isErrno(host)) return host;
    const begun = host.connect(peer);
    if (begun < 0 && begun !== -EINPROGRESS) {
      host.close();
      return begun;
    }
    this.#host = host;
    return 0;
  }

  urgentArrived(): void {}

  /** Before its connection is open: 0; 1: it may open now; or a negated errno of the host's. */
  lookOutside(nowNs: number): number {
    const host = this.#host!;
    if (this.stage === "connecting" && host.connected()) {
      this.stage = "arriving";
      this.usedNs = nowNs;
      return 1;
    }
    const error = host.takeError();
    return error > 0 ? -error : 0;
  }

  /** Somebody outside has opened it, and its SYN is about to go in. @param host  connected */
  offer(host: HostSocket, connection: TcpConnection): void {
    this.stage = "offered";
    this.#host = host;
    this.#have(connection);
  }

  /** Of one that was offered: has the station inside agreed, refused, or the peer gone? */
  lookInside(nowNs: number): void {
    const connection = this.#connection!;
    const { state } = connection;
    if (state === TCP_SYN_SENT || state === TCP_SYN_RECV) {
      if (this.#host!.takeError() !== 0) this.end();
      return;
    }
    // A refusal is one for the peer, too (`pump`).
    this.stage = "open";
    this.usedNs = nowNs;
  }

  /** The station inside has agreed. */
  open(nowNs: number): void {
    const connection = this.backlog.take();
    if (connection === null) return;
    this.stage = "open";
    this.usedNs = nowNs;
    this.#have(connection);
  }

  #have(connection: TcpConnection): void {
    this.#connection = connection;
    connection.owner = this;
    connection.isUrgentInline = true;
    // What is small was sent so outside.
    connection.setNoDelay(true);
    connection.keepAlive(KEEP_ALIVE_NS);
  }

  /** Moves what can be moved, each way. Work: what the buffers of both ends hold. */
  pump(nowNs: number): void {
    const connection = this.#connection!;
    const host = this.#host!;
    this.usedNs = nowNs;
    if (connection.state === TCP_CLOSE) {
      host.abort();
      this.#host = null;
      this.end();
      return;
    }
    const isWell = this.#moveOut(connection, host);
    this.#moveIn(connection, host);
    this.#hasFailed ||= !isWell || host.takeError() !== 0;
    if (this.#hasFailed) {
      if (connection.unacknowledged === 0) this.end();
      return;
    }
    if (host.ended() && host.available() === 0 && !this.#hasFinished) {
      this.#hasFinished = true;
      connection.finish();
    }
    if (this.#hasShutDown && this.#hasFinished) {
      connection.close();
      this.#connection = null;
      this.end();
    }
  }

  /** @returns false: the host takes no more */
  #moveOut(connection: TcpConnection, host: HostSocket): boolean {
    while (connection.readable > 0 && host.writable()) {
      const count = connection.read(SPAN.begin(SPAN.bytes.length), true);
      if (count <= 0) break;
      const taken = host.write(SPAN.bytes, 0, count, null);
      if (taken === -EAGAIN) break;
      if (taken < 0) return false;
      connection.read(SPAN.begin(taken), false);
    }
    if (connection.isEnded && connection.readable === 0 && !this.#hasShutDown) {
      this.#hasShutDown = true;
      host.shutdown(1);
    }
    return true;
  }

  #moveIn(connection: TcpConnection, host: HostSocket): void {
    for (;;) {
      const room = Math.min(SPAN.bytes.length, CAPACITY - connection.sending.length);
      if (room <= 0) return;
      const count = host.read(SPAN.bytes, 0, room, false);
      if (count <= 0) return;
      if (connection.write(SPAN.begin(count), CAPACITY, false) < count) return;
    }
  }

  /** The station inside does not take it. */
  refuse(): void {
    this.#host?.abort();
    this.#host = null;
    this.end();
  }

  /** Whoever still has it at either end hears that it broke. */
  end(): void {
    this.stage = "over";
    this.#connection?.abort();
    this.#connection = null;
    this.backlog.close();
    this.#host?.close();
    this.#host = null;
  }

  drops(): boolean {
    return false;
  }

  static {
    stateClass("uplink.TcpFlow", this, {
      save: (it) => ({
        host: it.#host,
        connection: it.#connection,
        hasShutDown: it.#hasShutDown,
        hasFinished: it.#hasFinished,
        hasFailed: it.#hasFailed,
      }),
      load: (it, from) =>
        ({
          host: it.#host,
          connection: it.#connection,
          hasShutDown: it.#hasShutDown,
          hasFinished: it.#hasFinished,
          hasFailed: it.#hasFailed,
        } = from),
    });
  }
}
