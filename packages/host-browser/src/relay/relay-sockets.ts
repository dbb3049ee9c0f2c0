/**
 * The guest's sockets over a relay (`stratos serve --relay`). The machine's network is that of QEMU's user networking:
 * an address of its own, the relay's host and a name server, whichever relay there is or none, so that nothing of the
 * machine changes when one comes or goes. Nobody outside reaches a listener: it listens within the machine alone.
 */
import { ENETUNREACH, EPROTONOSUPPORT } from "@stratos/abi";
import type {
  EventLoop,
  HostInterfaceAddress,
  HostSocket,
  HostSocketEvents,
  HostSocketType,
  SocketProvider,
} from "@stratos/host";
import { type OpenRelay, RelayConnection } from "./relay-connection.ts";
import { RELAY_NETWORK } from "./relay-frames.ts";
import type { RelaySettings, RelayState } from "./relay-settings.ts";
import { RelayedDatagrams } from "./relayed-datagrams.ts";
import { RelayedStream } from "./relayed-stream.ts";

interface RelayHost {
  readonly loop: Pick<EventLoop, "callSoon" | "nowMs">;
  readonly open: OpenRelay;
  readonly onState: (state: RelayState) => void;
  /** A program asked for the network, and no relay is set. */
  readonly onUnset: () => void;
}

/** After a relay could not be reached nobody tries for so long: each time longer. */
const RETRY_MS_MIN = 500,
  RETRY_MS_MAX = 30_000;

export class RelaySockets implements SocketProvider {
  readonly #host: RelayHost;
  #settings: RelaySettings | null = null;
  #connection: RelayConnection | null = null;
  #retryMs = RETRY_MS_MIN;
  #notBeforeMs = -Infinity;

  constructor(host: RelayHost) {
    this.#host = host;
  }

  /** What went over the relay before ends. @param settings  null: there is none */
  configure(settings: RelaySettings | null): void {
    this.#connection?.close();
    this.#connection = null;
    this.#settings = settings;
    this.#retryMs = RETRY_MS_MIN;
    this.#notBeforeMs = -Infinity;
    if (settings === null) this.#host.onState({ kind: "none" });
    else this.reach();
  }

  /** @returns the connection, which may still be opening; null: there is no way out now */
  reach(): RelayConnection | null {
    const { loop, open, onState, onUnset } = this.#host;
    if (this.#connection !== null) return this.#connection;
    if (this.#settings === null) {
      onUnset();
      return null;
    }
    if (loop.nowMs() < this.#notBeforeMs) return null;
    onState({ kind: "connecting" });
    try {
      this.#connection = new RelayConnection(this.#settings, open, {
        onOpen: () => {
          this.#retryMs = RETRY_MS_MIN;
          onState({ kind: "connected" });
        },
        onEnd: (words) => this.#lose(words),
      });
    } catch (error) {
      this.#lose((error as Error).message);
    }
    return this.#connection;
  }

  #lose(words: string): void {
    const { loop, onState } = this.#host;
    this.#connection = null;
    this.#notBeforeMs = loop.nowMs() + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    onState({ kind: "lost", words });
  }

  /** No event comes from inside a call (SocketProvider). */
  soon(act: () => void): void {
    this.#host.loop.callSoon(act);
  }

  create(family: 4 | 6, type: "stream" | "datagram", events: HostSocketEvents): HostSocket;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number {
    // Relays carry TCP and UDP alone.
    if (type === "echo") return -EPROTONOSUPPORT;
    const reach = (): RelayConnection | number => this.reach() ?? -ENETUNREACH;
    if (type === "stream") return new RelayedStream(family, events, reach);
    return new RelayedDatagrams(family, events, reach, (act) => this.soon(act));
  }

  nameServers(): string[] {
    return [RELAY_NETWORK.names];
  }

  localAddresses(): HostInterfaceAddress[] {
    return [
      { family: 4, address: RELAY_NETWORK.address, prefixLength: 24 },
      { family: 6, address: RELAY_NETWORK.address6, prefixLength: 64 },
    ];
  }
}
