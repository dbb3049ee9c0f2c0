/** Packets of this machine's own: route, header, and parts where the way takes no longer ones. */
import { EMSGSIZE, ENETUNREACH } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type IpAddress, isV4 } from "./ip-address.ts";
import { type IpDevice, type IpHost, NextHop } from "./ip-host.ts";
import { FRAME_ROOM, type IpLinkOutput, OUTPUT } from "./ip-link-output.ts";
import type { IpOutput, IpSending } from "./ip-output.ts";
import { IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "./ip-packet.ts";
import { FRAGMENT_HEADER_SIZE, IpHeader } from "./ip-writer.ts";
import { PathMtu } from "./path-mtu.ts";

/** Of a packet with its header: the field that tells its length has sixteen bits (IPv6 doesn't count the header). */
const LENGTH_MAX = 65535;
const MTU_UNKNOWN_V4 = 576,
  MTU_UNKNOWN_V6 = 1280;
const HOP = new NextHop();
const HEADER = new IpHeader();

export class IpSender implements IpOutput {
  readonly paths = new PathMtu();
  #host: IpHost;
  #link: IpLinkOutput;
  /** Of packets in parts; nobody can tell from it what others are sent (RFC 7739 §5.3 asks for no more within one). */
  #identification = 0;

  constructor(host: IpHost, link: IpLinkOutput) {
    this.#host = host;
    this.#link = link;
  }

  send(
    protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payload: Uint8Array,
    at: number,
    length: number,
    how: IpSending,
  ): number {
    const failed = this.#host.route(destination, source, how.device, 0, HOP);
    if (failed < 0) return failed;
    const device = HOP.device;
    if (device === null) return -ENETUNREACH;
    const isV6 = !isV4(destination);
    if (length + (isV6 ? 0 : IPV4_HEADER_SIZE) > LENGTH_MAX) return -EMSGSIZE;
    HEADER.protocol = protocol;
    HEADER.source.set(source);
    HEADER.destination.set(destination);
    HEADER.hops = how.hops;
    HEADER.trafficClass = how.trafficClass;
    const mtu = this.paths.to(destination, device.mtu, this.#host.now());
    const whole = HEADER.size + length;
    if (whole > mtu) return how.dontFragment ? -EMSGSIZE : this.#sendParts(device, HOP.ip, mtu, payload, at, length);
    // Path MTU discovery (RFC 1191 §3): whoever finds it too long says so.
    HEADER.dontFragment = true;
    HEADER.identification = 0;
    const start = FRAME_ROOM + HEADER.write(OUTPUT, FRAME_ROOM, length);
    copyBytes(payload, at, length, start);
    this.#link.transmit(device, HOP.ip, whole);
    return 0;
  }

  #sendParts(device: IpDevice, to: IpAddress, mtu: number, payload: Uint8Array, at: number, length: number): number {
    const headers = HEADER.isV6 ? IPV6_HEADER_SIZE + FRAGMENT_HEADER_SIZE : IPV4_HEADER_SIZE;
    const most = (mtu - headers) & ~7;
    if (most < 8) return -EMSGSIZE;
    this.#identification = (this.#identification + 1) & 0xffff;
    HEADER.identification = this.#identification;
    for (let offset = 0; offset < length; offset += most) {
      const size = Math.min(most, length - offset);
      HEADER.writePart(OUTPUT, FRAME_ROOM, size, offset, offset + size < length);
      copyBytes(payload, at + offset, size, FRAME_ROOM + headers);
      this.#link.transmit(device, to, headers + size);
    }
    return 0;
  }

  mtuTo(destination: IpAddress, index: number): number {
    const failed = this.#host.route(destination, null, index, 0, HOP);
    const device = failed < 0 ? null : HOP.device;
    if (device === null) return isV4(destination) ? MTU_UNKNOWN_V4 : MTU_UNKNOWN_V6;
    return this.paths.to(destination, device.mtu, this.#host.now());
  }

  static {
    stateClass("IpSender", this, {
      save: (it) => ({ host: it.#host, link: it.#link, identification: it.#identification }),
      load: (it, from) => ({ host: it.#host, link: it.#link, identification: it.#identification } = from),
    });
  }
}

function copyBytes(from: Uint8Array, at: number, length: number, to: number): void {
  for (let index = 0; index < length; index++) OUTPUT[to + index] = from[at + index]!;
}
