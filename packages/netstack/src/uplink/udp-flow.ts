/** Datagrams between a port of a station inside and one outside, by a socket of the host that is connected to that. */
import { ECONNRESET, EINPROGRESS, IPPROTO_UDP, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress, HostSocket, SocketProvider } from "@stratos/host";
import { isSameIp } from "../ip-address.ts";
import { IncomingPacket } from "../ip-packet.ts";
import { ipOfText } from "../ip-text.ts";
import { IpHeader } from "../ip-writer.ts";
import { UDP_HEADER_SIZE, writeUdpHeader } from "../udp.ts";
import { Flow } from "./flow.ts";
import { PLAINLY, type UplinkOutput } from "./uplink-output.ts";

const MESSAGE = new Uint8Array(65536);
/** What is told of when the host refuses: the beginning of a packet of the station's. */
const HEADER = new IpHeader();
const REFUSED = new IncomingPacket();

export class UdpFlow extends Flow {
  #host: HostSocket | null = null;
  #to: HostAddress | null = null;

  /** @returns 0, or what the host says at once */
  begin(provider: SocketProvider): number {
    const to = this.peer;
    const host = provider.create(to.family, "datagram", this);
    if (isErrno(host)) return host;
    const begun = host.connect(to);
    if (begun < 0 && begun !== -EINPROGRESS) {
      host.close();
      return begun;
    }
    this.#to = to;
    this.#host = host;
    return 0;
  }

  /** One that the host has no room for is lost. @returns a count, or a negated errno */
  send(bytes: Uint8Array, at: number, length: number): number {
    const host = this.#host!;
    if (!host.writable()) return 0;
    // The host may have yet to choose the peer.
    return host.write(bytes, at, length, host.peerAddress() === null ? this.#to : null);
  }

  /** What came goes in; what the host refused is told. Work: the host's queue. @returns does it go on? */
  look(output: UplinkOutput, nowNs: number): boolean {
    const host = this.#host!;
    while (host.readable()) {
      const count = host.read(MESSAGE, UDP_HEADER_SIZE, MESSAGE.length - UDP_HEADER_SIZE - 1, false);
      if (count < 0) break;
      if (!this.#isFromPeer(host.lastSender)) continue;
      this.usedNs = nowNs;
      const { local, localPort, remote, remotePort } = this;
      const size = UDP_HEADER_SIZE + count;
      writeUdpHeader(MESSAGE, 0, size, { ip: local, port: localPort }, { ip: remote, port: remotePort });
      output.send(IPPROTO_UDP, local, remote, MESSAGE, 0, size, PLAINLY);
    }
    const error = host.takeError();
    if (error !== 0 && error !== ECONNRESET) this.#refused(output, error);
    return error === 0;
  }

  /** Not each host keeps strangers out. */
  #isFromPeer(sender: HostAddress | null): boolean {
    const to = this.#to!;
    if (sender === null || (sender.port === to.port && sender.address === to.address)) return true;
    const ip = ipOfText(sender.address);
    return sender.port === to.port && ip !== null && isSameIp(ip, this.local);
  }

  /** The datagram is gone: one without bytes, from and to the same ports, stands for it. */
  #refused(output: UplinkOutput, errno: number): void {
    const { local, localPort, remote, remotePort } = this;
    HEADER.protocol = IPPROTO_UDP;
    HEADER.source.set(remote);
    HEADER.destination.set(local);
    const at = HEADER.write(MESSAGE, 0, UDP_HEADER_SIZE);
    writeUdpHeader(MESSAGE, at, UDP_HEADER_SIZE, { ip: remote, port: remotePort }, { ip: local, port: localPort });
    REFUSED.read(MESSAGE, 0, at + UDP_HEADER_SIZE);
    output.refuse(REFUSED, errno);
  }

  end(): void {
    this.#host?.close();
    this.#host = null;
  }

  static {
    stateClass("uplink.UdpFlow", this, {
      save: (it) => ({ host: it.#host, to: it.#to }),
      load: (it, from) => ({ host: it.#host, to: it.#to } = from),
    });
  }
}
