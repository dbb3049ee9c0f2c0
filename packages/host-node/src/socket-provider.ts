/**
 * The guest's sockets on Node's. A guest call returns at once; what Node does later it tells through `changed()`,
 * always from the event loop. Each socket buffers about `BUFFER_BYTES` each way: reading pauses above that, `write`
 * says -EAGAIN.
 */
import { readFileSync } from "node:fs";
import { getServers } from "node:dns";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { EPROTONOSUPPORT } from "@stratos/abi";
import type { HostInterfaceAddress, HostSocket, HostSocketEvents, HostSocketType, SocketProvider } from "@stratos/host";
import { type DatagramWatch, NodeDatagramSocket } from "./datagram-socket.ts";
import { PingPrograms } from "./ping/ping-program.ts";
import { PingSocket } from "./ping/ping-socket.ts";
import { PublishedPorts, type PublishedPort } from "./published-ports.ts";
import { NodeStreamSocket } from "./stream-socket.ts";

interface SocketProviderOptions {
  readonly resolverFile?: string;
  readonly published?: readonly PublishedPort[];
  /** Where the host's ping is looked for; default: as the variable PATH says. */
  readonly searchPath?: string;
  readonly onDatagram?: DatagramWatch;
}

export class NodeSocketProvider implements SocketProvider {
  readonly #open = new Set<HostSocket>();
  readonly #resolverFile: string;
  readonly #published: PublishedPorts;
  readonly #ping: PingPrograms;
  readonly #watch: DatagramWatch | undefined;

  constructor(options: SocketProviderOptions = {}) {
    this.#watch = options.onDatagram;
    this.#ping = new PingPrograms(options.searchPath ?? process.env["PATH"] ?? "");
    this.#published = new PublishedPorts(options.published ?? []);
    this.#resolverFile = options.resolverFile ?? "/etc/resolv.conf";
  }

  create(family: 4 | 6, type: "stream" | "datagram", events: HostSocketEvents): HostSocket;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number;
  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number {
    const closed = (socket: HostSocket): void => {
      this.#open.delete(socket);
    };
    let socket: HostSocket;
    if (type === "stream") socket = new NodeStreamSocket(family, events, closed, this.#published);
    else if (type === "datagram") socket = new NodeDatagramSocket(family, events, closed, this.#published, this.#watch);
    else {
      const program = this.#ping.find(family);
      if (program === null) return -EPROTONOSUPPORT;
      socket = new PingSocket(program, events, closed);
    }
    this.#open.add(socket);
    return socket;
  }

  /** The host's own, read anew each time: laptops move. */
  nameServers(): string[] {
    let text = "";
    try {
      text = readFileSync(this.#resolverFile, "utf8");
    } catch {
      // No such file on this host: what Node was configured with.
    }
    const listed = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!.replace(/%.*$/, ""));
    const servers = listed.filter((address) => isIP(address) !== 0);
    return servers.length > 0
      ? servers
      : getServers()
          .map((server) => server.replace(/^\[(.*)\](:\d+)?$/, "$1"))
          .filter((server) => isIP(server) !== 0);
  }

  localAddresses(): HostInterfaceAddress[] {
    const addresses: HostInterfaceAddress[] = [];
    for (const list of Object.values(networkInterfaces())) {
      for (const one of list ?? []) {
        if (one.internal) continue;
        const prefixLength =
          one.cidr === null ? (one.family === "IPv4" ? 32 : 128) : Number(one.cidr.slice(one.cidr.indexOf("/") + 1));
        addresses.push({
          family: one.family === "IPv4" ? 4 : 6,
          address: one.address.replace(/%.*$/, ""),
          prefixLength,
        });
      }
    }
    return addresses;
  }

  /** Sockets that were created and not closed: 0 when nothing leaks. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Closes whatever is open (the machine has stopped). */
  closeAll(): void {
    for (const socket of [...this.#open]) socket.abort();
  }
}
