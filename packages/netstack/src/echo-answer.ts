/** What comes of an echo request, as a packet: for hosts that hear of it in other ways than by packets. */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@stratos/abi";
import { writeIcmpError } from "./icmp-error.ts";
import {
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_HEADER_SIZE,
  ICMPV6_ECHO,
  ICMPV6_ECHO_REPLY,
  setIcmpChecksum,
} from "./icmp.ts";
import { copyIp, type IpAddress, isSameIp, isV4 } from "./ip-address.ts";
import { IncomingPacket, PARSED } from "./ip-packet.ts";
import { ipOfText } from "./ip-text.ts";
import { IpHeader } from "./ip-writer.ts";

export interface EchoRequest {
  readonly packet: Uint8Array;
  readonly hops: number;
  readonly trafficClass: number;
  /** Bytes behind the header of ICMP. */
  readonly dataLength: number;
}

/** What became of it; of an error: the message's type, code and second word, and who says it. */
export type EchoOutcome =
  | { readonly kind: "reply"; readonly hops: number }
  | {
      readonly kind: "error";
      readonly type: number;
      readonly code: number;
      readonly value: number;
      /** null: nobody in particular; as if from where the request went. */
      readonly from: string | null;
    };

const REQUEST = new IncomingPacket();
const HEADER = new IpHeader();
const ERROR_SIZE_MAX = 1280;

/** @returns null: it is no echo request */
export function readEchoRequest(packet: Uint8Array): EchoRequest | null {
  if (REQUEST.read(packet, 0, packet.length) !== PARSED || REQUEST.isFragment) return null;
  const { isV6, protocol, payloadAt, payloadLength, hops, trafficClass } = REQUEST;
  if (protocol !== (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || payloadLength < ICMP_HEADER_SIZE) return null;
  if (packet[payloadAt] !== (isV6 ? ICMPV6_ECHO : ICMP_ECHO)) return null;
  return { packet, hops, trafficClass, dataLength: payloadLength - ICMP_HEADER_SIZE };
}

/** The packet that comes back for one. */
export function echoAnswer({ packet }: EchoRequest, outcome: EchoOutcome): Uint8Array {
  REQUEST.read(packet, 0, packet.length);
  const { isV6, source, destination, payloadAt, payloadLength } = REQUEST;
  if (outcome.kind === "reply") {
    const reply = packet.slice(payloadAt, payloadAt + payloadLength);
    reply[0] = isV6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
    return packetOf(reply, destination, source, outcome.hops);
  }
  const message = new Uint8Array(ERROR_SIZE_MAX);
  const size = writeIcmpError(REQUEST, outcome.type, outcome.code, outcome.value, message);
  const offender = outcome.from === null ? null : ipOfText(outcome.from);
  // Our own address, as when no neighbour answers, comes from nowhere outside.
  const isOutside = offender !== null && isV4(offender) !== isV6 && !isSameIp(offender, source);
  const from = isOutside ? offender : destination;
  return packetOf(message.subarray(0, size), from, source, 64);
}

function packetOf(message: Uint8Array, source: IpAddress, destination: IpAddress, hops: number): Uint8Array {
  const isV6 = !isV4(destination);
  setIcmpChecksum(message, 0, message.length, isV6, source, destination);
  HEADER.protocol = isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  copyIp(source, HEADER.source);
  copyIp(destination, HEADER.destination);
  HEADER.hops = hops;
  HEADER.trafficClass = 0;
  HEADER.identification = 0;
  HEADER.dontFragment = false;
  const packet = new Uint8Array(HEADER.size + message.length);
  packet.set(message, HEADER.write(packet, 0, message.length));
  return packet;
}
