/**
 * Echo requests on their way to the outside, as whole packets by one socket of the host for all of one version; what
 * comes of them comes back as packets, which are looked at as those of strangers are. Bound: the host's.
 */
import { EINPROGRESS, IPPROTO_ICMP, IPPROTO_ICMPV6, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostSocket, HostSocketEvents, SocketProvider } from "@stratos/host";
import { isV4 } from "../ip-address.ts";
import { IncomingPacket, PARSED } from "../ip-packet.ts";
import { textOfIp } from "../ip-text.ts";
import type { FlowUplink } from "./flow.ts";
import { PLAINLY, type UplinkOutput } from "./uplink-output.ts";

const BYTES = new Uint8Array(65536);
const ANSWER = new IncomingPacket();

export class EchoFlow implements HostSocketEvents {
  readonly uplink: FlowUplink;
  readonly family: 4 | 6;
  /** null: none was needed yet, or the host's is with another machine. */
  #host: HostSocket | null = null;

  constructor(uplink: FlowUplink, family: 4 | 6) {
    this.uplink = uplink;
    this.family = family;
  }

  get isOpen(): boolean {
    return this.#host !== null;
  }

  changed(): void {
    this.uplink.isDue(this);
  }

  /** One that the host has no room for is lost. @returns a count, or a negated errno */
  send(packet: IncomingPacket, provider: SocketProvider): number {
    if (this.#host === null) {
      const host = provider.create(this.family, "echo", this);
      if (isErrno(host)) return host;
      this.#host = host;
    }
    if (!this.#host.writable()) return 0;
    const { bytes, at, length, destination } = packet;
    const sent = this.#host.write(bytes, at, length, {
      family: this.family,
      address: textOfIp(destination),
      port: 0,
    });
    return sent === -EINPROGRESS ? 0 : sent;
  }

  /**
   * What came goes in. A socket that broke, as each does in a copy of a machine, is replaced at the next request. Work:
   * the host's queue.
   */
  look(output: UplinkOutput): void {
    const host = this.#host;
    while (host?.readable() === true) {
      const count = host.read(BYTES, 0, BYTES.length, false);
      if (count < 0) break;
      if (ANSWER.read(BYTES, 0, count) !== PARSED || ANSWER.isFragment) continue;
      const { protocol, source, destination, payloadAt, payloadLength, hops } = ANSWER;
      if (protocol !== (isV4(source) ? IPPROTO_ICMP : IPPROTO_ICMPV6)) continue;
      output.send(protocol, source, destination, BYTES, payloadAt, payloadLength, { ...PLAINLY, hops });
    }
    if (host === null || host.takeError() === 0) return;
    host.close();
    this.#host = null;
  }

  static {
    stateClass("uplink.EchoFlow", this, {
      save: (it) => ({ host: it.#host }),
      load: (it, from) => ({ host: it.#host } = from),
    });
  }
}
