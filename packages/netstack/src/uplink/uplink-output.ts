/** Packets as they come from outside: what the uplink's flows say, and what is said of packets that nobody carries. */
import {
  EACCES,
  ECONNREFUSED,
  ECONNRESET,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  EPERM,
  EPROTONOSUPPORT,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isIcmpError, writeIcmpError } from "../icmp-error.ts";
import {
  HOST_UNREACHABLE,
  ADDRESS_UNREACHABLE_V6,
  ICMP_UNREACHABLE,
  ICMPV6_UNREACHABLE,
  NET_UNREACHABLE,
  NO_ROUTE_V6,
  PORT_UNREACHABLE,
  PORT_UNREACHABLE_V6,
  PROHIBITED,
  PROHIBITED_V6,
  PROTOCOL_UNREACHABLE,
  setIcmpChecksum,
} from "../icmp.ts";
import type { IpAddress } from "../ip-address.ts";
import type { IpOutput, IpSending } from "../ip-output.ts";
import { type IncomingPacket, IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "../ip-packet.ts";
import { FRAGMENT_HEADER_SIZE, IpHeader } from "../ip-writer.ts";
import { RESET_SIZE, writeReset } from "../tcp-reset.ts";
import { TokenBucket, type TokenLimit } from "../token-bucket.ts";
import type { UplinkHost } from "./uplink-host.ts";

const ERROR_LIMIT: TokenLimit = { perSecond: 1000, burst: 50 };
const LENGTH_MAX = 65535;
const HEADER = new IpHeader();
const MESSAGE = new Uint8Array(1280);
const RESET = new Uint8Array(RESET_SIZE);

/** Codes of "unreachable" by what the host said, of both versions; what else it says is of the host there. */
const CODES: ReadonlyMap<number, readonly [v4: number, v6: number]> = new Map([
  [ECONNREFUSED, [PORT_UNREACHABLE, PORT_UNREACHABLE_V6]],
  [EACCES, [PROHIBITED, PROHIBITED_V6]],
  [EPERM, [PROHIBITED, PROHIBITED_V6]],
  [ENETUNREACH, [NET_UNREACHABLE, NO_ROUTE_V6]],
  [EPROTONOSUPPORT, [PROTOCOL_UNREACHABLE, PROHIBITED_V6]],
]);
const OTHERWISE = [HOST_UNREACHABLE, ADDRESS_UNREACHABLE_V6] as const;

export const PLAINLY: IpSending = {
  hops: 64,
  trafficClass: 0,
  dontFragment: false,
  device: 0,
  mark: 0,
  uid: -1,
  gid: -1,
};

export class UplinkOutput implements IpOutput {
  #host: UplinkHost;
  #errors = new TokenBucket();
  #identification = 0;

  constructor(host: UplinkHost) {
    this.#host = host;
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
    const { mtu } = this.#host;
    HEADER.protocol = protocol;
    HEADER.source.set(source);
    HEADER.destination.set(destination);
    HEADER.hops = how.hops;
    HEADER.trafficClass = how.trafficClass;
    HEADER.dontFragment = how.dontFragment;
    HEADER.identification = 0;
    const { size: header } = HEADER;
    if (header + length <= mtu) {
      const packet = new Uint8Array(header + length);
      HEADER.write(packet, 0, length);
      packet.set(payload.subarray(at, at + length), header);
      return this.#host.arrive(packet) ? 0 : -ENOBUFS;
    }
    if (how.dontFragment || header + length > LENGTH_MAX) return -EMSGSIZE;
    return this.#sendParts(mtu, payload, at, length);
  }

  #sendParts(mtu: number, payload: Uint8Array, at: number, length: number): number {
    const headers = HEADER.isV6 ? IPV6_HEADER_SIZE + FRAGMENT_HEADER_SIZE : IPV4_HEADER_SIZE;
    const most = (mtu - headers) & ~7;
    this.#identification = (this.#identification + 1) & 0xffff;
    HEADER.identification = this.#identification;
    for (let offset = 0; offset < length; offset += most) {
      const size = Math.min(most, length - offset);
      const packet = new Uint8Array(headers + size);
      HEADER.writePart(packet, 0, size, offset, offset + size < length);
      packet.set(payload.subarray(at + offset, at + offset + size), headers);
      if (!this.#host.arrive(packet)) return -ENOBUFS;
    }
    return 0;
  }

  mtuTo(): number {
    return this.#host.mtu;
  }

  /**
   * Tells a packet's sender, as if from where it went, what the host said when it was to be carried.
   *
   * @param errno  positive
   */
  refuse(packet: IncomingPacket, errno: number): void {
    const { isV6, source, destination, protocol } = packet;
    if (protocol === IPPROTO_TCP && (errno === ECONNREFUSED || errno === ECONNRESET)) {
      if (writeReset(packet, RESET)) this.send(IPPROTO_TCP, destination, source, RESET, 0, RESET_SIZE, PLAINLY);
      return;
    }
    if (isIcmpError(packet) || !this.#errors.take(this.#host.now(), ERROR_LIMIT, 1)) return;
    const code = (CODES.get(errno) ?? OTHERWISE)[isV6 ? 1 : 0];
    const size = writeIcmpError(packet, isV6 ? ICMPV6_UNREACHABLE : ICMP_UNREACHABLE, code, 0, MESSAGE);
    setIcmpChecksum(MESSAGE, 0, size, isV6, destination, source);
    this.send(isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, destination, source, MESSAGE, 0, size, PLAINLY);
  }

  static {
    stateClass("UplinkOutput", this, {
      save: (it) => ({ host: it.#host, errors: it.#errors, identification: it.#identification }),
      load: (it, from) => ({ host: it.#host, errors: it.#errors, identification: it.#identification } = from),
    });
  }
}
