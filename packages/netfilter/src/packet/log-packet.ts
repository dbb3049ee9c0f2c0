/** A packet as a line of the kernel's messages (net/netfilter/nf_log_syslog.c). */
import { ETH_P_ARP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "@stratos/abi";
import { shortAt } from "../track/ip-bytes.ts";
import type { PacketView } from "../track/packet-view.ts";
import type { PacketHost } from "./packet-host.ts";

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/** @param prefix  null: it is for programs that listen to a group, of which there are none */
export function logPacket(
  packet: PacketView,
  host: PacketHost,
  { level, prefix }: { readonly level: number; readonly prefix: string | null },
): void {
  if (prefix === null) return;
  const { inDevice, outDevice, isV6, length, bytes, at, mark } = packet;
  const name = (index: number): string => (index === 0 ? "" : host.interfaceName(index));
  const parts = [`IN=${name(inDevice)} OUT=${name(outDevice)}`];
  if (packet.isFrame && packet.frameAt >= 0) parts.push(frameText(packet));
  if (!packet.isIp) {
    if (packet.etherType === ETH_P_ARP && length >= 28) parts.push(arpText(packet));
  } else if (isV6) {
    parts.push(`SRC=${addressV6(bytes, at + 8)} DST=${addressV6(bytes, at + 24)} LEN=${length}`);
    parts.push(`TC=${((bytes[at]! & 15) << 4) | (bytes[at + 1]! >> 4)} HOPLIMIT=${bytes[at + 7]} FLOWLBL=0`);
  } else {
    parts.push(`SRC=${addressV4(bytes, at + 12)} DST=${addressV4(bytes, at + 16)} LEN=${length}`);
    parts.push(`TOS=0x${hex(bytes[at + 1]! & 0x1e)} PREC=0x${hex(bytes[at + 1]! & 0xe0)} TTL=${bytes[at + 8]}`);
    parts.push(`ID=${shortAt(bytes, at + 4)}${(bytes[at + 6]! & 0x40) !== 0 ? " DF" : ""}`);
  }
  if (packet.isIp) parts.push(transportText(packet));
  if (mark !== 0) parts.push(`MARK=0x${mark.toString(16)}`);
  host.log(level, `${prefix}${parts.join(" ")} `);
}

/** nf_log_syslog.c, dump_mac_header. */
function frameText({ bytes, frameAt, etherType }: PacketView): string {
  const protocol = etherType.toString(16).padStart(4, "0");
  return `MACSRC=${hardware(bytes, frameAt + 6)} MACDST=${hardware(bytes, frameAt)} MACPROTO=${protocol}`;
}

/** nf_log_syslog.c, dump_arp_packet. */
function arpText({ bytes, at }: PacketView): string {
  const type = shortAt(bytes, at + 2)
    .toString(16)
    .padStart(4, "0");
  const parts = [`ARP HTYPE=${shortAt(bytes, at)} PTYPE=0x${type} OPCODE=${shortAt(bytes, at + 6)}`];
  if (shortAt(bytes, at) === 1 && bytes[at + 4] === 6 && bytes[at + 5] === 4) {
    parts.push(`MACSRC=${hardware(bytes, at + 8)} IPSRC=${addressV4(bytes, at + 14)}`);
    parts.push(`MACDST=${hardware(bytes, at + 18)} IPDST=${addressV4(bytes, at + 24)}`);
  }
  return parts.join(" ");
}

function hardware(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function transportText({ protocol, bytes, transportAt: at, end }: PacketView): string {
  if (at < 0 || at + 8 > end) return `PROTO=${protocol}`;
  switch (protocol) {
    case IPPROTO_TCP: {
      if (at + 20 > end) return "PROTO=TCP INCOMPLETE";
      const flags = FLAGS.filter((_, bit) => (bytes[at + 13]! & (1 << bit)) !== 0);
      const ports = `SPT=${shortAt(bytes, at)} DPT=${shortAt(bytes, at + 2)}`;
      return `PROTO=TCP ${ports} WINDOW=${shortAt(bytes, at + 14)} RES=0x00 ${flags.reverse().join(" ")} URGP=0`;
    }
    case IPPROTO_UDP:
      return `PROTO=UDP SPT=${shortAt(bytes, at)} DPT=${shortAt(bytes, at + 2)} LEN=${shortAt(bytes, at + 4)}`;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: {
      const name = protocol === IPPROTO_ICMP ? "ICMP" : "ICMPv6";
      const numbers = `ID=${shortAt(bytes, at + 4)} SEQ=${shortAt(bytes, at + 6)}`;
      return `PROTO=${name} TYPE=${bytes[at]} CODE=${bytes[at + 1]} ${numbers}`;
    }
    default:
      return `PROTO=${protocol}`;
  }
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}

function addressV4(bytes: Uint8Array, at: number): string {
  return [...bytes.subarray(at, at + 4)].join(".");
}

function addressV6(bytes: Uint8Array, at: number): string {
  return Array.from({ length: 8 }, (_, word) =>
    shortAt(bytes, at + 2 * word)
      .toString(16)
      .padStart(4, "0"),
  ).join(":");
}
