/**
 * A message to all of a group on one link, past routes, neighbours and rules: what is said of addresses that aren't
 * used yet, and of groups. Those about groups ask routers to look at them (RFC 2113, RFC 2711).
 */
import { IPPROTO_HOPOPTS, IPPROTO_ICMPV6, IPPROTO_IGMP } from "@stratos/abi";
import { addToChecksum, foldChecksum } from "../checksum.ts";
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  HARDWARE_SIZE,
  hardwareOfGroup,
  writeEthernetHeader,
  writeShort,
} from "../ethernet.ts";
import { setIcmpChecksum } from "../icmp.ts";
import { type IpAddress, isV4, writeV4 } from "../ip-address.ts";
import type { IpDevice } from "../ip-host.ts";
import { IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "../ip-packet.ts";
import { IpHeader, setHeaderChecksum } from "../ip-writer.ts";

const HEADER = new IpHeader();
const GROUP_ADDRESS = new Uint8Array(HARDWARE_SIZE);
/** Behind a header of IPv6, which names ICMPv6 in it; behind one of IPv4. */
const ALERT_V6 = Uint8Array.of(IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0),
  ALERT_V4 = Uint8Array.of(148, 4, 0, 0);
/** What routers do before anything else (RFC 791 §3.1, Internetwork Control). */
const CONTROL_CLASS = 0xc0;

interface GroupMessage {
  readonly device: IpDevice;
  readonly source: IpAddress;
  readonly group: IpAddress;
  readonly hops: number;
  /** Do routers look at it? */
  readonly alerts: boolean;
}

/** @param message  ICMPv6, or IGMP; its checksum is set */
export function sendToGroup(how: GroupMessage, message: Uint8Array): void {
  const { device, group } = how;
  const v4 = isV4(group);
  const room = device.isEthernet ? ETHERNET_HEADER_SIZE : 0;
  const alert = how.alerts ? (v4 ? ALERT_V4 : ALERT_V6) : new Uint8Array(0);
  const header = (v4 ? IPV4_HEADER_SIZE : IPV6_HEADER_SIZE) + alert.length;
  const frame = new Uint8Array(room + header + message.length);
  if (v4) writeV4Header(frame, room, how, alert, message);
  else writeV6Header(frame, room, how, alert, message);
  frame.set(message, room + header);
  if (device.isEthernet) {
    const etherType = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    writeEthernetHeader(frame, hardwareOfGroup(group, GROUP_ADDRESS), device.hardwareAddress, etherType);
  }
  device.transmit(frame, frame.length);
}

function writeV6Header(frame: Uint8Array, at: number, how: GroupMessage, alert: Uint8Array, message: Uint8Array): void {
  setIcmpChecksum(message, 0, message.length, true, how.source, how.group);
  HEADER.protocol = how.alerts ? IPPROTO_HOPOPTS : IPPROTO_ICMPV6;
  HEADER.hops = how.hops;
  HEADER.trafficClass = 0;
  HEADER.source.set(how.source);
  HEADER.destination.set(how.group);
  HEADER.write(frame, at, alert.length + message.length);
  frame.set(alert, at + IPV6_HEADER_SIZE);
}

function writeV4Header(frame: Uint8Array, at: number, how: GroupMessage, alert: Uint8Array, message: Uint8Array): void {
  writeShort(message, 2, 0);
  writeShort(message, 2, foldChecksum(addToChecksum(0, message, 0, message.length)));
  const header = IPV4_HEADER_SIZE + alert.length;
  frame[at] = 0x40 | (header >> 2);
  frame[at + 1] = CONTROL_CLASS;
  writeShort(frame, at + 2, header + message.length);
  writeShort(frame, at + 6, 0x4000);
  frame[at + 8] = how.hops;
  frame[at + 9] = IPPROTO_IGMP;
  writeV4(how.source, frame, at + 12);
  writeV4(how.group, frame, at + 16);
  frame.set(alert, at + IPV4_HEADER_SIZE);
  setHeaderChecksum(frame, at, header);
}
