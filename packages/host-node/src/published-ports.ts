import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, Server } from "node:net";
import type { HostAddress } from "@stratos/host";

/** A port of the guest that stands elsewhere on the host. */
export interface PublishedPort {
  readonly type: "stream" | "datagram";
  /** Null: the address that the guest binds. */
  readonly hostAddress: string | null;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Where what the guest binds stands on the host, and what the guest is told of it. */
export class PublishedPorts {
  readonly #ports: readonly PublishedPort[];

  constructor(ports: readonly PublishedPort[]) {
    this.#ports = ports;
  }

  /**
   * @param isV6Only  of a socket at an address of IPv6: it takes nothing by IPv4
   * @returns null: nowhere, as the port stands at an address of IPv4 alone, which a socket beside it takes (servers
   *   have one for each version)
   */
  onHost(type: PublishedPort["type"], at: HostAddress, isV6Only: boolean): HostAddress | null {
    const published = this.#ports.find((one) => one.type === type && one.guestPort === at.port);
    if (published === undefined) return at;
    const address = published.hostAddress ?? at.address;
    if (at.family === 6 && isV6Only && !address.includes(":")) return null;
    return { family: address.includes(":") ? 6 : 4, address, port: published.hostPort };
  }

  inGuest(type: PublishedPort["type"], at: HostAddress | null, bound: HostAddress | null): HostAddress | null {
    if (at === null || bound === null) return at;
    const published = this.#ports.find(
      (one) => one.type === type && one.guestPort === bound.port && one.hostPort === at.port,
    );
    if (published === undefined) return at;
    return published.hostAddress === null ? { ...at, port: bound.port } : bound;
  }
}

interface RefusedPort {
  readonly port: PublishedPort;
  /** Of listen(2) or bind(2): EADDRINUSE, EACCES, EADDRNOTAVAIL … */
  readonly error: Error;
}

/**
 * @returns the first of the ports that cannot be had now; null: all can. Of one whose address the guest chooses, the
 *   loopback is looked at: who has the port at all addresses has it there, too
 */
export async function refusedPort(ports: readonly PublishedPort[]): Promise<RefusedPort | null> {
  for (const port of ports) {
    const error = await whyNot(port);
    if (error !== null) return { port, error };
  }
  return null;
}

const LOOPBACK = "127.0.0.1";

async function whyNot({ type, hostAddress, hostPort }: PublishedPort): Promise<Error | null> {
  const address = hostAddress ?? LOOPBACK;
  const socket = type === "stream" ? createServer() : createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    if (socket instanceof Server) socket.listen(hostPort, address);
    else socket.bind(hostPort, address);
    await once(socket, "listening");
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    socket.close();
  }
}
