/**
 * Extension headers that programs give IPv6 datagrams (RFC 3542 §7 to §9; RFC 8200 §4), as options of a socket or
 * beside one datagram, and read beside those that come. They travel with datagrams inside the machine:
 *
 *     option name (u32) | header: next header, length in 8 bytes less 1, … | option name | header …
 */
import {
  EINVAL,
  EPERM,
  IPPROTO_DSTOPTS,
  IPPROTO_HOPOPTS,
  IPPROTO_IPV6,
  IPPROTO_ROUTING,
  IPPROTO_UDP,
  IPV6_2292DSTOPTS,
  IPV6_2292HOPOPTS,
  IPV6_DSTOPTS,
  IPV6_HOPOPTS,
  IPV6_RECVDSTOPTS,
  IPV6_RECVHOPOPTS,
  IPV6_RTHDR,
  IPV6_RTHDRDSTOPTS,
} from "@stratos/abi";
import type { ControlMessage } from "../message.ts";

/** The options in the order of their headers, each with its number as a next header (RFC 8200 §4.1). */
const NEXT_HEADER: ReadonlyMap<number, number> = new Map([
  [IPV6_HOPOPTS, IPPROTO_HOPOPTS],
  [IPV6_RTHDRDSTOPTS, IPPROTO_DSTOPTS],
  [IPV6_RTHDR, IPPROTO_ROUTING],
  [IPV6_DSTOPTS, IPPROTO_DSTOPTS],
]);
/** Most bytes of a header: its length is one byte. */
const HEADER_MAX = 8 * 255;
/** Segment routing (RFC 8754 §2): header, tag and flags before the segments of 16 bytes. */
const SEGMENT_ROUTING = 4,
  SEGMENT_SIZE = 16;
export const NO_EXTENSIONS = new Uint8Array(0);

export function isExtensionOption(name: number): boolean {
  return NEXT_HEADER.has(name);
}

/**
 * An option's value (net/ipv6/ipv6_sockglue.c, ipv6_set_opt_hdr): what follows a header that says to be shorter is
 * left out, but for a routing header.
 *
 * @returns the header; −EINVAL malformed, or a routing header of a kind that hosts don't send; −EPERM options need
 *   CAP_NET_RAW
 */
export function checkExtension(name: number, value: Uint8Array, isPrivileged: boolean): Uint8Array | number {
  if (name !== IPV6_RTHDR && !isPrivileged) return -EPERM;
  if (value.length < 8 || (value.length & 7) !== 0 || value.length > HEADER_MAX) return -EINVAL;
  const size = (value[1]! + 1) * 8;
  if (size > value.length) return -EINVAL;
  if (name === IPV6_RTHDR && !isSegmentRouting(value)) return -EINVAL;
  return value.slice(0, size);
}

/** net/ipv6/seg6.c, seg6_validate_srh. */
function isSegmentRouting(header: Uint8Array): boolean {
  const [, length, type, segmentsLeft, lastEntry] = header;
  if (type !== SEGMENT_ROUTING || (length! + 1) * 8 !== header.length) return false;
  return segmentsLeft! <= lastEntry! && (lastEntry! + 1) * SEGMENT_SIZE <= header.length - 8;
}

/**
 * A header beside one datagram (net/ipv6/datagram.c, ip6_datagram_send_ctl): its bytes may be followed by others.
 *
 * @returns as `checkExtension`
 */
export function extensionOfControl(name: number, data: Uint8Array, isPrivileged: boolean): Uint8Array | number {
  if (data.length < 2) return -EINVAL;
  const size = (data[1]! + 1) * 8;
  return data.length < size ? -EINVAL : checkExtension(name, data.subarray(0, size), isPrivileged);
}

/** The headers of a datagram: those that it was given, and of the socket's those that it was not. */
export function joinExtensions(
  sticky: ReadonlyMap<number, Uint8Array>,
  given: ReadonlyMap<number, Uint8Array> | null,
): Uint8Array {
  if (sticky.size === 0 && given === null) return NO_EXTENSIONS;
  const headers: [name: number, bytes: Uint8Array][] = [];
  for (const name of NEXT_HEADER.keys()) {
    const bytes = given?.get(name) ?? sticky.get(name);
    // Options before a routing header go with one (RFC 3542 §9.2).
    if (bytes !== undefined && (name !== IPV6_RTHDRDSTOPTS || given?.has(IPV6_RTHDR) || sticky.has(IPV6_RTHDR)))
      headers.push([name, bytes]);
  }
  const joined = new Uint8Array(headers.reduce((size, [, bytes]) => size + 4 + bytes.length, 0));
  let at = 0;
  headers.forEach(([name, bytes], index) => {
    joined[at] = name;
    joined.set(bytes, at + 4);
    const next = headers[index + 1];
    joined[at + 4] = next === undefined ? IPPROTO_UDP : NEXT_HEADER.get(next[0])!;
    at += 4 + bytes.length;
  });
  return joined;
}

/** Nobody here forwards by a routing header, or takes one (net.ipv6.conf.all.seg6_enabled is 0): it is lost. */
export function hasRoutingHeader(extensions: Uint8Array): boolean {
  for (let at = 0; at < extensions.length; at += 4 + sizeAt(extensions, at))
    if (extensions[at] === IPV6_RTHDR) return true;
  return false;
}

function sizeAt(extensions: Uint8Array, at: number): number {
  return (extensions[at + 5]! + 1) * 8;
}

/** Tells a receiver of the headers that it asked for. @param options  of IPPROTO_IPV6 */
export function addExtensionControls(
  controls: ControlMessage[],
  extensions: Uint8Array,
  options: ReadonlyMap<number, number>,
): void {
  addWished(controls, extensions, (type) => {
    const wish = type === IPV6_HOPOPTS ? IPV6_RECVHOPOPTS : IPV6_RECVDSTOPTS;
    return options.get(wish) === 1 ? type : 0;
  });
}

/** The same for the options of RFC 2292, which the messages are called after. */
export function addOldExtensionControls(
  controls: ControlMessage[],
  extensions: Uint8Array,
  options: ReadonlyMap<number, number>,
): void {
  addWished(controls, extensions, (type) => {
    const wish = type === IPV6_HOPOPTS ? IPV6_2292HOPOPTS : IPV6_2292DSTOPTS;
    return options.get(wish) === 1 ? wish : 0;
  });
}

/** @param messageOf  the type of the message for a header; 0: none is wanted */
function addWished(controls: ControlMessage[], extensions: Uint8Array, messageOf: (type: number) => number): void {
  for (let at = 0; at < extensions.length; at += 4 + sizeAt(extensions, at)) {
    const type = messageOf(extensions[at]!);
    if (type === 0) continue;
    const data = extensions.slice(at + 4, at + 4 + sizeAt(extensions, at));
    controls.push({ level: IPPROTO_IPV6, type, data });
  }
}
